/* sleepers.pml: two streams wait for each sample or, with RETIRES, for the end of the pool. One flag and one bell wake both. A lost wake is
 * reported as a process that never ends. */
#define THREADS 3
#define ROWS 1
#define HISTORY 1
#define SLOTS 2
#define MAX_SLOTS 2
#define SAMPLES 2
#include "protocol.pml"

active proctype producer() {
    PRODUCER;
    run drain(0);
    run drain(1);
    run drain(2);
    begin(0);
    run sleeper(1);
    run sleeper(2);
    for (turn : 1 .. SAMPLES) {
        take_slot(0);
        publish_slot(0)
    }
#ifdef RETIRES
    retire(0)
#endif
}

proctype sleeper(byte me) {
    SLEEPER;
    byte now;
    do
    :: load(me, HEAD, now);
        load(me, RETIRED, retired);
        if
#ifdef RETIRES
        :: retired -> break
#else
        :: SEQ(now) >= SAMPLES -> break
#endif
        :: else
        fi;
        wait_begin(me, SEQ(now));
        if
        :: sleeps -> memory[BELL] != bell
        :: else
        fi;
        atomic { now = 0; bell = 0; sleeps = false }
    od
}
