/* A producer that was robbed of its lock publishes once more, past its last check. The adopter finds that head is not
 * its own, adopts anew with that sample, and goes on: a stream reads whole samples all the while.
 *
 * That the robbed producer's last store is seen before the next slot is taken is assumed. Without that
 * (docs/decisions/0002-liveness.md: what remains) the adopter TAKES_ITS_SLOT, or its store LANDS_LATE and head goes
 * back to a slot that is being written. */
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
    struct protocol_producer *robbed = make_producer(0);
    robbed->seq = 1;
    robbed->head = entry_make(1, 0);
    robbed->oldest = 1;
    robbed->ring_index = 0;
    payload[1] = 2;
    protocol_publish(robbed, 1);
    return unused;
}

int main(void)
{
    publish(make_pool());
    pthread_t thread = start(publish_once_more), stream = start(read_newest);
    struct protocol_producer *adopter = make_producer(1);
    assert(protocol_adopt(adopter, SLOTS));
#if defined(LANDS_LATE)
    __VERIFIER_assume(adopter->seq == 2); /* its entry was there, its head was not */
#elif !defined(TAKES_ITS_SLOT)
    __VERIFIER_assume(adopter->seq == 1 &&
                      load_relaxed(&control.head) != adopter->head); /* as writer_take_slot looks */
    assert(protocol_adopt(adopter, SLOTS));
    assert(adopter->seq == 2);
#endif
    for (int i = 0; i < PUBLISHES; i++)
        publish(adopter);
    pthread_join(thread, NULL);
    pthread_join(stream, NULL);
    return 0;
}
