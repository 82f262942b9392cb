/* window.pml: a stream pins a window in one cell while its samples leave history, oldest first. GROWS: the window wraps around, and the
 * pool grows. GIVES_UP: there is no spare slot, and history is given up. */
#define THREADS 2
#define ROWS 1
#ifdef GROWS
#define HISTORY 2
#define SLOTS 3
#define NEWEST 4
#elif defined(GIVES_UP)
#define HISTORY 3
#define SLOTS 3
#define NEWEST 3
#else
#define HISTORY 3
#define SLOTS 4
#define NEWEST 3
#endif
#define MAX_SLOTS 4
#define WINDOW HISTORY
#include "protocol.pml"

active proctype producer() {
    PRODUCER;
    run drain(0);
    run drain(1);
    begin(0);
    for (turn : 1 .. NEWEST + 3) {
        if
        :: turn == NEWEST -> run stream()
#if defined(GROWS)
        :: turn == NEWEST + 1 -> grow(0, 4)
#elif defined(GIVES_UP)
        :: turn > NEWEST -> drop_oldest(0)
#endif
        :: else
        fi;
        publish(0)
    }
}

proctype stream() {
    WINDOW_READER;
    claim_row(1, 0);
    pin_window(1, 0, NEWEST, WINDOW);
    if
    :: whole ->
        for (index : 0 .. WINDOW - 1) {
            read_sample(1, entries[index])
        }
        unpin(1, 0)
    :: else
    fi
}
