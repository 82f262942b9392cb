/* Messages of changing size: sequences that are longer than their pool has room for. */
#include "ros_decoding.h"

#include "pools.h"

#define SCAN "sensor_msgs/msg/LaserScan"

static ros_message scan_of(uint64_t count)
{
    static float ranges[1 << 16];
    for (uint64_t i = 0; i < count; i++)
        ranges[i] = (float)(count + i);
    const pmipc_cdr_leaf leaf = {.path = "ranges", .dtype = PMIPC_FLOAT32};
    pmipc_cdr_column column = {.data = ranges, .count = count, .rows = 1};
    return encode(SCAN, &leaf, &column, 1, 0);
}

static void learn(test_decoder *decoding, uint64_t count)
{
    ros_message message = scan_of(count);
    CHECK_LEARNS(decoding, &message);
    free(message.data);
}

static pmipc_status publish(test_decoder *decoding, pmipc_producer *producer, uint64_t count)
{
    ros_message message = scan_of(count);
    pmipc_status status =
        pmipc_ros_decoder_publish(decoding->decoder, producer, message.data, message.count, 1, NULL, &decoding->error);
    free(message.data);
    return status;
}

TEST(scans_of_any_length_are_published_in_full)
{
    const uint64_t counts[] = {200, 459, 460, 459, 1024, 1025, 3, 0, 40000, 200, 65536, 1};
    test_decoder decoding = decoding_of(SCAN, NULL);
    learn(&decoding, counts[0]);
    CHECK_SCHEMA(&decoding, "float32 (up to 1024,)");
    pmipc_producer *producer = producer_open("scan", &decoding.schema, NULL);
    pmipc_stream *stream = stream_open("scan", NULL);
    for (size_t i = 0; i < LENGTH(counts); i++) {
        pmipc_view view;
        if (publish(&decoding, producer, counts[i]) != PMIPC_OK)
            FAIL("%s", decoding.error.text);
        CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
        CHECK_EQ(view.seq, i + 1);
        CHECK_EQ((uint64_t)view.fields[0].length, counts[i]);
        const float *ranges = view.fields[0].data;
        for (uint64_t j = 0; j < counts[i]; j++)
            CHECK(ranges[j] == (float)(counts[i] + j));
        pmipc_view_release(&view);
    }
    CHECK_EQ(pmipc_producer_schema(producer)->fields[0].shape[0], 80000);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    decoding_close(&decoding);
}

TEST(empty_first_message_is_learned)
{
    test_decoder decoding = decoding_of(SCAN, NULL);
    learn(&decoding, 0);
    CHECK_SCHEMA(&decoding, "float32 (up to 1024,)");
    pmipc_producer *producer = producer_open("scan", &decoding.schema, NULL);
    CHECK_OK(publish(&decoding, producer, 0));
    CHECK_OK(publish(&decoding, producer, 2000));
    pmipc_producer_close(producer);
    decoding_close(&decoding);
}

/* Rows that are copied while the message is decoded: measured at first, copied when the pool is larger. */
TEST(nested_rows_make_the_pool_grow)
{
    test_decoder decoding = decoding_of(PATH, NULL);
    static double numbers[7 * 3000];
    for (uint32_t i = 0; i < LENGTH(numbers); i++)
        numbers[i] = i;
    const pmipc_cdr_leaf leaf = {.path = "poses[].pose", .dtype = PMIPC_FLOAT64};
    pmipc_producer *producer = NULL;
    const uint64_t counts[] = {2, 1025, 3, 3000};
    for (size_t i = 0; i < LENGTH(counts); i++) {
        pmipc_cdr_column column = {.data = numbers, .count = counts[i] * 7, .rows = counts[i]};
        ros_message message = encode(PATH, &leaf, &column, 1, 0);
        if (!producer) {
            CHECK_LEARNS(&decoding, &message);
            producer = producer_open("path", &decoding.schema, NULL);
        }
        if (pmipc_ros_decoder_publish(decoding.decoder, producer, message.data, message.count, 1, NULL,
                                      &decoding.error))
            FAIL("%s", decoding.error.text);
        free(message.data);
        pmipc_stream *stream = stream_open("path", NULL);
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_last(stream, &view));
        CHECK_EQ((uint64_t)view.fields[0].length, counts[i]);
        CHECK(memcmp(view.fields[0].data, numbers, counts[i] * 56) == 0);
        pmipc_view_release(&view);
        pmipc_stream_close(stream);
    }
    pmipc_producer_close(producer);
    decoding_close(&decoding);
}

TEST(pool_that_must_not_grow_refuses_and_takes_the_next_message)
{
    test_decoder decoding = decoding_of(SCAN, NULL);
    learn(&decoding, 10);
    const pmipc_producer_options fixed = {.fixed_capacity = true}, small = {.max_bytes = 200000};
    pmipc_producer *producer = producer_open("scan", &decoding.schema, &fixed);
    CHECK_STATUS(publish(&decoding, producer, 1025), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "length 1025");
    CHECK_OK(publish(&decoding, producer, 1024));
    pmipc_producer_close(producer);
    producer = producer_open("scan", &decoding.schema, &small);
    CHECK_STATUS(publish(&decoding, producer, 40000), PMIPC_NO_SPACE);
    CHECK_HAS(decoding.error.text, "max_bytes allows 200000");
    CHECK_OK(publish(&decoding, producer, 1025));
    CHECK_EQ(pmipc_producer_seq(producer), 1);
    pmipc_producer_close(producer);
    decoding_close(&decoding);
}

TEST(large_rows_do_not_make_a_large_pool)
{
    test_decoder decoding = decoding_of("std_msgs/msg/Float32MultiArray", NULL);
    static float row[50000]; /* 200 kB */
    const pmipc_cdr_leaf leaves[] = {{.path = "layout.dim[].size", .dtype = PMIPC_UINT32},
                                     {.path = "data", .dtype = PMIPC_FLOAT32}};
    pmipc_cdr_column columns[] = {{.data = (uint32_t[]){1, 50000}, .count = 2, .rows = 2},
                                  {.data = row, .count = 50000, .rows = 1}};
    ros_message message = encode("std_msgs/msg/Float32MultiArray", leaves, columns, 2, 0);
    CHECK_LEARNS(&decoding, &message);
    CHECK_SCHEMA(&decoding, "float32 (up to 5, 50000)");
    free(message.data);
    decoding_close(&decoding);
}

TEST(double_room_is_limited_to_some_megabytes)
{
    const struct {
        uint32_t bytes;
        const char *schema;
    } cases[] = {{6 << 20, "uint8 (up to 12582912,)"}, {9 << 20, "uint8 (up to 9437184,)"}};
    for (int i = 0; i < 2; i++) {
        test_decoder decoding = decoding_of("sensor_msgs/msg/CompressedImage", NULL);
        void *data = calloc(1, cases[i].bytes);
        const pmipc_cdr_leaf leaf = {.path = "data", .dtype = PMIPC_UINT8};
        pmipc_cdr_column column = {.data = data, .count = cases[i].bytes, .rows = 1};
        ros_message message = encode("sensor_msgs/msg/CompressedImage", &leaf, &column, 1, 0);
        CHECK_LEARNS(&decoding, &message);
        CHECK_SCHEMA(&decoding, cases[i].schema);
        free(message.data);
        free(data);
        decoding_close(&decoding);
    }
}
