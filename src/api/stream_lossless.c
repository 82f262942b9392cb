/* stream_lossless.c: a lossless stream tells its pool which samples it has read.
 *
 * The reads of a lossless stream leave the fast path at its first check, so that other streams need no check of their
 * own. They are repeated with that check passing, and followed by stream_consume. */
#include "api/stream.h"
#include "os/futex.h"

void stream_begin_lossless(pmipc_stream *stream)
{
    stream->read_generation = stream->generation;
}

void stream_end_lossless(pmipc_stream *stream)
{
    stream->read_generation = NO_GENERATION;
    if (stream->connection)
        stream_consume(stream);
}

/* What the stream has told the pool. */
static uint64_t cursor_in_pool(const struct pool_connection *connection)
{
    return load_relaxed(&connection->readers->facts[connection->protocol.row].consumed);
}

void stream_consume(pmipc_stream *stream)
{
    const struct pool_connection *connection = stream->connection;
    if (!protocol_row_is_own(&connection->protocol) || cursor_in_pool(connection) == stream->cursor)
        return;
    if (room_move(connection->readers, connection->protocol.row, stream->cursor))
        futex_wake_all(&connection->readers->room_bell);
}

void stream_join(pmipc_stream *stream, bool is_first)
{
    if (!stream->lossless)
        return;
    const struct pool_connection *connection = stream->connection;
    const uint64_t consumed_before = room_consumed(connection->readers);
    const uint64_t hold = is_first || stream->cursor > consumed_before ? consumed_before : stream->cursor;
    uint64_t consumed = room_join(connection->readers, connection->protocol.row, hold);
    const uint64_t newest = connection_head_seq(connection); /* after `consumed` [CONSUMED] */
    consumed = consumed < newest ? consumed : newest;        /* it is untrusted */
    if (is_first && consumed > stream->cursor)
        stream->cursor = consumed;
    stream_consume(stream);
}
