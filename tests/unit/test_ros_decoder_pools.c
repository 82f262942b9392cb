/* From messages to a pool: the order of calls, stamps, metadata, and frames that cannot be filled. */
#include "ros_decoding.h"

#include "pools.h"

static pmipc_status publish(test_decoder *decoding, pmipc_producer *producer, const ros_message *message, uint64_t *seq)
{
    return pmipc_ros_decoder_publish(decoding->decoder, producer, message->data, message->count, 42, seq,
                                     &decoding->error);
}

TEST(messages_become_samples_with_their_stamps)
{
    test_decoder decoding = decoding_of(IMAGE, NULL);
    ros_message message = hex_message(image_golden);
    CHECK_LEARNS(&decoding, &message);
    const pmipc_producer_options options = {.metadata = pmipc_ros_decoder_metadata(decoding.decoder)};
    pmipc_producer *producer = producer_open("camera", &decoding.schema, &options);
    pmipc_stream *stream = stream_open("camera", NULL);
    uint64_t seq = 0;
    CHECK_OK(publish(&decoding, producer, &message, &seq));
    CHECK_EQ(seq, 1);
    CHECK_OK(publish(&decoding, producer, &message, NULL));
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK_EQ(view.seq, 2);
    CHECK_EQ(view.stamp_ns, 1000000002);
    CHECK(memcmp(view.fields[0].data, "\1\2\3\4\5\6", 6) == 0);
    pmipc_view_release(&view);
    memset(message.data + 4, 0, 8); /* no stamp */
    CHECK_OK(publish(&decoding, producer, &message, NULL));
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK_EQ(view.stamp_ns, 42);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    free(message.data);
    decoding_close(&decoding);
}

TEST(mismatch_leaves_no_sample_and_no_loan)
{
    test_decoder decoding = decoding_of(IMAGE, NULL);
    ros_message message = hex_message(image_golden);
    CHECK_LEARNS(&decoding, &message);
    pmipc_producer *producer = producer_open("camera", &decoding.schema, NULL);
    message.data[33] = 'x'; /* in the encoding */
    uint64_t seq = 9;
    CHECK_STATUS(publish(&decoding, producer, &message, &seq), PMIPC_SCHEMA_MISMATCH);
    CHECK_EQ(seq, 9);
    CHECK_EQ(pmipc_producer_seq(producer), 0);
    CHECK_STATUS(pmipc_ros_decoder_publish(decoding.decoder, producer, message.data, 20, 0, NULL, NULL), PMIPC_CORRUPT);
    message.data[33] = 'g';
    CHECK_OK(publish(&decoding, producer, &message, &seq));
    CHECK_EQ(seq, 1);
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    CHECK_STATUS(publish(&decoding, producer, &message, &seq), PMIPC_WRONG_STATE);
    CHECK(decoding.error.text[0] != '\0');
    pmipc_producer_discard(producer, &loan);
    pmipc_producer_close(producer);
    free(message.data);
    decoding_close(&decoding);
}

TEST(pool_of_another_schema_is_a_mismatch)
{
    test_decoder decoding = decoding_of(IMAGE, NULL);
    ros_message message = hex_message(image_golden);
    CHECK_LEARNS(&decoding, &message);
    pmipc_producer *small = bytes_producer("small", 3, 2);
    CHECK_STATUS(publish(&decoding, small, &message, NULL), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "uint8 (1, 2, 3)");
    pmipc_producer_close(small);
    pmipc_producer *producer = producer_open("camera", &decoding.schema, NULL);
    CHECK_OK(publish(&decoding, producer, &message, NULL));
    pmipc_producer_close(producer);
    free(message.data);
    decoding_close(&decoding);
}

TEST(decode_before_learn_and_second_learn_are_wrong_state)
{
    test_decoder decoding = decoding_of(IMAGE, NULL);
    ros_message message = hex_message(image_golden);
    CHECK_TEXT(pmipc_ros_decoder_metadata(decoding.decoder), "");
    decoding.loan.field_count = 1;
    CHECK_STATUS(
        pmipc_ros_decoder_decode(decoding.decoder, message.data, message.count, &decoding.loan, NULL, &decoding.error),
        PMIPC_WRONG_STATE);
    CHECK_STATUS(pmipc_ros_decoder_learn(decoding.decoder, message.data, message.count - 1, NULL, &decoding.error),
                 PMIPC_CORRUPT);
    CHECK_HAS(decoding.error.text, "sensor_msgs/msg/Image: data");
    CHECK_LEARNS(&decoding, &message);
    CHECK_STATUS(pmipc_ros_decoder_learn(decoding.decoder, message.data, message.count, NULL, &decoding.error),
                 PMIPC_WRONG_STATE);
    CHECK_STATUS(decoding_expect(&decoding, PMIPC_UINT8, 3, (int64_t[]){1, 2, 3}), PMIPC_WRONG_STATE);
    decoding.loan.field_count = 2;
    CHECK_STATUS(
        pmipc_ros_decoder_decode(decoding.decoder, message.data, message.count, &decoding.loan, NULL, &decoding.error),
        PMIPC_INVALID_ARGUMENT);
    free(message.data);
    decoding_close(&decoding);
}

TEST(sample_with_other_field_names_is_refused)
{
    const pmipc_ros_field fields[] = {{"rgb", NULL}, {"bytes", "data"}};
    test_decoder decoding = decoding_with(IMAGE, fields, 2, NULL);
    pmipc_schema sample = pmipc_schema_tensor(PMIPC_UINT8, 1, (int64_t[]){6}), schema;
    CHECK_STATUS(pmipc_ros_decoder_expect(decoding.decoder, &sample, &schema, &decoding.error), PMIPC_INVALID_ARGUMENT);
    pmipc_schema_init(&sample);
    CHECK_OK(pmipc_schema_add(&sample, "rgb", PMIPC_UINT8, 3, (int64_t[]){1, 2, 3}, 0, NULL));
    CHECK_OK(pmipc_schema_add(&sample, "raw", PMIPC_UINT8, 1, (int64_t[]){6}, 0, NULL));
    CHECK_STATUS(pmipc_ros_decoder_expect(decoding.decoder, &sample, &schema, &decoding.error), PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(decoding.error.text, "'raw', not 'bytes'");
    ros_message message = hex_message(image_golden);
    CHECK_LEARNS(&decoding, &message);
    CHECK_SCHEMA(&decoding, "{rgb: uint8 (1, 2, 3), bytes: uint8 (up to 1024,)}");
    CHECK_DECODES(&decoding, &message);
    CHECK(memcmp(decoding.loan.fields[0].data, decoding.loan.fields[1].data, 6) == 0);
    free(message.data);
    decoding_close(&decoding);
}

TEST(frame_id_that_is_not_utf8_is_left_out_of_metadata)
{
    test_decoder decoding = decoding_of(IMAGE, NULL);
    ros_message message = hex_message(image_golden);
    message.data[16] = 0xff; /* the first letter of "cam" */
    CHECK_LEARNS(&decoding, &message);
    CHECK_TEXT(pmipc_ros_decoder_metadata(decoding.decoder),
               "{\"encoding\":\"rgb8\",\"is_bigendian\":false,\"ros_type\":\"sensor_msgs/msg/Image\"}");
    free(message.data);
    decoding_close(&decoding);
}

TEST(long_strings_are_left_out_of_metadata)
{
    static char name[1026];
    memset(name, 'm', 1025);
    const pmipc_cdr_leaf leaves[] = {{.path = "header.frame_id", .dtype = PMIPC_CDR_STRING},
                                     {.path = "ranges", .dtype = PMIPC_FLOAT32}};
    pmipc_cdr_span frame = span_of(name);
    float range = 1;
    pmipc_cdr_column columns[] = {{.data = &frame, .count = 1}, {.data = &range, .count = 1}};
    ros_message message = encode("sensor_msgs/msg/LaserScan", leaves, columns, 2, 0);
    test_decoder decoding = decoding_of("sensor_msgs/msg/LaserScan", NULL);
    CHECK_LEARNS(&decoding, &message);
    CHECK_TEXT(pmipc_ros_decoder_metadata(decoding.decoder), "{\"ros_type\":\"sensor_msgs/msg/LaserScan\"}");
    free(message.data);
    decoding_close(&decoding);
}

TEST(short_and_long_names_of_a_type_are_equal)
{
    pmipc_cdr_types *types = decoding_types(IMAGE);
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
