/* The pool grows while a stream reads. A stream that sees an entry also sees a slot count that includes its slot. */
#define HISTORY_LEN 2
#define SLOTS 2
#define MAX_SLOT_COUNT 4
#include "world.h"

static void *read_grown(void *unused)
{
    struct protocol_window window;
    uint64_t entry;
    connect(0, 7);
#if defined(BY_SEQ)
    enum pin_result result = protocol_pin_seq(&OWN.reader, 0, 3, &entry);
    assert(result == PIN_OK || result == PIN_EMPTY);
#elif defined(BY_WINDOW)
    enum pin_result result = protocol_pin_window(&OWN.reader, 0, 3, 2, OWN.entries, &window);
    assert(result == PIN_OK || result == PIN_EMPTY);
    entry = OWN.entries[1];
#else
    enum pin_result result = protocol_pin_newest(&OWN.reader, 0, &entry);
    assert(result == PIN_OK);
#endif
    if (result == PIN_OK)
        read_sample(entry);
    return unused;
}

int main(void)
{
    struct protocol_producer *producer = make_pool();
    publish(producer);
#ifndef DROP
    publish(producer); /* into the second of two slots */
#endif
    pthread_t thread = start(read_grown);
#ifdef DROP
    publish(producer);
    /* A stream that has read head before finds the entry's place empty, and reads head again. */
    assert(protocol_drop_oldest(producer));
#endif
#ifdef GROWS_LATE /* a mutant of the calling code */
    for (uint32_t slot = 2; slot < 4; slot++)
        producer->slot_states[slot] = SLOT_CLEAN;
    producer->slot_count = 4;
#else
    protocol_grow(producer, 4);
#endif
    producer->cursor = 2;
    publish(producer);
#ifdef GROWS_LATE
    producer->slot_count = 2;
    protocol_grow(producer, 4);
#endif
    pthread_join(thread, NULL);
    return 0;
}
