/* room.h: back pressure: which samples lossless streams hold, and how a producer waits until they hold fewer.
 *
 * Like protocol.c, room.c makes no system call, allocates nothing, and accesses only atomics and the structs of
 * layout.h. It has the proof. */
#ifndef POOL_ROOM_H
#define POOL_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/layout.h"

/* ---- Streams. The caller holds the row's lock. ---- */

/* The highest sequence number that a lossless stream has consumed. */
static inline uint64_t room_consumed(const struct pool_readers *readers)
{
    return load_acquire(&readers->consumed); /* [CONSUMED] */
}

static inline bool room_is_held_by(const struct pool_readers *readers, uint32_t row)
{
    return load_relaxed(&readers->lossless_rows) >> row & 1;
}

/* Let the stream of `row` hold the samples above `from`. Returns what streams have consumed: a stream whose cursor is
 * not below it loses no sample. A sample that the stream of a lower cursor holds may have been overwritten before. */
uint64_t room_join(struct pool_readers *readers, uint32_t row, uint64_t from);

/* The stream has consumed the samples up to `seq`. True: the bell was rung; the caller wakes all sleepers on
 * room_bell. */
bool room_move(struct pool_readers *readers, uint32_t row, uint64_t seq);

/* The stream of `row` holds nothing any more. Does nothing if it is not lossless. True: as room_move. */
bool room_leave(struct pool_readers *readers, uint32_t row);

/* ---- The producer ---- */

/* The samples up to the returned one may be overwritten. `floor` is what the same producer found before, or 0. */
uint64_t room_floor(const struct pool_readers *readers, uint64_t floor);

/* Raise `consumed` to `seq`. */
void room_consume(struct pool_readers *readers, uint64_t seq);

/* Before a sleep: set the flag, so that streams ring. The caller then computes the floor, and sleeps on room_bell while
 * it equals the returned value. */
uint32_t room_wait_begin(struct pool_readers *readers);

#endif
