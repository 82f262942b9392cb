/* The producer is killed after its CRASH_AT-th store, and another producer adopts the pool while a stream reads. The
 * stream reads whole samples, its sequence numbers never decrease, and no slot that it can reach is written. */
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
    struct protocol_producer *first = make_pool();
    for (int i = 0; i < HISTORY_LEN; i++)
        publish(first);
    store_relaxed(&readers.waiting, 1); /* without a sleeper: publish makes all of its stores */
    pthread_t thread = start(read_newest);

    stores_left = CRASH_AT;
#ifdef DROPS
    protocol_drop_oldest(first);
#endif
#ifdef GROWS
    protocol_grow(first, SLOTS + 1);
    first->cursor = SLOTS;
#endif
    publish(first);
    stores_left = IMMORTAL;

    struct protocol_producer *successor = make_producer(1);
#ifdef CRASHES_AGAIN /* during adoption, or during the first publication; a third producer adopts */
    stores_left = CRASHES_AGAIN;
    uint32_t found = ownership_slots(load_relaxed(&control.ownership));
    if (protocol_take_over(successor, found) && protocol_adopt(successor, found))
        publish(successor);
    stores_left = IMMORTAL;
    successor = make_producer(0);
#endif
    uint64_t head = entry_seq(load_relaxed(&control.head));
    uint32_t slots = ownership_slots(load_relaxed(&control.ownership));
    assert(protocol_take_over(successor, slots) && protocol_adopt(successor, slots));
#ifndef CRASHES_AGAIN
    assert(successor->seq >= head && successor->seq <= first->seq);
#else
    assert(successor->seq >= head);
#endif
    for (int i = 0; i < PUBLISHES; i++)
        publish(successor);
    pthread_join(thread, NULL);
    return 0;
}
