/* successors.pml: the producer is killed between any two steps. So is the producer that adopts its pool, also during adoption. A third
 * producer adopts the pool.
 *
 * CLAIMS: one adoption, while the next stream claims the row of a stream that has died with a pin. */
#ifdef CLAIMS
#define SUCCESSORS 1
#else
#define SUCCESSORS 2
#endif
#define STREAM (SUCCESSORS + 1)
#ifdef CLAIMS
#define NEXT_STREAM (SUCCESSORS + 2)
#define THREADS (SUCCESSORS + 3)
#else
#define THREADS (SUCCESSORS + 2)
#endif
#define ROWS 1
#define HISTORY 1
#define SLOTS 3
#define MAX_SLOTS 3
#include "protocol.pml"

byte killed;         /* the number of producers that were killed */
byte gone;           /* the number of producers whose lock the kernel has released */
bool row_is_locked;

active proctype producer() {
    PRODUCER;
    for (turn : 0 .. THREADS - 1) {
        run drain(turn)
    }
    turn = 0;
    begin(0);
    publish(0);
    fence(0);
    run successor(1);
#ifdef CLAIMS
    run dying_stream();
    run stream(NEXT_STREAM);
#else
    run stream(STREAM);
#endif
    {
        publish(0)
    } unless {
        killed >= 1
    };
    gone = 1
}

/* The kernel releases the lock of a dead process. Its stores are then visible to the process that takes the lock. */
proctype successor(byte me) {
    PRODUCER;
    killed = me;
    gone == me && IS_EMPTY(me - 1);
#if SUCCESSORS == 2
    if
    :: me == 1 -> run successor(2)
    :: else
    fi;
#endif
    {
        adopt(me);
        publish(me);
        if
        :: me == SUCCESSORS -> publish(me)
        :: else
        fi
    } unless {
        killed > me
    };
    gone = me + 1
}

#ifdef CLAIMS
#define STREAMS_ARE_VISIBLE (IS_EMPTY(STREAM) && IS_EMPTY(NEXT_STREAM))
#else
#define STREAMS_ARE_VISIBLE true
#endif

inline lock_row(me) {
    atomic { !row_is_locked && STREAMS_ARE_VISIBLE -> row_is_locked = true }
}

#ifdef CLAIMS
/* Dies while it holds its pin. */
proctype dying_stream() {
    READER;
    lock_row(STREAM);
    claim_row(STREAM, 0);
    pin_newest(STREAM, 0);
    read_sample(STREAM, entry);
    read_sample(STREAM, entry);
#ifdef DIES_EARLY /* a mutant: the row's lock is released while its owner reads */
    row_is_locked = false;
    read_sample(STREAM, entry)
#else
    row_is_locked = false
#endif
}
#endif

proctype stream(byte me) {
    READER;
    lock_row(me);
    claim_row(me, 0);
    pin_newest(me, 0);
    read_sample(me, entry);
    read_sample(me, entry);
    unpin(me, 0);
    row_is_locked = false
}
