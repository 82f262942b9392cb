/* Joints are found by name: in any order, among others, and from several publishers. */
#include "ros_decoding.h"

#define TRAJECTORY "trajectory_msgs/msg/JointTrajectory"
#define MAX_JOINTS 64

/* Joints "a b c" with a number of values of each kind. Velocity and effort are 10 and 100 times the position. */
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

static pmipc_status learn_joints(test_decoder *decoding, const char *names, const double *position, uint64_t count)
{
    ros_message message = joints_message(names, position, count, 0, 0, 0);
    pmipc_status status = decoding_learn(decoding, &message);
    free(message.data);
    return status;
}

static pmipc_status decode_joints(test_decoder *decoding, const char *names, const double *position, uint64_t positions,
                                  uint64_t velocities, uint64_t efforts)
{
    ros_message message = joints_message(names, position, positions, velocities, efforts, 0);
    pmipc_status status = decoding_decode(decoding, &message);
    free(message.data);
    return status;
}

static void check_values(const test_decoder *decoding, uint32_t field, const double *expected, uint32_t count)
{
    CHECK_EQ(pmipc_field_bytes(&decoding->schema.fields[field]), count * sizeof *expected);
    if (memcmp(decoding->loan.fields[field].data, expected, count * sizeof *expected) == 0)
        return;
    for (uint32_t i = 0; i < count; i++) {
        double got = ((const double *)decoding->loan.fields[field].data)[i];
        if (got != expected[i] && !(got != got && expected[i] != expected[i]))
            FAIL("value %u is %g, not %g", i, got, expected[i]);
    }
}

#define VALUES(...)  \
    (const double[]) \
    {                \
        __VA_ARGS__  \
    }
#define CHECK_VALUES(decoding, field, ...) \
    check_values((decoding), (field), VALUES(__VA_ARGS__), (uint32_t)(sizeof VALUES(__VA_ARGS__) / sizeof(double)))

TEST(decode_golden_joint_state_with_names_in_metadata)
{
    test_decoder decoding = decoding_of(JOINT_STATE, NULL);
    ros_message message = hex_message(joint_state_golden);
    CHECK_LEARNS(&decoding, &message);
    CHECK_SCHEMA(&decoding, "float64 (2,)");
    CHECK_TEXT(pmipc_ros_decoder_metadata(decoding.decoder),
               "{\"frame_id\":\"cam\",\"names\":[\"a\",\"bc\"],\"ros_type\":\"sensor_msgs/msg/JointState\"}");
    CHECK_DECODES(&decoding, &message);
    CHECK_VALUES(&decoding, 0, 1, 2);
    free(message.data);
    decoding_close(&decoding);
}

TEST(joints_of_two_publishers_are_decoded_in_one_order)
{
    test_decoder decoding = decoding_of(JOINT_STATE, NULL);
    CHECK_OK(learn_joints(&decoding, "a b c", VALUES(1, 2, 3), 3));
    for (int round = 0; round < 3; round++) {
        CHECK_OK(decode_joints(&decoding, "a b c", VALUES(1, 2, 3), 3, 0, 0));
        CHECK_VALUES(&decoding, 0, 1, 2, 3);
        CHECK_OK(decode_joints(&decoding, "c a b", VALUES(3, 1, 2), 3, 0, 0));
        CHECK_VALUES(&decoding, 0, 1, 2, 3);
        CHECK_OK(decode_joints(&decoding, "x c b y a", VALUES(0, 3, 2, 0, 1), 5, 0, 0));
        CHECK_VALUES(&decoding, 0, 1, 2, 3);
    }
    CHECK_OK(decode_joints(&decoding, "y c b x a", VALUES(0, 3, 2, 0, 1), 5, 0, 0));
    CHECK_VALUES(&decoding, 0, 1, 2, 3);
    decoding_close(&decoding);
}

TEST(message_without_one_of_the_joints_is_a_mismatch)
{
    test_decoder decoding = decoding_of(JOINT_STATE, NULL);
    CHECK_OK(learn_joints(&decoding, "a b c", VALUES(1, 2, 3), 3));
    CHECK_STATUS(decode_joints(&decoding, "a b d", VALUES(1, 2, 3), 3, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "the message names [a, b, d], the pool holds [a, b, c]");
    CHECK_HAS(decoding.error.text, "list the joints with ros_joints (bridge: joints)");
    CHECK_STATUS(decode_joints(&decoding, "a b", VALUES(1, 2), 2, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(decode_joints(&decoding, "", VALUES(1, 2, 3), 3, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(decode_joints(&decoding, "a b b c", VALUES(1, 2, 3, 4), 4, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "names joint 'b' twice");
    CHECK_OK(decode_joints(&decoding, "c b a", VALUES(1, 2, 3), 3, 0, 0));
    CHECK_VALUES(&decoding, 0, 3, 2, 1);
    decoding_close(&decoding);
}

TEST(number_of_values_must_match_the_joint_names)
{
    test_decoder decoding = decoding_of(JOINT_STATE, NULL);
    CHECK_OK(learn_joints(&decoding, "a b c", VALUES(1, 2, 3), 3));
    CHECK_STATUS(decode_joints(&decoding, "a b c", VALUES(1, 2), 2, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "2 values of position for 3 joints");
    CHECK_STATUS(decode_joints(&decoding, "a b c", VALUES(1, 2, 3, 4), 4, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(decode_joints(&decoding, "a b c", VALUES(1, 2, 3), 0, 3, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "position of the message is empty");
    decoding_close(&decoding);
    decoding = decoding_of(JOINT_STATE, NULL);
    CHECK_STATUS(learn_joints(&decoding, "a b", VALUES(1, 2, 3), 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(learn_joints(&decoding, "a b a", VALUES(1, 2, 3), 3), PMIPC_SCHEMA_MISMATCH);
    CHECK_OK(learn_joints(&decoding, "b a", VALUES(1, 2), 2));
    CHECK_HAS(pmipc_ros_decoder_metadata(decoding.decoder), "\"names\":[\"b\",\"a\"]");
    decoding_close(&decoding);
}

TEST(joints_without_names_keep_their_order)
{
    test_decoder decoding = decoding_of(JOINT_STATE, NULL);
    CHECK_OK(learn_joints(&decoding, "", VALUES(1, 2, 3), 3));
    CHECK_OK(decode_joints(&decoding, "", VALUES(4, 5, 6), 3, 0, 0));
    CHECK_VALUES(&decoding, 0, 4, 5, 6);
    CHECK_STATUS(decode_joints(&decoding, "", VALUES(4, 5), 2, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(decode_joints(&decoding, "a b c", VALUES(4, 5, 6), 3, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "joints cannot be matched");
    decoding_close(&decoding);
}

TEST(selected_joints_are_in_the_selected_order)
{
    const char *const joints[] = {"c", "a"};
    const pmipc_ros_decoder_options options = {.joints = joints, .joint_count = 2};
    const pmipc_ros_field field = {.name = ""};
    test_decoder decoding = decoding_with(JOINT_STATE, &field, 1, &options);
    CHECK_STATUS(decoding_expect(&decoding, PMIPC_FLOAT64, 1, (int64_t[]){3}), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(learn_joints(&decoding, "b d", VALUES(1, 2), 2), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text,
              "no joint of the pool is in the message: the message names [b, d], the pool holds [c, a]");
    CHECK_OK(learn_joints(&decoding, "a b c", VALUES(1, 2, 3), 3));
    CHECK_HAS(pmipc_ros_decoder_metadata(decoding.decoder), "\"names\":[\"c\",\"a\"]");
    CHECK_OK(decode_joints(&decoding, "b c a", VALUES(2, 3, 1), 3, 0, 0));
    CHECK_VALUES(&decoding, 0, 3, 1);
    decoding_close(&decoding);
}

/* ---- several publishers, each of some of the joints ---- */

static const char *const arm_and_gripper[] = {"a", "b", "g"};
static const pmipc_ros_decoder_options merging = {.joints = arm_and_gripper, .joint_count = 3};

TEST(joints_of_several_publishers_are_merged_into_one_row)
{
    const double nan = __builtin_nan("");
    const pmipc_ros_field field = {.name = ""};
    test_decoder decoding = decoding_with(JOINT_STATE, &field, 1, &merging);
    CHECK_OK(learn_joints(&decoding, "g", VALUES(9), 1));
    CHECK_OK(decode_joints(&decoding, "g", VALUES(9), 1, 0, 0));
    CHECK_VALUES(&decoding, 0, nan, nan, 9);
    CHECK_OK(decode_joints(&decoding, "b a", VALUES(2, 1), 2, 0, 0));
    CHECK_VALUES(&decoding, 0, 1, 2, 9);
    CHECK_OK(decode_joints(&decoding, "x g", VALUES(0, 8), 2, 0, 0));
    CHECK_VALUES(&decoding, 0, 1, 2, 8);
    CHECK_OK(
        decode_joints(&decoding, "b g", VALUES(3, 7), 2, 0, 0)); /* the same number of names, and g at the same index */
    CHECK_VALUES(&decoding, 0, 1, 3, 7);
    CHECK_OK(decode_joints(&decoding, "a b g", VALUES(4, 5, 6), 3, 0, 0));
    CHECK_VALUES(&decoding, 0, 4, 5, 6);
    CHECK_OK(decode_joints(&decoding, "a b x", VALUES(1, 2, 3), 3, 0, 0));
    CHECK_VALUES(&decoding, 0, 1, 2, 6);
    decoding_close(&decoding);
}

TEST(refused_message_does_not_change_merged_joints)
{
    const pmipc_ros_field fields[] = {{"q", "position"}, {"dq", "velocity"}};
    const double nan = __builtin_nan("");
    test_decoder decoding = decoding_with(JOINT_STATE, fields, 2, &merging);
    ros_message first = joints_message("a b g", VALUES(1, 2, 3), 3, 3, 0, 0);
    CHECK_LEARNS(&decoding, &first);
    CHECK_DECODES(&decoding, &first);
    CHECK_STATUS(decode_joints(&decoding, "x y", VALUES(7, 7), 2, 2, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "no joint of the pool is in the message");
    CHECK(strstr(decoding.error.text, "ros_joints") == NULL); /* the joints are already listed */
    CHECK_STATUS(decode_joints(&decoding, "a b", VALUES(7, 7), 2, 1, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(decode_joints(&decoding, "a a", VALUES(7, 7), 2, 2, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(decode_joints(&decoding, "a b", VALUES(7, 7), 0, 0, 2), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "is empty");
    CHECK_OK(decode_joints(&decoding, "g", VALUES(5), 1, 0, 0)); /* without a velocity */
    CHECK_VALUES(&decoding, 0, 1, 2, 5);
    CHECK_VALUES(&decoding, 1, 10, 20, nan);
    free(first.data);
    decoding_close(&decoding);
}

TEST(stacked_joints_merge_row_by_row)
{
    const double nan = __builtin_nan("");
    const pmipc_ros_field field = {.name = ""};
    test_decoder decoding = decoding_with(JOINT_STATE, &field, 1, &merging);
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT64, 2, (int64_t[]){3, 3}));
    CHECK_OK(learn_joints(&decoding, "a b", VALUES(1, 2), 2));
    CHECK_OK(decode_joints(&decoding, "a b", VALUES(1, 2), 2, 2, 2));
    CHECK_OK(decode_joints(&decoding, "g", VALUES(3), 0, 0, 1));
    CHECK_VALUES(&decoding, 0, 1, 2, nan, 10, 20, nan, 100, 200, 300);
    CHECK_STATUS(decode_joints(&decoding, "g", VALUES(3), 0, 0, 0), PMIPC_SCHEMA_MISMATCH);
    decoding_close(&decoding);
}

TEST(joint_stamps_have_the_stamp_of_each_joints_last_message)
{
    const pmipc_ros_field fields[] = {{"q", "position"}, {"when", "joint_stamps"}};
    const pmipc_cdr_leaf leaves[] = {{.path = "header.stamp.sec", .dtype = PMIPC_INT32},
                                     {.path = "name", .dtype = PMIPC_CDR_STRING},
                                     {.path = "position", .dtype = PMIPC_FLOAT64}};
    test_decoder decoding = decoding_with(JOINT_STATE, fields, 2, &merging);
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
            CHECK_LEARNS(&decoding, &message);
        CHECK_SCHEMA(&decoding, "{q: float64 (3,), when: int64 (3,)}");
        CHECK_DECODES(&decoding, &message);
        const int64_t *stamps = pmipc_ros_decoder_joint_stamps(decoding.decoder, &count);
        CHECK_EQ(count, 3);
        for (int joint = 0; joint < 3; joint++) {
            CHECK_EQ(((const int64_t *)decoding.loan.fields[1].data)[joint], expected[i][joint] * 1000000000);
            CHECK_EQ(stamps[joint], expected[i][joint] * 1000000000);
        }
        free(message.data);
    }
    decoding_close(&decoding);
    decoding = decoding_of(JOINT_STATE, NULL);
    CHECK(pmipc_ros_decoder_joint_stamps(decoding.decoder, &count) == NULL && count == 0);
    decoding_close(&decoding);
    pmipc_error error;
    CHECK_STATUS(decoding_refused(JOINT_STATE, "joint_stamps", NULL, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "joints that are selected by name (ros_joints)");
    CHECK_STATUS(decoding_refused(TRAJECTORY, "joint_stamps", &merging, &error), PMIPC_INVALID_ARGUMENT);
}

TEST(long_lists_of_joints_are_shortened_in_the_error)
{
    char names[1000] = "";
    double values[MAX_JOINTS] = {0};
    for (int i = 0; i < MAX_JOINTS - 1; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%sjoint_%d", i ? " " : "", i);
    test_decoder decoding = decoding_of(JOINT_STATE, NULL);
    CHECK_OK(learn_joints(&decoding, names, values, MAX_JOINTS - 1));
    CHECK_STATUS(decode_joints(&decoding, "a b", values, 2, 0, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "the message names [a, b], the pool holds [joint_0, joint_1, ");
    CHECK_HAS(decoding.error.text, ", ...]; to merge");
    decoding_close(&decoding);
}

TEST(invalid_selections_of_joints_are_refused)
{
    const char *const twice[] = {"a", "a"}, *const none[] = {""};
    pmipc_error error;
    pmipc_ros_decoder_options options = {.joints = twice, .joint_count = 2};
    CHECK_STATUS(decoding_refused(JOINT_STATE, NULL, &options, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "'a' is selected twice");
    CHECK_STATUS(decoding_refused(IMAGE, NULL, &options, &error), PMIPC_INVALID_ARGUMENT);
    options = (pmipc_ros_decoder_options){.joints = none, .joint_count = 1};
    CHECK_STATUS(decoding_refused(JOINT_STATE, NULL, &options, &error), PMIPC_INVALID_ARGUMENT);
    options = (pmipc_ros_decoder_options){.point_fields = none, .point_field_count = 1};
    CHECK_STATUS(decoding_refused(JOINT_STATE, NULL, &options, &error), PMIPC_INVALID_ARGUMENT);
}

TEST(stacked_joints_are_nan_where_a_message_has_no_values)
{
    const double nan = __builtin_nan("");
    test_decoder decoding = decoding_of(JOINT_STATE, NULL);
    CHECK_STATUS(decoding_expect(&decoding, PMIPC_FLOAT64, 2, (int64_t[]){2, 3}), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(decoding_expect(&decoding, PMIPC_FLOAT32, 2, (int64_t[]){3, 2}), PMIPC_SCHEMA_MISMATCH);
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT64, 2, (int64_t[]){3, 2}));
    CHECK_STATUS(learn_joints(&decoding, "a b c", VALUES(1, 2, 3), 3), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "the message has float64 (3, 3), the pool takes float64 (3, 2)");
    CHECK_OK(learn_joints(&decoding, "a b", VALUES(1, 2), 2));
    CHECK_OK(decode_joints(&decoding, "b a", VALUES(2, 1), 2, 2, 2));
    CHECK_VALUES(&decoding, 0, 1, 2, 10, 20, 100, 200);
    CHECK_OK(decode_joints(&decoding, "b a", VALUES(2, 1), 2, 0, 2));
    CHECK_VALUES(&decoding, 0, 1, 2, nan, nan, 100, 200);
    CHECK_OK(decode_joints(&decoding, "a b", VALUES(1, 2), 0, 0, 2));
    CHECK_VALUES(&decoding, 0, nan, nan, nan, nan, 100, 200);
    CHECK_STATUS(decode_joints(&decoding, "a b", VALUES(1, 2), 2, 1, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "1 values of velocity for 2 joints");
    CHECK_STATUS(decode_joints(&decoding, "a b", VALUES(1, 2), 0, 0, 0), PMIPC_SCHEMA_MISMATCH);
    decoding_close(&decoding);
}

TEST(fields_of_a_dict_are_in_the_same_order_of_joints)
{
    const pmipc_ros_field fields[] = {{"q", "position"}, {"dq", "velocity"}, {"tau", "effort"}};
    test_decoder decoding = decoding_with(JOINT_STATE, fields, 3, NULL);
    ros_message first = joints_message("a b", VALUES(1, 2), 2, 2, 2, 0);
    ros_message big = joints_message("b a", VALUES(2, 1), 2, 2, 2, PMIPC_CDR_SWAPPED);
    CHECK_LEARNS(&decoding, &first);
    CHECK_SCHEMA(&decoding, "{q: float64 (2,), dq: float64 (2,), tau: float64 (2,)}");
    CHECK_DECODES(&decoding, &big);
    CHECK_VALUES(&decoding, 0, 1, 2);
    CHECK_VALUES(&decoding, 1, 10, 20);
    CHECK_VALUES(&decoding, 2, 100, 200);
    CHECK_STATUS(decode_joints(&decoding, "a b", VALUES(1, 2), 2, 2, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "effort of the message is empty");
    free(first.data);
    free(big.data);
    decoding_close(&decoding);
}

TEST(too_many_joint_names_are_refused)
{
    const pmipc_cdr_leaf leaves[] = {{.path = "name", .dtype = PMIPC_CDR_STRING},
                                     {.path = "position", .dtype = PMIPC_FLOAT64}};
    static pmipc_cdr_span spans[5000];
    static double values[5000];
    for (uint32_t i = 0; i < 5000; i++)
        spans[i] = span_of("j");
    pmipc_cdr_column columns[] = {{.data = spans, .count = 5000}, {.data = values, .count = 5000}};
    ros_message many = encode(JOINT_STATE, leaves, columns, 2, 0);
    test_decoder decoding = decoding_of(JOINT_STATE, NULL);
    CHECK_STATUS(decoding_learn(&decoding, &many), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "the message has 5000 of name, at most 4096 are supported");
    free(many.data);
    columns[0].count = columns[1].count = 1025;
    many = encode(JOINT_STATE, leaves, columns, 2, 0);
    CHECK_STATUS(decoding_learn(&decoding, &many), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "1025 joints, at most 1024 are supported");
    free(many.data);
    decoding_close(&decoding);
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

TEST(decode_trajectory_to_rows_of_joints_in_one_order)
{
    test_decoder decoding = decoding_of(TRAJECTORY, NULL);
    ros_message first = trajectory_message("a", "b", VALUES(1, 2, 3, 4), NULL, 2);
    ros_message other = trajectory_message("b", "a", VALUES(2, 1, 4, 3, 6, 5), NULL, 3);
    static double values[40];
    for (int i = 0; i < 40; i++)
        values[i] = i;
    ros_message longer = trajectory_message("a", "b", values, NULL, 20);
    ros_message none = trajectory_message("a", "b", VALUES(1), NULL, 0);
    CHECK_LEARNS(&decoding, &first);
    CHECK_SCHEMA(&decoding, "float64 (up to 1024, 2)");
    CHECK_DECODES(&decoding, &first);
    CHECK_EQ(decoding.loan.fields[0].length, 2);
    CHECK_DECODES(&decoding, &other);
    CHECK_EQ(decoding.loan.fields[0].length, 3);
    CHECK(memcmp(decoding.loan.fields[0].data, VALUES(1, 2, 3, 4, 5, 6), 6 * sizeof(double)) == 0);
    CHECK_DECODES(&decoding, &longer);
    CHECK_EQ(decoding.loan.fields[0].length, 20);
    CHECK(memcmp(decoding.loan.fields[0].data, values, sizeof values) == 0);
    CHECK_DECODES(&decoding, &none);
    CHECK_EQ(decoding.loan.fields[0].length, 0);
    free(first.data);
    free(other.data);
    free(longer.data);
    free(none.data);
    decoding_close(&decoding);
}

TEST(trajectory_with_rows_of_different_lengths_is_a_mismatch)
{
    test_decoder decoding = decoding_of(TRAJECTORY, NULL);
    ros_message first = trajectory_message("a", "b", VALUES(1, 2, 3, 4), NULL, 2);
    ros_message ragged = trajectory_message("a", "b", VALUES(1, 2, 3, 4), (uint64_t[]){2, 1, 1}, 3);
    ros_message empty = trajectory_message("a", "b", VALUES(1, 2), (uint64_t[]){2, 0}, 2);
    CHECK_STATUS(decoding_learn(&decoding, &ragged), PMIPC_SCHEMA_MISMATCH);
    CHECK_LEARNS(&decoding, &first);
    CHECK_REFUSES(&decoding, &ragged, "1 values of points[].positions for 2 joints (points[1])");
    CHECK_REFUSES(&decoding, &empty, "points[].positions of the message is empty (points[1])");
    free(first.data);
    free(ragged.data);
    free(empty.data);
    decoding_close(&decoding);
}

TEST(expected_sample_decides_the_length_of_a_trajectory)
{
    test_decoder decoding = decoding_of(TRAJECTORY, "");
    ros_message three = trajectory_message("a", "b", VALUES(1, 2, 3, 4, 5, 6), NULL, 3);
    ros_message two = trajectory_message("a", "b", VALUES(1, 2, 3, 4), NULL, 2);
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT64, 2, (int64_t[]){2, 2}));
    CHECK_SCHEMA(&decoding, "float64 (up to 2, 2)");
    CHECK_LEARNS(&decoding, &two);
    CHECK_DECODES(&decoding, &two);
    CHECK_REFUSES(&decoding, &three, "the message has float64 (3, 2), the pool takes float64 (up to 2, 2)");
    free(two.data);
    free(three.data);
    decoding_close(&decoding);
}
