/* Joints go by name: in any order, out of more than are wanted, from several publishers at once. */
#include "ros_decoding.h"

#define TRAJECTORY "trajectory_msgs/msg/JointTrajectory"
#define MAX_JOINTS 64

/* "a b c" and as many values of each as are given; velocity and effort are 10 and 100 times the position. */
static ros_message joints_message(const char *names, const double *position, uint64_t positions, uint64_t velocities,
                                  uint64_t efforts, uint32_t flags)
{
    const pmipc_cdr_leaf leaves[] = {{.path = "name", .dtype = PMIPC_CDR_STRING},
                                     {.path = "position", .dtype = PMIPC_FLOAT64},
                                     {.path = "velocity", .dtype = PMIPC_FLOAT64},
                                     {.path = "effort", .dtype = PMIPC_FLOAT64}};
    pmipc_cdr_span spans[MAX_JOINTS];
    double values[3][MAX_JOINTS] = {{0}};
    uint64_t count = 0;
    for (const char *at = names; *at; count++) {
        spans[count] = (pmipc_cdr_span){at, strcspn(at, " ")};
        at += spans[count].count + (at[spans[count].count] == ' ');
    }
    for (uint32_t i = 0; i < MAX_JOINTS && (i < positions || i < velocities || i < efforts); i++) {
        values[0][i] = position[i];
        values[1][i] = position[i] * 10;
        values[2][i] = position[i] * 100;
    }
    pmipc_cdr_column columns[] = {{.data = spans, .count = count},
                                  {.data = values[0], .count = positions},
                                  {.data = values[1], .count = velocities},
                                  {.data = values[2], .count = efforts}};
    return encode(JOINT_STATE, leaves, columns, 4, flags);
}

static pmipc_status learn_joints(test_reader *reading, const char *names, const double *position, uint64_t count)
{
    ros_message message = joints_message(names, position, count, 0, 0, 0);
    pmipc_status status = reading_learn(reading, &message);
    free(message.data);
    return status;
}

static pmipc_status read_joints(test_reader *reading, const char *names, const double *position, uint64_t positions,
                                uint64_t velocities, uint64_t efforts)
{
    ros_message message = joints_message(names, position, positions, velocities, efforts, 0);
    pmipc_status status = reading_read(reading, &message);
    free(message.data);
    return status;
}

static void check_values(const test_reader *reading, uint32_t field, const double *expected, uint32_t count)
{
    CHECK_EQ(pmipc_field_bytes(&reading->schema.fields[field]), count * sizeof *expected);
    if (memcmp(reading->loan.fields[field].data, expected, count * sizeof *expected) == 0)
        return;
    for (uint32_t i = 0; i < count; i++) {
        double got = ((const double *)reading->loan.fields[field].data)[i];
        if (got != expected[i] && !(got != got && expected[i] != expected[i]))
            FAIL("value %u is %g, not %g", i, got, expected[i]);
    }
}

#define VALUES(...)  \
    (const double[]) \
    {                \
        __VA_ARGS__  \
    }
#define CHECK_VALUES(reading, field, ...) \
    check_values((reading), (field), VALUES(__VA_ARGS__), (uint32_t)(sizeof VALUES(__VA_ARGS__) / sizeof(double)))

TEST(the_golden_joint_state_is_read_and_names_its_joints)
{
    test_reader reading = reading_of(JOINT_STATE, NULL);
    ros_message message = hex_message(joint_state_golden);
    CHECK_LEARNS(&reading, &message);
    CHECK_SCHEMA(&reading, "float64 (2,)");
    CHECK_TEXT(pmipc_ros_decoder_metadata(reading.decoder),
               "{\"frame_id\":\"cam\",\"names\":[\"a\",\"bc\"],\"ros_type\":\"sensor_msgs/msg/JointState\"}");
    CHECK_READS(&reading, &message);
    CHECK_VALUES(&reading, 0, 1, 2);
    free(message.data);
    reading_close(&reading);
}

TEST(messages_of_two_publishers_that_alternate_come_out_in_one_order)
{
    test_reader reading = reading_of(JOINT_STATE, NULL);
    CHECK_OK(learn_joints(&reading, "a b c", VALUES(1, 2, 3), 3));
    for (int round = 0; round < 3; round++) {
        CHECK_OK(read_joints(&reading, "a b c", VALUES(1, 2, 3), 3, 0, 0));
        CHECK_VALUES(&reading, 0, 1, 2, 3);
        CHECK_OK(read_joints(&reading, "c a b", VALUES(3, 1, 2), 3, 0, 0));
        CHECK_VALUES(&reading, 0, 1, 2, 3);
        CHECK_OK(read_joints(&reading, "x c b y a", VALUES(0, 3, 2, 0, 1), 5, 0, 0));
        CHECK_VALUES(&reading, 0, 1, 2, 3);
    }
    CHECK_OK(read_joints(&reading, "y c b x a", VALUES(0, 3, 2, 0, 1), 5, 0, 0));
    CHECK_VALUES(&reading, 0, 1, 2, 3);
    reading_close(&reading);
}

TEST(a_message_without_one_of_the_joints_is_refused_by_name)
{
    test_reader reading = reading_of(JOINT_STATE, NULL);
    CHECK_OK(learn_joints(&reading, "a b c", VALUES(1, 2, 3), 3));
    CHECK_STATUS(read_joints(&reading, "a b d", VALUES(1, 2, 3), 3, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "the message names [a, b, d], the pool holds [a, b, c]");
    CHECK_HAS(reading.error.text, "list the joints with ros_joints (bridge: joints)");
    CHECK_STATUS(read_joints(&reading, "a b", VALUES(1, 2), 2, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(read_joints(&reading, "", VALUES(1, 2, 3), 3, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(read_joints(&reading, "a b b c", VALUES(1, 2, 3, 4), 4, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "names joint 'b' twice");
    CHECK_OK(read_joints(&reading, "c b a", VALUES(1, 2, 3), 3, 0, 0));
    CHECK_VALUES(&reading, 0, 3, 2, 1);
    reading_close(&reading);
}

TEST(as_many_values_as_names_or_the_message_is_refused)
{
    test_reader reading = reading_of(JOINT_STATE, NULL);
    CHECK_OK(learn_joints(&reading, "a b c", VALUES(1, 2, 3), 3));
    CHECK_STATUS(read_joints(&reading, "a b c", VALUES(1, 2), 2, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "2 values of position for 3 joints");
    CHECK_STATUS(read_joints(&reading, "a b c", VALUES(1, 2, 3, 4), 4, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(read_joints(&reading, "a b c", VALUES(1, 2, 3), 0, 3, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "position of the message is empty");
    reading_close(&reading);
    reading = reading_of(JOINT_STATE, NULL);
    CHECK_STATUS(learn_joints(&reading, "a b", VALUES(1, 2, 3), 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(learn_joints(&reading, "a b a", VALUES(1, 2, 3), 3), PMIPC_SCHEMA_MISMATCH);
    CHECK_OK(learn_joints(&reading, "b a", VALUES(1, 2), 2));
    CHECK_HAS(pmipc_ros_decoder_metadata(reading.decoder), "\"names\":[\"b\",\"a\"]");
    reading_close(&reading);
}

TEST(joints_without_names_stay_in_their_order)
{
    test_reader reading = reading_of(JOINT_STATE, NULL);
    CHECK_OK(learn_joints(&reading, "", VALUES(1, 2, 3), 3));
    CHECK_OK(read_joints(&reading, "", VALUES(4, 5, 6), 3, 0, 0));
    CHECK_VALUES(&reading, 0, 4, 5, 6);
    CHECK_STATUS(read_joints(&reading, "", VALUES(4, 5), 2, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(read_joints(&reading, "a b c", VALUES(4, 5, 6), 3, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "joints cannot be matched");
    reading_close(&reading);
}

TEST(selected_joints_come_in_the_selected_order)
{
    const char *const joints[] = {"c", "a"};
    const pmipc_ros_decoder_options options = {.joints = joints, .joint_count = 2};
    const pmipc_ros_field field = {.name = ""};
    test_reader reading = reading_with(JOINT_STATE, &field, 1, &options);
    CHECK_STATUS(reading_expect(&reading, PMIPC_FLOAT64, 1, (int64_t[]){3}), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(learn_joints(&reading, "b d", VALUES(1, 2), 2), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text,
              "no joint of the pool is in the message: the message names [b, d], the pool holds [c, a]");
    CHECK_OK(learn_joints(&reading, "a b c", VALUES(1, 2, 3), 3));
    CHECK_HAS(pmipc_ros_decoder_metadata(reading.decoder), "\"names\":[\"c\",\"a\"]");
    CHECK_OK(read_joints(&reading, "b c a", VALUES(2, 3, 1), 3, 0, 0));
    CHECK_VALUES(&reading, 0, 3, 1);
    reading_close(&reading);
}

/* ---- several publishers, each of some of the joints ---- */

static const char *const arm_and_gripper[] = {"a", "b", "g"};
static const pmipc_ros_decoder_options merging = {.joints = arm_and_gripper, .joint_count = 3};

TEST(messages_of_some_of_the_selected_joints_are_merged_into_one_row)
{
    const double nan = __builtin_nan("");
    const pmipc_ros_field field = {.name = ""};
    test_reader reading = reading_with(JOINT_STATE, &field, 1, &merging);
    CHECK_OK(learn_joints(&reading, "g", VALUES(9), 1));
    CHECK_OK(read_joints(&reading, "g", VALUES(9), 1, 0, 0));
    CHECK_VALUES(&reading, 0, nan, nan, 9);
    CHECK_OK(read_joints(&reading, "b a", VALUES(2, 1), 2, 0, 0));
    CHECK_VALUES(&reading, 0, 1, 2, 9);
    CHECK_OK(read_joints(&reading, "x g", VALUES(0, 8), 2, 0, 0));
    CHECK_VALUES(&reading, 0, 1, 2, 8);
    CHECK_OK(read_joints(&reading, "b g", VALUES(3, 7), 2, 0, 0)); /* as many names, and g where it was */
    CHECK_VALUES(&reading, 0, 1, 3, 7);
    CHECK_OK(read_joints(&reading, "a b g", VALUES(4, 5, 6), 3, 0, 0));
    CHECK_VALUES(&reading, 0, 4, 5, 6);
    CHECK_OK(read_joints(&reading, "a b x", VALUES(1, 2, 3), 3, 0, 0));
    CHECK_VALUES(&reading, 0, 1, 2, 6);
    reading_close(&reading);
}

TEST(a_refused_message_changes_nothing_of_the_merged_row)
{
    const pmipc_ros_field fields[] = {{"q", "position"}, {"dq", "velocity"}};
    const double nan = __builtin_nan("");
    test_reader reading = reading_with(JOINT_STATE, fields, 2, &merging);
    ros_message first = joints_message("a b g", VALUES(1, 2, 3), 3, 3, 0, 0);
    CHECK_LEARNS(&reading, &first);
    CHECK_READS(&reading, &first);
    CHECK_STATUS(read_joints(&reading, "x y", VALUES(7, 7), 2, 2, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "no joint of the pool is in the message");
    CHECK(strstr(reading.error.text, "ros_joints") == NULL); /* they are listed already */
    CHECK_STATUS(read_joints(&reading, "a b", VALUES(7, 7), 2, 1, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(read_joints(&reading, "a a", VALUES(7, 7), 2, 2, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(read_joints(&reading, "a b", VALUES(7, 7), 0, 0, 2), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "is empty");
    CHECK_OK(read_joints(&reading, "g", VALUES(5), 1, 0, 0)); /* says nothing of its velocity */
    CHECK_VALUES(&reading, 0, 1, 2, 5);
    CHECK_VALUES(&reading, 1, 10, 20, nan);
    free(first.data);
    reading_close(&reading);
}

TEST(merged_stacked_joints_have_a_row_for_each_kind)
{
    const double nan = __builtin_nan("");
    const pmipc_ros_field field = {.name = ""};
    test_reader reading = reading_with(JOINT_STATE, &field, 1, &merging);
    CHECK_OK(reading_expect(&reading, PMIPC_FLOAT64, 2, (int64_t[]){3, 3}));
    CHECK_OK(learn_joints(&reading, "a b", VALUES(1, 2), 2));
    CHECK_OK(read_joints(&reading, "a b", VALUES(1, 2), 2, 2, 2));
    CHECK_OK(read_joints(&reading, "g", VALUES(3), 0, 0, 1));
    CHECK_VALUES(&reading, 0, 1, 2, nan, 10, 20, nan, 100, 200, 300);
    CHECK_STATUS(read_joints(&reading, "g", VALUES(3), 0, 0, 0), PMIPC_SCHEMA_MISMATCH);
    reading_close(&reading);
}

TEST(a_field_says_when_each_joint_was_heard)
{
    const pmipc_ros_field fields[] = {{"q", "position"}, {"when", "joint_stamps"}};
    const pmipc_cdr_leaf leaves[] = {{.path = "header.stamp.sec", .dtype = PMIPC_INT32},
                                     {.path = "name", .dtype = PMIPC_CDR_STRING},
                                     {.path = "position", .dtype = PMIPC_FLOAT64}};
    test_reader reading = reading_with(JOINT_STATE, fields, 2, &merging);
    uint32_t count;
    const int64_t expected[][3] = {{0, 0, 5}, {7, 7, 5}};
    const char *const names[][2] = {{"g", "x"}, {"b", "a"}};
    for (int i = 0; i < 2; i++) {
        int32_t sec = i ? 7 : 5;
        pmipc_cdr_span spans[] = {span_of(names[i][0]), span_of(names[i][1])};
        double values[] = {1, 2};
        pmipc_cdr_column columns[] = {
            {.data = &sec, .count = 1}, {.data = spans, .count = 2}, {.data = values, .count = 2}};
        ros_message message = encode(JOINT_STATE, leaves, columns, 3, 0);
        if (i == 0)
            CHECK_LEARNS(&reading, &message);
        CHECK_SCHEMA(&reading, "{q: float64 (3,), when: int64 (3,)}");
        CHECK_READS(&reading, &message);
        const int64_t *stamps = pmipc_ros_decoder_joint_stamps(reading.decoder, &count);
        CHECK_EQ(count, 3);
        for (int joint = 0; joint < 3; joint++) {
            CHECK_EQ(((const int64_t *)reading.loan.fields[1].data)[joint], expected[i][joint] * 1000000000);
            CHECK_EQ(stamps[joint], expected[i][joint] * 1000000000);
        }
        free(message.data);
    }
    reading_close(&reading);
    reading = reading_of(JOINT_STATE, NULL);
    CHECK(pmipc_ros_decoder_joint_stamps(reading.decoder, &count) == NULL && count == 0);
    reading_close(&reading);
    pmipc_error error;
    CHECK_STATUS(reading_refused(JOINT_STATE, "joint_stamps", NULL, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "joints that are selected by name (ros_joints)");
    CHECK_STATUS(reading_refused(TRAJECTORY, "joint_stamps", &merging, &error), PMIPC_INVALID_ARGUMENT);
}

TEST(long_lists_of_joints_are_cut_in_a_refusal)
{
    char names[1000] = "";
    double values[MAX_JOINTS] = {0};
    for (int i = 0; i < MAX_JOINTS - 1; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%sjoint_%d", i ? " " : "", i);
    test_reader reading = reading_of(JOINT_STATE, NULL);
    CHECK_OK(learn_joints(&reading, names, values, MAX_JOINTS - 1));
    CHECK_STATUS(read_joints(&reading, "a b", values, 2, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "the message names [a, b], the pool holds [joint_0, joint_1, ");
    CHECK_HAS(reading.error.text, ", ...]; to merge");
    reading_close(&reading);
}

TEST(joints_can_be_selected_only_where_there_are_some_and_only_once)
{
    const char *const twice[] = {"a", "a"}, *const none[] = {""};
    pmipc_error error;
    pmipc_ros_decoder_options options = {.joints = twice, .joint_count = 2};
    CHECK_STATUS(reading_refused(JOINT_STATE, NULL, &options, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "'a' is selected twice");
    CHECK_STATUS(reading_refused(IMAGE, NULL, &options, &error), PMIPC_INVALID_ARGUMENT);
    options = (pmipc_ros_decoder_options){.joints = none, .joint_count = 1};
    CHECK_STATUS(reading_refused(JOINT_STATE, NULL, &options, &error), PMIPC_INVALID_ARGUMENT);
    options = (pmipc_ros_decoder_options){.point_fields = none, .point_field_count = 1};
    CHECK_STATUS(reading_refused(JOINT_STATE, NULL, &options, &error), PMIPC_INVALID_ARGUMENT);
}

TEST(stacked_joints_have_nan_where_a_message_has_nothing)
{
    const double nan = __builtin_nan("");
    test_reader reading = reading_of(JOINT_STATE, NULL);
    CHECK_STATUS(reading_expect(&reading, PMIPC_FLOAT64, 2, (int64_t[]){2, 3}), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(reading_expect(&reading, PMIPC_FLOAT32, 2, (int64_t[]){3, 2}), PMIPC_SCHEMA_MISMATCH);
    CHECK_OK(reading_expect(&reading, PMIPC_FLOAT64, 2, (int64_t[]){3, 2}));
    CHECK_STATUS(learn_joints(&reading, "a b c", VALUES(1, 2, 3), 3), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "the message has float64 (3, 3), the pool takes float64 (3, 2)");
    CHECK_OK(learn_joints(&reading, "a b", VALUES(1, 2), 2));
    CHECK_OK(read_joints(&reading, "b a", VALUES(2, 1), 2, 2, 2));
    CHECK_VALUES(&reading, 0, 1, 2, 10, 20, 100, 200);
    CHECK_OK(read_joints(&reading, "b a", VALUES(2, 1), 2, 0, 2));
    CHECK_VALUES(&reading, 0, 1, 2, nan, nan, 100, 200);
    CHECK_OK(read_joints(&reading, "a b", VALUES(1, 2), 0, 0, 2));
    CHECK_VALUES(&reading, 0, nan, nan, nan, nan, 100, 200);
    CHECK_STATUS(read_joints(&reading, "a b", VALUES(1, 2), 2, 1, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "1 values of velocity for 2 joints");
    CHECK_STATUS(read_joints(&reading, "a b", VALUES(1, 2), 0, 0, 0), PMIPC_SCHEMA_MISMATCH);
    reading_close(&reading);
}

TEST(fields_of_a_dict_are_reordered_together)
{
    const pmipc_ros_field fields[] = {{"q", "position"}, {"dq", "velocity"}, {"tau", "effort"}};
    test_reader reading = reading_with(JOINT_STATE, fields, 3, NULL);
    ros_message first = joints_message("a b", VALUES(1, 2), 2, 2, 2, 0);
    ros_message big = joints_message("b a", VALUES(2, 1), 2, 2, 2, PMIPC_CDR_SWAPPED);
    CHECK_LEARNS(&reading, &first);
    CHECK_SCHEMA(&reading, "{q: float64 (2,), dq: float64 (2,), tau: float64 (2,)}");
    CHECK_READS(&reading, &big);
    CHECK_VALUES(&reading, 0, 1, 2);
    CHECK_VALUES(&reading, 1, 10, 20);
    CHECK_VALUES(&reading, 2, 100, 200);
    CHECK_STATUS(read_joints(&reading, "a b", VALUES(1, 2), 2, 2, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "effort of the message is empty");
    free(first.data);
    free(big.data);
    reading_close(&reading);
}

TEST(more_names_than_anybody_has_are_refused)
{
    const pmipc_cdr_leaf leaves[] = {{.path = "name", .dtype = PMIPC_CDR_STRING},
                                     {.path = "position", .dtype = PMIPC_FLOAT64}};
    static pmipc_cdr_span spans[5000];
    static double values[5000];
    for (uint32_t i = 0; i < 5000; i++)
        spans[i] = span_of("j");
    pmipc_cdr_column columns[] = {{.data = spans, .count = 5000}, {.data = values, .count = 5000}};
    ros_message many = encode(JOINT_STATE, leaves, columns, 2, 0);
    test_reader reading = reading_of(JOINT_STATE, NULL);
    CHECK_STATUS(reading_learn(&reading, &many), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "the message has 5000 of name, at most 4096 are supported");
    free(many.data);
    columns[0].count = columns[1].count = 1025;
    many = encode(JOINT_STATE, leaves, columns, 2, 0);
    CHECK_STATUS(reading_learn(&reading, &many), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(reading.error.text, "1025 joints, at most 1024 are supported");
    free(many.data);
    reading_close(&reading);
}

/* ---- trajectories ---- */

static ros_message trajectory_message(const char *first, const char *second, const double *values,
                                      const uint64_t *lengths, uint64_t rows)
{
    const pmipc_cdr_leaf leaves[] = {{.path = "joint_names", .dtype = PMIPC_CDR_STRING},
                                     {.path = "points[].positions", .dtype = PMIPC_FLOAT64, .flags = PMIPC_CDR_SPANS}};
    pmipc_cdr_span names[] = {span_of(first), span_of(second)}, spans[32];
    for (uint64_t i = 0; i < rows; i++) {
        spans[i] = (pmipc_cdr_span){values, lengths ? lengths[i] : 2};
        values += spans[i].count;
    }
    pmipc_cdr_column columns[] = {{.data = names, .count = 2}, {.data = spans, .count = rows, .rows = rows}};
    return encode(TRAJECTORY, leaves, columns, 2, 0);
}

TEST(a_trajectory_is_rows_of_joints_in_one_order)
{
    test_reader reading = reading_of(TRAJECTORY, NULL);
    ros_message first = trajectory_message("a", "b", VALUES(1, 2, 3, 4), NULL, 2);
    ros_message other = trajectory_message("b", "a", VALUES(2, 1, 4, 3, 6, 5), NULL, 3);
    static double values[40];
    for (int i = 0; i < 40; i++)
        values[i] = i;
    ros_message longer = trajectory_message("a", "b", values, NULL, 20);
    ros_message none = trajectory_message("a", "b", VALUES(1), NULL, 0);
    CHECK_LEARNS(&reading, &first);
    CHECK_SCHEMA(&reading, "float64 (up to 1024, 2)");
    CHECK_READS(&reading, &first);
    CHECK_EQ(reading.loan.fields[0].length, 2);
    CHECK_READS(&reading, &other);
    CHECK_EQ(reading.loan.fields[0].length, 3);
    CHECK(memcmp(reading.loan.fields[0].data, VALUES(1, 2, 3, 4, 5, 6), 6 * sizeof(double)) == 0);
    CHECK_READS(&reading, &longer);
    CHECK_EQ(reading.loan.fields[0].length, 20);
    CHECK(memcmp(reading.loan.fields[0].data, values, sizeof values) == 0);
    CHECK_READS(&reading, &none);
    CHECK_EQ(reading.loan.fields[0].length, 0);
    free(first.data);
    free(other.data);
    free(longer.data);
    free(none.data);
    reading_close(&reading);
}

TEST(a_trajectory_of_different_rows_is_refused)
{
    test_reader reading = reading_of(TRAJECTORY, NULL);
    ros_message first = trajectory_message("a", "b", VALUES(1, 2, 3, 4), NULL, 2);
    ros_message ragged = trajectory_message("a", "b", VALUES(1, 2, 3, 4), (uint64_t[]){2, 1, 1}, 3);
    ros_message empty = trajectory_message("a", "b", VALUES(1, 2), (uint64_t[]){2, 0}, 2);
    CHECK_STATUS(reading_learn(&reading, &ragged), PMIPC_SCHEMA_MISMATCH);
    CHECK_LEARNS(&reading, &first);
    CHECK_REFUSES(&reading, &ragged, "1 values of points[].positions for 2 joints (points[1])");
    CHECK_REFUSES(&reading, &empty, "points[].positions of the message is empty (points[1])");
    free(first.data);
    free(ragged.data);
    free(empty.data);
    reading_close(&reading);
}

TEST(a_sample_says_how_long_a_trajectory_may_be)
{
    test_reader reading = reading_of(TRAJECTORY, "");
    ros_message three = trajectory_message("a", "b", VALUES(1, 2, 3, 4, 5, 6), NULL, 3);
    ros_message two = trajectory_message("a", "b", VALUES(1, 2, 3, 4), NULL, 2);
    CHECK_OK(reading_expect(&reading, PMIPC_FLOAT64, 2, (int64_t[]){2, 2}));
    CHECK_SCHEMA(&reading, "float64 (up to 2, 2)");
    CHECK_LEARNS(&reading, &two);
    CHECK_READS(&reading, &two);
    CHECK_REFUSES(&reading, &three, "the message has float64 (3, 2), the pool takes float64 (up to 2, 2)");
    free(two.data);
    free(three.data);
    reading_close(&reading);
}
