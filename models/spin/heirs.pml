/* heirs.pml: the producer is killed between any two steps; so is the one that adopts its pool, inside adoption too; a third adopts it.
 *
 * CLAIMS: one adoption, while a stream that died holding a pin has its row claimed by the next. */
#ifdef CLAIMS
#define HEIRS 1
#else
#define HEIRS 2
#endif
#define STREAM (HEIRS + 1)
#ifdef CLAIMS
#define NEXT_STREAM (HEIRS + 2)
#define THREADS (HEIRS + 3)
#else
#define THREADS (HEIRS + 2)
#endif
#define ROWS 1
#define HISTORY 1
#define SLOTS 3
#define MAX_SLOTS 3
#include "protocol.pml"

byte killed;         /* producers up to this one */
byte gone;           /* those whose lock the kernel has dropped */
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
    run heir(1);
#ifdef CLAIMS
    run doomed_stream();
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

/* The kernel drops the lock of the dead, and what they had stored is visible to whoever takes it. */
proctype heir(byte me) {
    PRODUCER;
    killed = me;
    gone == me && IS_EMPTY(me - 1);
#if HEIRS == 2
    if
    :: me == 1 -> run heir(2)
    :: else
    fi;
#endif
    {
        adopt(me);
        publish(me);
        if
        :: me == HEIRS -> publish(me)
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
/* Dies with its pin in place. */
proctype doomed_stream() {
    READER;
    lock_row(STREAM);
    claim_row(STREAM, 0);
    pin_newest(STREAM, 0);
    read_sample(STREAM, entry);
    read_sample(STREAM, entry);
#ifdef DIES_EARLY /* a mutant: the row is given away while its owner reads */
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
