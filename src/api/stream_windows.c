/* stream_windows.c: reading several samples as one view: the newest ones, or all above the cursor. */
#include "api/stream.h"

pmipc_status pmipc_stream_get_window(pmipc_stream *stream, uint32_t min_count, uint32_t max_count, pmipc_view *view)
{
    view->owner = NULL;
    pmipc_status status = stream_connect_to_read(stream, &stream->seen_by_windows);
    if (status)
        return status;
    uint32_t history_len = stream->connection->protocol.history_len;
    if (min_count < 1 || min_count > max_count || max_count > history_len)
        return error_set(
            &stream->error, PMIPC_INVALID_ARGUMENT, 0,
            "pool '%s': a window of %u to %u samples is out of range: the history has %u samples. Open the "
            "producer with a larger history_len",
            stream->shared->place.name, min_count, max_count, history_len);
    do { /* lock-free: the producer has published in each turn */
        uint64_t newest = connection_head_seq(stream->connection);
        status = connection_view_window(stream->connection, 0, min_count, max_count, view);
        if (status == PMIPC_TOO_FEW && min_count == 1 && newest > 0)
            status = stream_take_head(stream, newest, view);
    } while (status == PMIPC_NOTHING_NEW);
    if (!status)
        stream_count_view(stream, view);
    return stream_end_read(stream, status);
}

__attribute__((cold, noinline)) static pmipc_status get_unseen_lossless(pmipc_stream *stream, pmipc_view *view)
{
    stream_begin_lossless(stream);
    const pmipc_status status = pmipc_stream_get_unseen(stream, view);
    stream_end_lossless(stream);
    return status;
}

pmipc_status pmipc_stream_get_unseen(pmipc_stream *stream, pmipc_view *view)
{
    view->owner = NULL;
    stream->takes_new = true;
    pmipc_status status = stream_connect(stream, READ_EVERY, false);
    if (!status && connection_head_seq(stream->connection) <= stream->cursor && stream_leave_orphaned(stream))
        status = stream_connect(stream, READ_EVERY, false);
    if (status)
        return status == STREAM_IS_LOSSLESS ? get_unseen_lossless(stream, view) : status;
    do { /* lock-free: the producer has published in each turn */
        uint64_t newest = connection_head_seq(stream->connection);
        if (newest <= stream->cursor)
            return PMIPC_NOTHING_NEW;
        status = connection_view_window(stream->connection, stream->cursor, 1, stream->connection->protocol.history_len,
                                        view);
        if (status == PMIPC_TOO_FEW)
            status = stream_take_head(stream, newest, view);
    } while (status == PMIPC_NOTHING_NEW);
    if (status)
        return stream_end_read(stream, status);
    view->lost = view->seq - view->frame_count - stream->cursor;
    stream_count_lost(stream, view->lost);
    stream->cursor = view->seq;
    stream_count_view(stream, view);
    return PMIPC_OK;
}
