/* fork.pml: a process forks while it holds a view, and releases the view. The child continues to read with its own, higher row. */
#define THREADS 3
#define ROWS 2
#define HISTORY 1
#define SLOTS 2
#define MAX_SLOTS 2
#ifdef CHILD_IS_LOWER
#define PARENT 1
#define CHILD 0
#else
#define PARENT 0
#define CHILD 1
#endif
#include "protocol.pml"

active proctype producer() {
    PRODUCER;
    run drain(0);
    run drain(1);
    run drain(2);
    begin(0);
    for (turn : 1 .. 3) {
        if
        :: turn == 2 ->
            run parent();
        :: else
        fi;
        publish(0)
    }
}

proctype parent() {
    READER;
    claim_row(1, PARENT);
    pin_newest(1, PARENT);
    claim_row(1, CHILD);
#ifdef UNPINS_BEFORE_COPY
    byte cell = RUN(SLOT(entry), 1, SLOTS);
    unpin(1, PARENT);
    store(1, CELL(CHILD), cell, RELEASE);
    fence(1);
#else
    copy_row(1, PARENT, CHILD);
#endif
    run child(entry);
    unpin(1, PARENT)
}

proctype child(byte entry) {
    byte found;
    read_sample(2, entry);
    unpin(2, CHILD)
}
