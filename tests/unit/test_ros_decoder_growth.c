/* Messages of changing size: sequences that become longer than their pool has room for. */
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

static void learn(test_reader *reading, uint64_t count)
{
    ros_message message = scan_of(count);
    CHECK_LEARNS(reading, &message);
    free(message.data);
}

static pmipc_status publish(test_reader *reading, pmipc_producer *producer, uint64_t count)
{
    ros_message message = scan_of(count);
    pmipc_status status =
        pmipc_ros_decoder_publish(reading->decoder, producer, message.data, message.count, 1, NULL, &reading->error);
    free(message.data);
    return status;
}

TEST(scans_of_any_length_arrive_whole)
{
    const uint64_t counts[] = {200, 459, 460, 459, 1024, 1025, 3, 0, 40000, 200, 65536, 1};
    test_reader reading = reading_of(SCAN, NULL);
    learn(&reading, counts[0]);
    CHECK_SCHEMA(&reading, "float32 (up to 1024,)");
    pmipc_producer *producer = producer_open("scan", &reading.schema, NULL);
    pmipc_stream *stream = stream_open("scan", NULL);
    for (size_t i = 0; i < LENGTH(counts); i++) {
        pmipc_view view;
        if (publish(&reading, producer, counts[i]) != PMIPC_OK)
            FAIL("%s", reading.error.text);
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
    reading_close(&reading);
}

TEST(a_first_message_without_elements_is_learned_from)
{
    test_reader reading = reading_of(SCAN, NULL);
    learn(&reading, 0);
    CHECK_SCHEMA(&reading, "float32 (up to 1024,)");
    pmipc_producer *producer = producer_open("scan", &reading.schema, NULL);
    CHECK_OK(publish(&reading, producer, 0));
    CHECK_OK(publish(&reading, producer, 2000));
    pmipc_producer_close(producer);
    reading_close(&reading);
}

/* Rows that are copied while the message is decoded: they are measured in the first pass, and copied in the second. */
TEST(rows_within_messages_grow_too)
{
    test_reader reading = reading_of(PATH, NULL);
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
            CHECK_LEARNS(&reading, &message);
            producer = producer_open("path", &reading.schema, NULL);
        }
        if (pmipc_ros_decoder_publish(reading.decoder, producer, message.data, message.count, 1, NULL, &reading.error))
            FAIL("%s", reading.error.text);
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
    reading_close(&reading);
}

TEST(a_pool_that_may_not_grow_refuses_and_takes_the_next_message)
{
    test_reader reading = reading_of(SCAN, NULL);
    learn(&reading, 10);
    const pmipc_producer_options fixed = {.fixed_capacity = true}, small = {.max_bytes = 200000};
    pmipc_producer *producer = producer_open("scan", &reading.schema, &fixed);
    CHECK_STATUS(publish(&reading, producer, 1025), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "length 1025");
    CHECK_OK(publish(&reading, producer, 1024));
    pmipc_producer_close(producer);
    producer = producer_open("scan", &reading.schema, &small);
    CHECK_STATUS(publish(&reading, producer, 40000), PMIPC_NO_SPACE);
    CHECK_HAS(reading.error.text, "max_bytes allows 200000");
    CHECK_OK(publish(&reading, producer, 1025));
    CHECK_EQ(pmipc_producer_seq(producer), 1);
    pmipc_producer_close(producer);
    reading_close(&reading);
}

TEST(one_large_row_does_not_make_a_large_pool)
{
    test_reader reading = reading_of("std_msgs/msg/Float32MultiArray", NULL);
    static float row[50000]; /* 200 kB */
    const pmipc_cdr_leaf leaves[] = {{.path = "layout.dim[].size", .dtype = PMIPC_UINT32},
                                     {.path = "data", .dtype = PMIPC_FLOAT32}};
    pmipc_cdr_column columns[] = {{.data = (uint32_t[]){1, 50000}, .count = 2, .rows = 2},
                                  {.data = row, .count = 50000, .rows = 1}};
    ros_message message = encode("std_msgs/msg/Float32MultiArray", leaves, columns, 2, 0);
    CHECK_LEARNS(&reading, &message);
    CHECK_SCHEMA(&reading, "float32 (up to 5, 50000)");
    free(message.data);
    reading_close(&reading);
}

TEST(twice_the_room_is_reserved_for_messages_of_some_megabytes_only)
{
    const struct {
        uint32_t bytes;
        const char *schema;
    } cases[] = {{6 << 20, "uint8 (up to 12582912,)"}, {9 << 20, "uint8 (up to 9437184,)"}};
    for (int i = 0; i < 2; i++) {
        test_reader reading = reading_of("sensor_msgs/msg/CompressedImage", NULL);
        void *data = calloc(1, cases[i].bytes);
        const pmipc_cdr_leaf leaf = {.path = "data", .dtype = PMIPC_UINT8};
        pmipc_cdr_column column = {.data = data, .count = cases[i].bytes, .rows = 1};
        ros_message message = encode("sensor_msgs/msg/CompressedImage", &leaf, &column, 1, 0);
        CHECK_LEARNS(&reading, &message);
        CHECK_SCHEMA(&reading, cases[i].schema);
        free(message.data);
        free(data);
        reading_close(&reading);
    }
}
