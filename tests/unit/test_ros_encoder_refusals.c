/* What an encoder of ROS messages refuses, and its error texts. */
#include "ros_encoding.h"

#define FLOAT64(...) .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(__VA_ARGS__))
#define MINE(dtype, ...) .message = "test/msg/Mine", .schema = pmipc_schema_tensor(dtype, SHAPE(__VA_ARGS__))
#define AT(where) .fields = (const pmipc_ros_field[]){{"", (where)}}, .field_count = 1

struct refusal {
    given how;
    pmipc_status status;
    const char *words;
};

static void check_all(const struct refusal *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_no_encoder(&cases[i].how, cases[i].status, cases[i].words);
}

TEST(mismatch_of_shape_or_dtype_names_expected_and_got)
{
    const struct refusal cases[] = {
        {{.message = JOINT_STATE, FLOAT64(4, 2)}, PMIPC_SCHEMA_MISMATCH, "float64 (J,), or (3, J) for position"},
        {{.message = JOINT_STATE, FLOAT64(3, 2, 1)}, PMIPC_SCHEMA_MISMATCH, "got float64 (3, 2, 1)"},
        {{.message = JOINT_STATE, .schema = variable_tensor(PMIPC_FLOAT64, SHAPE(3, 2))},
         PMIPC_SCHEMA_MISMATCH,
         "(3, J)"},
        {{.message = JOINT_STATE, .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(3))},
         PMIPC_SCHEMA_MISMATCH,
         "got float32 (3,)"},
        {{.message = JOINT_STATE, FLOAT64(3), .constants = {TEXT("names", "a", "b")}},
         PMIPC_SCHEMA_MISMATCH,
         "expected 2 joints, one for each name, got float64 (3,)"},
        {{.message = JOINT_STATE, FLOAT64(3, 4), .constants = {TEXT("names", "a", "b", "c")}},
         PMIPC_SCHEMA_MISMATCH,
         "3 joints, one for each name"},
        {{.message = "trajectory_msgs/JointTrajectory", FLOAT64(5, 3), .constants = {TEXT("names", "a", "b")}},
         PMIPC_SCHEMA_MISMATCH,
         "2 joints, one for each name"},
        {{.message = JOINT_STATE, FLOAT64(3), AT("velocity"), .constants = {TEXT("names", "a", "b")}},
         PMIPC_SCHEMA_MISMATCH,
         "2 joints, one for each name"},
        {{.message = "trajectory_msgs/JointTrajectory", FLOAT64(5)}, PMIPC_SCHEMA_MISMATCH, "float64 (n, n)"},
        {{.message = "nav_msgs/Odometry", FLOAT64(12)},
         PMIPC_SCHEMA_MISMATCH,
         "expected float64 (13,), got float64 (12,)"},
        {{.message = "nav_msgs/Odometry", .schema = variable_tensor(PMIPC_FLOAT64, SHAPE(13))},
         PMIPC_SCHEMA_MISMATCH,
         "float64 (13,)"},
        {{.message = "nav_msgs/Odometry", .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(13))},
         PMIPC_SCHEMA_MISMATCH,
         "got float32 (13,)"},
        {{.message = "nav_msgs/OccupancyGrid", .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(2, 3))},
         PMIPC_SCHEMA_MISMATCH,
         "int8 (height, width), got uint8 (2, 3)"},
        {{.message = "nav_msgs/OccupancyGrid", .schema = pmipc_schema_tensor(PMIPC_INT8, SHAPE(6))},
         PMIPC_SCHEMA_MISMATCH,
         "got int8 (6,)"},
        {{.message = "std_msgs/Float32MultiArray", FLOAT64(3)}, PMIPC_SCHEMA_MISMATCH, "float32 of any shape"},
        {{.message = "std_msgs/Float32MultiArray",
          .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(1 << 16, 1 << 16))},
         PMIPC_SCHEMA_MISMATCH,
         "fewer than 2^32"},
        {{.message = "std_msgs/Float32MultiArray", .schema = variable_tensor(PMIPC_FLOAT32, SHAPE(1 << 16, 1 << 16))},
         PMIPC_SCHEMA_MISMATCH,
         "fewer than 2^32"},
        {{.message = "geometry_msgs/PoseArray", FLOAT64(10)}, PMIPC_SCHEMA_MISMATCH, "float64 (n, 7) for 'poses'"},
        {{.message = "std_msgs/Float64", FLOAT64(2)}, PMIPC_SCHEMA_MISMATCH, "got float64 (2,)"},
        {{MINE(PMIPC_UINT8, 5), AT("few")}, PMIPC_SCHEMA_MISMATCH, "uint8 (n,) for 'few', got uint8 (5,)"},
        {{MINE(PMIPC_FLOAT32, 3), AT("pair")}, PMIPC_SCHEMA_MISMATCH, "float32 (2,) for 'pair'"},
        {{.message = "test/msg/Mine", .schema = variable_tensor(PMIPC_FLOAT32, SHAPE(2)), AT("pair")},
         PMIPC_SCHEMA_MISMATCH,
         "float32 (2,) for 'pair'"},
        {{.message = "test/msg/Mine", .schema = variable_tensor(PMIPC_FLOAT32, SHAPE(5, 2)), AT("pair")},
         PMIPC_SCHEMA_MISMATCH,
         "float32 (2,) for 'pair'"},
        {{.message = "nav_msgs/Odometry", .schema = variable_tensor(PMIPC_FLOAT64, SHAPE(3, 13))},
         PMIPC_SCHEMA_MISMATCH,
         "float64 (13,)"},
        {{.message = "test/msg/Lists", .schema = variable_tensor(PMIPC_FLOAT32, SHAPE(2, 3)), AT("two[].values")},
         PMIPC_SCHEMA_MISMATCH,
         "float32 (2, n)"},
        {{.message = "test/msg/Lists", .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(3, 2)), AT("two[].values")},
         PMIPC_SCHEMA_MISMATCH,
         "float32 (2, n)"},
        {{MINE(PMIPC_FLOAT32, 4), AT("items[].values")}, PMIPC_SCHEMA_MISMATCH, "float32 (n, n)"},
    };
    check_all(cases, LENGTH(cases));
}

TEST(types_and_paths_that_samples_cannot_fill_are_refused)
{
    const struct refusal cases[] = {
        {{.message = "tf2_msgs/msg/TFMessage", FLOAT64(1, 7)}, PMIPC_UNSUPPORTED, "tf2_ros.Buffer"},
        {{.message = "sensor_msgs/msg/Nothing", FLOAT64(1)}, PMIPC_INVALID_ARGUMENT, "sensor_msgs/msg/Nothing"},
        {{MINE(PMIPC_FLOAT32, 2)}, PMIPC_INVALID_ARGUMENT, "choose some of them with a path"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pairs")}, PMIPC_INVALID_ARGUMENT, "has no field 'pairs'"},
        {{MINE(PMIPC_FLOAT32, 2), AT("tag")}, PMIPC_INVALID_ARGUMENT, "give it as a constant"},
        {{MINE(PMIPC_FLOAT32, 2), AT("items[].wide")}, PMIPC_INVALID_ARGUMENT, "give it as a constant"},
        {{MINE(PMIPC_FLOAT32, 2), AT("items")}, PMIPC_INVALID_ARGUMENT, "several dtypes"},
        {{MINE(PMIPC_FLOAT32, 2), .fields = (const pmipc_ros_field[]){{"image", "pair"}}, .field_count = 1},
         PMIPC_INVALID_ARGUMENT,
         "the sample has no field 'image'"},
        {{MINE(PMIPC_FLOAT32, 2), .fields = (const pmipc_ros_field[]){{"", "pair"}, {"", "pair"}}, .field_count = 2},
         PMIPC_INVALID_ARGUMENT,
         "'pair' is given twice"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {NUMBER("pair", 1)}},
         PMIPC_INVALID_ARGUMENT,
         "not a single number"},
        {{.message = "std_msgs/Float64", FLOAT64(1), .constants = {NUMBER("data", 1)}},
         PMIPC_INVALID_ARGUMENT,
         "two paths lead to"},
        {{.message = IMAGE, .schema = {0}}, PMIPC_INVALID_ARGUMENT, "1 to 32 fields"},
    };
    check_all(cases, LENGTH(cases));
    char name[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const given long_name = {.message = name, FLOAT64(1)};
    check_no_encoder(&long_name, PMIPC_INVALID_ARGUMENT, "too long");
}

TEST(constants_that_the_message_cannot_hold_are_refused)
{
    const struct refusal cases[] = {
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {NUMBER("what", 1)}},
         PMIPC_INVALID_ARGUMENT,
         "no field 'what'"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {NUMBER("level", 1), NUMBER("level", 1)}},
         PMIPC_INVALID_ARGUMENT,
         "'level' is given twice"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {TEXT("frame_id", "a"), TEXT("head.frame_id", "b")}},
         PMIPC_INVALID_ARGUMENT,
         "'head.frame_id' is given twice"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {NUMBER("tag", 1)}},
         PMIPC_INVALID_ARGUMENT,
         "'tag' must be text"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {TEXT("level", "1")}},
         PMIPC_INVALID_ARGUMENT,
         "'level' must be a number"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {TEXT("items[].wide", "1")}},
         PMIPC_INVALID_ARGUMENT,
         "wstring"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {NUMBER("few", 1)}},
         PMIPC_INVALID_ARGUMENT,
         "not a single number"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {NUMBER("head", 1)}},
         PMIPC_INVALID_ARGUMENT,
         "not a single number"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {NUMBER("items", 1)}},
         PMIPC_INVALID_ARGUMENT,
         "not a single number"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {TEXT("tag", "a", "b")}},
         PMIPC_INVALID_ARGUMENT,
         "'tag' must be one string, 2 are given"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {TEXT("tag", "long")}}, PMIPC_INVALID_ARGUMENT, "at most 3"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {TEXT("words", "a", "b", "c")}},
         PMIPC_INVALID_ARGUMENT,
         "at most 2"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {TEXT("words", "a", NULL)}},
         PMIPC_INVALID_ARGUMENT,
         "is NULL"},
        {{MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {{.key = "words", .text_count = 2}}},
         PMIPC_INVALID_ARGUMENT,
         "texts if text_count is not 0"},
        {{.message = "std_msgs/Float32MultiArray",
          .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(2, 2)),
          .constants = {TEXT("layout.dim[].label", "a", "b", "c")}},
         PMIPC_SCHEMA_MISMATCH,
         "layout.dim[]."},
        {{.message = "std_msgs/Float64", FLOAT64(1), .constants = {TEXT("frame_id", "a")}},
         PMIPC_INVALID_ARGUMENT,
         "no field 'frame_id'"},
        {{.message = "std_msgs/Float64", FLOAT64(1), .constants = {TEXT("names", "a")}},
         PMIPC_INVALID_ARGUMENT,
         "no field 'names'"},
    };
    check_all(cases, LENGTH(cases));
}

TEST(constant_numbers_must_fit_the_dtype_and_floats_are_rounded)
{
    static const struct {
        const char *key;
        double number;
        bool is_held;
    } cases[] = {
        {"level", 32767, true},
        {"level", 32768, false},
        {"level", -32768, true},
        {"level", -32769, false},
        {"level", 0.5, false},
        {"level", NAN, false},
        {"level", INFINITY, false},
        {"level", -INFINITY, false},
        {"level", -0.0, true},
        {"on", 0, true},
        {"on", 1, true},
        {"on", 2, false},
        {"on", -1, false},
        {"on", 0.5, false},
        {"big", 18446744073709549568.0, true},
        {"big", 18446744073709551616.0, false},
        {"big", -1, false},
        {"head.stamp.nanosec", 4294967295.0, true},
        {"head.stamp.nanosec", 4294967296.0, false},
        {"head.stamp.sec", -2147483648.0, true},
        {"head.stamp.sec", -2147483649.0, false},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const given how = {MINE(PMIPC_FLOAT32, 2), AT("pair"), .constants = {NUMBER(cases[i].key, cases[i].number)}};
        if (cases[i].is_held)
            pmipc_ros_encoder_destroy(ros_encoder_of(&how));
        else
            check_no_encoder(&how, PMIPC_INVALID_ARGUMENT, "cannot hold");
    }
    static const struct {
        double number;
        bool is_held;
    } narrow[] = {{0.1, true},    {0.1f, true}, {NAN, true},   {INFINITY, true}, {-INFINITY, true},
                  {1e300, false}, {-0.0, true}, {1e-46, true}, {-3.5e38, false}};
    for (size_t i = 0; i < LENGTH(narrow); i++) {
        const given how = {.message = "sensor_msgs/msg/Joy",
                           .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(1)),
                           .constants = {{0}}};
        const given range = {.message = "sensor_msgs/msg/Range",
                             .schema = pmipc_schema_tensor(PMIPC_FLOAT32, 0, NULL),
                             .constants = {NUMBER("max_range", narrow[i].number)}};
        pmipc_ros_encoder_destroy(ros_encoder_of(&how));
        if (narrow[i].is_held)
            pmipc_ros_encoder_destroy(ros_encoder_of(&range));
        else
            check_no_encoder(&range, PMIPC_INVALID_ARGUMENT, "which float32 cannot hold");
    }
}

TEST(stamps_that_a_header_cannot_hold_are_refused)
{
    static const double position = 1;
    const given how = {.message = JOINT_STATE, FLOAT64(1), .constants = {NO_NAMES}};
    const pmipc_source source = {.data = &position};
    pmipc_ros_encoder *encoder = ros_encoder_of(&how);
    check_not_encoded(
        encoder, &source, -1,
        "the stamp -1 ns does not fit into a message, which holds 0 (1970) to 2147483647999999999 (2038)");
    check_not_encoded(encoder, &source, PMIPC_STAMP_NOW, "the stamp -9223372036854775808 ns");
    check_not_encoded(encoder, &source, INT64_C(2147483648000000000), "the stamp 2147483648000000000 ns");
    check_not_encoded(encoder, &source, INT64_MAX, "the stamp ");
    message_bytes last = encode_message(encoder, &source, INT64_C(2147483647999999999));
    const uint32_t stamp[] = {INT32_MAX, 999999999};
    CHECK(memcmp(last.data + 4, stamp, 8) == 0);
    (void)encode_message(encoder, &source, 0);
    pmipc_ros_encoder_destroy(encoder);
}

TEST(bool_that_is_neither_0_nor_1_is_not_encoded)
{
    const given how = {.message = "std_msgs/msg/Bool", .schema = pmipc_schema_tensor(PMIPC_BOOL, 0, NULL)};
    const given by_path = {MINE(PMIPC_BOOL, 1), AT("on")};
    pmipc_ros_encoder *encoders[] = {ros_encoder_of(&how), ros_encoder_of(&by_path)};
    for (size_t i = 0; i < 2; i++) {
        check_not_encoded(encoders[i], &(pmipc_source){.data = "\2"}, 0, "neither 0 nor 1");
        (void)encode_message(encoders[i], &(pmipc_source){.data = "\1"}, 0);
        pmipc_ros_encoder_destroy(encoders[i]);
    }
}

TEST(missing_data_and_null_arguments_are_refused)
{
    const given how = {.message = JOINT_STATE, FLOAT64(3, 1), .constants = {NO_NAMES}};
    pmipc_ros_encoder *encoder = ros_encoder_of(&how);
    uint8_t buffer[128];
    size_t bytes;
    pmipc_error error;
    const pmipc_source none = {NULL, 0}, some = {.data = (const double[]){1, 2, 3}};
    CHECK_STATUS(pmipc_ros_encoder_encode(encoder, &none, 0, buffer, sizeof buffer, &bytes, &error),
                 PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "data is NULL");
    CHECK_STATUS(pmipc_ros_encoder_encode(encoder, NULL, 0, buffer, sizeof buffer, &bytes, NULL),
                 PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_ros_encoder_encode(NULL, &some, 0, buffer, sizeof buffer, &bytes, NULL), PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_ros_encoder_encode(encoder, &some, 0, buffer, sizeof buffer, NULL, NULL),
                 PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_ros_encoder_encode(encoder, &some, 0, NULL, 1, &bytes, NULL), PMIPC_INVALID_ARGUMENT);
    CHECK_OK(pmipc_ros_encoder_encode(encoder, &some, 0, buffer, sizeof buffer, &bytes, NULL));
    CHECK_STATUS(pmipc_ros_encoder_encode(encoder, &some, 0, buffer, bytes - 1, &bytes, &error), PMIPC_NO_SPACE);
    pmipc_ros_encoder_destroy(encoder);
    pmipc_ros_encoder_destroy(NULL);
    pmipc_cdr_types *types = ros_types_make();
    const pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(1));
    CHECK_STATUS(pmipc_ros_encoder_create(NULL, types, JOINT_STATE, &schema, NULL, 0, NULL, 0, NULL),
                 PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_ros_encoder_create(&encoder, NULL, JOINT_STATE, &schema, NULL, 0, NULL, 0, NULL),
                 PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_ros_encoder_create(&encoder, types, NULL, &schema, NULL, 0, NULL, 0, NULL),
                 PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_ros_encoder_create(&encoder, types, JOINT_STATE, NULL, NULL, 0, NULL, 0, NULL),
                 PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_ros_encoder_create(&encoder, types, JOINT_STATE, &schema, NULL, 0, NULL, 1, NULL),
                 PMIPC_INVALID_ARGUMENT);
    pmipc_cdr_types_destroy(types);
}

TEST(joints_without_names_are_refused)
{
    const struct refusal cases[] = {
        {{.message = JOINT_STATE, FLOAT64(3)}, PMIPC_INVALID_ARGUMENT, "the constant (metadata) 'names'"},
        {{.message = JOINT_STATE, FLOAT64(3, 3)}, PMIPC_INVALID_ARGUMENT, "receivers ignore values without names"},
        {{.message = JOINT_STATE, FLOAT64(3), AT("velocity")}, PMIPC_INVALID_ARGUMENT, "'velocity' has no names"},
        {{.message = "trajectory_msgs/JointTrajectory", FLOAT64(1, 3)}, PMIPC_INVALID_ARGUMENT, "'names'"},
    };
    check_all(cases, LENGTH(cases));
    const given by_position = {.message = JOINT_STATE, FLOAT64(3), .constants = {NO_NAMES}};
    pmipc_ros_encoder_destroy(ros_encoder_of(&by_position));
    const given by_path = {.message = JOINT_STATE, FLOAT64(1), .constants = {TEXT("name", "a")}};
    pmipc_ros_encoder_destroy(ros_encoder_of(&by_path));
    const given no_values = {
        .message = JOINT_STATE, .schema = pmipc_schema_tensor(PMIPC_INT32, SHAPE(1)), AT("header.stamp.sec")};
    pmipc_ros_encoder_destroy(ros_encoder_of(&no_values));
}

TEST(trajectories_without_times_are_refused)
{
    static const char words[] =
        "'points[].time_from_start.sec' (int32) and 'points[].time_from_start.nanosec' (uint32)";
    const pmipc_ros_constant names = TEXT("names", "a", "b", "c");
    const given fixed = {.message = "trajectory_msgs/JointTrajectory", FLOAT64(2, 3), .constants = {names}};
    check_no_encoder(&fixed, PMIPC_INVALID_ARGUMENT, words);
    const given varying = {.message = "trajectory_msgs/JointTrajectory",
                           .schema = variable_tensor(PMIPC_FLOAT64, SHAPE(8, 3)),
                           .constants = {names}};
    check_no_encoder(&varying, PMIPC_INVALID_ARGUMENT, words);
    const given by_path = {
        .message = "trajectory_msgs/JointTrajectory", FLOAT64(2, 3), AT("points[].effort"), .constants = {names}};
    check_no_encoder(&by_path, PMIPC_INVALID_ARGUMENT, words);
    const given one = {.message = "trajectory_msgs/JointTrajectory", FLOAT64(1, 3), .constants = {names}};
    pmipc_ros_encoder_destroy(ros_encoder_of(&one)); /* one point needs no time */
    const given constant = {.message = "trajectory_msgs/JointTrajectory",
                            FLOAT64(2, 3),
                            .constants = {names, NUMBER("points[].time_from_start.sec", 0)}};
    pmipc_ros_encoder_destroy(ros_encoder_of(&constant));
    given timed = {.message = "trajectory_msgs/JointTrajectory", .constants = {names}};
    pmipc_schema_init(&timed.schema);
    CHECK_OK(pmipc_schema_add(&timed.schema, "points[].positions", PMIPC_FLOAT64, SHAPE(2, 3), 0, NULL));
    CHECK_OK(pmipc_schema_add(&timed.schema, "points[].time_from_start.nanosec", PMIPC_UINT32, SHAPE(2), 0, NULL));
    pmipc_ros_encoder_destroy(ros_encoder_of(&timed));
}

/* numpy has dtypes that messages do not have: the other byte order, text, times, records. */
TEST(mismatch_names_dtypes_that_only_numpy_has)
{
    static const char *const messages[] = {IMAGE,
                                           "sensor_msgs/msg/CompressedImage",
                                           JOINT_STATE,
                                           "sensor_msgs/msg/LaserScan",
                                           "sensor_msgs/msg/Imu",
                                           "sensor_msgs/msg/Range",
                                           "std_msgs/msg/Float64",
                                           "std_msgs/msg/Float32MultiArray",
                                           "geometry_msgs/msg/PoseArray",
                                           "nav_msgs/msg/Odometry",
                                           "nav_msgs/msg/OccupancyGrid",
                                           "trajectory_msgs/msg/JointTrajectory",
                                           CLOUD};
    static const char *const dtypes[] = {"\">u2\"", "\"<U4\"", "\"<M8[ns]\"", "\"|S3\""};
    for (size_t m = 0; m < LENGTH(messages); m++)
        for (size_t d = 0; d < LENGTH(dtypes); d++) {
            given how = {.message = messages[m]};
            char got[64];
            pmipc_schema_init(&how.schema);
            /* The schema has another description in front of it. */
            CHECK_OK(pmipc_schema_add_opaque(&how.schema, "other", 4, "\"<U1\"", 5, SHAPE(1), 0, NULL));
            CHECK_OK(pmipc_schema_add_opaque(&how.schema, "x", 16, dtypes[d], strlen(dtypes[d]), SHAPE(4, 6), 0, NULL));
            how.fields = (const pmipc_ros_field[]){{"x", NULL}};
            how.field_count = 1;
            snprintf(got, sizeof got, strcmp(messages[m], CLOUD) ? "got %s (4, 6)" : "points of dtype %s", dtypes[d]);
            check_no_encoder(&how, PMIPC_SCHEMA_MISMATCH, got);
        }
    const given encoded = {.message = IMAGE, .constants = {TEXT("encoding", "mono16")}};
    given how = encoded;
    pmipc_schema_init(&how.schema);
    CHECK_OK(pmipc_schema_add_opaque(&how.schema, "", 2, "\">u2\"", 5, SHAPE(4, 6), 0, NULL));
    check_no_encoder(&how, PMIPC_SCHEMA_MISMATCH, "for the encoding 'mono16', got \">u2\" (4, 6)");
}
