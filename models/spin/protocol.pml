/* protocol.pml: src/pool/protocol.c, step by step, on memory.pml. Each macro of a mutant breaks one rule.
 *
 * Define before including this file: THREADS, HISTORY, SLOTS (at first), MAX_SLOTS (at most 4), ROWS; CELLS of a row, if it is not 1. */
#define HEAD 0
#define BELL 1
#define WAITING 2
#define RETIRED 3
#define OWNERSHIP 4
#define BITMAP 5
#define RING(i) (6 + (i))
#ifndef CELLS
#define CELLS 1
#endif
#define CELL(which) (6 + HISTORY + (which)) /* which = row * CELLS + cell */
#define PAYLOAD(slot) (6 + HISTORY + ROWS * CELLS + (slot))
#define PLACES (6 + HISTORY + ROWS * CELLS + MAX_SLOTS)

#include "memory.pml"

#define ENTRY(seq, slot) ((seq) * 4 + (slot))
#define SEQ(entry) ((entry) / 4)
#define SLOT(entry) ((entry) % 4)

/* The owner's epoch and the slot count, in one word. */
#define OWNED(epoch, slots) ((epoch) * 8 + (slots))
#define EPOCH(word) ((word) / 8)
#define COUNT(word) ((word) % 8)

/* A run of slots: the first slot, their number (up to 3), and the slot count at which the run wraps around. */
#define RUN(first, many, slots) ((slots) * 16 + (many) * 4 + (first))
#define FIRST(cell) ((cell) % 4)
#define MANY(cell) ((cell) / 4 % 4)
#define WRAP(cell) ((cell) / 16)

#define UNCLEAN 0
#define CLEAN 1
#define TAKEN 2
#define IN_RING 3

#define NONE 255

/* ---------------------------------------------------------------------------------------------- the producer's side */

/* Private memory of one producer. */
#define PRODUCER \
    byte states[MAX_SLOTS]; \
    byte slots_of[HISTORY]; \
    byte count = SLOTS; \
    byte epoch = 1; \
    bool done; \
    byte seq; \
    byte oldest = 1; \
    byte cursor; \
    byte turn, slot, row, rows, cell, pinned, looked; \
    bool scanned

inline begin(t) {
    d_step {
        for (slot : 0 .. SLOTS - 1) {
            states[slot] = CLEAN
        }
        slot = 0;
        memory[OWNERSHIP] = OWNED(1, SLOTS)
    }
}

inline mark(which) {
    d_step {
        for (looked : 0 .. MANY(which) - 1) {
#ifdef CELL_WITHOUT_COUNT
            pinned = pinned | (1 << ((FIRST(which) + looked) % count))
#elif defined(LARGER_CELLS_PIN_NOTHING)
            pinned = (WRAP(which) > count -> pinned : pinned | (1 << ((FIRST(which) + looked) % WRAP(which))))
#else
            pinned = pinned | (1 << ((FIRST(which) + looked) % WRAP(which)))
#endif
        }
        looked = 0
    }
}

inline scan(t) {
    pinned = 0;
    row = 0;
    load(t, BITMAP, rows);
    do
    :: row < ROWS ->
        if
        :: rows >> row & 1 ->
            load(t, CELL(row * CELLS), cell);
            if
            :: cell -> mark(cell)
            :: else
            fi;
#if CELLS == 2 && !defined(ONLY_THE_FIRST_CELL)
            load(t, CELL(row * CELLS + 1), cell);
            if
            :: cell -> mark(cell)
            :: else
            fi;
#endif
#ifndef BITMAP_READ_ONCE
            load(t, BITMAP, rows);
#endif
            cell = 0
        :: else
        fi;
        row++
    :: else -> break
    od;
    atomic {
        for (slot : 0 .. MAX_SLOTS - 1) {
            if
            :: slot < count && states[slot] == UNCLEAN && !(pinned >> slot & 1) -> states[slot] = CLEAN
            :: else
            fi
        }
        slot = 0;
        row = 0;
        rows = 0;
        pinned = 0
    }
}

/* Sets slot: a clean one, or NONE. */
inline take_slot(t) {
    byte candidate = cursor;
    byte tried = 0;
    scanned = false;
    do
    :: tried == count -> slot = NONE; break
    :: tried < count ->
        if
#ifdef TAKES_WITHOUT_SCAN
        :: states[candidate] == UNCLEAN -> states[candidate] = CLEAN
#else
        :: states[candidate] == UNCLEAN && !scanned -> scan(t); scanned = true
#endif
        :: else
        fi;
        if
        :: d_step { states[candidate] == CLEAN -> states[candidate] = TAKEN; slot = candidate; cursor = (candidate + 1) % count }
            break
        :: else -> d_step { candidate = (candidate + 1) % count; tried++ }
        fi
    od;
    candidate = 0;
    tried = 0;
    scanned = false
}

#ifdef RELAXED_RING
#define RING_ORDER RELAXED
#else
#define RING_ORDER RELEASE
#endif
#ifdef RELAXED_HEAD
#define HEAD_ORDER RELAXED
#else
#define HEAD_ORDER RELEASE
#endif
#ifdef RELAXED_BELL
#define BELL_ORDER RELAXED
#else
#define BELL_ORDER RELEASE
#endif

inline ring_bell(t) {
    fetch_add(t, BELL, 1, BELL_ORDER)
}

/* Publish slot. Its payload is stored. */
inline publish_slot(t) {
    d_step {
        seq++;
        if
        :: oldest < seq && seq - oldest == HISTORY -> states[slots_of[seq % HISTORY]] = UNCLEAN; oldest++
        :: else
        fi;
        slots_of[seq % HISTORY] = slot;
        states[slot] = IN_RING
    }
    store(t, RING(seq % HISTORY), ENTRY(seq, slot), RING_ORDER);
    store(t, HEAD, ENTRY(seq, slot), HEAD_ORDER);
#ifndef NO_PUBLISH_FENCE
    fence(t);
#endif
    load(t, WAITING, cell);
    if
    :: cell ->
#ifdef BUMP_BEFORE_CLEAR
        ring_bell(t);
        store(t, WAITING, 0, RELAXED)
#else
        store(t, WAITING, 0, RELAXED);
        ring_bell(t)
#endif
    :: else
    fi;
    d_step { cell = 0; slot = 0 }
}

inline publish(t) {
    take_slot(t);
    if
    :: slot != NONE ->
        store(t, PAYLOAD(slot), seq + 1, RELAXED);
        publish_slot(t)
    :: else -> slot = 0
    fi
}

inline drop_oldest(t) {
#ifdef DROPS_OUT_OF_ORDER
    d_step { cell = oldest + 1; states[slots_of[cell % HISTORY]] = UNCLEAN }
#else
    d_step { cell = oldest; states[slots_of[cell % HISTORY]] = UNCLEAN; oldest++ }
#endif
    store(t, RING(cell % HISTORY), 0, RELEASE);
#ifndef NO_DROP_FENCE
    fence(t);
#endif
    cell = 0
}

inline grow(t, many) {
#ifdef GROWS_WITHOUT_ASKING
    store(t, OWNERSHIP, OWNED(epoch, many), RELAXED);
    done = true;
#else
    compare_exchange(t, OWNERSHIP, OWNED(epoch, count), OWNED(epoch, many), RELAXED, done);
#endif
    d_step {
        if
        :: done ->
            for (slot : count .. many - 1) {
                states[slot] = CLEAN
            }
            slot = 0;
            count = many
        :: else
        fi
    }
}

/* Another program may have stored another slot count. */
inline keep_slot_count(t) {
    load(t, OWNERSHIP, cell);
    if
    :: cell != OWNED(epoch, count) && EPOCH(cell) == epoch ->
        compare_exchange(t, OWNERSHIP, cell, OWNED(epoch, count), RELAXED, done)
    :: else
    fi;
    cell = 0
}

inline retire(t) {
    store(t, RETIRED, 1, RELEASE);
    ring_bell(t)
}

/* The caller holds the lock. The producer before is dead, or has lost its lock while it grew the file. */
inline take_over(t) {
#ifdef TAKES_OVER_ANY_COUNT
    load(t, OWNERSHIP, cell);
    d_step { count = COUNT(cell); epoch = EPOCH(cell) + 1 }
    store(t, OWNERSHIP, OWNED(epoch, count), RELAXED);
#else
    done = false;
    do
    :: !done ->
        load(t, OWNERSHIP, cell);
        compare_exchange(t, OWNERSHIP, cell, OWNED(EPOCH(cell) + 1, COUNT(cell)), RELAXED, done)
    :: done -> break
    od;
    skip; /* a jump must not lead into a d_step */
    d_step { count = COUNT(cell); epoch = EPOCH(cell) + 1 }
#endif
    fence(t)
}

/* The private memory has its initial values. */
inline adopt(t) {
    take_over(t);
    oldest = 255;
    for (row : 0 .. HISTORY - 1) {
        load(t, RING(row), cell);
        d_step {
            if
            :: cell ->
                states[SLOT(cell)] = IN_RING;
                slots_of[row] = SLOT(cell);
                seq = (SEQ(cell) > seq -> SEQ(cell) : seq);
                oldest = (SEQ(cell) < oldest -> SEQ(cell) : oldest)
            :: else
            fi
        }
    }
    cursor = (slots_of[seq % HISTORY] + 1) % count;
#ifdef SCANS_BEFORE_HEAD
    fence(t);
    scan(t);
#endif
#ifndef ADOPTS_WITHOUT_HEAD
    store(t, HEAD, ENTRY(seq, slots_of[seq % HISTORY]), RELEASE);
#endif
#ifndef ADOPTS_WITHOUT_RINGING
    ring_bell(t);
#endif
    fence(t);
    d_step { cell = 0; row = 0 }
}

/* ---------------------------------------------------------------------------------------------- the readers' side */

#define READER \
    byte entry, again, found, slots

inline empty_cells(t, row) {
    store(t, CELL(row * CELLS), 0, RELEASE)
#if CELLS == 2
    ;
    store(t, CELL(row * CELLS + 1), 0, RELEASE)
#endif
}

inline claim_row(t, mine) {
    empty_cells(t, mine);
    fetch_or(t, BITMAP, 1 << mine, RELAXED)
}

inline clear_row(t, whose) {
    empty_cells(t, whose);
    fetch_and(t, BITMAP, 255 - (1 << whose), RELEASE)
}

inline load_count(t) {
    atomic {
        load(t, OWNERSHIP, slots);
        slots = COUNT(slots)
    }
}

/* From here on `mine` is a cell: row * CELLS + cell. */
inline unpin(t, mine) {
    store(t, CELL(mine), 0, RELEASE)
}

inline pin_fence(t) {
#ifdef NO_PIN_FENCE
    skip
#else
    fence(t)
#endif
}

/* Sets entry: the newest, which is pinned. */
inline pin_newest(t, mine) {
#ifdef COUNT_BEFORE_ENTRY
    load_count(t);
#endif
    load(t, HEAD, entry);
    do
    ::
#ifndef COUNT_BEFORE_ENTRY
        load_count(t);
#endif
        assert(entry && SLOT(entry) < slots);
        store(t, CELL(mine), RUN(SLOT(entry), 1, slots), RELEASE);
        pin_fence(t);
#ifdef NO_RECHECK
        break
#else
        load(t, HEAD, again);
        load(t, RING(SEQ(entry) % HISTORY), found);
        if
        :: again == entry || found == entry -> break
        :: else -> unpin(t, mine); entry = again
        fi
#endif
    od;
    atomic { again = 0; found = 0; slots = 0 }
}

/* pin_window sets entries[0 .. many - 1], the samples up to `newest`. They are pinned if `whole` is true. */
#define WINDOW_READER \
    byte entries[3]; \
    byte found, slots, index, first, span, reach, distance; \
    bool whole

/* The smallest cyclic run of slots that contains the slots of all entries. */
inline smallest_arc(many) {
    d_step {
        span = slots;
        first = 0;
        for (found : 0 .. slots - 1) {
            reach = 0;
            for (index : 0 .. many - 1) {
                distance = (SLOT(entries[index]) + slots - found) % slots + 1;
                reach = (distance > reach -> distance : reach)
            }
            if
            :: reach < span -> span = reach; first = found
            :: else
            fi
        }
        index = 0;
        found = 0;
        reach = 0;
        distance = 0
    }
}

inline pin_window(t, mine, newest, many) {
    whole = true;
    for (index : 0 .. many - 1) {
        load(t, RING((newest - many + 1 + index) % HISTORY), entries[index]);
        if
        :: SEQ(entries[index]) != newest - many + 1 + index -> whole = false; break
        :: else
        fi
    }
    index = 0;
    if
    :: whole ->
        load_count(t);
        smallest_arc(many);
        store(t, CELL(mine), RUN(first, span, slots), RELEASE);
        pin_fence(t);
#ifndef NO_RECHECK
        load(t, RING((newest - many + 1) % HISTORY), found);
        if
        :: found != entries[0] -> whole = false; unpin(t, mine)
        :: else
        fi;
#endif
        atomic { found = 0; slots = 0; first = 0; span = 0 }
    :: else
    fi
}

/* wait_begin sets sleeps: no sample above `seen` is published, and the caller sleeps while memory[BELL] == bell. */
#define SLEEPER \
    byte bell, head, retired; \
    bool sleeps

inline wait_begin(t, seen) {
#ifdef RETIRED_BEFORE_BELL
    load(t, RETIRED, retired);
#endif
    load(t, BELL, bell);
    store(t, WAITING, 1, RELAXED);
#ifndef NO_WAIT_FENCE
    fence(t);
#endif
    load(t, HEAD, head);
#ifndef RETIRED_BEFORE_BELL
    load(t, RETIRED, retired);
#endif
    atomic { sleeps = SEQ(head) <= seen && !retired; head = 0; retired = 0 }
}

/* Copy the pin of one row into another, for a fork. */
inline copy_row(t, from, to) {
    load(t, CELL(from), found);
    store(t, CELL(to), found, RELEASE);
    fence(t);
    found = 0
}

/* A pinned slot has the payload of its entry. */
inline read_sample(t, which) {
    load(t, PAYLOAD(SLOT(which)), found);
    assert(found == SEQ(which));
    found = 0
}
