/* A producer loses its lock while it grows the file, and another producer adopts the pool while a stream reads. Either
 * the former owner stores its slot count before the adopter takes over, and the adopter knows it, or it does not store
 * it. In both cases the ownership word is the adopter's in the end.
 *
 * STRAY: another program stores a larger slot count. The stream's pins hold, and the adopter stores its own count
 * again. */
#ifdef WINDOW
#define HISTORY_LEN 2
#else
#define HISTORY_LEN 1
#endif
#define SLOTS (HISTORY_LEN + 1)
#define MAX_SLOT_COUNT (SLOTS + 1)
#define READS 1
#include "world.h"

#ifdef WINDOW
static void *read_newest(void *unused)
{
    struct protocol_window window;
    connect(0, 7);
    if (protocol_pin_window(&OWN.reader, 0, 2, 2, OWN.entries, &window) == PIN_OK) {
        read_sample(OWN.entries[0]);
        read_sample(OWN.entries[1]);
        protocol_unpin(&OWN.reader, 0);
    }
    return unused;
}
#else
#include "reads_newest.h"
#endif

static bool grew;

static void *grow_without_lock(void *unused)
{
#ifdef STRAY
    uint64_t found = load_relaxed(&control.ownership);
    store_relaxed(&control.ownership, ownership_make(ownership_epoch(found), MAX_SLOT_COUNT));
#else
    struct protocol_producer *former = make_producer(0);
    grew = protocol_grow(former, MAX_SLOT_COUNT);
#endif
    return unused;
}

int main(void)
{
    struct protocol_producer *first = make_pool();
    for (int i = 0; i < HISTORY_LEN; i++)
        publish(first);
    struct protocol_producer *adopter = make_producer(1);
#ifdef STRAY
    assert(protocol_take_over(adopter, SLOTS));
    pthread_t threads[] = {start(grow_without_lock), start(read_newest)};
    uint32_t slots = SLOTS;
#else
    pthread_t threads[] = {start(grow_without_lock), start(read_newest)};
    uint32_t slots = ownership_slots(load_relaxed(&control.ownership));
    if (!protocol_take_over(adopter, slots)) {
        slots = MAX_SLOT_COUNT;
        assert(protocol_take_over(adopter, slots));
    }
#endif
    assert(protocol_adopt(adopter, slots));
    for (int i = 0; i < 2; i++) {
        protocol_keep_slot_count(adopter);
        publish(adopter);
    }
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    protocol_keep_slot_count(adopter);
    assert(!grew || slots == MAX_SLOT_COUNT);
    assert(load_relaxed(&control.ownership) == ownership_make(2, slots));
    return 0;
}
