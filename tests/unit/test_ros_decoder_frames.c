/* Frames: messages of another frame_id or child_frame_id than the first one's are refused, unless any will do. */
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

static pmipc_status learn(test_reader *reading, const char *frame, const char *child)
{
    ros_message message = odometry(frame, child);
    pmipc_status status = reading_learn(reading, &message);
    free(message.data);
    return status;
}

static pmipc_status read_one(test_reader *reading, const char *frame, const char *child)
{
    ros_message message = odometry(frame, child);
    pmipc_status status = reading_read(reading, &message);
    free(message.data);
    return status;
}

TEST(another_frame_than_the_first_messages_is_refused_with_both_names)
{
    test_reader reading = reading_of(ODOMETRY, NULL);
    CHECK_OK(learn(&reading, "map", "base"));
    CHECK_OK(read_one(&reading, "map", "base"));
    CHECK_STATUS(read_one(&reading, "odom", "base"), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "the message's frame_id is 'odom', the pool's is 'map'; ros_frames=\"any\"");
    CHECK_STATUS(read_one(&reading, "map", "wheel"), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "the message's child_frame_id is 'wheel', the pool's is 'base'");
    CHECK_STATUS(read_one(&reading, "mapp", "base"), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(read_one(&reading, "ma", "base"), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(read_one(&reading, "", "base"), PMIPC_SCHEMA_MISMATCH);
    CHECK_OK(read_one(&reading, "map", "base"));
    reading_close(&reading);
    reading = reading_of(ODOMETRY, NULL);
    CHECK_OK(learn(&reading, "", "")); /* an empty one is one as well */
    CHECK_OK(read_one(&reading, "", ""));
    CHECK_STATUS(read_one(&reading, "odom", ""), PMIPC_SCHEMA_MISMATCH);
    reading_close(&reading);
}

TEST(a_long_frame_counts_to_its_last_byte)
{
    char frame[3000];
    memset(frame, 'f', sizeof frame - 1);
    frame[sizeof frame - 1] = '\0';
    test_reader reading = reading_of(ODOMETRY, NULL);
    CHECK_OK(learn(&reading, frame, "base"));
    CHECK_OK(read_one(&reading, frame, "base"));
    frame[sizeof frame - 2] = 'g';
    CHECK_STATUS(read_one(&reading, frame, "base"), PMIPC_SCHEMA_MISMATCH);
    reading_close(&reading);
}

TEST(any_frame_is_taken_when_asked_for_and_metadata_do_not_say_one)
{
    static const pmipc_ros_field plain = {"", NULL};
    const pmipc_ros_decoder_options options = {.any_frame = true};
    test_reader reading = reading_with(ODOMETRY, &plain, 1, &options);
    CHECK_OK(learn(&reading, "map", "base"));
    CHECK_TEXT(pmipc_ros_decoder_metadata(reading.decoder), "{\"ros_type\":\"nav_msgs/msg/Odometry\"}");
    CHECK_OK(read_one(&reading, "odom", "base"));
    CHECK_OK(read_one(&reading, "map", "wheel"));
    reading_close(&reading);
}

TEST(a_reader_whose_first_message_was_refused_learns_the_frame_of_the_next)
{
    test_reader reading = reading_of(ODOMETRY, NULL);
    CHECK_OK(reading_expect(&reading, PMIPC_FLOAT64, 1, (const int64_t[]){13}));
    ros_message damaged = odometry("map", "base");
    damaged.count = 20;
    CHECK(reading_learn(&reading, &damaged) != PMIPC_OK);
    free(damaged.data);
    CHECK_OK(learn(&reading, "odom", "base"));
    CHECK_OK(read_one(&reading, "odom", "base"));
    reading_close(&reading);
}
