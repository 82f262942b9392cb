/* stream.c: opening a stream, connecting it to the pool that has its name, closing it. */
#include "api/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/cancel.h"
#include "os/clock.h"
#include "os/futex.h"

#define READS_PER_ORPHAN_CHECK 64
#define DRAIN_NS 1000000000 /* how long reads of history stay in a retired pool that has unread samples */

static pmipc_status stream_fail(pmipc_stream *stream, pmipc_status status, const char *what)
{
    return error_set(&stream->error, status, 0, "pool '%s': %s", stream->shared->place.name, what);
}

void stream_disconnect(pmipc_stream *stream)
{
    CANCELLATION_DEFERRED(cancel_state);
    if (!stream->connection)
        return;
    stream->last_head_seq = connection_head_seq(stream->connection);
    stream->last_slot_count = connection_slot_count(stream->connection);
    stream->has_ended = retirement_is_end(protocol_retirement(stream->connection->protocol.control));
    stream->leave_retired_ns = 0;
    if (stream->lossless)
        connection_release_samples(stream->connection);
    connection_close(stream->connection);
    stream->connection = NULL;
}

/* `expect`, the first pool with a live producer, or the first sample that is read fix the schema. A pool whose producer
 * is dead does not: the pool that replaces it may have another schema. */
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
        stream->schema = *found; /* its leading dimensions may differ */
        return PMIPC_OK;
    }
    bool alive = connection_producer_alive(connection, stream->shared->place.path);
    return error_set(&stream->error, PMIPC_SCHEMA_MISMATCH, 0,
                     "pool '%s' has another schema than this stream %s: %s. %s", stream->shared->place.name,
                     stream->expects ? "expects" : "reads", reason.text,
                     !alive            ? "Its producer is dead. Start a producer, which replaces the pool, or remove it"
                     : stream->expects ? "Expect this schema, or change what the producer publishes"
                                       : "Open a new stream to read it");
}

/* The samples of a pool that existed when the stream was opened are not new, except for the history with start_oldest.
 * All samples of a pool that appeared later are new. */
static uint64_t first_cursor(const pmipc_stream *stream)
{
    uint64_t newest = connection_head_seq(stream->connection), history_len = stream->connection->protocol.history_len;
    if (stream->made)
        return stream->lossless ? connection_consumed_before(stream->connection) : 0;
    if (!stream->start_oldest)
        return newest;
    return newest > history_len ? newest - history_len : 0;
}

static pmipc_status connect_by_name(pmipc_stream *stream, bool patient)
{
    CANCELLATION_DEFERRED(cancel_state);
    struct pool_connection *connection;
    pmipc_status status = claim_as_stream(&stream->shared->place, stream->prefault, patient, &connection,
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
        stream->met_producer = connection_producer_alive(connection, stream->shared->place.path);
    if (stream->description && stream->description->header.incarnation == connection->description->header.incarnation) {
        stream_join(stream, false);
        return PMIPC_OK; /* the same pool, after the row was lost: the cursor stays */
    }
    /* A pool that continues the sequence of the last one: samples that were read there are not new here. */
    const bool continues =
        stream->description && stream->description->header.lineage == connection->description->header.lineage;
    description_release(stream->description);
    stream->description = connection->description;
    description_retain(stream->description);
    stream->connections++;
    if (!continues) {
        stream->cursor = first_cursor(stream);
        stream->seen_by_windows = 0;
        stream->dropped_up_to = 0;
    }
    stream_join(stream, !continues && !stream->made && stream->start_oldest);
    if (!continues)
        stream->first_cursor = stream->cursor;
    return PMIPC_OK;
}

void pmipc_stream_disregard(pmipc_stream *stream)
{
    if (stream->disregarded < stream->received)
        stream->disregarded++;
}

/* The last head was stored before `retired` [RETIRE], so the head that is read here is the last. False for a stream
 * that has only read history. */
bool stream_drains(const pmipc_stream *stream, enum stream_read read)
{
    const struct pool_connection *connection = stream->connection;
    const uint32_t why = connection ? protocol_retirement(connection->protocol.control) : 0;
    return why != 0 && (read != READ_NEWEST || retirement_is_end(why)) &&
           (stream->takes_new || stream->cursor != stream->first_cursor || stream->received == 0) &&
           connection_head_seq(connection) > stream->cursor && protocol_row_is_own(&connection->protocol);
}

/* Called when the stream is not connected, or its pool is retired and nothing is left to return. */
static pmipc_status connect_again(pmipc_stream *stream, bool patient)
{
    if (stream->manual_reconnect) {
        if (stream->connection)
            return stream_fail(stream, PMIPC_RETIRED,
                               "it was retired; call pmipc_stream_reconnect to connect to the next pool of this name");
        return stream_fail(stream, PMIPC_NOT_CONNECTED,
                           "not connected; call pmipc_stream_reconnect outside the control loop");
    }
    stream_disconnect(stream);
    return connect_by_name(stream, patient);
}

/* Called when the pool is retired and has samples that this stream has not returned. */
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

/* Returns FORKED, STREAM_IS_LOSSLESS, or OK for a lossless stream whose cursor the call does not move. */
__attribute__((cold, noinline)) static pmipc_status leave_fast_path(pmipc_stream *stream, enum stream_read read)
{
    if (!process_is(stream->generation))
        return stream_fail(stream, PMIPC_FORKED,
                           "this stream belongs to the parent process; open another stream in the child");
    return read == READ_HISTORY ? PMIPC_OK : STREAM_IS_LOSSLESS;
}

pmipc_status stream_connect(pmipc_stream *stream, enum stream_read read, bool patient)
{
    if (__builtin_expect(!process_is(stream->read_generation), 0)) {
        const pmipc_status status = leave_fast_path(stream, read);
        if (status)
            return status;
    }
    if (__builtin_expect(stream->connection && !connection_is_retired(stream->connection), 1))
        return PMIPC_OK;
    return stream_drains(stream, read) ? keep_draining(stream, read) : connect_again(stream, patient);
}

pmipc_status stream_connect_lossless(pmipc_stream *stream)
{
    stream_begin_lossless(stream);
    const pmipc_status status = stream_connect(stream, READ_EVERY, false);
    stream_end_lossless(stream);
    return status;
}

pmipc_status stream_fail_orphaned(pmipc_stream *stream)
{
    return stream_fail(stream, PMIPC_RETIRED,
                       "its file was removed and its producer is dead; call pmipc_stream_reconnect to connect to the "
                       "next pool of this name");
}

pmipc_status stream_failed_read(pmipc_stream *stream, pmipc_status status)
{
    if (status == PMIPC_LOST && !stream->manual_reconnect)
        stream_disconnect(stream);
    else if (status == PMIPC_CORRUPT && stream_drains(stream, READ_EVERY))
        stream->cursor = connection_head_seq(stream->connection); /* report it once */
    return status;
}

bool stream_is_orphaned(pmipc_stream *stream)
{
    CANCELLATION_DEFERRED(cancel_state);
    bool suspected = load_relaxed(&stream->shared->orphaned);
    store_relaxed(&stream->shared->orphaned, false);
    return suspected ? connection_is_orphaned(stream->connection, stream->shared)
                     : connection_is_orphaned_throttled(stream->connection, stream->shared, clock_monotonic_ns());
}

bool stream_leave_orphaned(pmipc_stream *stream)
{
    bool suspected = load_relaxed(&stream->shared->orphaned);
    if (stream->manual_reconnect || (!suspected && ++stream->unchanged_reads < READS_PER_ORPHAN_CHECK))
        return false;
    stream->unchanged_reads = 0;
    if (!stream_is_orphaned(stream))
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
        stream_leave_orphaned(stream))
        return stream_connect(stream, READ_HISTORY, false);
    *seen = newest;
    return PMIPC_OK;
}

pmipc_status pmipc_stream_reconnect(pmipc_stream *stream, pmipc_error *error)
{
    CANCELLATION_DEFERRED(cancel_state);
    pmipc_status status = PMIPC_OK;
    if (!process_is(stream->generation)) {
        status = stream_fail(stream, PMIPC_FORKED,
                             "this stream belongs to the parent process; open another stream in the child");
    } else {
        if (stream->connection && !stream_drains(stream, READ_EVERY) &&
            (connection_is_retired(stream->connection) || !protocol_row_is_own(&stream->connection->protocol) ||
             connection_is_orphaned(stream->connection, stream->shared)))
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
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "expect and follow_schema exclude each other");
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
    struct stream_shared *shared = calloc(1, sizeof *shared);
    if (!stream || !shared) {
        free(stream);
        free(shared);
        return error_set(error, PMIPC_NO_MEMORY, ENOMEM, "pool '%s': out of memory", name);
    }
    store_relaxed(&shared->references, 1);
    stream->shared = shared;
    stream->generation = process_generation();
    stream->lossless = options.lossless;
    stream->read_generation = options.lossless ? NO_GENERATION : stream->generation;
    stream->follow_schema = options.follow_schema;
    stream->start_oldest = options.start_oldest;
    stream->manual_reconnect = options.manual_reconnect;
    stream->prefault = options.prefault;
    stream->expects = options.expect != NULL;
    if (options.expect)
        stream->schema = *options.expect;
    status = place_of(name, options.folder, &shared->place, error);
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
    atomic_store_explicit(&stream->shared->closed, true, memory_order_release);
    if (stream->connection) {
        /* Wake the waiters of other threads, which sleep on the bell. Sleepers of other processes check and sleep
         * again. */
        const struct pool_control *control = stream->connection->protocol.control;
        if (process_is(stream->generation) && load_relaxed(&stream->shared->references) > 1)
            futex_wake_all(&control->bell);
        stream_disconnect(stream);
    }
    description_release(stream->description);
    shared_release(stream->shared);
    free(stream);
}
