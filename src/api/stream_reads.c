/* stream_reads.c: reading one sample and moving the cursor to it. */
#include "api/stream.h"
#include "os/cancel.h"

__attribute__((cold, noinline)) static pmipc_status get_last_lossless(pmipc_stream *stream, pmipc_view *view)
{
    stream_begin_lossless(stream);
    const pmipc_status status = pmipc_stream_get_last(stream, view);
    stream_end_lossless(stream);
    return status;
}

pmipc_status pmipc_stream_get_last(pmipc_stream *stream, pmipc_view *view)
{
    view->owner = NULL;
    pmipc_status status = stream_connect(stream, READ_NEWEST, false);
    if (!status && connection_head_seq(stream->connection) <= stream->cursor && stream_leave_orphaned(stream))
        status = stream_connect(stream, READ_NEWEST, false);
    if (status)
        return status == STREAM_IS_LOSSLESS ? get_last_lossless(stream, view) : status;
    status = connection_view_newest(stream->connection, view);
    if (status)
        return stream_end_read(stream, status);
    stream->cursor = view->seq;
    stream_count_view(stream, view);
    return PMIPC_OK;
}

static pmipc_status take_newest(pmipc_stream *stream, pmipc_view *view)
{
    if (connection_head_seq(stream->connection) <= stream->cursor)
        return PMIPC_NOTHING_NEW;
    pmipc_status status = connection_view_newest(stream->connection, view);
    if (!status)
        stream->cursor = view->seq;
    return status;
}

void stream_count_lost(pmipc_stream *stream, uint64_t lost)
{
    uint64_t last = stream->cursor + lost;
    uint64_t counted = stream->dropped_up_to > stream->cursor ? stream->dropped_up_to : stream->cursor;
    if (last <= counted)
        return;
    stream->dropped_up_to = last;
    stream->dropped += last - counted;
    struct row_facts *facts = &stream->connection->readers->facts[stream->connection->protocol.row];
    fetch_add_relaxed(&facts->dropped, last - counted); /* a fact */
}

static void move_cursor_to(pmipc_stream *stream, uint64_t seq, pmipc_view *view)
{
    view->lost = seq - stream->cursor - 1;
    stream_count_lost(stream, view->lost);
    stream->cursor = seq;
}

pmipc_status stream_take_head(pmipc_stream *stream, uint64_t newest, pmipc_view *view)
{
    if (connection_head_seq(stream->connection) != newest)
        return PMIPC_NOTHING_NEW;
    pmipc_status status = connection_view_newest(stream->connection, view);
    if (status || view->seq == newest)
        return status;
    pmipc_view_release(view);
    return PMIPC_NOTHING_NEW;
}

static pmipc_status take_next(pmipc_stream *stream, pmipc_view *view)
{
    uint64_t history_len = stream->connection->protocol.history_len;
    uint64_t wanted = stream->cursor + 1;
    for (;;) { /* lock-free: in each turn the producer has published, or `wanted` is a sample that it has given up */
        uint64_t newest = connection_head_seq(stream->connection);
        if (newest <= stream->cursor)
            return PMIPC_NOTHING_NEW;
        if (newest >= wanted && newest - wanted >= history_len)
            wanted = newest - history_len + 1;
        bool passed = wanted > newest;
        pmipc_status status =
            passed ? stream_take_head(stream, newest, view) : connection_view_seq(stream->connection, wanted, view);
        if (status == PMIPC_OK)
            move_cursor_to(stream, passed ? newest : wanted, view);
        if (status != PMIPC_NOTHING_NEW)
            return status;
        if (!passed)
            wanted++; /* this one has just left the history */
    }
}

pmipc_status stream_check_orphaned(pmipc_stream *stream)
{
    if (!stream->manual_reconnect || !load_relaxed(&stream->shared->orphaned))
        return PMIPC_NOTHING_NEW;
    return stream_is_orphaned(stream) ? stream_fail_orphaned(stream) : PMIPC_NOTHING_NEW;
}

/* A wait for one sample of one stream. */
struct sample_wait {
    struct stream_wait wait; /* first: looks cast it back */
    struct wait_target target;
    pmipc_view *view;
    pmipc_status (*take)(pmipc_stream *, pmipc_view *);
};

static pmipc_status look_lossless(pmipc_stream *stream, bool polls, pmipc_view *view,
                                  pmipc_status (*take)(pmipc_stream *, pmipc_view *));

/* One look. NOTHING_NEW: wait, or return TIMEOUT. `polls`: the caller does not wait. */
static inline pmipc_status look_for_sample(pmipc_stream *stream, bool polls, pmipc_view *view,
                                           pmipc_status (*take)(pmipc_stream *, pmipc_view *))
{
    pmipc_status status;
    do {
        status = stream_connect(stream, take == take_next ? READ_EVERY : READ_NEWEST, !polls);
        if (!status)
            status = take(stream, view);
        if (!status) {
            stream_count_view(stream, view);
            return PMIPC_OK;
        }
    } while (status == PMIPC_NOTHING_NEW && stream_leave_orphaned(stream));
    if (status == PMIPC_NOTHING_NEW)
        return stream_check_orphaned(stream);
    if (status == PMIPC_NOT_CONNECTED && !stream->manual_reconnect)
        return PMIPC_NOTHING_NEW;
    if (status == STREAM_IS_LOSSLESS)
        return look_lossless(stream, polls, view, take);
    return stream_end_read(stream, status);
}

__attribute__((cold, noinline)) static pmipc_status look_lossless(pmipc_stream *stream, bool polls, pmipc_view *view,
                                                                  pmipc_status (*take)(pmipc_stream *, pmipc_view *))
{
    stream_begin_lossless(stream);
    const pmipc_status status = look_for_sample(stream, polls, view, take);
    stream_end_lossless(stream);
    return status;
}

static pmipc_status look_for_sample_again(struct stream_wait *wait)
{
    const struct sample_wait *self = (const struct sample_wait *)wait;
    return look_for_sample(wait->streams[0], false, self->view, self->take);
}

__attribute__((noinline)) static pmipc_status wait_for_sample(pmipc_stream *stream, int64_t timeout_ns,
                                                              pmipc_view *view,
                                                              pmipc_status (*take)(pmipc_stream *, pmipc_view *))
{
    CANCELLATION_DEFERRED(cancel_state);
    struct sample_wait self = {.view = view, .take = take};
    self.wait = (struct stream_wait){.streams = &stream,
                                     .count = 1,
                                     .look = look_for_sample_again,
                                     .targets = &self.target,
                                     .cancel_state = cancel_state};
    return stream_wait(&self.wait, timeout_ns);
}

static inline pmipc_status get_waiting(pmipc_stream *stream, int64_t timeout_ns, pmipc_view *view,
                                       pmipc_status (*take)(pmipc_stream *, pmipc_view *))
{
    view->owner = NULL;
    stream->takes_new = true;
    pmipc_status status = look_for_sample(stream, timeout_ns == 0, view, take);
    if (status != PMIPC_NOTHING_NEW)
        return status;
    return timeout_ns == 0 ? PMIPC_TIMEOUT : wait_for_sample(stream, timeout_ns, view, take);
}

pmipc_status pmipc_stream_get_new(pmipc_stream *stream, int64_t timeout_ns, pmipc_view *view)
{
    return get_waiting(stream, timeout_ns, view, take_newest);
}

pmipc_status pmipc_stream_get_next(pmipc_stream *stream, int64_t timeout_ns, pmipc_view *view)
{
    return get_waiting(stream, timeout_ns, view, take_next);
}
