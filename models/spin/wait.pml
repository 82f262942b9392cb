/* wait.pml: a stream waits for each sample and, with RETIRES, for the end of the pool. It never sleeps on a bell that has rung. A lost wake
 * is reported as a process that never ends. */
#define THREADS 2
#define ROWS 1
#define HISTORY 1
#define SLOTS 2
#define MAX_SLOTS 2
#ifdef RETIRES
#define SAMPLES 1
#define AWAITED 2
#else
#define SAMPLES 3
#define AWAITED 3
#endif
#include "protocol.pml"

active proctype producer() {
    PRODUCER;
    run drain(0);
    run drain(1);
    begin(0);
    run sleeper();
    for (turn : 1 .. SAMPLES) {
        take_slot(0);
        publish_slot(0)
    }
#ifdef RETIRES
    retire(0)
#endif
}

proctype sleeper() {
    SLEEPER;
    byte now;
    do
    :: load(1, HEAD, now);
        load(1, RETIRED, retired);
        if
        :: SEQ(now) >= AWAITED || retired -> break
        :: else
        fi;
        wait_begin(1, SEQ(now));
        if
        :: sleeps -> memory[BELL] != bell
        :: else
        fi;
        atomic { now = 0; bell = 0; sleeps = false }
    od
}
