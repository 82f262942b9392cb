/* wait.c: public waiters, and waiting for several streams. */
#include <errno.h>
#include <stdlib.h>

#include "api/stream.h"
#include "os/cancel.h"
#include "os/clock.h"
#include "os/error.h"

#define ON_STACK 16

static pmipc_status waiter_make(pmipc_waiter *waiter, pmipc_stream *stream, bool above_newest)
{
    *waiter = (pmipc_waiter){0};
    if (!process_is(stream->generation))
        return PMIPC_FORKED;
    struct wait_target *target = malloc(sizeof *target);
    if (!target)
        return PMIPC_NO_MEMORY;
    struct pool_connection *connection =
        stream->connection && !connection_is_retired(stream->connection) ? stream->connection : NULL;
    const uint64_t seen = above_newest && connection ? connection_head_seq(connection) : stream->cursor;
    target_init(target, stream->anchor, connection, seen, stream->absent);
    waiter->target = target;
    return PMIPC_OK;
}

pmipc_status pmipc_waiter_init(pmipc_waiter *waiter, pmipc_stream *stream)
{
    return waiter_make(waiter, stream, false);
}

pmipc_status pmipc_waiter_init_newest(pmipc_waiter *waiter, pmipc_stream *stream)
{
    return waiter_make(waiter, stream, true);
}

pmipc_status pmipc_waiter_wait(const pmipc_waiter *waiters, uint32_t count, int64_t timeout_ns, uint32_t *ready)
{
    struct wait_target *on_stack[ON_STACK], **targets = on_stack;
    if (!waiters || count == 0)
        return PMIPC_INVALID_ARGUMENT;
    CANCELLATION_DEFERRED(cancel_state);
    if (count > ON_STACK && !(targets = malloc(count * sizeof *targets)))
        return PMIPC_NO_MEMORY;
    pmipc_status status = PMIPC_OK;
    for (uint32_t i = 0; i < count; i++) {
        targets[i] = waiters[i].target;
        if (!targets[i])
            status = PMIPC_INVALID_ARGUMENT;
    }
    uint32_t index = 0;
    struct wait_terms terms = {deadline_after(timeout_ns), cancel_state, free, targets == on_stack ? NULL : targets};
    if (!status)
        status = targets_wait(targets, count, &terms, &index);
    if (!status && ready)
        *ready = index;
    free(terms.held);
    return status;
}

void pmipc_waiter_release(pmipc_waiter *waiter)
{
    if (!waiter || !waiter->target)
        return;
    target_release(waiter->target);
    free(waiter->target);
    waiter->target = NULL;
}

/* Connect what can be, and see whether one has something new. Returns OK with *ready, NOTHING_NEW, or a failure. */
static pmipc_status look_at_all(pmipc_stream *const *streams, uint32_t count, uint32_t *ready)
{
    for (uint32_t i = 0; i < count; i++) {
        pmipc_stream *stream = streams[i];
        *ready = i;
        if (stream->connection && connection_head_seq(stream->connection) <= stream->cursor &&
            !connection_is_retired(stream->connection) && process_is(stream->generation) &&
            stream_finds_orphan(stream)) {
            if (stream->manual_reconnect)
                return stream_orphaned(stream);
            stream_disconnect(stream);
        }
        pmipc_status status = stream_connect(stream, false);
        if (status == PMIPC_OK && connection_head_seq(stream->connection) > stream->cursor)
            return PMIPC_OK;
        if (status && (status != PMIPC_NOT_CONNECTED || stream->manual_reconnect))
            return status;
    }
    return PMIPC_NOTHING_NEW;
}

/* What a wait for several streams holds. */
struct waited {
    pmipc_stream *const *streams;
    uint32_t count;
    struct wait_target *storage; /* count of them; those with an anchor are held */
    struct wait_target **targets;
};

static void release_waited(void *context)
{
    const struct waited *waited = context;
    for (uint32_t i = 0; waited->storage && i < waited->count; i++)
        if (waited->storage[i].anchor)
            target_release(&waited->storage[i]);
    free(waited->storage);
    free(waited->targets);
}

/* Sleep until a stream has something to look at; then look. Returns as look_at_all, and TIMEOUT, INTERRUPTED. */
static pmipc_status wait_and_look(struct waited *waited, const struct wait_terms *terms, uint32_t *ready)
{
    for (uint32_t i = 0; i < waited->count; i++) {
        const pmipc_stream *stream = waited->streams[i];
        waited->targets[i] = &waited->storage[i];
        target_init(waited->targets[i], stream->anchor, stream->connection, stream->cursor, stream->absent);
    }
    pmipc_status status = targets_wait(waited->targets, waited->count, terms, ready);
    for (uint32_t i = 0; i < waited->count; i++)
        target_release(waited->targets[i]);
    if (status == PMIPC_OK)
        status = look_at_all(waited->streams, waited->count, ready);
    return status == PMIPC_NOTHING_NEW && clock_monotonic_ns() >= terms->deadline_ns ? PMIPC_TIMEOUT : status;
}

pmipc_status pmipc_stream_wait_any(pmipc_stream *const *streams, uint32_t count, int64_t timeout_ns, uint32_t *ready)
{
    uint32_t index = 0;
    if (!streams || count == 0)
        return PMIPC_INVALID_ARGUMENT;
    CANCELLATION_DEFERRED(cancel_state);
    struct waited waited = {.streams = streams,
                            .count = count,
                            .storage = calloc(count, sizeof *waited.storage),
                            .targets = calloc(count, sizeof *waited.targets)};
    pmipc_status status =
        waited.storage && waited.targets
            ? look_at_all(streams, count, &index)
            : error_set(&streams[0]->error, PMIPC_NO_MEMORY, ENOMEM, "pool '%s': out of memory to wait for %u streams",
                        streams[0]->anchor->place.name, count);
    const struct wait_terms terms = {deadline_after(timeout_ns), cancel_state, release_waited, &waited};
    for (uint32_t turn = 0; status == PMIPC_NOTHING_NEW; turn++) {
        if (turn > FRUITLESS_WAITS)
            clock_pause_ns(FRUITLESS_PAUSE_NS);
        status = wait_and_look(&waited, &terms, &index);
    }
    release_waited(&waited);
    if (ready)
        *ready = index;
    return status;
}
