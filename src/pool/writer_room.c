/* writer_room.c: back pressure: a producer that keeps unread samples waits for lossless streams, or refuses. */
#include <errno.h>

#include "os/cancel.h"
#include "os/clock.h"
#include "os/futex.h"
#include "pool/rows.h"
#include "pool/writer.h"

#define SWEEP_INTERVAL_NS 10000000
#define TEXT_INTERVAL_NS 10000000
#define LONGEST_SLEEP_NS 100000000 /* dead streams are looked for after it: it bounds the delay of a lost wake */

/* The writer whose streams hold samples. The pool that will replace another one has no streams yet. */
static struct pool_writer *holders_of(struct pool_writer *writer)
{
    return writer->predecessor ? writer->predecessor : writer;
}

static bool find_room(struct pool_writer *writer)
{
    struct pool_writer *holders = holders_of(writer);
    if (holders != writer) {
        (void)protocol_find_room(&holders->protocol);
        room_consume(writer->readers, holders->protocol.floor);
    }
    return protocol_find_room(&writer->protocol);
}

static bool sweep_and_find_room(struct pool_writer *writer, int64_t now_ns)
{
    struct pool_writer *holders = holders_of(writer);
    if (now_ns < holders->next_sweep_ns)
        return false;
    holders->next_sweep_ns = now_ns + SWEEP_INTERVAL_NS;
    return writer_sweep(holders) && find_room(writer);
}

/* Naming the holders queries the lock of each row: once in TEXT_INTERVAL_NS while they hold the same sample. */
static pmipc_status refuse_unread(struct pool_writer *writer, int64_t now_ns)
{
    struct pool_writer *holders = holders_of(writer);
    if (writer->error->status == PMIPC_FULL && now_ns < writer->next_unread_text_ns &&
        writer->unread_text_floor == writer->protocol.floor)
        return PMIPC_FULL;
    writer->unread_text_floor = writer->protocol.floor;
    writer->next_unread_text_ns = now_ns + TEXT_INTERVAL_NS;
    writer->next_full_text_ns = 0;
    error_set(writer->error, PMIPC_FULL, 0, "pool '%s' is full: lossless streams have not read sample %llu; ",
              writer->description->header.name, (unsigned long long)(writer->protocol.floor + 1));
    rows_name_lossless(holders->readers, holders->fd, writer->protocol.seq, writer->error);
    error_append(writer->error,
                 ". Nothing was published. Wait for the readers, or open the producer with a larger history_len (%u)",
                 writer->protocol.history_len);
    return PMIPC_FULL;
}

pmipc_status writer_wait_room(struct pool_writer *writer, int64_t timeout_ns, int cancel_state)
{
    int64_t deadline_ns;
    if (timeout_ns < 0 || __builtin_add_overflow(clock_monotonic_ns(), timeout_ns, &deadline_ns))
        deadline_ns = INT64_MAX;
    struct pool_readers *readers = holders_of(writer)->readers;
    while (writer->protocol.seq >= writer->protocol.seq_limit && writer->protocol.seq < SEQ_MAX) {
        if (writer_is_lost(writer))
            return writer_lost(writer);
        const uint32_t bell = room_wait_begin(readers);
        const int64_t now_ns = clock_monotonic_ns();
        if (find_room(writer) || sweep_and_find_room(writer, now_ns))
            return PMIPC_OK;
        if (now_ns >= deadline_ns)
            return PMIPC_TIMEOUT;
        cancel_act(cancel_state);
        const int64_t left_ns = deadline_ns - now_ns;
        const int result =
            futex_wait(&readers->room_bell, bell, left_ns < LONGEST_SLEEP_NS ? left_ns : LONGEST_SLEEP_NS);
        if (result == EINTR)
            return PMIPC_INTERRUPTED;
        if (result != 0 && result != ETIMEDOUT) /* the kernel or a sandbox refuses the call: never spin */
            clock_pause_ns(left_ns < SWEEP_INTERVAL_NS ? left_ns : SWEEP_INTERVAL_NS);
    }
    return PMIPC_OK;
}

__attribute__((cold, noinline)) pmipc_status writer_make_room(struct pool_writer *writer)
{
    if (writer->protocol.seq >= SEQ_MAX)
        return writer_used_up(writer);
    if (find_room(writer))
        return PMIPC_OK;
    CANCELLATION_DEFERRED(cancel_state);
    if (sweep_and_find_room(writer, clock_monotonic_ns()))
        return PMIPC_OK;
    if (writer->overflow == PMIPC_OVERFLOW_WAIT && writer->timeout_ns != 0) {
        const pmipc_status status = writer_wait_room(writer, writer->timeout_ns, cancel_state);
        if (status == PMIPC_INTERRUPTED)
            return error_set(writer->error, status, EINTR, "pool '%s': a signal interrupted the wait for its streams",
                             writer->description->header.name);
        if (status != PMIPC_TIMEOUT)
            return status;
    }
    return refuse_unread(writer, clock_monotonic_ns());
}
