/* stream.c: the stream's handle: connecting, going over to another pool, closing. */
#include "api/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/cancel.h"
#include "os/clock.h"
#include "os/futex.h"

#define READS_BETWEEN_CHECKS 64
#define DRAIN_NS 1000000000 /* how long reads of history keep a retired pool whose samples no other read takes */

static pmipc_status stream_fail(pmipc_stream *stream, pmipc_status status, const char *what)
{
    return error_set(&stream->error, status, 0, "pool '%s': %s", stream->anchor->place.name, what);
}

/* ---------------------------------------------------------------------------------------------------------- connecting
 */

void stream_disconnect(pmipc_stream *stream)
{
    CANCELLATION_DEFERRED(cancel_state);
    if (!stream->connection)
        return;
    stream->last_head_seq = connection_head_seq(stream->connection);
    stream->last_slot_count = connection_slot_count(stream->connection);
    stream->has_ended = retirement_is_end(protocol_retirement(stream->connection->protocol.control));
    stream->leave_retired_ns = 0;
    connection_close(stream->connection);
    stream->connection = NULL;
}

/* Fixed by `expect`, by the first pool with a live producer, or by the first sample read. A pool that a killed
 * producer left does not fix it: its successor may well have another schema. */
static bool schema_is_fixed(const pmipc_stream *stream)
{
    return stream->expects || stream->met_producer || stream->received > stream->disregarded;
}

static pmipc_status check_schema(pmipc_stream *stream, const struct pool_connection *connection)
{
    const pmipc_schema *found = &connection->description->schema;
    if (stream->follow_schema || !schema_is_fixed(stream)) {
        stream->schema = *found;
        return PMIPC_OK;
    }
    pmipc_error reason;
    pmipc_status status = stream->expects ? pmipc_schema_compare(&stream->schema, found, &reason)
                                          : pmipc_schema_compatible(&stream->schema, found, &reason);
    if (status == PMIPC_OK) {
        stream->schema = *found; /* how long samples may be is the pool's business */
        return PMIPC_OK;
    }
    bool alive = connection_producer_alive(connection, stream->anchor->place.path);
    return error_set(&stream->error, PMIPC_SCHEMA_MISMATCH, 0, "pool '%s' does not carry what this stream %s: %s. %s",
                     stream->anchor->place.name, stream->expects ? "was told to expect" : "reads", reason.text,
                     !alive            ? "Its producer is dead: the next producer replaces it, or remove the pool"
                     : stream->expects ? "Expect this schema, or change what its producer publishes"
                                       : "Open a new stream to read it");
}

/* A pool that was there when the stream was made: what it held then is not new, unless asked for. One that came later:
 * all of it is. */
static uint64_t first_cursor(const pmipc_stream *stream)
{
    uint64_t newest = connection_head_seq(stream->connection), history_len = stream->connection->protocol.history_len;
    if (stream->made)
        return 0;
    if (!stream->start_oldest)
        return newest;
    return newest > history_len ? newest - history_len : 0;
}

static pmipc_status connect_by_name(pmipc_stream *stream, bool patient)
{
    CANCELLATION_DEFERRED(cancel_state);
    struct pool_connection *connection;
    pmipc_status status = claim_as_stream(&stream->anchor->place, stream->prefault, patient, &connection,
                                          &stream->absent, &stream->error);
    if (status)
        return status;
    status = check_schema(stream, connection);
    if (status) {
        connection_close(connection);
        return status;
    }
    connection->error = &stream->error;
    stream->connection = connection;
    if (!schema_is_fixed(stream))
        stream->met_producer = connection_producer_alive(connection, stream->anchor->place.path);
    if (stream->description && stream->description->header.incarnation == connection->description->header.incarnation)
        return PMIPC_OK; /* the same pool again, after the row was lost: the cursor goes on */
    /* A pool that continues the last one's sequence numbers: what was read of that one is not new in it. */
    const bool continues =
        stream->description && stream->description->header.lineage == connection->description->header.lineage;
    description_release(stream->description);
    stream->description = connection->description;
    description_retain(stream->description);
    stream->connections++;
    if (continues)
        return PMIPC_OK;
    stream->cursor = stream->first_cursor = first_cursor(stream);
    stream->seen_by_windows = 0;
    stream->dropped_up_to = 0;
    return PMIPC_OK;
}

void pmipc_stream_disregard(pmipc_stream *stream)
{
    if (stream->disregarded < stream->received)
        stream->disregarded++;
}

/* The last head was stored before `retired` [RETIRE], so what is read here is final. A stream that has only read
 * history so far takes no sample in particular: it leaves the pool at once. */
bool stream_drains(const pmipc_stream *stream, enum stream_read read)
{
    const struct pool_connection *connection = stream->connection;
    const uint32_t why = connection ? protocol_retirement(connection->protocol.control) : 0;
    return why != 0 && (read != READ_NEWEST || retirement_is_end(why)) &&
           (stream->takes_new || stream->cursor != stream->first_cursor || stream->received == 0) &&
           connection_head_seq(connection) > stream->cursor && protocol_row_is_own(&connection->protocol);
}

/* Not connected, or to a retired pool. */
static pmipc_status connect_again(pmipc_stream *stream, bool patient)
{
    if (stream->manual_reconnect) {
        if (stream->connection)
            return stream_fail(stream, PMIPC_RETIRED,
                               "it was retired; pmipc_stream_reconnect goes over to its successor");
        return stream_fail(stream, PMIPC_NOT_CONNECTED,
                           "not connected; call pmipc_stream_reconnect outside the control loop");
    }
    stream_disconnect(stream);
    return connect_by_name(stream, patient);
}

/* Connected to a pool that was retired with samples that this stream has not returned. */
static pmipc_status keep_draining(pmipc_stream *stream, enum stream_read read)
{
    if (read != READ_HISTORY) {
        stream->leave_retired_ns = 0;
        return PMIPC_OK;
    }
    const int64_t now_ns = clock_monotonic_ns();
    if (stream->leave_retired_ns == 0)
        stream->leave_retired_ns = now_ns + DRAIN_NS;
    return now_ns < stream->leave_retired_ns ? PMIPC_OK : connect_again(stream, false);
}

pmipc_status stream_connect(pmipc_stream *stream, enum stream_read read, bool patient)
{
    if (__builtin_expect(!process_is(stream->generation), 0))
        return stream_fail(stream, PMIPC_FORKED,
                           "this stream belongs to the parent process; open a new one in the child");
    if (__builtin_expect(stream->connection && !connection_is_retired(stream->connection), 1))
        return PMIPC_OK;
    return stream_drains(stream, read) ? keep_draining(stream, read) : connect_again(stream, patient);
}

pmipc_status stream_orphaned(pmipc_stream *stream)
{
    return stream_fail(stream, PMIPC_RETIRED,
                       "its file was removed and its producer is dead; pmipc_stream_reconnect goes over to its "
                       "successor");
}

pmipc_status stream_failed_read(pmipc_stream *stream, pmipc_status status)
{
    if (status == PMIPC_LOST && !stream->manual_reconnect)
        stream_disconnect(stream);
    else if (status == PMIPC_CORRUPT && stream_drains(stream, READ_EVERY))
        stream->cursor = connection_head_seq(stream->connection); /* reported once; the rest cannot be read */
    return status;
}

bool stream_finds_orphan(pmipc_stream *stream)
{
    CANCELLATION_DEFERRED(cancel_state);
    bool suspected = load_relaxed(&stream->anchor->orphaned);
    store_relaxed(&stream->anchor->orphaned, false);
    return suspected ? connection_is_orphaned(stream->connection, stream->anchor)
                     : anchor_finds_orphan(stream->anchor, stream->connection, clock_monotonic_ns());
}

bool stream_leave_orphan(pmipc_stream *stream)
{
    bool suspected = load_relaxed(&stream->anchor->orphaned);
    if (stream->manual_reconnect || (!suspected && ++stream->unchanged_reads < READS_BETWEEN_CHECKS))
        return false;
    stream->unchanged_reads = 0;
    if (!stream_finds_orphan(stream))
        return false;
    stream_disconnect(stream);
    return true;
}

pmipc_status stream_connect_to_read(pmipc_stream *stream, uint64_t *seen)
{
    pmipc_status status = stream_connect(stream, READ_HISTORY, false);
    if (status)
        return status;
    uint64_t newest = connection_head_seq(stream->connection);
    if (__builtin_expect(newest <= *seen, 0) && !connection_is_retired(stream->connection) &&
        stream_leave_orphan(stream))
        return stream_connect(stream, READ_HISTORY, false);
    *seen = newest;
    return PMIPC_OK;
}

pmipc_status pmipc_stream_reconnect(pmipc_stream *stream, pmipc_error *error)
{
    CANCELLATION_DEFERRED(cancel_state);
    pmipc_status status = PMIPC_OK;
    if (!process_is(stream->generation)) {
        status =
            stream_fail(stream, PMIPC_FORKED, "this stream belongs to the parent process; open it anew in the child");
    } else {
        if (stream->connection && !stream_drains(stream, READ_EVERY) &&
            (connection_is_retired(stream->connection) || !protocol_row_is_own(&stream->connection->protocol) ||
             connection_is_orphaned(stream->connection, stream->anchor)))
            stream_disconnect(stream);
        if (!stream->connection)
            status = connect_by_name(stream, true);
    }
    if (status && error)
        *error = stream->error;
    return status;
}

static pmipc_status check_options(const pmipc_stream_options *options, pmipc_error *error)
{
    if (options->expect && options->follow_schema)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "expect and follow_schema contradict each other");
    return options->expect ? pmipc_schema_check(options->expect, error) : PMIPC_OK;
}

pmipc_status pmipc_stream_open(pmipc_stream **out, const char *name, const pmipc_stream_options *given,
                               pmipc_error *error)
{
    CANCELLATION_DEFERRED(cancel_state);
    pmipc_stream_options options = {0};
    if (!out)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "stream is NULL");
    *out = NULL;
    if (given)
        options = *given;
    pmipc_status status = check_options(&options, error);
    if (!status)
        status = pmipc_name_check(name, error);
    if (status)
        return status;
    pmipc_stream *stream = calloc(1, sizeof *stream);
    struct wait_anchor *anchor = calloc(1, sizeof *anchor);
    if (!stream || !anchor) {
        free(stream);
        free(anchor);
        return error_set(error, PMIPC_NO_MEMORY, ENOMEM, "pool '%s': out of memory", name);
    }
    store_relaxed(&anchor->references, 1);
    stream->anchor = anchor;
    stream->generation = process_generation();
    stream->follow_schema = options.follow_schema;
    stream->start_oldest = options.start_oldest;
    stream->manual_reconnect = options.manual_reconnect;
    stream->prefault = options.prefault;
    stream->expects = options.expect != NULL;
    if (options.expect)
        stream->schema = *options.expect;
    status = place_of(name, options.folder, &anchor->place, error);
    if (!status) {
        status = connect_by_name(stream, true);
        if (status && status != PMIPC_NOT_CONNECTED && error)
            *error = stream->error;
    }
    stream->made = true;
    if (status && status != PMIPC_NOT_CONNECTED) {
        pmipc_stream_close(stream);
        return status;
    }
    *out = stream;
    return PMIPC_OK;
}

void pmipc_stream_close(pmipc_stream *stream)
{
    CANCELLATION_DEFERRED(cancel_state);
    if (!stream)
        return;
    atomic_store_explicit(&stream->anchor->closed, true, memory_order_release);
    if (stream->connection) {
        /* Waiters in other threads sleep on the bell: wake them; those of other processes look, and sleep again. */
        const struct pool_control *control = stream->connection->protocol.control;
        if (process_is(stream->generation) && load_relaxed(&stream->anchor->references) > 1)
            futex_wake_all(&control->bell);
        stream_disconnect(stream);
    }
    description_release(stream->description);
    anchor_release(stream->anchor);
    free(stream);
}
