/* stream_facts.c: facts of a stream and of its pool. */
#include <string.h>

#include "api/stream.h"
#include "os/cancel.h"
#include "registry/elsewhere.h"

void pmipc_stream_last_error(const pmipc_stream *stream, pmipc_error *error)
{
    if (!error)
        return;
    CANCELLATION_DEFERRED(cancel_state);
    *error = stream->error;
    if (error->status == PMIPC_NOT_FOUND && !stream->connection) /* not in the read: it searches folders */
        elsewhere_name(&stream->shared->place, error);
}

bool pmipc_stream_connected(const pmipc_stream *stream)
{
    return process_is(stream->generation) && stream->connection && !connection_is_retired(stream->connection) &&
           protocol_row_is_own(&stream->connection->protocol);
}

bool pmipc_stream_ended(const pmipc_stream *stream)
{
    if (!process_is(stream->generation))
        return false;
    const struct pool_connection *connection = stream->connection;
    if (!connection)
        return stream->has_ended;
    return retirement_is_end(protocol_retirement(connection->protocol.control)) && !stream_drains(stream, READ_EVERY);
}

bool pmipc_stream_producer_alive(const pmipc_stream *stream)
{
    CANCELLATION_DEFERRED(cancel_state);
    return pmipc_stream_connected(stream) && connection_producer_alive(stream->connection, stream->shared->place.path);
}

const char *pmipc_stream_name(const pmipc_stream *stream)
{
    return stream->shared->place.name;
}

uint64_t pmipc_stream_cursor(const pmipc_stream *stream)
{
    return stream->cursor;
}

void pmipc_stream_seek(pmipc_stream *stream, uint64_t seq)
{
    stream->cursor = seq;
    if (stream->lossless && stream->connection && process_is(stream->generation))
        stream_consume(stream);
}

void pmipc_stream_get_info(const pmipc_stream *stream, pmipc_stream_info *info)
{
    memset(info, 0, sizeof *info);
    info->metadata = "";
    info->schema = stream->connections ? &stream->schema : NULL;
    info->received = stream->received;
    info->dropped = stream->dropped;
    info->copies = stream->copies;
    info->reconnects = stream->connections ? stream->connections - 1 : 0;
    const struct pool_connection *connection = stream->connection;
    if (!stream->description)
        return;
    info->metadata = stream->description->metadata;
    info->incarnation = stream->description->header.incarnation;
    info->origin = stream->description->header.origin;
    info->history_len = stream->description->header.geometry.history_len;
    info->head_seq = stream->last_head_seq;
    info->slot_count = stream->last_slot_count;
    if (!connection)
        return;
    info->head_seq = connection_head_seq(connection);
    info->slot_count = connection_slot_count(connection);
    info->row = connection->protocol.row;
    for (uint32_t i = 0; i < PIN_CELLS; i++)
        info->views_held += load_relaxed(&connection->busy[i]);
}
