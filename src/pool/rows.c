#include "pool/rows.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/futex.h"
#include "os/lock.h"
#include "os/process.h"
#include "os/random.h"
#include "pool/protocol.h"

#define ROOM_AFTER_HOLDERS 300 /* bytes of the message for one more holder and for the caller's text */

static int claim_among(struct pool_readers *readers, int lock_fd, uint64_t candidates, uint64_t token, uint32_t *row)
{
    for (; candidates; candidates &= candidates - 1) {
        uint32_t candidate = (uint32_t)__builtin_ctzll(candidates);
        int failure = lock_try(lock_fd, LOCK_BYTE_ROW(candidate));
        if (failure == EAGAIN)
            continue;
        if (failure)
            return failure;
        if (protocol_row_claim(readers, candidate, token))
            futex_wake_all(&readers->room_bell);
        *row = candidate;
        return 0;
    }
    return EAGAIN;
}

int rows_claim(struct pool_readers *readers, int lock_fd, uint32_t above, uint64_t *token, uint32_t *row)
{
    *token = random_identity();
    uint64_t allowed = above == NO_ROW ? ~UINT64_C(0) : ~((UINT64_C(2) << above) - 1);
    /* First the rows that are not in the bitmap: the others are most likely locked. The lock decides. */
    uint64_t used = load_relaxed(&readers->rows_in_use);
    int failure = claim_among(readers, lock_fd, allowed & ~used, *token, row);
    return failure == EAGAIN ? claim_among(readers, lock_fd, allowed & used, *token, row) : failure;
}

enum rows_holder rows_holder_of_all(int lock_fd)
{
    enum rows_holder holder = ROWS_STREAMS;
    for (uint32_t row = 0; row < PIN_ROWS; row++) {
        if (lock_is_part_of_more(lock_fd, LOCK_BYTE_ROW(row)))
            return ROWS_REMOVER;
        if (lock_is_held(lock_fd, LOCK_BYTE_ROW(row)))
            continue;
        if (!lock_is_read(lock_fd, LOCK_BYTE_ROW(row)))
            holder = ROWS_FREE;
        else if (holder == ROWS_STREAMS)
            holder = ROWS_READ_LOCK;
    }
    return holder;
}

uint32_t rows_sweep(struct pool_readers *readers, int lock_fd, uint64_t *stuck)
{
    uint32_t cleared = 0;
    for (uint64_t kept = *stuck; kept; kept &= kept - 1) {
        uint32_t row = (uint32_t)__builtin_ctzll(kept);
        if (lock_release(lock_fd, LOCK_BYTE_ROW(row)) == 0)
            *stuck &= ~(UINT64_C(1) << row);
    }
    uint64_t used = load_relaxed(&readers->rows_in_use) | load_relaxed(&readers->lossless_rows);
    while (used) {
        uint32_t row = (uint32_t)__builtin_ctzll(used);
        used &= used - 1;
        /* Query the lock first: taking it, even for a moment, would refuse a stream that claims the row. */
        if (lock_is_held(lock_fd, LOCK_BYTE_ROW(row)) || lock_try(lock_fd, LOCK_BYTE_ROW(row)) != 0)
            continue;
        if (protocol_row_clear(readers, row))
            futex_wake_all(&readers->room_bell);
        if (lock_release(lock_fd, LOCK_BYTE_ROW(row)) != 0)
            *stuck |= UINT64_C(1) << row;
        cleared++;
    }
    return cleared;
}

/* The pins of one row: the number of slots, and the oldest of the samples in the first slots of its cells. */
static void describe_pins(const struct pool_readers *readers, const struct slot_lookup *lookup, pmipc_reader_info *info)
{
    for (uint32_t i = 0; i < PIN_CELLS; i++) {
        uint64_t cell = load_relaxed(&readers->cells[info->row][i]); /* for messages only */
        if (cell == 0 || !cell_is_sound(cell, lookup->slot_count))
            continue;
        info->pinned_slots += cell_count(cell);
        uint64_t seq = lookup->seq_of(lookup->context, cell_first(cell));
        if (seq && (info->oldest_pin_seq == 0 || seq < info->oldest_pin_seq))
            info->oldest_pin_seq = seq;
    }
}

uint32_t rows_describe(const struct pool_readers *readers, int fd, const struct slot_lookup *lookup,
                       pmipc_reader_info *infos, uint32_t capacity)
{
    uint32_t count = 0;
    uint64_t used = load_relaxed(&readers->rows_in_use);
    for (; used && count < capacity; used &= used - 1) {
        uint32_t row = (uint32_t)__builtin_ctzll(used);
        const struct row_facts *facts = &readers->facts[row];
        pmipc_reader_info *info = &infos[count++];
        memset(info, 0, sizeof *info);
        info->row = row;
        info->alive = lock_is_held(fd, LOCK_BYTE_ROW(row));
        info->pid = (int32_t)load_relaxed(&facts->pid);
        info->process = load_relaxed(&facts->process);
        info->last_seq = load_relaxed(&facts->last_seq);
        info->dropped = load_relaxed(&facts->dropped);
        info->copies = load_relaxed(&facts->copies);
        info->since_ns = load_relaxed(&facts->since_ns);
        info->lossless = room_is_held_by(readers, row);
        info->consumed = info->lossless ? load_relaxed(&facts->consumed) : 0;
        shared_text_load(facts->command, sizeof facts->command, info->command);
        describe_pins(readers, lookup, info);
    }
    return count;
}

static bool is_same_holder(const pmipc_reader_info *a, const pmipc_reader_info *b)
{
    return a->alive == b->alive && a->process == b->process && a->pid == b->pid && strcmp(a->command, b->command) == 0;
}

/* Append all streams of one process as one holder: "pid 12 'python3 view.py' (3 streams, 7 slots)". */
static void name_holder(const pmipc_reader_info *infos, uint32_t count, uint32_t first, const char *separator,
                        pmipc_error *error)
{
    uint32_t streams = 0, slots = 0;
    for (uint32_t i = first; i < count; i++) {
        if (!is_same_holder(&infos[i], &infos[first]))
            continue;
        streams++;
        slots += infos[i].pinned_slots;
    }
    error_append(error, "%spid %d '%s' (%s%u stream%s, %u slot%s)", separator, infos[first].pid, infos[first].command,
                 infos[first].alive ? "" : "dead, not swept yet: ", streams, streams == 1 ? "" : "s", slots,
                 slots == 1 ? "" : "s");
}

/* Keep only the readers that pin slots. Returns their number. */
static uint32_t keep_pinning(pmipc_reader_info *infos, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (infos[i].pinned_slots)
            infos[kept++] = infos[i];
    return kept;
}

void rows_name_holders(const struct pool_readers *readers, int fd, const struct slot_lookup *lookup, pmipc_error *error)
{
    if (!error)
        return;
    pmipc_reader_info infos[PIN_ROWS];
    uint32_t readers_count = rows_describe(readers, fd, lookup, infos, PIN_ROWS);
    uint32_t count = lookup->slot_count ? keep_pinning(infos, readers_count) : readers_count;
    uint32_t unnamed = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool named = false;
        for (uint32_t j = 0; j < i && !named; j++)
            named = is_same_holder(&infos[i], &infos[j]);
        if (named)
            continue;
        if (strlen(error->text) > sizeof error->text - ROOM_AFTER_HOLDERS)
            unnamed++;
        else
            name_holder(infos, count, i, i == 0 ? "held by " : ", ", error);
    }
    if (unnamed)
        error_append(error, " and %u more processes", unnamed);
    else if (readers_count == 0) /* streams hold the locks, but have not written their facts yet */
        error_append(error, "no reader has registered yet");
    else if (count == 0)
        error_append(error, "no reader pins a slot now");
}

void rows_name_lossless(const struct pool_readers *readers, int fd, uint64_t newest, pmipc_error *error)
{
    if (!error)
        return;
    pmipc_reader_info infos[PIN_ROWS];
    const struct slot_lookup no_pins = {0};
    const uint32_t count = rows_describe(readers, fd, &no_pins, infos, PIN_ROWS);
    uint32_t named = 0, unnamed = 0;
    for (uint32_t i = 0; i < count; i++) {
        const pmipc_reader_info *info = &infos[i];
        if (!info->lossless)
            continue;
        if (strlen(error->text) > sizeof error->text - ROOM_AFTER_HOLDERS) {
            unnamed++;
            continue;
        }
        const uint64_t unread = info->consumed < newest ? newest - info->consumed : 0;
        error_append(error, "%spid %d '%s'%s has %llu unread sample%s", named++ ? ", " : "", info->pid, info->command,
                     info->alive ? "" : " (dead, not swept yet)", (unsigned long long)unread, unread == 1 ? "" : "s");
    }
    if (unnamed)
        error_append(error, " and %u more streams", unnamed);
    else if (named == 0)
        error_append(error, "no lossless stream is connected");
}

void rows_register(struct pool_readers *readers, uint32_t row)
{
    struct row_facts *facts = &readers->facts[row];
    char command[sizeof facts->command];
    process_program(command, sizeof command);
    store_relaxed(&facts->pid, (uint32_t)getpid());
    store_relaxed(&facts->process, process_identity());
    store_relaxed(&facts->last_seq, 0);
    store_relaxed(&facts->dropped, 0);
    store_relaxed(&facts->copies, 0);
    store_relaxed(&facts->since_ns, clock_realtime_ns());
    shared_text_store(facts->command, sizeof facts->command, command);
}
