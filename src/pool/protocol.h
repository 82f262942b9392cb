/* protocol.h: single producer, many readers, pins. The protocol proper, and nothing else.
 *
 * This file and protocol.c make no system call, allocate nothing, and touch only atomics and the structs of layout.h,
 * so that the product, model checkers, sanitizers and fault steppers all run the very same code. The proof is in
 * protocol.c. */
#ifndef POOL_PROTOCOL_H
#define POOL_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/layout.h"

/* An entry names a published sample and where it lies: seq in the upper 48 bits, slot in the lower 16. 0: empty. */
#define ENTRY_EMPTY UINT64_C(0)
#define SEQ_MAX \
    ((UINT64_C(1) << 48) - 1) /* at a million samples a second: nine years; then nothing is published any more */
#define SEQ_ADOPTED_MAX                                                                          \
    (SEQ_MAX / 2) /* a ring further on is replaced: forged most likely, and with too little left \
                   */

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

/* A pin cell: `count` slots from `first` on, going round at `slots`, the pool's slot count as its reader saw it. The
 * pool may grow before the producer scans: only with `slots` in the cell does a run that goes round mean the same to
 * both. 0: empty. */
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

/* Whether a cell makes sense to a pool of `slot_count` slots. Cells are hostile input. */
static inline bool cell_is_sound(uint64_t cell, uint32_t slot_count)
{
    return cell_slots(cell) <= slot_count && cell_first(cell) < cell_slots(cell) && cell_count(cell) >= 1 &&
           cell_count(cell) <= cell_slots(cell);
}

/* The owner's epoch in the upper 32 bits, the pool's slot count in the lower: one word, so that only the owner can
 * change the slot count. Whoever changes the word expects its own epoch there. */
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
    SLOT_UNCLEAN = 0, /* out of the ring, perhaps still pinned */
    SLOT_CLEAN,       /* nobody can reach it: may be written */
    SLOT_TAKEN,       /* being written */
    SLOT_IN_RING      /* readable by anybody */
};

/* The producer's side. Private memory: what is shared is only ever written from it, never read back. */
struct protocol_producer {
    struct pool_control *control;
    _Atomic uint64_t *ring;
    struct pool_readers *readers;
    uint32_t history_len;
    uint32_t epoch; /* with slot_count: what control->ownership must be */
    uint32_t slot_count;
    uint64_t seq;        /* newest published */
    uint64_t head;       /* its entry: what control->head must be, unless somebody else publishes into this pool */
    uint64_t oldest;     /* lowest seq in the ring; seq + 1 when it is empty */
    uint32_t ring_index; /* (seq + 1) mod history_len: where the next entry goes */
    uint32_t cursor;     /* the slot to look at first */
    uint64_t malformed_cells;
    uint16_t *ring_slots;  /* [history_len] slot of each ring entry, by ring index */
    uint16_t *found_slots; /* [history_len] scratch of adoption */
    uint8_t *slot_states;  /* [MAX_SLOTS] enum slot_state */
    uint64_t *pinned;      /* [MAX_SLOTS / 64] scratch of the scan */
};

/* Begin on a pool that nobody else can reach yet. Private arrays must be zeroed. */
void protocol_begin(struct protocol_producer *producer, uint64_t seq);

/* Become the owner of a dead producer's pool, its lock held. From here on the producer before, should it be alive after
 * all, neither starts a publish nor changes the slot count. False: the slot count is not `slot_count`, or not any more.
 */
bool protocol_take_over(struct protocol_producer *producer, uint32_t slot_count);

/* Whether the pool is still this producer's. */
static inline bool protocol_is_owner(const struct protocol_producer *producer)
{
    return ownership_epoch(load_acquire(&producer->control->ownership)) == producer->epoch;
}

/* Whether epoch and slot count are as this producer has stored them. */
static inline bool protocol_ownership_stands(const struct protocol_producer *producer)
{
    return load_acquire(&producer->control->ownership) == ownership_make(producer->epoch, producer->slot_count);
}

/* Store the slot count again, should something else stand there that no owner has stored. */
void protocol_keep_slot_count(const struct protocol_producer *producer);

/* Adopt a pool that was taken over: check the ring, store the newest complete entry as head, ring the bell,
 * and only then let slots be cleaned. Returns false, with nothing changed, when the ring is not sound. On true the
 * caller wakes all sleepers. No slot is taken. `seq` 0 and `oldest` 1 at first; later it may be called again, when head
 * is found to be somebody else's. */
bool protocol_adopt(struct protocol_producer *producer, uint32_t slot_count);

/* A clean slot to write, in cyclic order. False: none is clean, even after a fresh scan. */
bool protocol_take_slot(struct protocol_producer *producer, uint32_t *slot);

/* Give a taken slot back unpublished. */
void protocol_return_slot(struct protocol_producer *producer, uint32_t slot);

/* Make a filled slot the newest sample. Returns true when the bell was rung: the caller wakes all sleepers. */
bool protocol_publish(struct protocol_producer *producer, uint32_t slot);

/* After the file has grown: from now on there are `slot_count` slots, the new ones clean. False, with nothing changed:
 * the pool is not this producer's any more. */
bool protocol_grow(struct protocol_producer *producer, uint32_t slot_count);

/* Give up the oldest entry of history, though never the newest. False: only the newest is left. */
bool protocol_drop_oldest(struct protocol_producer *producer);

/* Ring the bell for everybody; the caller wakes all sleepers. */
void protocol_ring(struct pool_control *control);

/* Mark the pool retired and ring, unconditionally; the caller wakes all sleepers. */
void protocol_retire(struct pool_control *control);

/* The readers' side. */
struct protocol_reader {
    const struct pool_control *control;
    const _Atomic uint64_t *ring;
    struct pool_readers *readers;
    _Atomic uint64_t *cells; /* this reader's row */
    const _Atomic uint64_t *owner;
    uint64_t token; /* what *owner is as long as the row is this reader's */
    uint32_t row;
    uint32_t history_len;
};

/* Claim and give up a row, its lock held. Claiming clears what a dead reader left in it. `token` is random and not 0.
 */
void protocol_row_claim(struct pool_readers *readers, uint32_t row, uint64_t token);
void protocol_row_clear(struct pool_readers *readers, uint32_t row);

/* From now on this reader uses that row, claimed with that token. */
void protocol_row_use(struct protocol_reader *reader, uint32_t row, uint64_t token);

/* Whether the row is still this reader's. It is not when its lock was closed behind the reader's back and somebody
 * cleared or claimed it since. */
static inline bool protocol_row_is_own(const struct protocol_reader *reader)
{
    return load_relaxed(reader->owner) == reader->token; /* [OWNER] in protocol.c */
}

/* For a fork: pin in row `to`, claimed and higher than `from`, whatever row `from` pins now. */
void protocol_row_copy(struct pool_readers *readers, uint32_t from, uint32_t to);

enum pin_result {
    PIN_OK,
    PIN_EMPTY,   /* nothing published, or nothing in that place any more */
    PIN_CORRUPT, /* what was read makes no sense */
    PIN_LOST     /* the row is not this reader's any more: nothing is pinned, and earlier pins are gone */
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
    uint32_t slots; /* the pool's slot count as seen: where the run goes round */
    uint32_t span;  /* slots pinned, from first_slot on */
    bool unbroken;  /* the samples lie in consecutive slots */
};

/* Pin a window in one cell. `entries` receives its `count` entries, oldest first. PIN_EMPTY: history no longer, or not
 * yet, holds all of them; look at head and try again. */
enum pin_result protocol_pin_window(const struct protocol_reader *reader, uint32_t cell, uint64_t newest,
                                    uint32_t count, uint64_t *entries, struct protocol_window *window);

/* Empty a cell, unless the row is somebody else's by now. */
void protocol_unpin(const struct protocol_reader *reader, uint32_t cell);

/* Before a sleep: announce it, then look once more. True: sleep on control->bell while it equals *bell. False: there is
 * something to look at (head is above `seen_seq`, or the pool is retired). */
bool protocol_wait_begin(const struct pool_control *control, struct pool_readers *readers, uint64_t seen_seq,
                         uint32_t *bell);

#endif
