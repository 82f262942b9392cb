/* Frames: messages with another frame_id or child_frame_id than the first one are refused, except with any_frame. */
#include "ros_decoding.h"

#define ODOMETRY "nav_msgs/msg/Odometry"

static ros_message odometry(const char *frame, const char *child)
{
    static double seven[7] = {1, 2, 3, 0, 0, 0, 1};
    pmipc_cdr_span names[2] = {span_of(frame), span_of(child)};
    const pmipc_cdr_leaf leaves[] = {{.path = "header.frame_id", .dtype = PMIPC_CDR_STRING},
                                     {.path = "child_frame_id", .dtype = PMIPC_CDR_STRING},
                                     {.path = "pose.pose", .dtype = PMIPC_FLOAT64}};
    pmipc_cdr_column columns[] = {
        {.data = &names[0], .count = 1}, {.data = &names[1], .count = 1}, {.data = seven, .count = 7}};
    return encode(ODOMETRY, leaves, columns, 3, 0);
}

static pmipc_status learn(test_decoder *decoding, const char *frame, const char *child)
{
    ros_message message = odometry(frame, child);
    pmipc_status status = decoding_learn(decoding, &message);
    free(message.data);
    return status;
}

static pmipc_status decode_one(test_decoder *decoding, const char *frame, const char *child)
{
    ros_message message = odometry(frame, child);
    pmipc_status status = decoding_decode(decoding, &message);
    free(message.data);
    return status;
}

TEST(frame_other_than_the_first_is_a_mismatch_with_both_names)
{
    test_decoder decoding = decoding_of(ODOMETRY, NULL);
    CHECK_OK(learn(&decoding, "map", "base"));
    CHECK_OK(decode_one(&decoding, "map", "base"));
    CHECK_STATUS(decode_one(&decoding, "odom", "base"), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "the message's frame_id is 'odom', the pool's is 'map'; ros_frames=\"any\"");
    CHECK_STATUS(decode_one(&decoding, "map", "wheel"), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "the message's child_frame_id is 'wheel', the pool's is 'base'");
    CHECK_STATUS(decode_one(&decoding, "mapp", "base"), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(decode_one(&decoding, "ma", "base"), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(decode_one(&decoding, "", "base"), PMIPC_SCHEMA_MISMATCH);
    CHECK_OK(decode_one(&decoding, "map", "base"));
    decoding_close(&decoding);
    decoding = decoding_of(ODOMETRY, NULL);
    CHECK_OK(learn(&decoding, "", "")); /* an empty frame is a frame */
    CHECK_OK(decode_one(&decoding, "", ""));
    CHECK_STATUS(decode_one(&decoding, "odom", ""), PMIPC_SCHEMA_MISMATCH);
    decoding_close(&decoding);
}

TEST(long_frames_are_compared_to_the_last_byte)
{
    char frame[3000];
    memset(frame, 'f', sizeof frame - 1);
    frame[sizeof frame - 1] = '\0';
    test_decoder decoding = decoding_of(ODOMETRY, NULL);
    CHECK_OK(learn(&decoding, frame, "base"));
    CHECK_OK(decode_one(&decoding, frame, "base"));
    frame[sizeof frame - 2] = 'g';
    CHECK_STATUS(decode_one(&decoding, frame, "base"), PMIPC_SCHEMA_MISMATCH);
    decoding_close(&decoding);
}

TEST(any_frame_takes_all_frames_and_leaves_them_out_of_metadata)
{
    static const pmipc_ros_field plain = {"", NULL};
    const pmipc_ros_decoder_options options = {.any_frame = true};
    test_decoder decoding = decoding_with(ODOMETRY, &plain, 1, &options);
    CHECK_OK(learn(&decoding, "map", "base"));
    CHECK_TEXT(pmipc_ros_decoder_metadata(decoding.decoder), "{\"ros_type\":\"nav_msgs/msg/Odometry\"}");
    CHECK_OK(decode_one(&decoding, "odom", "base"));
    CHECK_OK(decode_one(&decoding, "map", "wheel"));
    decoding_close(&decoding);
}

TEST(frame_is_learned_from_the_first_message_that_fits)
{
    test_decoder decoding = decoding_of(ODOMETRY, NULL);
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT64, 1, (const int64_t[]){13}));
    ros_message damaged = odometry("map", "base");
    damaged.count = 20;
    CHECK(decoding_learn(&decoding, &damaged) != PMIPC_OK);
    free(damaged.data);
    CHECK_OK(learn(&decoding, "odom", "base"));
    CHECK_OK(decode_one(&decoding, "odom", "base"));
    decoding_close(&decoding);
}
