#include "reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHORT_NS 20000000

static pmipc_status check_read(const struct reading *reading, pmipc_status status, uint64_t allowed)
{
    pmipc_error error = {0};
    if (status)
        pmipc_stream_last_error(reading->stream, &error);
    return check_status(status, allowed, error.text);
}

bool reading_open(struct reading *reading, const char *name)
{
    pmipc_schema expected = frame_schema((unsigned)random_below(FRAME_SCHEMAS));
    pmipc_stream_options options = {
        .follow_schema = !one_in(4), .start_oldest = one_in(2), .manual_reconnect = one_in(8), .prefault = one_in(8)};
    if (!options.follow_schema && one_in(2))
        options.expect = &expected;
    pmipc_error error = {0};
    *reading = (struct reading){
        .name = name, .pool = frame_pool(name), .follows = options.follow_schema, .manual = options.manual_reconnect};
    set_context(name, options.manual_reconnect ? "reconnects manually"
                      : options.follow_schema  ? "follows"
                                               : "keeps its schema");
    begin("stream_open");
    uint64_t allowed = ALLOW(OK) | (options.expect ? ALLOW(SCHEMA_MISMATCH) : 0);
    return check_status(pmipc_stream_open(&reading->stream, name, &options, &error), allowed, error.text) == PMIPC_OK;
}

void reading_close(struct reading *reading)
{
    bool stream_first = one_in(2);
    if (stream_first)
        pmipc_stream_close(reading->stream);
    for (int i = 0; i < HELD_MAX; i++)
        held_release(&reading->held[i]);
    if (!stream_first)
        pmipc_stream_close(reading->stream);
    reading->stream = NULL;
}

void held_check(const struct held *held, const char *when)
{
    const pmipc_view *view = &held->view;
    for (uint32_t i = 0; i < view->frame_count; i++) {
        pmipc_frame frame;
        char why[300];
        begin("view_frame");
        if (check_status(pmipc_view_frame(view, i, &frame), ALLOW(OK), NULL) != PMIPC_OK)
            return;
        struct frame_origin origin = {
            .pool = held->pool, .incarnation = held->incarnation, .seq = view->seq - (view->frame_count - 1 - i)};
        if (!frame_is_sound(&frame, view->schema, &origin, why, sizeof why)) {
            found(FOUND_TORN, "%s, %s, frame %u of %u%s: %s", me.kind, when, i, view->frame_count,
                  view->copied ? ", a copy" : "", why);
            return;
        }
    }
}

void held_release(struct held *held)
{
    if (!held->view.owner)
        return;
    held_check(held, "at its release");
    pmipc_view_release(&held->view);
}

void reading_keep(struct reading *reading, struct held *held)
{
    struct held *place = &reading->held[random_below(HELD_MAX)];
    held_release(place);
    if (one_in(3))
        held_release(held);
    else
        *place = *held;
}

/* ---- one read and its checks ---- */

enum read_kind { LAST, NEW, NEXT, UNSEEN, WINDOW, AT, READ_KINDS };

/* Check the order of samples within one incarnation. `cursor`: the cursor before the read. */
static void check_order(struct reading *reading, enum read_kind kind, uint64_t cursor, const pmipc_view *view)
{
    uint64_t first = view->seq - view->frame_count + 1;
    bool moves = kind == LAST || kind == NEW || kind == NEXT || kind == UNSEEN;
    bool sound = !moves || reading->newest == 0 || cursor == reading->newest;
    if (board->plant == PLANT_ORDER)
        cursor += 2;
    if (kind == LAST)
        sound = sound && view->seq >= reading->newest;
    else if (kind == NEW)
        sound = sound && view->seq > cursor;
    else if (kind == NEXT || kind == UNSEEN)
        sound = sound && first == cursor + 1 + view->lost;
    if (!sound)
        found(FOUND_ORDER,
              "%s: read %d of %s returned %" PRIu64 " to %" PRIu64 ", %" PRIu64 " lost, with the cursor at %" PRIu64
              " and %" PRIu64 " read before",
              me.kind, (int)kind, reading->name, first, view->seq, view->lost, cursor, reading->newest);
}

static pmipc_status read_waiting(struct reading *reading, pmipc_status (*get)(pmipc_stream *, int64_t, pmipc_view *),
                                 pmipc_view *view)
{
    int64_t timeout_ns = one_in(3) ? PMIPC_FOREVER : one_in(2) ? 0 : SHORT_NS;
    uint64_t allowed = ALLOW(OK) | ALLOW(INTERRUPTED) | (timeout_ns < 0 ? 0 : ALLOW(TIMEOUT)) |
                       (reading->manual ? ALLOW(NOT_CONNECTED) | ALLOW(RETIRED) : 0) |
                       (reading->follows ? 0 : ALLOW(SCHEMA_MISMATCH));
    pmipc_status status = check_read(reading, get(reading->stream, timeout_ns, view), allowed);
    if (status == PMIPC_INTERRUPTED && !must_end())
        found(FOUND_WRONG, "%s: a wait was interrupted although no signal handler ran", me.kind);
    return status;
}

static pmipc_status read_window(struct reading *reading, uint64_t allowed, pmipc_view *view)
{
    pmipc_stream_info info;
    pmipc_stream_get_info(reading->stream, &info);
    uint32_t wanted = 1 + (uint32_t)random_below(info.history_len ? info.history_len : 1);
    uint32_t least = 1 + (uint32_t)random_below(wanted);
    pmipc_status status = pmipc_stream_get_window(reading->stream, least, wanted, view);
    if (status == PMIPC_INVALID_ARGUMENT) {
        pmipc_stream_get_info(reading->stream, &info); /* the stream has gone over to a pool with less history */
        allowed |= wanted > info.history_len ? ALLOW(INVALID_ARGUMENT) : 0;
    }
    check_read(reading, status, allowed | ALLOW(TOO_FEW) | ALLOW(NOTHING_NEW));
    if (!status && (view->frame_count < least || view->frame_count > wanted))
        found(FOUND_WRONG, "%s: a window of %u to %u frames has %u", me.kind, least, wanted, view->frame_count);
    return status;
}

static pmipc_status read_at(struct reading *reading, uint64_t allowed, pmipc_view *view)
{
    pmipc_at_method method = (pmipc_at_method)random_below(3);
    int64_t wanted = reading->stamp_ns + (int64_t)random_below(2000),
            tolerance = one_in(2) ? -1 : (int64_t)random_below(5000);
    pmipc_status status = check_read(reading, pmipc_stream_get_at(reading->stream, wanted, method, tolerance, view),
                                     allowed | ALLOW(NOTHING_NEW));
    if (status)
        return status;
    int64_t far = view->stamp_ns - wanted;
    if ((method == PMIPC_AT_BEFORE && far > 0) || (method == PMIPC_AT_AFTER && far < 0) ||
        (tolerance >= 0 && (far > tolerance || -far > tolerance)))
        found(FOUND_WRONG, "%s: get_at(%" PRId64 ", method %d, tolerance %" PRId64 ") returned the stamp %" PRId64,
              me.kind, wanted, (int)method, tolerance, view->stamp_ns);
    return status;
}

static pmipc_status read_once(struct reading *reading, enum read_kind kind, pmipc_view *view)
{
    static const char *const calls[READ_KINDS] = {"get_last",   "get_new",    "get_next",
                                                  "get_unseen", "get_window", "get_at"};
    uint64_t allowed = ALLOW(OK) | ALLOW(NOT_CONNECTED) | (reading->manual ? ALLOW(RETIRED) : 0) |
                       (reading->follows ? 0 : ALLOW(SCHEMA_MISMATCH));
    begin(calls[kind]);
    switch (kind) {
    case LAST:
        return check_read(reading, pmipc_stream_get_last(reading->stream, view), allowed | ALLOW(NOTHING_NEW));
    case NEW:
        return read_waiting(reading, pmipc_stream_get_new, view);
    case NEXT:
        return read_waiting(reading, pmipc_stream_get_next, view);
    case UNSEEN:
        return check_read(reading, pmipc_stream_get_unseen(reading->stream, view), allowed | ALLOW(NOTHING_NEW));
    case WINDOW:
        return read_window(reading, allowed, view);
    default:
        return read_at(reading, allowed, view);
    }
}

/* With manual reconnect, a stream goes over to another pool only by this call. */
static bool reconnect(struct reading *reading)
{
    pmipc_error error = {0};
    begin("stream_reconnect");
    return check_status(pmipc_stream_reconnect(reading->stream, &error),
                        ALLOW(OK) | ALLOW(NOT_CONNECTED) | (reading->follows ? 0 : ALLOW(SCHEMA_MISMATCH)),
                        error.text) != PMIPC_SCHEMA_MISMATCH;
}

bool reading_read(struct reading *reading, struct held *held)
{
    enum read_kind kind = (enum read_kind)random_below(READ_KINDS);
    pmipc_view *view = &held->view;
    view->owner = NULL;
    uint64_t cursor = pmipc_stream_cursor(reading->stream);
    pmipc_status status = read_once(reading, kind, view);
    if (status == PMIPC_NOT_CONNECTED || status == PMIPC_RETIRED) {
        pause_us(2000);
        return !reading->manual || reconnect(reading);
    }
    if (status)
        return status != PMIPC_SCHEMA_MISMATCH;
    pmipc_stream_info info;
    pmipc_stream_get_info(reading->stream, &info);
    held->incarnation = info.incarnation;
    held->pool = reading->pool;
    if (info.incarnation == reading->incarnation)
        check_order(reading, kind, cursor, view);
    else
        reading->newest = 0;
    reading->incarnation = info.incarnation;
    reading->stamp_ns = view->stamp_ns;
    if (kind <= UNSEEN && view->seq > reading->newest)
        reading->newest = view->seq;
    held_check(held, "at once");
    count(&board->read);
    if (view->frame_count > 1)
        count(&board->windows);
    if (view->copied)
        count(&board->copies);
    atomic_fetch_add_explicit(&board->lost, view->lost, memory_order_relaxed);
    return true;
}
