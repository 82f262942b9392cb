/* lost_growth.pml: a producer loses its lock while it grows the file, and another producer adopts the pool while a stream reads. Either the
 * adopter sees the slot count of the former owner, or that producer does not store it. STRAY: another program stores a larger count. */
#define THREADS 3
#define ROWS 1
#define HISTORY 1
#define SLOTS 2
#define MAX_SLOTS 3
#include "protocol.pml"

bool grew;
bool ended;

active proctype producer() {
    PRODUCER;
    run drain(0);
    run drain(1);
    run drain(2);
    begin(0);
    publish(0);
    fence(0);
    run reader();
    run successor();
#ifdef STRAY
    EPOCH(memory[OWNERSHIP]) == 2;
    memory[OWNERSHIP] = OWNED(2, SLOTS + 1);
#else
    grow(0, SLOTS + 1);
    grew = done;
#endif
    fence(0);
    ended = true
}

proctype successor() {
    PRODUCER;
    adopt(1);
    for (turn : 1 .. 3) {
        keep_slot_count(1);
        publish(1)
    }
    ended;
    keep_slot_count(1);
    fence(1);
    assert(memory[OWNERSHIP] == OWNED(2, count));
    assert(!grew || count == SLOTS + 1)
}

proctype reader() {
    READER;
    byte turn, last;
    claim_row(2, 0);
    for (turn : 1 .. 2) {
        pin_newest(2, 0);
        read_sample(2, entry);
        assert(SEQ(entry) >= last);
        last = SEQ(entry);
        read_sample(2, entry);
        unpin(2, 0)
    }
}
