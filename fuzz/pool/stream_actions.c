/* stream_actions.c: all calls of a stream. */
#include "mappings.h"
#include "session.h"
#include "world.h"

#define LONGEST_WAIT_NS 3000000000

/* Possible statuses of connecting. */
#define CONNECTING (STATUS(OK) | STATUS(CORRUPT) | STATUS(INCOMPATIBLE) | STATUS(SCHEMA_MISMATCH))

static uint32_t stream_number(const struct record *record)
{
    return record->field % STREAMS;
}

static pmipc_stream *stream_of(const struct session *session, const struct record *record)
{
    return session->streams[stream_number(record)];
}

/* ----------------------------------------------------------------------------------------------------------- views */

static void check_field(const pmipc_view *view, uint32_t f, const void *data, int64_t length, uint32_t frames)
{
    static char scratch[1 << 14];
    const pmipc_field *field = &view->schema->fields[f];
    const uint64_t bytes = pmipc_field_bytes(field);
    const int64_t most = field->ndim ? field->shape[0] : 1;
    REQUIRE(length >= 0 && length <= most);
    REQUIRE(length == most || (field->flags & PMIPC_FIELD_VARIABLE));
    REQUIRE((uintptr_t)data % 64 == 0 && view->frame_stride >= (int64_t)bytes);
    if (!view->copied)
        REQUIRE(mappings_have(data, (frames - 1) * (uint64_t)view->frame_stride + bytes, false));
    for (uint32_t i = 0; i < frames; i++) /* the sanitizer checks each byte of a memcpy */
        for (uint64_t from = 0; from < bytes; from += sizeof scratch)
            memcpy(scratch, (const char *)data + i * view->frame_stride + from,
                   bytes - from < sizeof scratch ? bytes - from : sizeof scratch);
}

static void check_frame(const pmipc_view *view, uint32_t index)
{
    pmipc_frame frame;
    pmipc_status status = pmipc_view_frame(view, index, &frame);
    require_status("view_frame", status, STATUS(OK) | STATUS(CORRUPT));
    for (uint32_t f = 0; f < view->field_count && !status; f++)
        check_field(view, f, frame.fields[f].data, frame.fields[f].length, 1);
}

void check_view(const pmipc_view *view)
{
    REQUIRE(view->seq > 0 && view->frame_count >= 1 && view->frame_count <= PMIPC_MAX_HISTORY_LEN);
    REQUIRE(view->seq >= view->frame_count && view->frame_stride % 64 == 0);
    REQUIRE(view->field_count == view->schema->field_count && view->field_count <= PMIPC_MAX_FIELDS);
    for (uint32_t f = 0; f < view->field_count; f++)
        check_field(view, f, view->fields[f].data, view->fields[f].length, view->frame_count);
    check_frame(view, 0);
    check_frame(view, view->frame_count - 1);
    check_frame(view, view->frame_count / 2);
}

/* Check the result of a get: its status, its message if it failed, its view if it succeeded. Keep the view. */
static void end_get(struct session *session, const struct record *record, const char *call, pmipc_status status,
                    uint64_t allowed, pmipc_view *view)
{
    pmipc_stream *stream = stream_of(session, record);
    allowed |= CONNECTING | STATUS(LOST);
    if (session->manual[stream_number(record)])
        allowed |= STATUS(RETIRED) | STATUS(NOT_CONNECTED);
    require_status(call, status, allowed);
    pmipc_error error;
    pmipc_stream_last_error(stream, &error);
    if (status >= PMIPC_INVALID_ARGUMENT)
        require_message(call, status, &error);
    REQUIRE((status == PMIPC_OK) == (view->owner != NULL));
    if (status)
        return;
    if (view->schema != session->sound_schema)
        REQUIRE(pmipc_schema_check(view->schema, NULL) == PMIPC_OK);
    session->sound_schema = view->schema;
    check_view(view);
    for (int i = 0; i < VIEWS; i++) {
        if (!session->views[i].owner) {
            session->views[i] = *view;
            return;
        }
    }
    pmipc_view_release(view);
}

static int64_t timeout_of(const struct record *record)
{
    return record->delay % 4 == 3 ? (int64_t)(record->value % LONGEST_WAIT_NS) : 0;
}

void act_get_last(struct session *session, const struct record *record)
{
    pmipc_view view;
    if (!stream_of(session, record))
        return;
    pmipc_status status = pmipc_stream_get_last(stream_of(session, record), &view);
    end_get(session, record, "get_last", status, STATUS(NOTHING_NEW) | STATUS(NOT_CONNECTED), &view);
}

void act_get_new(struct session *session, const struct record *record)
{
    pmipc_view view;
    if (!stream_of(session, record))
        return;
    pmipc_status status = pmipc_stream_get_new(stream_of(session, record), timeout_of(record), &view);
    end_get(session, record, "get_new", status, STATUS(TIMEOUT), &view);
}

void act_get_next(struct session *session, const struct record *record)
{
    pmipc_view view;
    if (!stream_of(session, record))
        return;
    pmipc_status status = pmipc_stream_get_next(stream_of(session, record), timeout_of(record), &view);
    end_get(session, record, "get_next", status, STATUS(TIMEOUT), &view);
}

void act_get_window(struct session *session, const struct record *record)
{
    pmipc_view view;
    if (!stream_of(session, record))
        return;
    uint32_t history_len = session->kind->options.history_len;
    uint32_t least = record->index % (history_len + 2), most = record->delay % (history_len + 2);
    pmipc_status status = pmipc_stream_get_window(stream_of(session, record), least, most, &view);
    uint64_t allowed = STATUS(TOO_FEW) | STATUS(NOTHING_NEW) | STATUS(NOT_CONNECTED) | STATUS(INVALID_ARGUMENT);
    end_get(session, record, "get_window", status, allowed, &view);
}

void act_get_unseen(struct session *session, const struct record *record)
{
    pmipc_view view;
    if (!stream_of(session, record))
        return;
    pmipc_status status = pmipc_stream_get_unseen(stream_of(session, record), &view);
    end_get(session, record, "get_unseen", status, STATUS(NOTHING_NEW) | STATUS(NOT_CONNECTED), &view);
}

void act_get_at(struct session *session, const struct record *record)
{
    pmipc_view view;
    if (!stream_of(session, record))
        return;
    pmipc_at_method method = (pmipc_at_method)(record->index % 4);
    int64_t tolerance = record->index & 256 ? -1 : (int64_t)record->delay;
    pmipc_status status =
        pmipc_stream_get_at(stream_of(session, record), (int64_t)record->value, method, tolerance, &view);
    uint64_t allowed =
        STATUS(NOTHING_NEW) | STATUS(NOT_CONNECTED) | (method > PMIPC_AT_AFTER ? STATUS(INVALID_ARGUMENT) : 0);
    end_get(session, record, "get_at", status, allowed, &view);
}

void act_release_view(struct session *session, const struct record *record)
{
    pmipc_view *view = &session->views[record->index % VIEWS];
    if (view->owner)
        check_view(view);
    pmipc_view_release(view);
}

void act_read_views(struct session *session, const struct record *record)
{
    (void)record;
    for (int i = 0; i < VIEWS; i++)
        if (session->views[i].owner)
            check_view(&session->views[i]);
}

/* --------------------------------------------------------------------------------------------------------- streams */

void act_open_stream(struct session *session, const struct record *record)
{
    const uint16_t flags = record->index;
    pmipc_stream **stream = &session->streams[stream_number(record)];
    const pmipc_stream_options options = {
        .folder = pool_folder(),
        .expect = flags & 1 ? &kind_of(record->value & 7 ? (uint8_t)record->value : 0)->schema : NULL,
        .follow_schema = flags & 2,
        .start_oldest = flags & 4,
        .manual_reconnect = flags & 8,
        .prefault = flags & 16,
    };
    pmipc_error error;
    if (*stream)
        return;
    pmipc_status status = pmipc_stream_open(stream, POOL_NAME, &options, &error);
    bool contradiction = options.expect && options.follow_schema;
    require_status("stream_open", status, contradiction ? STATUS(INVALID_ARGUMENT) : CONNECTING);
    REQUIRE((status == PMIPC_OK) == (*stream != NULL));
    if (status)
        require_message("stream_open", status, &error);
    session->manual[stream_number(record)] = options.manual_reconnect;
}

void act_close_stream(struct session *session, const struct record *record)
{
    pmipc_stream_close(stream_of(session, record));
    session->streams[stream_number(record)] = NULL;
}

void act_query_stream(struct session *session, const struct record *record)
{
    pmipc_stream *stream = stream_of(session, record);
    pmipc_stream_info info;
    if (!stream)
        return;
    pmipc_stream_get_info(stream, &info);
    REQUIRE(info.views_held <= PMIPC_MAX_VIEWS && info.row < PMIPC_MAX_READERS);
    REQUIRE(strlen(info.metadata) <= PMIPC_MAX_METADATA_BYTES);
    REQUIRE(!info.schema || pmipc_schema_check(info.schema, NULL) == PMIPC_OK);
    REQUIRE(pmipc_stream_connected(stream) || !pmipc_stream_producer_alive(stream));
    REQUIRE(strcmp(pmipc_stream_name(stream), POOL_NAME) == 0);
}

void act_seek(struct session *session, const struct record *record)
{
    pmipc_stream *stream = stream_of(session, record);
    if (!stream)
        return;
    pmipc_stream_seek(stream, record->value);
    REQUIRE(pmipc_stream_cursor(stream) == record->value);
}

void act_reconnect(struct session *session, const struct record *record)
{
    pmipc_error error;
    if (!stream_of(session, record))
        return;
    pmipc_status status = pmipc_stream_reconnect(stream_of(session, record), &error);
    require_status("reconnect", status, CONNECTING | STATUS(NOT_CONNECTED));
    if (status >= PMIPC_INVALID_ARGUMENT)
        require_message("reconnect", status, &error);
}

/* --------------------------------------------------------------------------------------------------------- waiting */

void act_wait_any(struct session *session, const struct record *record)
{
    pmipc_stream *streams[STREAMS];
    uint32_t count = 0, ready = UINT32_MAX;
    uint64_t allowed = CONNECTING | STATUS(TIMEOUT);
    for (int i = 0; i < STREAMS; i++) {
        if (!session->streams[i])
            continue;
        streams[count++] = session->streams[i];
        if (session->manual[i])
            allowed |= STATUS(NOT_CONNECTED) | STATUS(RETIRED);
    }
    if (count == 0)
        return;
    pmipc_status status = pmipc_stream_wait_any(streams, count, timeout_of(record), &ready);
    require_status("wait_any", status, allowed);
    REQUIRE(ready < count);
}

void act_make_waiter(struct session *session, const struct record *record)
{
    pmipc_waiter *waiter = &session->waiters[record->index % WAITERS];
    if (stream_of(session, record) && !waiter->target)
        require_status("waiter_init", pmipc_waiter_init(waiter, stream_of(session, record)), STATUS(OK));
}

void act_wait(struct session *session, const struct record *record)
{
    pmipc_waiter waiters[WAITERS];
    uint32_t count = 0, ready = UINT32_MAX;
    for (int i = 0; i < WAITERS; i++)
        if (session->waiters[i].target)
            waiters[count++] = session->waiters[i];
    pmipc_status status = pmipc_waiter_wait(waiters, count, timeout_of(record), &ready);
    require_status("waiter_wait", status, count ? STATUS(OK) | STATUS(TIMEOUT) : STATUS(INVALID_ARGUMENT));
    REQUIRE(status || ready < count);
    if (record->index & 1)
        for (int i = 0; i < WAITERS; i++)
            pmipc_waiter_release(&session->waiters[i]);
}

void act_advance_time(struct session *session, const struct record *record)
{
    (void)session;
    world_advance((int64_t)(record->value % LONGEST_WAIT_NS));
}
