/* streams.pml: two streams read the newest sample, each with its own row. TWO_CELLS: one stream with two cells holds a view while it takes
 * the next one. */
#ifdef TWO_CELLS
#define THREADS 2
#define ROWS 1
#define CELLS 2
#else
#define THREADS 3
#define ROWS 2
#endif
#define HISTORY 1
#define SLOTS 3
#define MAX_SLOTS 3
#include "protocol.pml"

active proctype producer() {
    PRODUCER;
    run drain(0);
    run drain(1);
#ifndef TWO_CELLS
    run drain(2);
#endif
    begin(0);
    for (turn : 1 .. 4) {
        if
        :: turn == 2 ->
            run stream(1, 0);
#ifndef TWO_CELLS
            run stream(2, 1)
#endif
        :: else
        fi;
        publish(0)
    }
}

proctype stream(byte me, mine) {
    READER;
    byte first;
    claim_row(me, mine);
    pin_newest(me, mine * CELLS);
    read_sample(me, entry);
#ifdef TWO_CELLS
    first = entry;
    pin_newest(me, mine * CELLS + 1);
    read_sample(me, first);
    assert(SEQ(entry) >= SEQ(first));
    unpin(me, mine * CELLS);
    read_sample(me, entry);
    unpin(me, mine * CELLS + 1);
#else
    read_sample(me, entry);
    unpin(me, mine)
#endif
}
