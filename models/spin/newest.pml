/* newest.pml: a stream reads the newest sample while slots are reused as early as possible. GROWS: the pool grows. */
#define THREADS 2
#define ROWS 1
#define HISTORY 1
#define SLOTS 2
#ifdef GROWS
#define MAX_SLOTS 3
#else
#define MAX_SLOTS 2
#endif
#include "protocol.pml"

active proctype producer() {
    PRODUCER;
    run drain(0);
    run drain(1);
    begin(0);
    for (turn : 1 .. 4) {
        if
        :: turn == 2 -> run stream()
#ifdef GROWS
        :: turn == 3 ->
            cursor = 2;
#ifdef GROWS_LATE
            d_step { count = 3; states[2] = CLEAN }
        :: turn == 4 ->
            count = 2;
#endif
            grow(0, 3)
#endif
        :: else
        fi;
        publish(0)
    }
}

proctype stream() {
    READER;
    byte last;
    claim_row(1, 0);
    do
    :: pin_newest(1, 0);
        read_sample(1, entry);
        assert(SEQ(entry) >= last);
        last = SEQ(entry);
        read_sample(1, entry);
        unpin(1, 0);
        if
        :: last == 4 -> break
        :: else
        fi
    :: break
    od
}
