/* stream_at.c: the sample in history whose stamp fits best. */
#include "api/stream.h"

/* How far a stamp is from the one asked for; UINT64_MAX when method or tolerance rule it out. */
static uint64_t distance(int64_t stamp_ns, int64_t wanted_ns, pmipc_at_method method, int64_t tolerance_ns)
{
    if ((method == PMIPC_AT_BEFORE && stamp_ns > wanted_ns) || (method == PMIPC_AT_AFTER && stamp_ns < wanted_ns))
        return UINT64_MAX;
    uint64_t far =
        stamp_ns > wanted_ns ? (uint64_t)stamp_ns - (uint64_t)wanted_ns : (uint64_t)wanted_ns - (uint64_t)stamp_ns;
    return tolerance_ns >= 0 && far > (uint64_t)tolerance_ns ? UINT64_MAX : far;
}

/* The sample that fits best, newest first so that ties go to the newer one. 0: none. TOO_FEW: history held nothing by the time
 * it was looked at. */
static pmipc_status find_at(pmipc_stream *stream, int64_t wanted_ns, pmipc_at_method method, int64_t tolerance_ns,
                            uint64_t *best_seq)
{
    uint64_t newest = reader_head_seq(stream->reader);
    uint64_t best = UINT64_MAX, history_len = stream->reader->protocol.history_len;
    *best_seq = 0;
    for (uint64_t seq = newest; seq > 0 && newest - seq < history_len; seq--) {
        int64_t stamp_ns = 0;
        pmipc_status status = reader_stamp_of(stream->reader, seq, &stamp_ns);
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
        uint64_t seq, newest = reader_head_seq(stream->reader);
        status = find_at(stream, stamp_ns, method, tolerance_ns, &seq);
        if (!status && seq == 0)
            return PMIPC_NOTHING_NEW;
        if (!status)
            status = reader_view_seq(stream->reader, seq, view);
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
