/* stream.c: the stream's handle: connecting, the cursor, and the gets. */
#include "api/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/futex.h"

#define READS_BETWEEN_CHECKS 64
#define ORPHAN_CHECK_INTERVAL_NS 100000000

static pmipc_status stream_fail(pmipc_stream *stream, pmipc_status status, const char *what)
{
    return error_set(&stream->error, status, 0, "pool '%s': %s", stream->anchor->place.name, what);
}

/* ---------------------------------------------------------------------------------------------------------- connecting */

void stream_disconnect(pmipc_stream *stream)
{
    if (!stream->reader)
        return;
    stream->last_head_seq = reader_head_seq(stream->reader);
    stream->last_slot_count = load_relaxed(&stream->reader->protocol.control->slot_count);
    reader_close(stream->reader);
    stream->reader = NULL;
}

/* A stream keeps the schema it first saw, or was told to expect. */
static pmipc_status check_schema(pmipc_stream *stream, const struct pool_reader *reader)
{
    const pmipc_schema *found = &reader->description->schema;
    if (stream->schema.field_count == 0 || stream->follow_schema) {
        stream->schema = *found;
        return PMIPC_OK;
    }
    pmipc_error reason;
    if (pmipc_schema_compare(&stream->schema, found, &reason) == PMIPC_OK)
        return PMIPC_OK;
    return error_set(&stream->error, PMIPC_SCHEMA_MISMATCH, 0,
                     "pool '%s' does not carry what this stream %s: %s. %s", stream->anchor->place.name,
                     stream->expects ? "was told to expect" : "reads", reason.text,
                     stream->expects ? "Expect what there is, or have it published as expected"
                                     : "Make the stream anew to take what there is");
}

/* A pool that was there when the stream was made: what it held then is not new, unless asked for. One that came later: all of
 * it is. */
static uint64_t first_cursor(const pmipc_stream *stream)
{
    uint64_t newest = reader_head_seq(stream->reader), history_len = stream->reader->protocol.history_len;
    if (stream->made)
        return 0;
    if (!stream->start_oldest)
        return newest;
    return newest > history_len ? newest - history_len : 0;
}

static pmipc_status connect_by_name(pmipc_stream *stream, bool patient)
{
    struct pool_reader *reader;
    pmipc_status status =
        claim_as_stream(&stream->anchor->place, stream->prefault, patient, &reader, &stream->absent, &stream->error);
    if (status)
        return status;
    status = check_schema(stream, reader);
    if (status) {
        reader_close(reader);
        return status;
    }
    reader->error = &stream->error;
    stream->reader = reader;
    if (stream->description && stream->description->header.incarnation == reader->description->header.incarnation)
        return PMIPC_OK; /* the same pool again, after the row was lost: the cursor goes on */
    description_release(stream->description);
    stream->description = reader->description;
    description_retain(stream->description);
    stream->connections++;
    stream->cursor = first_cursor(stream);
    stream->seen_by_windows = 0;
    stream->dropped_up_to = 0;
    return PMIPC_OK;
}

pmipc_status stream_connect(pmipc_stream *stream, bool patient)
{
    if (__builtin_expect(!process_is(stream->generation), 0))
        return stream_fail(stream, PMIPC_FORKED, "this stream belongs to the parent process; open it anew in the child");
    if (__builtin_expect(stream->reader && !reader_is_retired(stream->reader), 1))
        return PMIPC_OK;
    if (stream->manual_reconnect) {
        if (stream->reader)
            return stream_fail(stream, PMIPC_RETIRED, "it was retired; pmipc_stream_reconnect goes over to its successor");
        return stream_fail(stream, PMIPC_NOT_CONNECTED, "not connected; call pmipc_stream_reconnect outside the control loop");
    }
    stream_disconnect(stream);
    return connect_by_name(stream, patient);
}

pmipc_status pmipc_stream_reconnect(pmipc_stream *stream, pmipc_error *error)
{
    pmipc_status status = PMIPC_OK;
    if (!process_is(stream->generation)) {
        status = stream_fail(stream, PMIPC_FORKED, "this stream belongs to the parent process; open it anew in the child");
    } else {
        if (stream->reader && (reader_is_retired(stream->reader) || !protocol_row_is_own(&stream->reader->protocol) ||
                               reader_is_orphaned(stream->reader, stream->anchor)))
            stream_disconnect(stream);
        if (!stream->reader)
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

pmipc_status pmipc_stream_open(pmipc_stream **out, const char *name, const pmipc_stream_options *given, pmipc_error *error)
{
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
    if (!stream)
        return;
    atomic_store_explicit(&stream->anchor->closed, true, memory_order_release);
    if (stream->reader) {
        /* Waiters in other threads sleep on the bell: wake them; those of other processes look, and sleep again. */
        const struct pool_control *control = stream->reader->protocol.control;
        if (process_is(stream->generation) && load_relaxed(&stream->anchor->references) > 1)
            futex_wake_all(&control->bell);
        stream_disconnect(stream);
    }
    description_release(stream->description);
    anchor_release(stream->anchor);
    free(stream);
}

/* ---------------------------------------------------------------------------------------------------------------- gets */

pmipc_status stream_orphaned(pmipc_stream *stream)
{
    return stream_fail(stream, PMIPC_RETIRED, "its file was removed and its producer is dead; pmipc_stream_reconnect goes over to its "
                                              "successor");
}

/* What a read ended with. A stream that has lost its row says so in this call and connects anew in the next. */
static pmipc_status end_read(pmipc_stream *stream, pmipc_status status)
{
    if (__builtin_expect(status == PMIPC_LOST && !stream->manual_reconnect, 0))
        stream_disconnect(stream);
    return status;
}

static void count_view(pmipc_stream *stream, const pmipc_view *view)
{
    stream->received++;
    stream->copies += view->copied;
}

/* Nothing new for a while: perhaps the file was removed from outside and its producer is dead. Then go over to the pool that
 * has the name now. Looks now and then only, or when a waiter has seen it. True: it was so. */
static bool leave_orphan(pmipc_stream *stream)
{
    bool suspected = load_relaxed(&stream->anchor->orphaned);
    if (stream->manual_reconnect || (!suspected && ++stream->unchanged_reads < READS_BETWEEN_CHECKS))
        return false;
    stream->unchanged_reads = 0;
    store_relaxed(&stream->anchor->orphaned, false);
    int64_t now = clock_monotonic_ns();
    if (!suspected && now < stream->next_orphan_check_ns)
        return false;
    stream->next_orphan_check_ns = now + ORPHAN_CHECK_INTERVAL_NS;
    if (!reader_is_orphaned(stream->reader, stream->anchor))
        return false;
    stream_disconnect(stream);
    return true;
}

/* With manual reconnection no pool is left unasked: one that a waiter has found orphaned counts as retired, or the wait would
 * never end. */
static pmipc_status check_orphan(pmipc_stream *stream)
{
    if (!stream->manual_reconnect || !load_relaxed(&stream->anchor->orphaned))
        return PMIPC_NOTHING_NEW;
    store_relaxed(&stream->anchor->orphaned, false);
    return reader_is_orphaned(stream->reader, stream->anchor) ? stream_orphaned(stream) : PMIPC_NOTHING_NEW;
}

/* Connected for a read that does not wait, to the pool that has the name: also when the one so far was orphaned. `seen` is the
 * newest sample that a read has come across, and moves on: only where nothing new comes is there a reason to look. */
static pmipc_status connect_to_read(pmipc_stream *stream, uint64_t *seen)
{
    pmipc_status status = stream_connect(stream, false);
    if (status)
        return status;
    uint64_t newest = reader_head_seq(stream->reader);
    if (__builtin_expect(newest <= *seen, 0) && leave_orphan(stream))
        return stream_connect(stream, false);
    *seen = newest;
    return PMIPC_OK;
}

pmipc_status pmipc_stream_get_last(pmipc_stream *stream, pmipc_view *view)
{
    view->owner = NULL;
    pmipc_status status = stream_connect(stream, false);
    if (!status && reader_head_seq(stream->reader) <= stream->cursor && leave_orphan(stream))
        status = stream_connect(stream, false);
    if (status)
        return status;
    status = reader_view_newest(stream->reader, view);
    if (status)
        return end_read(stream, status);
    stream->cursor = view->seq;
    count_view(stream, view);
    return PMIPC_OK;
}

static pmipc_status take_newest(pmipc_stream *stream, pmipc_view *view)
{
    if (reader_head_seq(stream->reader) <= stream->cursor)
        return PMIPC_NOTHING_NEW;
    pmipc_status status = reader_view_newest(stream->reader, view);
    if (!status)
        stream->cursor = view->seq;
    return status;
}

/* A sample is dropped once, also when the cursor went back and another read comes across the same gap. */
static void count_lost(pmipc_stream *stream, uint64_t lost)
{
    uint64_t last = stream->cursor + lost;
    uint64_t counted = stream->dropped_up_to > stream->cursor ? stream->dropped_up_to : stream->cursor;
    if (last <= counted)
        return;
    stream->dropped_up_to = last;
    stream->dropped += last - counted;
    fetch_add_relaxed(&stream->reader->readers->facts[stream->reader->protocol.row].dropped,
                      last - counted); /* a fact */
}

static void found_next(pmipc_stream *stream, uint64_t seq, pmipc_view *view)
{
    view->lost = seq - stream->cursor - 1;
    count_lost(stream, view->lost);
    stream->cursor = seq;
}

/* The ring holds nothing above the cursor although head is `newest`, and stays so. With a history of one, that is how a producer
 * killed between its two stores leaves it: head itself can be pinned. Otherwise head is damaged, and reading what it names
 * tells. NOTHING_NEW: head has moved on; look at the ring again. */
static pmipc_status take_head(pmipc_stream *stream, uint64_t newest, pmipc_view *view)
{
    if (reader_head_seq(stream->reader) != newest)
        return PMIPC_NOTHING_NEW;
    pmipc_status status = reader_view_newest(stream->reader, view);
    if (status || view->seq == newest)
        return status;
    pmipc_view_release(view);
    return PMIPC_NOTHING_NEW;
}

static pmipc_status take_next(pmipc_stream *stream, pmipc_view *view)
{
    uint64_t history_len = stream->reader->protocol.history_len;
    uint64_t wanted = stream->cursor + 1;
    for (;;) { /* lock-free: each turn means that the producer has published, or is a step through what it gave up */
        uint64_t newest = reader_head_seq(stream->reader);
        if (newest <= stream->cursor)
            return PMIPC_NOTHING_NEW;
        if (newest >= wanted && newest - wanted >= history_len)
            wanted = newest - history_len + 1;
        bool passed = wanted > newest;
        pmipc_status status =
            passed ? take_head(stream, newest, view) : reader_view_seq(stream->reader, wanted, view);
        if (status == PMIPC_OK)
            found_next(stream, passed ? newest : wanted, view);
        if (status != PMIPC_NOTHING_NEW)
            return status;
        if (!passed) /* it just left history, or was given up: the next one then */
            wanted++;
    }
}

/* Try, and wait, and try again, until there is a sample, the time is over, or something fails. */
static pmipc_status get_waiting(pmipc_stream *stream, int64_t timeout_ns, pmipc_view *view,
                                pmipc_status (*take)(pmipc_stream *, pmipc_view *))
{
    int64_t deadline_ns = 0;
    bool watched = false;   /* a folder watch is in place, set up before the last look */
    uint32_t fruitless = 0; /* waits that said there is something to look at */
    struct wait_target target;
    view->owner = NULL;
    for (;;) {
        pmipc_status status = stream_connect(stream, timeout_ns != 0);
        if (!status)
            status = take(stream, view);
        if (!status)
            count_view(stream, view);
        bool is_absent = status == PMIPC_NOT_CONNECTED && !stream->manual_reconnect;
        if (status == PMIPC_NOTHING_NEW && leave_orphan(stream))
            continue;
        if (status == PMIPC_NOTHING_NEW)
            status = check_orphan(stream);
        bool is_over = timeout_ns == 0;
        if (fruitless && (status == PMIPC_NOTHING_NEW || is_absent)) {
            if (fruitless > FRUITLESS_WAITS)
                clock_pause_ns(FRUITLESS_PAUSE_NS);
            is_over = clock_monotonic_ns() >= deadline_ns;
        }
        if ((status != PMIPC_NOTHING_NEW && !is_absent) || is_over) {
            if (watched)
                target_release(&target);
            return status == PMIPC_NOTHING_NEW || is_absent ? PMIPC_TIMEOUT : end_read(stream, status);
        }
        if (deadline_ns == 0)
            deadline_ns = deadline_after(timeout_ns);
        if (is_absent && !watched) {
            target_init(&target, stream->anchor, NULL, 0, stream->absent);
            watched = true;
            continue; /* watch first, then look, then wait */
        }
        if (!is_absent) {
            if (watched)
                target_release(&target);
            watched = false;
            target_init(&target, stream->anchor, stream->reader, stream->cursor, stream->absent);
        } else {
            target.absent = stream->absent;
        }
        uint32_t ready;
        struct wait_target *targets[] = {&target};
        status = targets_wait(targets, 1, deadline_ns, &ready);
        fruitless++;
        if (!is_absent)
            target_release(&target);
        if (status) {
            if (is_absent)
                target_release(&target);
            return status;
        }
    }
}

pmipc_status pmipc_stream_get_new(pmipc_stream *stream, int64_t timeout_ns, pmipc_view *view)
{
    return get_waiting(stream, timeout_ns, view, take_newest);
}

pmipc_status pmipc_stream_get_next(pmipc_stream *stream, int64_t timeout_ns, pmipc_view *view)
{
    return get_waiting(stream, timeout_ns, view, take_next);
}

pmipc_status pmipc_stream_get_window(pmipc_stream *stream, uint32_t min_count, uint32_t max_count, pmipc_view *view)
{
    view->owner = NULL;
    pmipc_status status = connect_to_read(stream, &stream->seen_by_windows);
    if (status)
        return status;
    uint32_t history_len = stream->reader->protocol.history_len;
    if (min_count < 1 || min_count > max_count || max_count > history_len)
        return error_set(&stream->error, PMIPC_INVALID_ARGUMENT, 0,
                         "pool '%s': a window of %u to %u samples was asked for, it keeps %u; make it with a larger history_len",
                         stream->anchor->place.name, min_count, max_count, history_len);
    do { /* lock-free: each turn means that the producer has published */
        uint64_t newest = reader_head_seq(stream->reader);
        status = reader_view_window(stream->reader, 0, min_count, max_count, view);
        if (status == PMIPC_TOO_FEW && min_count == 1 && newest > 0)
            status = take_head(stream, newest, view);
    } while (status == PMIPC_NOTHING_NEW);
    if (!status)
        count_view(stream, view);
    return end_read(stream, status);
}

pmipc_status pmipc_stream_get_unseen(pmipc_stream *stream, pmipc_view *view)
{
    view->owner = NULL;
    pmipc_status status = connect_to_read(stream, &stream->seen_by_windows);
    if (status)
        return status;
    do { /* lock-free: each turn means that the producer has published */
        uint64_t newest = reader_head_seq(stream->reader);
        if (newest <= stream->cursor)
            return PMIPC_NOTHING_NEW;
        status = reader_view_window(stream->reader, stream->cursor, 1, stream->reader->protocol.history_len, view);
        if (status == PMIPC_TOO_FEW)
            status = take_head(stream, newest, view);
    } while (status == PMIPC_NOTHING_NEW);
    if (status)
        return end_read(stream, status);
    view->lost = view->seq - view->frame_count - stream->cursor;
    count_lost(stream, view->lost);
    stream->cursor = view->seq;
    count_view(stream, view);
    return PMIPC_OK;
}

/* Distance of a stamp from the one asked for, or UINT64_MAX when the method rules it out. */
static uint64_t distance(int64_t stamp_ns, int64_t wanted_ns, pmipc_at_method method)
{
    if ((method == PMIPC_AT_BEFORE && stamp_ns > wanted_ns) || (method == PMIPC_AT_AFTER && stamp_ns < wanted_ns))
        return UINT64_MAX;
    return stamp_ns > wanted_ns ? (uint64_t)stamp_ns - (uint64_t)wanted_ns : (uint64_t)wanted_ns - (uint64_t)stamp_ns;
}

/* The sample whose stamp fits best, newest first so that ties go to the newer one. 0: none. TOO_FEW: history held nothing by
 * the time it was looked at. */
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
        uint64_t far = distance(stamp_ns, wanted_ns, method);
        if (far < best && (tolerance_ns < 0 || far <= (uint64_t)tolerance_ns)) {
            best = far;
            *best_seq = seq;
        }
    }
    return PMIPC_OK;
}

/* With a history of one, head may be a sample whose entry is being written: then it is all of history. */
static bool head_fits(const pmipc_view *view, int64_t wanted_ns, pmipc_at_method method, int64_t tolerance_ns)
{
    uint64_t far = distance(view->stamp_ns, wanted_ns, method);
    return far != UINT64_MAX && (tolerance_ns < 0 || far <= (uint64_t)tolerance_ns);
}

pmipc_status pmipc_stream_get_at(pmipc_stream *stream, int64_t stamp_ns, pmipc_at_method method, int64_t tolerance_ns,
                                 pmipc_view *view)
{
    view->owner = NULL;
    if ((int)method < PMIPC_AT_NEAREST || method > PMIPC_AT_AFTER)
        return stream_fail(stream, PMIPC_INVALID_ARGUMENT, "no such method of get_at");
    pmipc_status status = connect_to_read(stream, &stream->seen_by_windows);
    while (!status) { /* again when what was found left history meanwhile: the producer has published */
        uint64_t seq, newest = reader_head_seq(stream->reader);
        status = find_at(stream, stamp_ns, method, tolerance_ns, &seq);
        if (status == PMIPC_TOO_FEW) {
            status = take_head(stream, newest, view);
            if (status != PMIPC_OK && status != PMIPC_NOTHING_NEW)
                break;
            if (status == PMIPC_OK && head_fits(view, stamp_ns, method, tolerance_ns)) {
                count_view(stream, view);
                break;
            }
            if (status == PMIPC_OK) {
                pmipc_view_release(view);
                status = PMIPC_NOTHING_NEW;
                break;
            }
            status = PMIPC_OK;
            continue;
        }
        if (!status && seq == 0)
            status = PMIPC_NOTHING_NEW;
        if (status)
            break;
        status = reader_view_seq(stream->reader, seq, view);
        if (status == PMIPC_OK) {
            count_view(stream, view);
            break;
        }
        if (status == PMIPC_NOTHING_NEW)
            status = PMIPC_OK;
    }
    return end_read(stream, status);
}
