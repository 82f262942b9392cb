/* The producer is killed after its CRASH_AT-th store, wherever that is, and another one adopts the pool, under the eyes of a stream.
 * What the stream reads is whole, never goes back, and no slot that it can reach is written. */
#ifndef HISTORY_LEN
#define HISTORY_LEN 1
#endif
#ifndef SLOTS
#define SLOTS (HISTORY_LEN + 2)
#endif
#ifndef CRASH_AT
#define CRASH_AT 1
#endif
#ifndef PUBLISHES
#define PUBLISHES 2
#endif
#ifdef GROWS
#define MAX_SLOT_COUNT (SLOTS + 1)
#endif
#define READS 2
#include "world.h"

#include "reads_newest.h"

int main(void)
{
    struct protocol_producer *doomed = make_pool();
    for (int i = 0; i < HISTORY_LEN; i++)
        publish(doomed);
    store_relaxed(&readers.waiting, 1); /* a sleeper that is not there: publish goes all its way */
    pthread_t thread = start(read_newest);

    stores_left = CRASH_AT;
#ifdef DROPS
    protocol_drop_oldest(doomed);
#endif
#ifdef GROWS
    protocol_grow(doomed, SLOTS + 1);
    doomed->cursor = SLOTS;
#endif
    publish(doomed);
    stores_left = IMMORTAL;

    struct protocol_producer *successor = make_producer(1);
    uint64_t head = entry_seq(load_relaxed(&control.head));
    uint32_t slots = ownership_slots(load_relaxed(&control.ownership));
    assert(protocol_take_over(successor, slots) && protocol_adopt(successor, slots));
    assert(successor->seq >= head && successor->seq <= doomed->seq);
    for (int i = 0; i < PUBLISHES; i++)
        publish(successor);
    pthread_join(thread, NULL);
    return 0;
}
