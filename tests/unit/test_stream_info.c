/* Stream info and pool info: facts and counters. */
#include "helper.h"
#include "moved_clock.h"
#include "pools.h"

#include <sys/resource.h>

#define BYTES 5000
#define HELD 3 /* views that the test holds while the pool cannot grow */

/* ---- streams ---- */

TEST(stream_info_keeps_facts_of_last_pool)
{
    pmipc_schema schema = bytes_schema(BYTES);
    pmipc_producer_options options = {.history_len = 4, .metadata = "{\"unit\": \"N\"}", .origin = PMIPC_ORIGIN_NUMPY};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    publish_frames(producer, 7);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_stream_info before = stream_info(stream);
    pmipc_producer_close(producer);
    for (int i = 0; i < 2; i++) { /* before and after the stream has noticed the end of the pool */
        pmipc_stream_info info = stream_info(stream);
        CHECK_TEXT(info.metadata, "{\"unit\": \"N\"}");
        CHECK_OK(pmipc_schema_compare(info.schema, &schema, NULL));
        CHECK_EQ(info.incarnation, before.incarnation);
        CHECK_EQ(info.history_len, 4);
        CHECK_EQ(info.slot_count, before.slot_count);
        CHECK_EQ(info.head_seq, 7);
        CHECK_EQ(info.origin, PMIPC_ORIGIN_NUMPY);
        pmipc_view view;
        CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOT_CONNECTED);
    }
    options.metadata = NULL;
    options.history_len = 2;
    producer = producer_open("p", &schema, &options);
    publish_and_read(producer, stream);
    pmipc_stream_info after = stream_info(stream);
    CHECK_TEXT(after.metadata, "");
    CHECK_EQ(after.history_len, 2);
    CHECK_EQ(after.reconnects, 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(mismatch_error_names_the_remedy)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 2);
    pmipc_schema other = bytes_schema(BYTES + 1);
    const pmipc_stream_options options = {.expect = &other};
    pmipc_stream *stream;
    pmipc_error error;
    CHECK_STATUS(pmipc_stream_open(&stream, "p", &options, &error), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(error.text, "than this stream expects");
    CHECK(!strstr(error.text, "new stream")); /* a new stream with the same expect would be refused, too */
    stream = stream_open("p", NULL);
    pmipc_producer_close(producer);
    producer = bytes_producer("p", BYTES + 1, 2);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_SCHEMA_MISMATCH);
    pmipc_stream_last_error(stream, &error);
    CHECK_HAS(error.text, "Open a new stream");
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- pools ---- */

/* Hold `count` views, each of another slot. */
static void hoard(pmipc_producer *producer, pmipc_stream *stream, pmipc_view *views, int count)
{
    for (int i = 0; i < count; i++) {
        publish_frame(producer);
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
    }
}

static void release_views(pmipc_view *views, int count)
{
    for (int i = 0; i < count; i++)
        pmipc_view_release(&views[i]);
}

ROLE(holds_a_stream)
{
    pmipc_stream *stream = stream_open(argument, NULL);
    send_word(channel, 1);
    (void)stream;
    sleep_until_killed();
}

TEST(new_stream_in_used_row_starts_with_counts_of_zero)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, 10);
    pmipc_view views[PMIPC_MAX_VIEWS + 1];
    CHECK_OK(pmipc_stream_get_next(stream, 0, &views[0]));
    for (int i = 1; i <= PMIPC_MAX_VIEWS; i++)
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
    pmipc_reader_info reader;
    CHECK_EQ(pmipc_producer_readers(producer, &reader, 1), 1);
    CHECK_EQ(reader.last_seq, 11);
    CHECK_EQ(reader.dropped, 7);
    CHECK_EQ(reader.copies, 1);
    const uint32_t row = reader.row;
    for (int i = 0; i <= PMIPC_MAX_VIEWS; i++)
        pmipc_view_release(&views[i]);
    pmipc_stream_close(stream);
    stream = stream_open("p", NULL);
    CHECK_EQ(pmipc_producer_readers(producer, &reader, 1), 1);
    CHECK_EQ(reader.row, row);
    CHECK_EQ(reader.last_seq, 0);
    CHECK_EQ(reader.dropped, 0);
    CHECK_EQ(reader.copies, 0);
    CHECK_EQ(reader.pinned_slots, 0);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(pool_info_counts_growth_given_up_history_and_cleared_rows)
{
    pmipc_view views[PMIPC_MAX_VIEWS];
    pmipc_schema schema = bytes_schema(page_frame_bytes());
    pmipc_producer_options options = {.history_len = 3};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    uint32_t slots = pmipc_producer_slot_count(producer);
    uint64_t bytes_at_first = pool_file_bytes("p");
    helper holder = helper_start("holds_a_stream", "p");
    receive_word(holder.channel);
    helper_kill(&holder);
    CHECK_EQ(pmipc_producer_sweep(producer), 1);
    pmipc_stream *stream = stream_open("p", NULL);
    hoard(producer, stream, views, PMIPC_MAX_VIEWS);
    publish_frames(producer, 10);
    release_views(views, PMIPC_MAX_VIEWS);
    pmipc_stream_close(stream);
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->grown, pmipc_producer_slot_count(producer) - slots); /* slots of this size are added one at a time */
    CHECK(info->grown > 0);
    CHECK_EQ(info->given_up, 0);
    CHECK_EQ(info->cleared_rows, 1);
    CHECK_EQ(info->malformed_cells, 0);
    int64_t offset_ns = pmipc_realtime_ns() - pmipc_monotonic_ns() - info->clock_offset_ns;
    CHECK(offset_ns < 1000 * MS && offset_ns > -1000 * MS);
    inspect_release(info);
    pmipc_producer_close(producer);

    options.max_bytes = bytes_at_first; /* the file cannot grow by a slot */
    producer = producer_open("p", &schema, &options);
    stream = stream_open("p", NULL);
    hoard(producer, stream, views, HELD);
    publish_frames(producer, 10);
    release_views(views, HELD);
    info = inspect("p");
    CHECK(info->given_up > 0);
    inspect_release(info);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* A growth that failed is tried again after a second, and not before. */
TEST(failed_growth_is_tried_again_after_a_second)
{
    pmipc_view views[PMIPC_MAX_VIEWS];
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    pmipc_stream *stream = stream_open("p", NULL);
    uint32_t slots = pmipc_producer_slot_count(producer);
    struct rlimit before;
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit limit = {.rlim_cur = pool_file_bytes("p"), .rlim_max = before.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    clock_stopped_ns = pmipc_monotonic_ns();
    hoard(producer, stream, views, HELD);
    publish_frames(producer, 20);
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    publish_frames(producer, 10);
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    clock_stopped_ns += SECOND;
    publish_frames(producer, 10);
    CHECK(pmipc_producer_slot_count(producer) > slots);
    release_views(views, HELD);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
