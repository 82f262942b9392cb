/* adopt.pml: the producer is killed between any two steps, and another producer adopts the pool, while a stream reads or, with SLEEPS,
 * sleeps. */
#define THREADS 3
#define ROWS 1
#ifndef HISTORY
#define HISTORY 1
#endif
#define SLOTS 3
#define MAX_SLOTS 3
#include "protocol.pml"

bool killed;
bool locked = true;

active proctype producer() {
    PRODUCER;
    run drain(0);
    run drain(1);
    run drain(2);
    begin(0);
    {
        for (turn : 1 .. HISTORY + 1) {
            if
            :: turn == HISTORY + 1 ->
                run reader();
                run successor()
            :: else
            fi;
            publish(0)
        }
    } unless {
        killed
    };
    locked = false
}

/* The kernel releases the lock of a dead process. Its stores are then visible to the process that takes the lock. */
proctype successor() {
    PRODUCER;
    killed = true;
    !locked && IS_EMPTY(0);
    adopt(1);
#ifdef SLEEPS
    publish(1)
#else
    for (turn : 1 .. 3) {
        publish(1)
    }
#endif
}

#ifdef SLEEPS
proctype reader() {
    SLEEPER;
    byte now;
    do
    :: load(2, HEAD, now);
        if
        :: SEQ(now) > HISTORY -> break
        :: else
        fi;
        wait_begin(2, SEQ(now));
        if
        :: sleeps -> memory[BELL] != bell
        :: else
        fi;
        atomic { now = 0; bell = 0; sleeps = false }
    od
}
#else
proctype reader() {
    READER;
    byte turn, last;
    claim_row(2, 0);
    for (turn : 1 .. 2) {
        pin_newest(2, 0);
        read_sample(2, entry);
        assert(SEQ(entry) >= last);
        last = SEQ(entry);
        unpin(2, 0)
    }
}
#endif
