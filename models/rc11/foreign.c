/* A former owner has lost its lock. Past its last check, it publishes one more sample. The adopter finds that head is
 * not its own, adopts the pool again with that sample, and continues. A stream reads whole samples during all of this.
 *
 * The model assumes that the adopter sees the former owner's last store before it takes the next slot. Without this
 * assumption (docs/decisions/0002-liveness.md, what remains) the adopter TAKES_ITS_SLOT, or the store LANDS_LATE and
 * head goes back to a slot that is being written. */
#define HISTORY_LEN 1
#define SLOTS 3
#ifndef PUBLISHES
#define PUBLISHES 2
#endif
#include <genmc.h>

#define READS 1
#include "world.h"

#include "reads_newest.h"

static void *publish_once_more(void *unused)
{
    struct protocol_producer *former = make_producer(0);
    former->seq = 1;
    former->head = entry_make(1, 0);
    former->oldest = 1;
    former->ring_index = 0;
    payload[1] = 2;
    protocol_publish(former, 1);
    return unused;
}

int main(void)
{
    publish(make_pool());
    pthread_t thread = start(publish_once_more), stream = start(read_newest);
    struct protocol_producer *adopter = make_producer(1);
    assert(protocol_adopt(adopter, SLOTS));
#if defined(LANDS_LATE)
    __VERIFIER_assume(adopter->seq == 2); /* its entry was stored, its head was not */
#elif !defined(TAKES_ITS_SLOT)
    __VERIFIER_assume(adopter->seq == 1 &&
                      load_relaxed(&control.head) != adopter->head); /* the check of writer_take_slot */
    assert(protocol_adopt(adopter, SLOTS));
    assert(adopter->seq == 2);
#endif
    for (int i = 0; i < PUBLISHES; i++)
        publish(adopter);
    pthread_join(thread, NULL);
    pthread_join(stream, NULL);
    return 0;
}
