/* room.c: the algorithm of back pressure, and why no sample is lost.
 *
 * A lossless stream has a bit in `lossless_rows` and a cursor in its row: it has consumed the samples up to the cursor
 * and holds those above it. `consumed` is the highest sample that any lossless stream has consumed. While no lossless
 * stream is connected, the samples above `consumed` are held for the next one.
 *
 * The floor is the highest sample that nothing holds. The producer publishes sample s, which overwrites sample
 * s - history_len, only if s - history_len is not above the floor. It caches the floor, and computes it again when it
 * has reached floor + history_len.
 *
 * The values are relaxed where they only bound what may be overwritten: pins protect samples that are being read.
 *
 * EDGES
 *
 *   [CONSUMED] A stream loads head, then raises `consumed` (release).
 *              A stream that connects loads `consumed` (acquire), then head, which is thus not below it.
 *
 *   [JOINED]   A stream stores its first cursor, then sets its bit by fetch_or (release).
 *              The producer loads the bitmap (acquire), then the cursors. So it never reads the cursor that an earlier
 *              stream has left in the row.
 *
 *   [ROOMBELL] A stream moves its cursor or leaves, then increments room_bell (release).
 *              The producer loads room_bell (acquire) before everything else.
 *
 * FENCES: Dekker pairs, as in protocol.c.
 *
 *   [JOIN]     The producer loads `consumed`, fences, and loads the bitmap. The floor is not above the loaded value.
 *              A stream sets its bit, fences, and loads `consumed`. Its cursor is not below the loaded value.
 *              If the producer's fence is first, the stream loads a value that is not below the producer's: `consumed`
 *              only rises. So its cursor is not below that floor, and the producer overwrites only samples that the
 *              stream does not want. If the stream's fence is first, the producer sees its bit, and the floor is not
 *              above its cursor.
 *              The floor of an adopter is computed in the same way, and is not above that of the producer before.
 *
 *   [ROOM]     A stream moves its cursor or clears its bit, fences, and reads the flag.
 *              The producer sets the flag, fences, and computes the floor.
 *              So either the producer finds the room, or the stream sees the flag and rings. The flag is cleared before
 *              room_bell is incremented, and the producer reads room_bell before it sets the flag: see [SLEEP] in
 *              protocol.c.
 *
 * MONOTONIC: The floor of one producer never falls. A stream that connects later has a cursor that is not below it, by
 * [JOIN], or has asked for less than is left.
 *
 * DEATH: A dead stream keeps its bit and its cursor until a process that holds the row's lock clears the bit. A stream
 * that is killed while it connects holds samples from its first cursor on, until then. A stream that is killed between
 * the stores of room_move has consumed the samples: it was about to return them. It holds them until its bit is
 * cleared. A stream that is killed between the clear of the flag and its wake delays the producer until the end of its
 * sleep, which is bounded. */
#include "pool/room.h"

void room_consume(struct pool_readers *readers, uint64_t seq)
{
    uint64_t found = load_relaxed(&readers->consumed);
    while (found < seq && !compare_exchange_acq_rel(&readers->consumed, &found, seq)) /* [CONSUMED] */
        ; /* lock-free: another stream has raised it */
}

/* Ring, if the producer waits. */
static bool ring_for_room(struct pool_readers *readers)
{
    fence_seq_cst(); /* [ROOM] */
    if (load_relaxed(&readers->room_waiting) == 0)
        return false;
    store_relaxed(&readers->room_waiting, 0);  /* ordered before the bump by its release */
    fetch_add_release(&readers->room_bell, 1); /* [ROOMBELL] */
    return true;
}

uint64_t room_join(struct pool_readers *readers, uint32_t row, uint64_t from)
{
    store_relaxed(&readers->facts[row].consumed, from);
    fetch_or_release(&readers->lossless_rows, UINT64_C(1) << row); /* [JOINED] */
    fence_seq_cst();                                               /* [JOIN] */
    return room_consumed(readers);
}

bool room_move(struct pool_readers *readers, uint32_t row, uint64_t seq)
{
    room_consume(readers, seq);
    store_relaxed(&readers->facts[row].consumed, seq);
    return ring_for_room(readers);
}

bool room_leave(struct pool_readers *readers, uint32_t row)
{
    if (!room_is_held_by(readers, row))
        return false;
    fetch_and_relaxed(&readers->lossless_rows, ~(UINT64_C(1) << row));
    return ring_for_room(readers);
}

uint64_t room_floor(const struct pool_readers *readers, uint64_t floor)
{
    uint64_t lowest = load_relaxed(&readers->consumed);
    fence_seq_cst();                                                                      /* [JOIN] */
    for (uint64_t rows = load_acquire(&readers->lossless_rows); rows; rows &= rows - 1) { /* [JOINED] */
        uint64_t cursor = load_relaxed(&readers->facts[__builtin_ctzll(rows)].consumed);
        lowest = cursor < lowest ? cursor : lowest;
    }
    return lowest > floor ? lowest : floor;
}

uint32_t room_wait_begin(struct pool_readers *readers)
{
    uint32_t bell = load_acquire(&readers->room_bell); /* [ROOMBELL] */
    store_relaxed(&readers->room_waiting, 1);
    fence_seq_cst(); /* [ROOM] */
    return bell;
}
