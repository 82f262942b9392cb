/* stream_at.c: reading and waiting by stamp. */
#include "api/stream.h"
#include "os/cancel.h"

/* Distance of a stamp from the wanted one; UINT64_MAX: method or tolerance exclude it. */
static uint64_t distance(int64_t stamp_ns, int64_t wanted_ns, pmipc_at_method method, int64_t tolerance_ns)
{
    if ((method == PMIPC_AT_BEFORE && stamp_ns > wanted_ns) || (method == PMIPC_AT_AFTER && stamp_ns < wanted_ns))
        return UINT64_MAX;
    uint64_t far =
        stamp_ns > wanted_ns ? (uint64_t)stamp_ns - (uint64_t)wanted_ns : (uint64_t)wanted_ns - (uint64_t)stamp_ns;
    return tolerance_ns >= 0 && far > (uint64_t)tolerance_ns ? UINT64_MAX : far;
}

/* *best_seq: the sample whose stamp fits best, 0 for none. Begins at the newest, so that of two equally near samples
 * the newer one is taken. TOO_FEW: the ring does not have the newest sample. */
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
            return PMIPC_TOO_FEW; /* it has left the history, or the ring does not have what head names */
        if (status == PMIPC_NOTHING_NEW)
            break; /* the history ends here: the oldest entries leave first */
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
        return error_set(&stream->error, PMIPC_INVALID_ARGUMENT, 0, "pool '%s': unknown method of get_at",
                         stream->shared->place.name);
    pmipc_status status = stream_connect_to_read(stream, &stream->seen_by_windows);
    if (status)
        return status;
    do { /* lock-free: the producer has published in each turn */
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
    /* stream_take_head does not check the stamp. */
    if (distance(view->stamp_ns, stamp_ns, method, tolerance_ns) == UINT64_MAX) {
        pmipc_view_release(view);
        return PMIPC_NOTHING_NEW;
    }
    stream_count_view(stream, view);
    return PMIPC_OK;
}

/* OK when the history has a sample of this stamp or a later one, NOTHING_NEW when not; other: a failure. */
static pmipc_status look_for_later(pmipc_stream *stream, int64_t stamp_ns)
{
    pmipc_status status = stream_connect_to_read(stream, &stream->seen_by_windows);
    if (status)
        return status;
    do { /* lock-free: the producer has published in each turn */
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

/* A wait for a stamp. */
struct stamp_wait {
    struct stream_wait wait; /* first: looks cast it back */
    struct wait_target target;
    int64_t stamp_ns;
};

/* One look. Before it searches the history, it stores head in seen_by_windows: a sample that is published after that
 * ends the sleep. */
static pmipc_status look_for_stamp(pmipc_stream *stream, int64_t stamp_ns, bool polls)
{
    pmipc_status status = stream_connect(stream, READ_HISTORY, !polls);
    if (!status)
        status = look_for_later(stream, stamp_ns);
    if (status == PMIPC_NOTHING_NEW)
        return stream_check_orphaned(stream);
    return status == PMIPC_NOT_CONNECTED && !stream->manual_reconnect ? PMIPC_NOTHING_NEW : status;
}

static pmipc_status look_for_stamp_again(struct stream_wait *wait)
{
    return look_for_stamp(wait->streams[0], ((const struct stamp_wait *)wait)->stamp_ns, false);
}

pmipc_status pmipc_stream_wait_at(pmipc_stream *stream, int64_t stamp_ns, int64_t timeout_ns)
{
    pmipc_status status = look_for_stamp(stream, stamp_ns, timeout_ns == 0);
    if (status != PMIPC_NOTHING_NEW)
        return status;
    if (timeout_ns == 0)
        return PMIPC_TIMEOUT;
    CANCELLATION_DEFERRED(cancel_state);
    struct stamp_wait self = {.stamp_ns = stamp_ns};
    self.wait = (struct stream_wait){.streams = &stream,
                                     .count = 1,
                                     .look = look_for_stamp_again,
                                     .by_stamp = true,
                                     .targets = &self.target,
                                     .cancel_state = cancel_state};
    return stream_wait(&self.wait, timeout_ns);
}
