/* wait.c: waiting: for streams in the thread that uses them, and with waiters in any thread. */
#include <errno.h>
#include <stdlib.h>

#include "api/stream.h"
#include "os/cancel.h"
#include "os/clock.h"
#include "os/error.h"

#define TARGETS_ON_STACK 16

/* ---- streams ---- */

static void release_targets(struct stream_wait *wait)
{
    for (uint32_t i = 0; i < wait->count; i++)
        if (wait->targets[i].shared)
            target_release(&wait->targets[i]);
}

static void clean_up_wait(void *context)
{
    struct stream_wait *wait = context;
    release_targets(wait);
    if (wait->allocated)
        free(wait->targets);
}

static pmipc_status sleep_until_ready(struct stream_wait *wait, const struct wait_terms *terms)
{
    for (uint32_t i = 0; i < wait->count; i++) {
        const pmipc_stream *stream = wait->streams[i];
        target_init(&wait->targets[i], stream->shared, stream->connection,
                    wait->by_stamp ? stream->seen_by_windows : stream->cursor, stream->absent);
    }
    pmipc_status status = targets_wait(wait->targets, wait->count, terms, &wait->ready);
    release_targets(wait);
    return status;
}

pmipc_status stream_wait(struct stream_wait *wait, int64_t timeout_ns)
{
    pmipc_wait time = pmipc_wait_begin(timeout_ns, PMIPC_FOREVER);
    const struct wait_terms terms = {&time, wait->cancel_state, clean_up_wait, wait};
    for (;;) {
        pmipc_status status = sleep_until_ready(wait, &terms);
        if (status)
            return status;
        const uint64_t seen = wait->streams[0]->seen_by_windows;
        status = wait->look(wait);
        if (status != PMIPC_NOTHING_NEW)
            return status;
        if (clock_monotonic_ns() >= time.deadline_ns)
            return PMIPC_TIMEOUT; /* also when samples of other stamps keep arriving */
        if (wait->by_stamp && wait->streams[0]->seen_by_windows != seen)
            time.spurious_wakes = 0;
    }
}

/* Connect the streams that are not connected. OK when one has a new sample. */
static pmipc_status look_at_all(struct stream_wait *wait)
{
    for (uint32_t i = 0; i < wait->count; i++) {
        pmipc_stream *stream = wait->streams[i];
        wait->ready = i;
        stream->takes_new = true;
        if (stream->connection && connection_head_seq(stream->connection) <= stream->cursor &&
            !connection_is_retired(stream->connection) && process_is(stream->generation) &&
            stream_is_orphaned(stream)) {
            if (stream->manual_reconnect)
                return stream_fail_orphaned(stream);
            stream_disconnect(stream);
        }
        pmipc_status status = stream_connect(stream, READ_EVERY, false);
        if (status == STREAM_IS_LOSSLESS)
            status = stream_connect_lossless(stream);
        if (status == PMIPC_OK && connection_head_seq(stream->connection) > stream->cursor)
            return PMIPC_OK;
        if (status && (status != PMIPC_NOT_CONNECTED || stream->manual_reconnect))
            return status;
    }
    return PMIPC_NOTHING_NEW;
}

pmipc_status pmipc_stream_wait_any(pmipc_stream *const *streams, uint32_t count, int64_t timeout_ns, uint32_t *ready)
{
    if (!streams || count == 0)
        return PMIPC_INVALID_ARGUMENT;
    CANCELLATION_DEFERRED(cancel_state);
    struct stream_wait wait = {.streams = streams,
                               .count = count,
                               .look = look_at_all,
                               .allocated = true,
                               .targets = calloc(count, sizeof *wait.targets),
                               .cancel_state = cancel_state};
    pmipc_status status = wait.targets ? look_at_all(&wait)
                                       : error_set(&streams[0]->error, PMIPC_NO_MEMORY, ENOMEM,
                                                   "pool '%s': out of memory to wait for %u streams",
                                                   streams[0]->shared->place.name, count);
    if (status == PMIPC_NOTHING_NEW)
        status = timeout_ns == 0 ? PMIPC_TIMEOUT : stream_wait(&wait, timeout_ns);
    free(wait.targets);
    if (ready)
        *ready = wait.ready;
    return status;
}

/* ---- waiters ---- */

static pmipc_status make_waiter(pmipc_waiter *waiter, pmipc_stream *stream, bool above_newest)
{
    *waiter = (pmipc_waiter){0};
    if (!process_is(stream->generation))
        return PMIPC_FORKED;
    struct wait_target *target = malloc(sizeof *target);
    if (!target)
        return PMIPC_NO_MEMORY;
    struct pool_connection *connection =
        stream->connection && (!connection_is_retired(stream->connection) || stream_drains(stream, READ_EVERY))
            ? stream->connection
            : NULL;
    const uint64_t seen = above_newest && connection ? connection_head_seq(connection) : stream->cursor;
    target_init(target, stream->shared, connection, seen, stream->absent);
    waiter->target = target;
    return PMIPC_OK;
}

pmipc_status pmipc_waiter_init(pmipc_waiter *waiter, pmipc_stream *stream)
{
    return make_waiter(waiter, stream, false);
}

pmipc_status pmipc_waiter_init_newest(pmipc_waiter *waiter, pmipc_stream *stream)
{
    return make_waiter(waiter, stream, true);
}

pmipc_status pmipc_wait_sleep(pmipc_wait *wait, const pmipc_waiter *waiters, uint32_t count, uint32_t *ready)
{
    /* Copies without references of their own: the waiters keep theirs. */
    struct wait_target on_stack[TARGETS_ON_STACK], *targets = on_stack;
    if (!wait || !waiters || count == 0)
        return PMIPC_INVALID_ARGUMENT;
    CANCELLATION_DEFERRED(cancel_state);
    if (count > TARGETS_ON_STACK && !(targets = malloc(count * sizeof *targets)))
        return PMIPC_NO_MEMORY;
    pmipc_status status = PMIPC_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (waiters[i].target)
            targets[i] = *(const struct wait_target *)waiters[i].target;
        else
            status = PMIPC_INVALID_ARGUMENT;
    }
    uint32_t index = 0;
    const struct wait_terms terms = {wait, cancel_state, free, targets == on_stack ? NULL : targets};
    if (!status)
        status = targets_wait(targets, count, &terms, &index);
    if (!status && ready)
        *ready = index;
    free(terms.held);
    return status;
}

pmipc_status pmipc_waiter_wait(const pmipc_waiter *waiters, uint32_t count, int64_t timeout_ns, uint32_t *ready)
{
    pmipc_wait wait = pmipc_wait_begin(timeout_ns, PMIPC_FOREVER);
    return pmipc_wait_sleep(&wait, waiters, count, ready);
}

void pmipc_waiter_release(pmipc_waiter *waiter)
{
    if (!waiter || !waiter->target)
        return;
    target_release(waiter->target);
    free(waiter->target);
    waiter->target = NULL;
}
