/* The schema of a stream: the schema that `expect` or the first pool fixes, mismatches, follow_schema. */
#include "pools.h"

#define SECOND INT64_C(1000000000)

TEST(other_schema_of_next_pool_is_mismatch)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    pmipc_view held;
    CHECK_OK(pmipc_stream_get_last(stream, &held));
    pmipc_producer_close(producer);
    producer = bytes_producer("p", 65, 4);
    publish_frame(producer);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_SCHEMA_MISMATCH);
        CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_SCHEMA_MISMATCH);
        pmipc_error error;
        pmipc_stream_last_error(stream, &error);
        CHECK_EQ(error.status, PMIPC_SCHEMA_MISMATCH);
        CHECK_HAS(error.text, "uint8 (64,)");
        CHECK_HAS(error.text, "uint8 (65,)");
    }
    check_view(&held);
    pmipc_view_release(&held);
    pmipc_producer_close(producer);
    producer = bytes_producer("p", 64, 4); /* the first schema again */
    publish_frames(producer, 3);
    CHECK_EQ(read_newest(stream), 3);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* Open a stream of a pool with a dead producer, then a producer of that name with another schema. */
static pmipc_producer *successor_of_dead_pool(const pmipc_stream_options *options, pmipc_stream **stream)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frame(producer);
    pmipc_producer_abandon(producer);
    *stream = stream_open("p", options);
    CHECK(pmipc_stream_connected(*stream));
    CHECK_EQ(stream_info(*stream).schema->fields[0].shape[0], 64);
    producer = bytes_producer("p", 65, 4);
    publish_frames(producer, 2);
    return producer;
}

TEST(unread_pool_of_dead_producer_does_not_fix_schema)
{
    pmipc_stream *stream;
    pmipc_producer *producer = successor_of_dead_pool(NULL, &stream);
    CHECK_EQ(read_newest(stream), 2);
    CHECK_EQ(stream_info(stream).schema->fields[0].shape[0], 65);
    pmipc_producer_close(producer);
    producer = bytes_producer("p", 64, 4); /* now the schema is fixed */
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_SCHEMA_MISMATCH);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(unread_pool_does_not_fix_schema_with_manual_reconnect)
{
    pmipc_stream *stream;
    pmipc_stream_options options = {.manual_reconnect = true};
    pmipc_producer *producer = successor_of_dead_pool(&options, &stream);
    CHECK_OK(pmipc_stream_reconnect(stream, NULL));
    CHECK_EQ(read_newest(stream), 2);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(pool_of_live_producer_fixes_schema_unread)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_producer_close(producer);
    producer = bytes_producer("p", 65, 4);
    publish_frame(producer);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_SCHEMA_MISMATCH);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(read_sample_fixes_schema_unless_disregarded)
{
    for (int disregarded = 0; disregarded < 2; disregarded++) {
        pmipc_producer *producer = bytes_producer("p", 64, 4);
        publish_frame(producer);
        pmipc_producer_abandon(producer);
        pmipc_stream *stream = stream_open("p", NULL);
        CHECK_EQ(read_newest(stream), 1);
        CHECK_EQ(read_newest(stream), 1);
        pmipc_stream_disregard(stream);
        if (disregarded)
            for (int i = 0; i < 3; i++) /* more calls than reads: no effect */
                pmipc_stream_disregard(stream);
        producer = bytes_producer("p", 65, 4);
        publish_frame(producer);
        pmipc_view view;
        CHECK_STATUS(pmipc_stream_get_last(stream, &view), disregarded ? PMIPC_OK : PMIPC_SCHEMA_MISMATCH);
        pmipc_view_release(&view);
        pmipc_stream_close(stream);
        pmipc_producer_close(producer);
    }
}

TEST(mismatch_error_reports_dead_producer)
{
    pmipc_producer *producer = bytes_producer("p", 65, 4);
    pmipc_schema expected = bytes_schema(64);
    pmipc_stream_options options = {.expect = &expected};
    pmipc_stream *stream;
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_stream_open(&stream, "p", &options, &error), PMIPC_SCHEMA_MISMATCH);
    CHECK(!strstr(error.text, "dead"));
    pmipc_producer_abandon(producer);
    CHECK_STATUS(pmipc_stream_open(&stream, "p", &options, &error), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(error.text, "Its producer is dead");
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

TEST(replace_of_read_pool_by_other_schema_is_mismatch)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_producer_abandon(producer);
    CHECK_EQ(read_newest(stream), 1);
    producer = bytes_producer("p", 65, 4);
    publish_frame(producer);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(pmipc_stream_get_new(stream, SECOND, &view), PMIPC_SCHEMA_MISMATCH);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(follow_schema_accepts_every_schema)
{
    pmipc_stream_options options = {.follow_schema = true};
    pmipc_stream *stream = stream_open("p", &options);
    for (int64_t bytes = 10; bytes < 20; bytes++) {
        pmipc_producer *producer = bytes_producer("p", bytes, 4);
        publish_frame(producer);
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_new(stream, 0, &view));
        CHECK_EQ(view.schema->fields[0].shape[0], bytes);
        CHECK_EQ(view.fields[0].length, bytes);
        check_view(&view);
        pmipc_view_release(&view);
        CHECK_EQ(stream_info(stream).schema->fields[0].shape[0], bytes);
        pmipc_producer_close(producer);
    }
    pmipc_stream_close(stream);
}

TEST(expect_is_mismatch_at_open_and_later)
{
    pmipc_schema expected = bytes_schema(64);
    pmipc_stream_options options = {.expect = &expected};
    pmipc_producer *producer = bytes_producer("p", 65, 4);
    pmipc_stream *stream;
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_stream_open(&stream, "p", &options, &error), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(error.text, "uint8 (64,)");
    CHECK_HAS(error.text, "uint8 (65,)");
    CHECK_HAS(error.text, "p");
    pmipc_producer_close(producer);

    stream = stream_open("p", &options);
    memset(&expected, 0xff, sizeof expected); /* options are copied */
    producer = bytes_producer("p", 65, 4);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_SCHEMA_MISMATCH);
    pmipc_producer_close(producer);
    producer = bytes_producer("p", 64, 4);
    publish_frame(producer);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(invalid_expect_is_invalid_argument)
{
    pmipc_schema broken = {0};
    pmipc_stream_options options = {.expect = &broken};
    pmipc_stream *stream;
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_stream_open(&stream, "p", &options, &error), PMIPC_INVALID_ARGUMENT);
    CHECK(error.text[0] != '\0');
}
