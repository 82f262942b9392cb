/* retire.pml: a pool is retired, loses its name and is replaced, while a stream connects to it and waits. The process that retires it may
 * be killed between any two steps. The next process retires the file again if it still has the name. A stream that keeps sleeping in
 * the old pool is reported as a process that never ends. */
#define THREADS 3
#define ROWS 1
#define HISTORY 1
#define SLOTS 2
#define MAX_SLOTS 2
#include "protocol.pml"

bool killed;
bool locked = true; /* the producer's lock of the old pool */
bool replaced;      /* the name leads to the new pool; a state of the kernel, not of shared memory */

inline retire_and_replace(t) {
#ifdef UNLINKS_FIRST
    fence(t);
    replaced = true;
    retire(t);
    fence(t)
#else
    retire(t);
    fence(t);
    replaced = true
#endif
}

active proctype producer() {
    PRODUCER;
    run drain(0);
    run drain(1);
    run drain(2);
    begin(0);
    run stream();
    run next_one();
    {
        retire_and_replace(0)
    } unless {
        killed
    };
    locked = false
}

proctype next_one() {
    killed = true;
    !locked && IS_EMPTY(0);
    if
    :: !replaced ->
#ifdef RINGS_ONCE
        if
        :: memory[RETIRED] -> replaced = true
        :: else -> retire_and_replace(2)
        fi
#else
        retire_and_replace(2)
#endif
    :: else
    fi
}

proctype stream() {
    SLEEPER;
    do
    :: replaced -> break /* it opens the new pool by its name */
    :: else ->
        load(1, RETIRED, retired);
        if
        :: retired -> replaced; break /* a retired pool counts as absent: wait for the name */
        :: else
        fi;
        retired = 0;
        claim_row(1, 0);
        wait_begin(1, 0);
        if
        :: sleeps -> memory[BELL] != bell
        :: else
        fi;
        clear_row(1, 0);
        atomic { bell = 0; sleeps = false }
    od
}
