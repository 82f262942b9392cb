/* protocol.h: the protocol of a pool: one producer, many readers, pins.
 *
 * This file and protocol.c make no system call, allocate nothing, and access only atomics and the structs of layout.h.
 * So the product, model checkers, sanitizers and the fault stepper all run the same code. protocol.c has the proof. */
#ifndef POOL_PROTOCOL_H
#define POOL_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/layout.h"
#include "pool/room.h"

/* An entry names a published sample and its slot: seq in the upper 48 bits, slot in the lower 16. 0: empty. */
#define ENTRY_EMPTY UINT64_C(0)

/* At a million samples per second this lasts nine years. After it nothing more is published. A ring with more than half
 * of it is not adopted but replaced: most likely it is forged, and few numbers are left. */
#define SEQ_MAX ((UINT64_C(1) << 48) - 1)
#define SEQ_ADOPTED_MAX (SEQ_MAX / 2)

static inline uint64_t entry_make(uint64_t seq, uint32_t slot)
{
    return seq << 16 | slot;
}

static inline uint64_t entry_seq(uint64_t entry)
{
    return entry >> 16;
}

static inline uint32_t entry_slot(uint64_t entry)
{
    return (uint32_t)(entry & 0xffff);
}

/* A pin cell: `count` slots from `first` on, cyclically among `slots` slots: the pool's slot count as the reader saw
 * it. The pool may grow before the producer scans. With `slots` in the cell, a run that wraps around names the same
 * slots for both. 0: empty. */
static inline uint64_t cell_make(uint32_t first, uint32_t count, uint32_t slots)
{
    return (uint64_t)slots << 32 | (uint64_t)count << 16 | first;
}

static inline uint32_t cell_first(uint64_t cell)
{
    return (uint32_t)(cell & 0xffff);
}

static inline uint32_t cell_count(uint64_t cell)
{
    return (uint32_t)(cell >> 16 & 0xffff);
}

static inline uint32_t cell_slots(uint64_t cell)
{
    return (uint32_t)(cell >> 32);
}

/* Whether a cell is valid in a pool of `slot_count` slots. Cells are untrusted input. */
static inline bool cell_is_sound(uint64_t cell, uint32_t slot_count)
{
    return cell_slots(cell) <= slot_count && cell_first(cell) < cell_slots(cell) && cell_count(cell) >= 1 &&
           cell_count(cell) <= cell_slots(cell);
}

/* The owner's epoch in the upper 32 bits, the pool's slot count in the lower. They share a word so that only the owner
 * can change the slot count: the change is a compare-and-exchange that expects the owner's epoch. */
static inline uint64_t ownership_make(uint32_t epoch, uint32_t slots)
{
    return (uint64_t)epoch << 32 | slots;
}

static inline uint32_t ownership_epoch(uint64_t ownership)
{
    return (uint32_t)(ownership >> 32);
}

static inline uint32_t ownership_slots(uint64_t ownership)
{
    return (uint32_t)ownership;
}

/* What the producer knows of a slot. */
enum slot_state {
    SLOT_UNCLEAN = 0, /* not in the ring; a reader may still pin it */
    SLOT_CLEAN,       /* not reachable and not pinned: it may be written */
    SLOT_TAKEN,       /* being written */
    SLOT_IN_RING      /* each reader can reach it */
};

/* The producer's private state. The shared state is written from it. Only an adoption takes it from shared memory. */
struct protocol_producer {
    struct pool_control *control;
    _Atomic uint64_t *ring;
    struct pool_readers *readers;
    uint32_t history_len;
    uint32_t epoch; /* control->ownership consists of epoch and slot_count as long as this producer owns the pool */
    uint32_t slot_count;
    uint64_t seq;        /* newest published */
    uint64_t head;       /* its entry; control->head differs only if another producer has published into this pool */
    uint64_t oldest;     /* lowest seq in the ring; seq + 1 when the ring is empty */
    uint32_t ring_index; /* (seq + 1) mod history_len: place of the next entry */
    uint32_t cursor;     /* the slot to try first */
    bool reuses_last; /* try the slot that left the ring last first: its memory is still in the cache. This breaks the
                         cyclic order that windows need, and costs a scan, so only for history 1 and large slots */
    uint64_t malformed_cells;
    uint16_t *ring_slots;  /* [history_len] slot of each ring entry, by ring index */
    uint16_t *found_slots; /* [history_len] scratch memory of adoption */
    uint8_t *slot_states;  /* [MAX_SLOTS] enum slot_state */
    uint64_t *pinned;      /* [MAX_SLOTS / 64] scratch memory of the scan */
    uint64_t seq_limit;    /* nothing above it is published now: SEQ_MAX, or what lossless streams allow */
    uint64_t floor;        /* samples up to this one may be overwritten, if the pool keeps unread samples */
};

/* Begin with a pool that no other process can reach yet. `seq` is the number before the first sample. The private
 * arrays must be zeroed. */
void protocol_begin(struct protocol_producer *producer, uint64_t seq);

/* Become the owner of a dead producer's pool; the caller holds its lock. If that producer is live after all, it can
 * from now on neither begin a publication nor change the slot count. False: the slot count is not `slot_count`, or has
 * changed.
 *  */
bool protocol_take_over(struct protocol_producer *producer, uint32_t slot_count);

/* Whether this producer still owns the pool. */
static inline bool protocol_is_owner(const struct protocol_producer *producer)
{
    return ownership_epoch(load_acquire(&producer->control->ownership)) == producer->epoch;
}

/* Whether the shared epoch and slot count are those of this producer. */
static inline bool protocol_ownership_stands(const struct protocol_producer *producer)
{
    return load_acquire(&producer->control->ownership) == ownership_make(producer->epoch, producer->slot_count);
}

/* Store the slot count again, if the shared one is another and no other owner has stored it. */
void protocol_keep_slot_count(const struct protocol_producer *producer);

/* Adopt a pool that was taken over: check the ring, store the newest complete entry as head, ring the bell, and only
 * then allow slots to become clean. The first call needs `seq` 0 and `oldest` 1. It is called again when another
 * producer has stored head. No slot may be taken. True: the caller wakes all sleepers. False: the ring is not sound,
 * and nothing has changed. */
bool protocol_adopt(struct protocol_producer *producer, uint32_t slot_count);

/* A clean slot to write, in cyclic order. False: none is clean, even after a fresh scan. */
bool protocol_take_slot(struct protocol_producer *producer, uint32_t *slot);

/* For a producer that keeps unread samples: raise seq_limit as far as lossless streams allow. Returns whether the next
 * sample may be published. */
static inline bool protocol_find_room(struct protocol_producer *producer)
{
    const uint64_t floor = room_floor(producer->readers, producer->floor);
    producer->floor = floor < producer->seq ? floor : producer->seq; /* streams can write it */
    const uint64_t limit = producer->floor + producer->history_len;
    producer->seq_limit = limit < SEQ_MAX ? limit : SEQ_MAX;
    return producer->seq < producer->seq_limit;
}

/* Return a taken slot without publishing it. */
void protocol_return_slot(struct protocol_producer *producer, uint32_t slot);

/* Make a filled slot the newest sample. Returns true when the bell was rung: the caller wakes all sleepers. */
bool protocol_publish(struct protocol_producer *producer, uint32_t slot);

/* After the file has grown: the pool has `slot_count` slots, and the new ones are clean. False: this producer does not
 * own the pool any more, and nothing has changed. */
bool protocol_grow(struct protocol_producer *producer, uint32_t slot_count);

/* Remove the oldest entry of history, but never the newest. False: only the newest is left. */
bool protocol_drop_oldest(struct protocol_producer *producer);

/* Ring the bell. The caller wakes all sleepers. */
void protocol_ring(struct pool_control *control);

/* Whether the pool is retired, and why (RETIRED_*). Not 0: the last sample is visible, and no sample follows it. */
uint32_t protocol_retirement(const struct pool_control *control);

/* Whether a pool retired for this reason has ended: nothing follows its newest sample. */
static inline bool retirement_is_end(uint32_t why)
{
    return why != 0 && why != RETIRED_SUCCEEDED && why != RETIRED_UNLINKED;
}

/* Mark the pool retired and ring, also if no reader waits. The caller wakes all sleepers. Call it after the last sample
 * was published, or with the lock of a dead producer. `why`: RETIRED_*. */
void protocol_retire(struct pool_control *control, uint32_t why);

/* A reader's private state. */
struct protocol_reader {
    const struct pool_control *control;
    const _Atomic uint64_t *ring;
    struct pool_readers *readers;
    _Atomic uint64_t *cells; /* this reader's row */
    const _Atomic uint64_t *owner;
    uint64_t token; /* *owner has this value as long as the row belongs to this reader */
    uint32_t row;
    uint32_t history_len;
};

/* Claim and clear a row; the caller holds its lock. Claiming also clears the pins of a dead reader, and what it held as
 * a lossless stream. `token` is random, not 0. True: the caller wakes all sleepers on room_bell. */
bool protocol_row_claim(struct pool_readers *readers, uint32_t row, uint64_t token);
bool protocol_row_clear(struct pool_readers *readers, uint32_t row);

/* Let this reader use that row, which was claimed with that token. */
void protocol_row_use(struct protocol_reader *reader, uint32_t row, uint64_t token);

/* Whether the row still belongs to this reader. It does not when the program closed the reader's lock descriptor and
 * another process has cleared or claimed the row since. */
static inline bool protocol_row_is_own(const struct protocol_reader *reader)
{
    return load_relaxed(reader->owner) == reader->token; /* [OWNER] in protocol.c */
}

/* For a fork: copy the pins of row `from` into row `to`, which is claimed and higher than `from`. */
void protocol_row_copy(struct pool_readers *readers, uint32_t from, uint32_t to);

enum pin_result {
    PIN_OK,
    PIN_EMPTY,   /* nothing is published, or the sample is not in the ring */
    PIN_CORRUPT, /* head, ring or slot count is invalid */
    PIN_LOST     /* the row does not belong to this reader any more: nothing is pinned, and earlier pins are gone */
};

/* Pin the newest sample in cell `cell`. */
enum pin_result protocol_pin_newest(const struct protocol_reader *reader, uint32_t cell, uint64_t *entry);

/* Pin sample `seq`, if history still holds it. */
enum pin_result protocol_pin_seq(const struct protocol_reader *reader, uint32_t cell, uint64_t seq, uint64_t *entry);

/* A window of `count` consecutive samples up to `newest`. */
struct protocol_window {
    uint64_t oldest; /* seq */
    uint64_t newest; /* seq */
    uint32_t first_slot;
    uint32_t slots; /* the pool's slot count as the reader saw it: the run wraps around there */
    uint32_t span;  /* number of slots pinned, from first_slot on */
    bool unbroken;  /* the samples are in consecutive slots */
};

/* Pin a window in one cell. `entries` receives its `count` entries, oldest first. PIN_EMPTY: history does not hold all
 * of them; read head and try again. */
enum pin_result protocol_pin_window(const struct protocol_reader *reader, uint32_t cell, uint64_t newest,
                                    uint32_t count, uint64_t *entries, struct protocol_window *window);

/* Empty a cell, if the row still belongs to this reader. */
void protocol_unpin(const struct protocol_reader *reader, uint32_t cell);

/* Before a sleep: set the waiting flag, then check again. True: sleep on control->bell while it equals *bell. False: do
 * not sleep, head is above `seen_seq` or the pool is retired. */
bool protocol_wait_begin(const struct pool_control *control, struct pool_readers *readers, uint64_t seen_seq,
                         uint32_t *bell);

#endif
