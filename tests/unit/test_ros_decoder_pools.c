/* From messages to a pool: the order of calls, stamps, and what happens to frames that could not be filled. */
#include "ros_decoding.h"

#include "pools.h"

static pmipc_status publish(test_reader *reading, pmipc_producer *producer, const ros_message *message, uint64_t *seq)
{
    return pmipc_ros_decoder_publish(reading->decoder, producer, message->data, message->count, 42, seq,
                                     &reading->error);
}

TEST(messages_become_samples_with_their_stamps)
{
    test_reader reading = reading_of(IMAGE, NULL);
    ros_message message = hex_message(image_golden);
    CHECK_LEARNS(&reading, &message);
    const pmipc_producer_options options = {.metadata = pmipc_ros_decoder_metadata(reading.decoder)};
    pmipc_producer *producer = producer_open("camera", &reading.schema, &options);
    pmipc_stream *stream = stream_open("camera", NULL);
    uint64_t seq = 0;
    CHECK_OK(publish(&reading, producer, &message, &seq));
    CHECK_EQ(seq, 1);
    CHECK_OK(publish(&reading, producer, &message, NULL));
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK_EQ(view.seq, 2);
    CHECK_EQ(view.stamp_ns, 1000000002);
    CHECK(memcmp(view.fields[0].data, "\1\2\3\4\5\6", 6) == 0);
    pmipc_view_release(&view);
    memset(message.data + 4, 0, 8); /* no stamp */
    CHECK_OK(publish(&reading, producer, &message, NULL));
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK_EQ(view.stamp_ns, 42);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    free(message.data);
    reading_close(&reading);
}

TEST(a_message_that_does_not_fit_leaves_no_sample_and_no_loan)
{
    test_reader reading = reading_of(IMAGE, NULL);
    ros_message message = hex_message(image_golden);
    CHECK_LEARNS(&reading, &message);
    pmipc_producer *producer = producer_open("camera", &reading.schema, NULL);
    message.data[33] = 'x'; /* of the encoding */
    uint64_t seq = 9;
    CHECK_STATUS(publish(&reading, producer, &message, &seq), PMIPC_SCHEMA_MISMATCH);
    CHECK_EQ(seq, 9);
    CHECK_EQ(pmipc_producer_seq(producer), 0);
    CHECK_STATUS(pmipc_ros_decoder_publish(reading.decoder, producer, message.data, 20, 0, NULL, NULL), PMIPC_CORRUPT);
    message.data[33] = 'g';
    CHECK_OK(publish(&reading, producer, &message, &seq));
    CHECK_EQ(seq, 1);
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    CHECK_STATUS(publish(&reading, producer, &message, &seq), PMIPC_WRONG_STATE);
    CHECK(reading.error.text[0] != '\0');
    pmipc_producer_discard(producer, &loan);
    pmipc_producer_close(producer);
    free(message.data);
    reading_close(&reading);
}

TEST(a_pool_of_another_schema_is_never_written)
{
    test_reader reading = reading_of(IMAGE, NULL);
    ros_message message = hex_message(image_golden);
    CHECK_LEARNS(&reading, &message);
    pmipc_producer *small = bytes_producer("small", 3, 2);
    CHECK_STATUS(publish(&reading, small, &message, NULL), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "uint8 (1, 2, 3)");
    pmipc_producer_close(small);
    pmipc_producer *producer = producer_open("camera", &reading.schema, NULL);
    CHECK_OK(publish(&reading, producer, &message, NULL));
    pmipc_producer_close(producer);
    free(message.data);
    reading_close(&reading);
}

TEST(nothing_is_read_before_something_was_learned_and_nothing_learned_twice)
{
    test_reader reading = reading_of(IMAGE, NULL);
    ros_message message = hex_message(image_golden);
    CHECK_TEXT(pmipc_ros_decoder_metadata(reading.decoder), "");
    reading.loan.field_count = 1;
    CHECK_STATUS(
        pmipc_ros_decoder_decode(reading.decoder, message.data, message.count, &reading.loan, NULL, &reading.error),
        PMIPC_WRONG_STATE);
    CHECK_STATUS(pmipc_ros_decoder_learn(reading.decoder, message.data, message.count - 1, NULL, &reading.error),
                 PMIPC_CORRUPT);
    CHECK_HAS(reading.error.text, "sensor_msgs/msg/Image: data");
    CHECK_LEARNS(&reading, &message);
    CHECK_STATUS(pmipc_ros_decoder_learn(reading.decoder, message.data, message.count, NULL, &reading.error),
                 PMIPC_WRONG_STATE);
    CHECK_STATUS(reading_expect(&reading, PMIPC_UINT8, 3, (int64_t[]){1, 2, 3}), PMIPC_WRONG_STATE);
    reading.loan.field_count = 2;
    CHECK_STATUS(
        pmipc_ros_decoder_decode(reading.decoder, message.data, message.count, &reading.loan, NULL, &reading.error),
        PMIPC_INVALID_ARGUMENT);
    free(message.data);
    reading_close(&reading);
}

TEST(samples_with_other_names_than_the_readers_are_refused)
{
    const pmipc_ros_field fields[] = {{"rgb", NULL}, {"bytes", "data"}};
    test_reader reading = reading_with(IMAGE, fields, 2, NULL);
    pmipc_schema sample = pmipc_schema_tensor(PMIPC_UINT8, 1, (int64_t[]){6}), schema;
    CHECK_STATUS(pmipc_ros_decoder_expect(reading.decoder, &sample, &schema, &reading.error), PMIPC_INVALID_ARGUMENT);
    pmipc_schema_init(&sample);
    CHECK_OK(pmipc_schema_add(&sample, "rgb", PMIPC_UINT8, 3, (int64_t[]){1, 2, 3}, 0, NULL));
    CHECK_OK(pmipc_schema_add(&sample, "raw", PMIPC_UINT8, 1, (int64_t[]){6}, 0, NULL));
    CHECK_STATUS(pmipc_ros_decoder_expect(reading.decoder, &sample, &schema, &reading.error), PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(reading.error.text, "'raw', not 'bytes'");
    ros_message message = hex_message(image_golden);
    CHECK_LEARNS(&reading, &message);
    CHECK_SCHEMA(&reading, "{rgb: uint8 (1, 2, 3), bytes: uint8 (up to 1024,)}");
    CHECK_READS(&reading, &message);
    CHECK(memcmp(reading.loan.fields[0].data, reading.loan.fields[1].data, 6) == 0);
    free(message.data);
    reading_close(&reading);
}

TEST(a_frame_id_that_is_no_text_is_left_out_of_the_metadata)
{
    test_reader reading = reading_of(IMAGE, NULL);
    ros_message message = hex_message(image_golden);
    message.data[16] = 0xff; /* the first letter of "cam" */
    CHECK_LEARNS(&reading, &message);
    CHECK_TEXT(pmipc_ros_decoder_metadata(reading.decoder),
               "{\"encoding\":\"rgb8\",\"is_bigendian\":false,\"ros_type\":\"sensor_msgs/msg/Image\"}");
    free(message.data);
    reading_close(&reading);
}

TEST(a_text_that_is_too_long_to_name_anything_is_left_out_of_the_metadata)
{
    static char name[1026];
    memset(name, 'm', 1025);
    const pmipc_cdr_leaf leaves[] = {{.path = "header.frame_id", .dtype = PMIPC_CDR_STRING},
                                     {.path = "ranges", .dtype = PMIPC_FLOAT32}};
    pmipc_cdr_span frame = span_of(name);
    float range = 1;
    pmipc_cdr_column columns[] = {{.data = &frame, .count = 1}, {.data = &range, .count = 1}};
    ros_message message = encode("sensor_msgs/msg/LaserScan", leaves, columns, 2, 0);
    test_reader reading = reading_of("sensor_msgs/msg/LaserScan", NULL);
    CHECK_LEARNS(&reading, &message);
    CHECK_TEXT(pmipc_ros_decoder_metadata(reading.decoder), "{\"ros_type\":\"sensor_msgs/msg/LaserScan\"}");
    free(message.data);
    reading_close(&reading);
}

TEST(a_short_name_of_a_type_is_as_good_as_a_long_one)
{
    pmipc_cdr_types *types = reading_types(IMAGE);
    const pmipc_ros_field field = {.name = ""};
    pmipc_ros_decoder *decoder;
    pmipc_error error;
    CHECK_OK(pmipc_ros_decoder_create(&decoder, types, "sensor_msgs/Image", &field, 1, NULL, &error));
    ros_message message = hex_message(image_golden);
    CHECK_OK(pmipc_ros_decoder_learn(decoder, message.data, message.count, NULL, &error));
    CHECK_HAS(pmipc_ros_decoder_metadata(decoder), "\"ros_type\":\"sensor_msgs/msg/Image\"");
    pmipc_ros_decoder_destroy(decoder);
    CHECK_STATUS(pmipc_ros_decoder_create(&decoder, types, "sensor_msgs/Picture", &field, 1, NULL, &error),
                 PMIPC_INVALID_ARGUMENT);
    CHECK(decoder == NULL);
    pmipc_cdr_types_destroy(types);
    free(message.data);
}
