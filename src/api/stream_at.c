/* stream_at.c: the sample in history whose stamp fits best. */
#include "api/stream.h"
#include "os/cancel.h"
#include "os/clock.h"

/* How far a stamp is from the one asked for; UINT64_MAX when method or tolerance rule it out. */
static uint64_t distance(int64_t stamp_ns, int64_t wanted_ns, pmipc_at_method method, int64_t tolerance_ns)
{
    if ((method == PMIPC_AT_BEFORE && stamp_ns > wanted_ns) || (method == PMIPC_AT_AFTER && stamp_ns < wanted_ns))
        return UINT64_MAX;
    uint64_t far =
        stamp_ns > wanted_ns ? (uint64_t)stamp_ns - (uint64_t)wanted_ns : (uint64_t)wanted_ns - (uint64_t)stamp_ns;
    return tolerance_ns >= 0 && far > (uint64_t)tolerance_ns ? UINT64_MAX : far;
}

/* The sample that fits best, newest first so that ties go to the newer one. 0: none. TOO_FEW: history held nothing by
 * the time it was looked at. */
static pmipc_status find_at(pmipc_stream *stream, int64_t wanted_ns, pmipc_at_method method, int64_t tolerance_ns,
                            uint64_t *best_seq)
{
    uint64_t newest = connection_head_seq(stream->connection);
    uint64_t best = UINT64_MAX, history_len = stream->connection->protocol.history_len;
    *best_seq = 0;
    for (uint64_t seq = newest; seq > 0 && newest - seq < history_len; seq--) {
        int64_t stamp_ns = 0;
        pmipc_status status = connection_stamp_of(stream->connection, seq, &stamp_ns);
        if (status == PMIPC_NOTHING_NEW && seq == newest)
            return PMIPC_TOO_FEW; /* not even the newest: it has left, or head promises what the ring does not have */
        if (status == PMIPC_NOTHING_NEW)
            break; /* history ends here: entries leave from the oldest on */
        if (status)
            return status;
        uint64_t far = distance(stamp_ns, wanted_ns, method, tolerance_ns);
        if (far < best) {
            best = far;
            *best_seq = seq;
        }
    }
    return PMIPC_OK;
}

pmipc_status pmipc_stream_get_at(pmipc_stream *stream, int64_t stamp_ns, pmipc_at_method method, int64_t tolerance_ns,
                                 pmipc_view *view)
{
    view->owner = NULL;
    if ((int)method < PMIPC_AT_NEAREST || method > PMIPC_AT_AFTER)
        return error_set(&stream->error, PMIPC_INVALID_ARGUMENT, 0, "pool '%s': no such method of get_at",
                         stream->anchor->place.name);
    pmipc_status status = stream_connect_to_read(stream, &stream->seen_by_windows);
    if (status)
        return status;
    do { /* lock-free: each turn means that the producer has published */
        uint64_t seq, newest = connection_head_seq(stream->connection);
        status = find_at(stream, stamp_ns, method, tolerance_ns, &seq);
        if (!status && seq == 0)
            return PMIPC_NOTHING_NEW;
        if (!status)
            status = connection_view_seq(stream->connection, seq, view);
        else if (status == PMIPC_TOO_FEW)
            status = stream_take_head(stream, newest, view);
    } while (status == PMIPC_NOTHING_NEW);
    if (status)
        return stream_end_read(stream, status);
    /* It may be head, whose stamp nobody had looked at. */
    if (distance(view->stamp_ns, stamp_ns, method, tolerance_ns) == UINT64_MAX) {
        pmipc_view_release(view);
        return PMIPC_NOTHING_NEW;
    }
    stream_count_view(stream, view);
    return PMIPC_OK;
}

/* Whether history holds a sample stamped at or after. OK, NOTHING_NEW, and as stream_connect_to_read. */
static pmipc_status look_for_later(pmipc_stream *stream, int64_t stamp_ns)
{
    pmipc_status status = stream_connect_to_read(stream, &stream->seen_by_windows);
    if (status)
        return status;
    do { /* lock-free: each turn means that the producer has published */
        uint64_t seq, newest = connection_head_seq(stream->connection);
        pmipc_view view;
        status = find_at(stream, stamp_ns, PMIPC_AT_AFTER, -1, &seq);
        if (!status)
            return seq ? PMIPC_OK : PMIPC_NOTHING_NEW;
        if (status != PMIPC_TOO_FEW)
            return stream_end_read(stream, status);
        status = stream_take_head(stream, newest, &view);
        if (!status) {
            const bool is_later = view.stamp_ns >= stamp_ns;
            pmipc_view_release(&view);
            return is_later ? PMIPC_OK : PMIPC_NOTHING_NEW;
        }
    } while (status == PMIPC_NOTHING_NEW);
    return stream_end_read(stream, status);
}

/* One turn: what is published after the target was made ends the wait, so that nothing is missed between look and
 * sleep. NOTHING_NEW: something happened, look again. A deadline of 0: only look. */
static pmipc_status wait_for_later(pmipc_stream *stream, int64_t stamp_ns, int64_t deadline_ns)
{
    CANCELLATION_DEFERRED(cancel_state);
    struct wait_target target, *targets[] = {&target};
    uint32_t ready;
    pmipc_status status = stream_connect(stream, deadline_ns != 0);
    if (status && !(status == PMIPC_NOT_CONNECTED && !stream->manual_reconnect))
        return status;
    struct pool_connection *connection = status ? NULL : stream->connection;
    target_init(&target, stream->anchor, connection, connection ? connection_head_seq(connection) : 0, stream->absent);
    const struct wait_terms terms = {deadline_ns, cancel_state, target_clean_up, &target};
    status = look_for_later(stream, stamp_ns);
    if (status == PMIPC_NOTHING_NEW)
        status = stream_check_orphan(stream);
    if (status == PMIPC_NOTHING_NEW || (status == PMIPC_NOT_CONNECTED && !stream->manual_reconnect)) {
        status = clock_monotonic_ns() >= deadline_ns ? PMIPC_TIMEOUT : targets_wait(targets, 1, &terms, &ready);
        status = status ? status : PMIPC_NOTHING_NEW;
    }
    target_release(&target);
    return status;
}

pmipc_status pmipc_stream_wait_at(pmipc_stream *stream, int64_t stamp_ns, int64_t timeout_ns)
{
    const int64_t deadline_ns = timeout_ns == 0 ? 0 : deadline_after(timeout_ns);
    uint32_t fruitless = 0; /* turns in which nothing was published */
    for (;;) {
        const uint64_t newest = stream->seen_by_windows;
        pmipc_status status = wait_for_later(stream, stamp_ns, deadline_ns);
        if (status != PMIPC_NOTHING_NEW)
            return status;
        fruitless = newest == stream->seen_by_windows ? fruitless + 1 : 0;
        if (fruitless > FRUITLESS_WAITS)
            clock_pause_ns(FRUITLESS_PAUSE_NS);
    }
}
