/* stream_facts.c: what a stream tells about itself. */
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
    if (error->status == PMIPC_NOT_FOUND && !stream->reader) /* here, and not in a read: it looks into folders */
        elsewhere_name(&stream->anchor->place, error);
}

bool pmipc_stream_connected(const pmipc_stream *stream)
{
    return process_is(stream->generation) && stream->reader && !reader_is_retired(stream->reader) &&
           protocol_row_is_own(&stream->reader->protocol);
}

bool pmipc_stream_producer_alive(const pmipc_stream *stream)
{
    CANCELLATION_DEFERRED(cancel_state);
    return pmipc_stream_connected(stream) && reader_producer_alive(stream->reader, stream->anchor->place.path);
}

const char *pmipc_stream_name(const pmipc_stream *stream)
{
    return stream->anchor->place.name;
}

uint64_t pmipc_stream_cursor(const pmipc_stream *stream)
{
    return stream->cursor;
}

void pmipc_stream_seek(pmipc_stream *stream, uint64_t seq)
{
    stream->cursor = seq;
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
    const struct pool_reader *reader = stream->reader;
    if (!stream->description)
        return;
    info->metadata = stream->description->metadata;
    info->incarnation = stream->description->header.incarnation;
    info->origin = stream->description->header.origin;
    info->history_len = stream->description->header.geometry.history_len;
    info->head_seq = stream->last_head_seq;
    info->slot_count = stream->last_slot_count;
    if (!reader)
        return;
    info->head_seq = reader_head_seq(reader);
    info->slot_count = reader_slot_count(reader);
    info->row = reader->protocol.row;
    for (uint32_t i = 0; i < PIN_CELLS; i++)
        info->views_held += load_relaxed(&reader->busy[i]);
}
