/* rows.pml: a stream dies while it holds a pin. A sweeper clears its row, and the next stream claims it. Both hold the row's lock. */
#define THREADS 4
#define ROWS 1
#define HISTORY 1
#define SLOTS 2
#define MAX_SLOTS 2
#include "protocol.pml"

bool locked;

/* The kernel's lock: the stores of the last holder are visible to the next one. */
inline lock_try(got) {
    atomic {
        if
        :: !locked && IS_EMPTY(1) && IS_EMPTY(2) && IS_EMPTY(3) -> locked = true; got = true
        :: else -> got = false
        fi
    }
}

active proctype producer() {
    PRODUCER;
    run drain(0);
    run drain(1);
    run drain(2);
    run drain(3);
    begin(0);
    for (turn : 1 .. 3) {
        if
        :: turn == 2 ->
            run stream(1, true);
            run stream(2, false);
            run sweep();
        :: else
        fi;
        publish(0)
    }
}

proctype stream(byte me; bool dies) {
    READER;
    bool mine;
    lock_try(mine);
    if
    :: mine ->
        claim_row(me, 0);
        pin_newest(me, 0);
        read_sample(me, entry);
        read_sample(me, entry);
        if
        :: dies
        :: !dies -> clear_row(me, 0)
        fi;
        locked = false
    :: else
    fi
}

proctype sweep() {
    bool mine;
    byte rows;
    load(3, BITMAP, rows);
    if
    :: rows ->
#ifdef SWEEPS_WITHOUT_LOCK
        mine = true;
#else
        lock_try(mine);
#endif
        if
        :: mine -> clear_row(3, 0); locked = false
        :: else
        fi
    :: else
    fi
}
