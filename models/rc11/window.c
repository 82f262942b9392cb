/* A stream reads a window while samples leave history, because they are overwritten or, with GIVES_UP, because no slot
 * is free. It reads all samples of the window or none. */
#define HISTORY_LEN 3
#if defined(BROKEN)
#define SLOTS 7 /* one of them is loaned, so that the run has a gap */
#define PUBLISHES 4
#elif defined(GIVES_UP)
#define SLOTS 3
#else
#define SLOTS 4
#endif
#ifndef PUBLISHES
#define PUBLISHES 2
#endif
#define WINDOW 3
#include "world.h"

static void *read_window(void *unused)
{
    struct protocol_window window;
    connect(0, 7);
    enum pin_result result = protocol_pin_window(&OWN.reader, 0, 3, WINDOW, OWN.entries, &window);
    assert(result == PIN_OK || result == PIN_EMPTY);
    if (result == PIN_OK) {
        for (uint32_t i = 0; i < WINDOW; i++) {
            assert(entry_seq(OWN.entries[i]) == 1 + i);
            read_sample(OWN.entries[i]);
        }
        protocol_unpin(&OWN.reader, 0);
    }
    return unused;
}

int main(void)
{
    struct protocol_producer *producer = make_pool();
    publish(producer);
#ifdef BROKEN
    uint32_t loan;
    protocol_take_slot(producer, &loan);
#endif
    publish(producer);
    publish(producer);
    pthread_t thread = start(read_window);
    for (int i = 0; i < PUBLISHES; i++) {
#ifdef GIVES_UP
        assert(protocol_drop_oldest(producer));
#endif
        publish(producer);
    }
    pthread_join(thread, NULL);
    return 0;
}
