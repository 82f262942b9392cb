/* Samples of numbers as messages: default tensors, and fields by their paths. */
#include "ros_encoding.h"

#define SOURCE(pointer)       \
    (const pmipc_source[])    \
    {                         \
        {                     \
            .data = (pointer) \
        }                     \
    }

static const double one_to_thirteen[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};

TEST(encode_joint_positions_to_the_golden_joint_state)
{
    const given how = {.message = JOINT_STATE,
                       .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(2)),
                       .constants = {TEXT("frame_id", "cam"), TEXT("names", "a", "bc")}};
    message_bytes expected = from_hex(joint_state_golden);
    check_encoded(&how, SOURCE(one_to_thirteen), GOLDEN_STAMP, &expected);
}

TEST(empty_list_of_joint_names_is_encoded)
{
    const given how = {
        .message = JOINT_STATE, .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(1)), .constants = {NO_NAMES}};
    wire expected = wire_start();
    wire_header(&expected, 1, 2, "");
    wire_u32(&expected, 0);
    wire_u32(&expected, 1);
    wire_f64s(&expected, one_to_thirteen, 1);
    wire_u32(&expected, 0);
    wire_u32(&expected, 0);
    check_encoded(&how, SOURCE(one_to_thirteen), GOLDEN_STAMP, &expected.bytes);
}

TEST(stacked_joints_are_three_lists_and_rows_of_nan_are_empty)
{
    const given how = {.message = JOINT_STATE,
                       .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(3, 2)),
                       .constants = {TEXT("frame_id", "cam"), TEXT("names", "a", "bc")}};
    pmipc_ros_encoder *encoder = ros_encoder_of(&how);
    for (unsigned empty = 0; empty < 8; empty++) {
        double rows[3][2] = {{1, NAN}, {3, 4}, {NAN, 6}};
        wire expected = wire_start();
        wire_header(&expected, 1, 2, "cam");
        wire_u32(&expected, 2);
        wire_text(&expected, "a");
        wire_text(&expected, "bc");
        for (unsigned row = 0; row < 3; row++) {
            if (empty & 1u << row)
                rows[row][0] = rows[row][1] = NAN;
            wire_u32(&expected, empty & 1u << row ? 0 : 2);
            wire_f64s(&expected, rows[row], empty & 1u << row ? 0 : 2);
        }
        message_bytes got = encode_message(encoder, SOURCE(rows), GOLDEN_STAMP);
        check_same(&got, &expected.bytes);
    }
    message_bytes golden = from_hex(joint_state_golden);
    message_bytes got = encode_message(encoder, SOURCE(((const double[]){1, 2, NAN, NAN, NAN, NAN})), GOLDEN_STAMP);
    check_same(&got, &golden);
    pmipc_ros_encoder_destroy(encoder);
}

/* NaN in plain positions is a value. Only rows of stacked joints can be missing. */
TEST(joint_positions_of_nan_are_kept)
{
    const given how = {
        .message = JOINT_STATE, .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(1)), .constants = {NO_NAMES}};
    pmipc_ros_encoder *encoder = ros_encoder_of(&how);
    message_bytes got = encode_message(encoder, SOURCE(&(double){NAN}), GOLDEN_STAMP);
    CHECK_EQ(got.count, 44); /* one position */
    pmipc_ros_encoder_destroy(encoder);
}

TEST(single_numbers_are_encoded)
{
    const given number = {.message = "std_msgs/msg/Float64", .schema = pmipc_schema_tensor(PMIPC_FLOAT64, 0, NULL)};
    message_bytes expected = from_hex("00010000000000000000f03f");
    check_encoded(&number, SOURCE(one_to_thirteen), -5, &expected); /* no header: the stamp is ignored */
    const given boolean = {.message = "std_msgs/msg/Bool", .schema = pmipc_schema_tensor(PMIPC_BOOL, SHAPE(1))};
    expected = from_hex("0001000001");
    check_encoded(&boolean, SOURCE(&(bool){true}), 0, &expected);
    wire twist = wire_start();
    wire_header(&twist, 1, 2, "cam");
    wire_f64s(&twist, one_to_thirteen, 6);
    const given stamped = {.message = "geometry_msgs/msg/TwistStamped",
                           .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(2, 3)),
                           .constants = {TEXT("frame_id", "cam")}};
    check_encoded(&stamped, SOURCE(one_to_thirteen), GOLDEN_STAMP, &twist.bytes);
}

TEST(parts_of_a_message_are_consecutive_in_the_sample)
{
    wire odometry = wire_start();
    wire_header(&odometry, 1, 2, "cam");
    wire_text(&odometry, "base");
    wire_f64s(&odometry, one_to_thirteen, 7);
    wire_zeros(&odometry, 36, 8);
    wire_f64s(&odometry, one_to_thirteen + 7, 6);
    wire_zeros(&odometry, 36, 8);
    const given how = {.message = "nav_msgs/msg/Odometry",
                       .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(13)),
                       .constants = {TEXT("frame_id", "cam"), TEXT("child_frame_id", "base")}};
    check_encoded(&how, SOURCE(one_to_thirteen), GOLDEN_STAMP, &odometry.bytes);
    wire imu = wire_start();
    wire_header(&imu, 1, 2, "");
    wire_f64s(&imu, one_to_thirteen, 4);
    wire_zeros(&imu, 9, 8);
    wire_f64s(&imu, one_to_thirteen + 4, 3);
    wire_zeros(&imu, 9, 8);
    wire_f64s(&imu, one_to_thirteen + 7, 3);
    wire_zeros(&imu, 9, 8);
    const given ten = {.message = "sensor_msgs/msg/Imu", .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(10))};
    check_encoded(&ten, SOURCE(one_to_thirteen), GOLDEN_STAMP, &imu.bytes);
    wire fix = wire_start();
    wire_header(&fix, 1, 2, "");
    wire_put(&fix, &(int8_t){1}, 1, 1);
    wire_put(&fix, &(uint16_t){0}, 1, 2);
    wire_f64s(&fix, one_to_thirteen, 3);
    wire_zeros(&fix, 9, 8);
    wire_put(&fix, &(uint8_t){0}, 1, 1);
    const given place = {.message = "sensor_msgs/msg/NavSatFix",
                         .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(3)),
                         .constants = {NUMBER("status.status", 1)}};
    check_encoded(&place, SOURCE(one_to_thirteen), GOLDEN_STAMP, &fix.bytes);
}

TEST(scans_and_ranges_take_other_numbers_from_constants)
{
    static const float ranges[] = {1, 2, 3};
    wire scan = wire_start();
    wire_header(&scan, 1, 2, "laser");
    wire_f32(&scan, -1.5f);
    wire_f32(&scan, 1.5f);
    wire_zeros(&scan, 4, 4);
    wire_f32(&scan, 30);
    wire_u32(&scan, 3);
    wire_put(&scan, ranges, 3, 4);
    wire_u32(&scan, 0);
    const given how = {.message = "sensor_msgs/msg/LaserScan",
                       .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(3)),
                       .constants = {TEXT("frame_id", "laser"), NUMBER("angle_min", -1.5), NUMBER("angle_max", 1.5),
                                     NUMBER("range_max", 30)}};
    check_encoded(&how, SOURCE(ranges), GOLDEN_STAMP, &scan.bytes);
    wire range = wire_start();
    wire_header(&range, 1, 2, "");
    wire_put(&range, &(uint8_t){1}, 1, 1);
    wire_zeros(&range, 3, 4);
    wire_f32(&range, 1);
    wire_zeros(&range, 1, 4);
    const given near = {.message = "sensor_msgs/msg/Range",
                        .schema = pmipc_schema_tensor(PMIPC_FLOAT32, 0, NULL),
                        .constants = {NUMBER("radiation_type", 1)}};
    check_encoded(&near, SOURCE(ranges), GOLDEN_STAMP, &range.bytes);
    wire joy = wire_start();
    wire_header(&joy, 1, 2, "");
    wire_u32(&joy, 2);
    wire_put(&joy, ranges, 2, 4);
    wire_u32(&joy, 0);
    const given axes = {.message = "sensor_msgs/msg/Joy", .schema = variable_tensor(PMIPC_FLOAT32, SHAPE(3))};
    check_encoded(&axes, &(pmipc_source){ranges, 2}, GOLDEN_STAMP, &joy.bytes);
}

static void wire_dimension(wire *to, const char *label, uint32_t size, uint32_t stride)
{
    wire_text(to, label);
    wire_u32(to, size);
    wire_u32(to, stride);
}

TEST(multi_array_layout_has_the_shape_of_the_sample)
{
    static const float data[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    for (uint32_t rows = 0; rows <= 2; rows++) {
        wire expected = wire_start();
        wire_u32(&expected, 3);
        wire_dimension(&expected, "", rows, 6 * rows);
        wire_dimension(&expected, "", 3, 6);
        wire_dimension(&expected, "", 2, 2);
        wire_u32(&expected, 0);
        wire_u32(&expected, rows * 6);
        wire_put(&expected, data, rows * 6, 4);
        const given fixed = {.message = "std_msgs/msg/Float32MultiArray",
                             .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(rows, 3, 2))};
        check_encoded(&fixed, SOURCE(data), 0, &expected.bytes);
        const given varying = {.message = "std_msgs/msg/Float32MultiArray",
                               .schema = variable_tensor(PMIPC_FLOAT32, SHAPE(2, 3, 2))};
        check_encoded(&varying, &(pmipc_source){data, rows}, 0, &expected.bytes);
    }
    wire number = wire_start();
    wire_u32(&number, 0);
    wire_u32(&number, 0);
    wire_u32(&number, 1);
    wire_f32(&number, 1);
    const given none = {.message = "std_msgs/msg/Float32MultiArray",
                        .schema = pmipc_schema_tensor(PMIPC_FLOAT32, 0, NULL)};
    check_encoded(&none, SOURCE(data), 0, &number.bytes);
    wire labeled = wire_start();
    wire_u32(&labeled, 2);
    wire_dimension(&labeled, "rows", 1, 2);
    wire_dimension(&labeled, "columns", 2, 2);
    wire_u32(&labeled, 0);
    wire_u32(&labeled, 2);
    wire_put(&labeled, data, 2, 4);
    const given labels = {.message = "std_msgs/msg/Float32MultiArray",
                          .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(1, 2)),
                          .constants = {TEXT("layout.dim[].label", "rows", "columns")}};
    check_encoded(&labels, SOURCE(data), 0, &labeled.bytes);
    const given counted = {.message = "std_msgs/msg/Float32MultiArray",
                           .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(1, 2)),
                           .constants = {TEXT("layout.dim[].label", "rows", "columns"), NUMBER("layout.dim#", 2)}};
    check_encoded(&counted, SOURCE(data), 0, &labeled.bytes);
}

TEST(grid_has_the_shape_of_the_sample_and_constants)
{
    static const int8_t cells[] = {0, 100, -1, 50, 1, 2};
    for (int variable = 0; variable <= 1; variable++) {
        wire expected = wire_start();
        wire_header(&expected, 1, 2, "map");
        wire_zeros(&expected, 2, 4);
        wire_f32(&expected, 0.5f);
        wire_u32(&expected, 3);
        wire_u32(&expected, 2);
        wire_f64s(&expected, (const double[]){1, 2, 0, 0, 0, 0, 1}, 7);
        wire_u32(&expected, 6);
        wire_put(&expected, cells, 6, 1);
        const given how = {.message = "nav_msgs/msg/OccupancyGrid",
                           .schema = variable ? variable_tensor(PMIPC_INT8, SHAPE(4, 3))
                                              : pmipc_schema_tensor(PMIPC_INT8, SHAPE(2, 3)),
                           .constants = {TEXT("frame_id", "map"), NUMBER("info.resolution", 0.5),
                                         NUMBER("info.origin.position.x", 1), NUMBER("info.origin.position.y", 2)}};
        check_encoded(&how, &(pmipc_source){cells, 2}, GOLDEN_STAMP, &expected.bytes);
    }
}

TEST(encode_rows_to_poses_and_polygons)
{
    static const double poses[14] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    const given array = {.message = "geometry_msgs/msg/PoseArray",
                         .schema = variable_tensor(PMIPC_FLOAT64, SHAPE(2, 7))};
    const given path = {
        .message = PATH, .schema = variable_tensor(PMIPC_FLOAT64, SHAPE(2, 7)), .constants = {TEXT("frame_id", "map")}};
    pmipc_ros_encoder *encoders[] = {ros_encoder_of(&array), ros_encoder_of(&path)};
    for (uint32_t count = 0; count <= 2; count++) {
        wire expected = wire_start();
        wire_header(&expected, 1, 2, "");
        wire_u32(&expected, count);
        wire_f64s(&expected, poses, 7 * count);
        message_bytes got = encode_message(encoders[0], &(pmipc_source){poses, count}, GOLDEN_STAMP);
        check_same(&got, &expected.bytes);
        expected = wire_start();
        wire_header(&expected, 1, 2, "map");
        wire_u32(&expected, count);
        for (uint32_t i = 0; i < count; i++) {
            wire_header(&expected, 1, 2, "map");
            wire_f64s(&expected, poses + 7 * i, 7);
        }
        got = encode_message(encoders[1], &(pmipc_source){poses, count}, GOLDEN_STAMP);
        check_same(&got, &expected.bytes);
    }
    pmipc_ros_encoder_destroy(encoders[0]);
    pmipc_ros_encoder_destroy(encoders[1]);
    static const float corners[6] = {1, 2, 3, 4, 5, 6};
    wire polygon = wire_start();
    wire_u32(&polygon, 2);
    wire_put(&polygon, corners, 6, 4);
    const given how = {.message = "geometry_msgs/msg/Polygon",
                       .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(2, 3))};
    check_encoded(&how, SOURCE(corners), 0, &polygon.bytes);
}

TEST(encode_rows_to_a_trajectory)
{
    static const double positions[6] = {1, 2, 3, 4, 5, 6};
    const given how = {.message = "trajectory_msgs/msg/JointTrajectory",
                       .schema = variable_tensor(PMIPC_FLOAT64, SHAPE(3, 2)),
                       .constants = {TEXT("names", "a", "b"), NUMBER("points[].time_from_start.sec", 0)}};
    pmipc_ros_encoder *encoder = ros_encoder_of(&how);
    for (uint32_t rows = 0; rows <= 3; rows++) {
        wire expected = wire_start();
        wire_header(&expected, 1, 2, "");
        wire_u32(&expected, 2);
        wire_text(&expected, "a");
        wire_text(&expected, "b");
        wire_u32(&expected, rows);
        for (uint32_t i = 0; i < rows; i++) {
            wire_u32(&expected, 2);
            wire_f64s(&expected, positions + 2 * i, 2);
            wire_zeros(&expected, 5, 4); /* three empty lists, and a duration */
        }
        message_bytes got = encode_message(encoder, &(pmipc_source){positions, rows}, GOLDEN_STAMP);
        check_same(&got, &expected.bytes);
    }
    pmipc_ros_encoder_destroy(encoder);
}

/* ---- any type, by paths ---- */

static pmipc_schema mine_schema(uint32_t items, uint32_t flags)
{
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "items[].values", PMIPC_FLOAT32, SHAPE(items, 2), flags, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "few", PMIPC_UINT8, SHAPE(4), PMIPC_FIELD_VARIABLE, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "level", PMIPC_INT16, 0, NULL, 0, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "pair", PMIPC_FLOAT32, SHAPE(2), 0, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "items[].number", PMIPC_INT32, SHAPE(items), flags, NULL));
    return schema;
}

static message_bytes mine_message(uint32_t items, const char *frame)
{
    wire expected = wire_start();
    wire_header(&expected, 1, 2, frame);
    wire_u32(&expected, 3);
    wire_put(&expected, "abc", 3, 1);
    wire_f32(&expected, 1);
    wire_f32(&expected, 2);
    wire_put(&expected, &(int16_t){-7}, 1, 2);
    wire_put(&expected, &(uint64_t){UINT64_C(1) << 63}, 1, 8);
    wire_text(&expected, "tag");
    wire_put(&expected, &(bool){true}, 1, 1);
    wire_u32(&expected, 2);
    wire_text(&expected, "one");
    wire_text(&expected, "");
    wire_u32(&expected, items);
    for (uint32_t i = 0; i < items; i++) {
        wire_header(&expected, 1, 2, frame);
        wire_u32(&expected, i + 10);
        wire_u32(&expected, 2);
        wire_f32(&expected, (float)(2 * i));
        wire_f32(&expected, (float)(2 * i + 1));
        wire_u32(&expected, 0);
    }
    return expected.bytes;
}

TEST(dict_whose_names_are_paths_fills_any_type)
{
    static const float values[] = {0, 1, 2, 3}, pair[] = {1, 2};
    static const int32_t numbers[] = {10, 11};
    const pmipc_ros_constant constants[8] = {TEXT("frame_id", "map"), NUMBER("big", 9223372036854775808.0),
                                             TEXT("tag", "tag"), NUMBER("on", 1), TEXT("words", "one", "")};
    for (uint32_t varying = 0; varying <= 1; varying++) {
        given how = {.message = "test/msg/Mine",
                     .schema = mine_schema(varying ? 5 : 2, varying ? PMIPC_FIELD_VARIABLE : 0)};
        memcpy(how.constants, constants, sizeof constants);
        const pmipc_source sources[] = {{values, 2}, {"abcd", 3}, {&(int16_t){-7}, 0}, {pair, 0}, {numbers, 2}};
        message_bytes expected = mine_message(2, "map");
        check_encoded(&how, sources, GOLDEN_STAMP, &expected);
    }
}

TEST(lists_of_one_message_must_have_one_length)
{
    given how = {.message = "test/msg/Mine", .schema = mine_schema(5, PMIPC_FIELD_VARIABLE)};
    pmipc_ros_encoder *encoder = ros_encoder_of(&how);
    static const float values[10];
    static const int32_t numbers[5];
    for (int64_t first = 0; first <= 2; first++)
        for (int64_t second = 0; second <= 2; second++) {
            const pmipc_source sources[] = {
                {values, first}, {"abcd", 0}, {&(int16_t){0}, 0}, {values, 0}, {numbers, second}};
            if (first == second)
                (void)encode_message(encoder, sources, 0);
            else
                check_not_encoded(encoder, sources, 0, "test/msg/Mine: items[].");
        }
    pmipc_ros_encoder_destroy(encoder);
    pmipc_schema_init(&how.schema);
    CHECK_OK(pmipc_schema_add(&how.schema, "items[].values", PMIPC_FLOAT32, SHAPE(3, 2), 0, NULL));
    CHECK_OK(pmipc_schema_add(&how.schema, "items[].number", PMIPC_INT32, SHAPE(2), 0, NULL));
    check_no_encoder(&how, PMIPC_SCHEMA_MISMATCH, "items[].");
}

static void wire_items(wire *to, const int32_t *numbers, uint32_t count, const float *value)
{
    for (uint32_t i = 0; i < count; i++) {
        wire_header(to, 1, 2, "map");
        wire_put(to, &numbers[i], 1, 4);
        wire_u32(to, value ? 1 : 0);
        if (value)
            wire_f32(to, value[i]);
        wire_u32(to, 0);
    }
}

TEST(elements_of_lists_get_the_header_of_the_message)
{
    enum { MANY = 20 };
    static const int32_t numbers[MANY] = {10, 11, 12};
    static const float values[] = {1, 2};
    given how = {.message = "test/msg/Lists", .constants = {TEXT("frame_id", "map"), NUMBER("two[].number", 3)}};
    pmipc_schema_init(&how.schema);
    CHECK_OK(pmipc_schema_add(&how.schema, "few[].number", PMIPC_INT32, SHAPE(2), PMIPC_FIELD_VARIABLE, NULL));
    CHECK_OK(pmipc_schema_add(&how.schema, "two[].values", PMIPC_FLOAT32, SHAPE(2, 1), 0, NULL));
    CHECK_OK(pmipc_schema_add(&how.schema, "many[].number", PMIPC_INT32, SHAPE(MANY), 0, NULL));
    for (uint32_t few = 0; few <= 2; few++) {
        wire expected = wire_start();
        wire_header(&expected, 1, 2, "map");
        wire_u32(&expected, few);
        wire_items(&expected, numbers, few, NULL);
        wire_items(&expected, (const int32_t[]){3, 3}, 2, values);
        wire_u32(&expected, MANY);
        wire_items(&expected, numbers, MANY, NULL);
        const pmipc_source sources[] = {{numbers, few}, {values, 0}, {numbers, 0}};
        check_encoded(&how, sources, GOLDEN_STAMP, &expected.bytes);
    }
}

TEST(counts_from_the_sample_make_ragged_lists)
{
    given how = {.message = "trajectory_msgs/msg/JointTrajectory",
                 .constants = {NO_NAMES, NUMBER("points[].time_from_start.sec", 0)}};
    pmipc_schema_init(&how.schema);
    CHECK_OK(pmipc_schema_add(&how.schema, "points[].positions#", PMIPC_UINT32, SHAPE(2), 0, NULL));
    CHECK_OK(pmipc_schema_add(&how.schema, "points[].positions", PMIPC_FLOAT64, SHAPE(3), PMIPC_FIELD_VARIABLE, NULL));
    wire expected = wire_start();
    wire_header(&expected, 1, 2, "");
    wire_zeros(&expected, 1, 4);
    wire_u32(&expected, 2);
    wire_u32(&expected, 1);
    wire_f64s(&expected, one_to_thirteen, 1);
    wire_zeros(&expected, 5, 4);
    wire_u32(&expected, 2);
    wire_f64s(&expected, one_to_thirteen + 1, 2);
    wire_zeros(&expected, 5, 4);
    const uint32_t counts[] = {1, 2};
    uint8_t moved[sizeof counts + 1]; /* sources may be unaligned */
    memcpy(moved + 1, counts, sizeof counts);
    const pmipc_source sources[] = {{moved + 1, 0}, {one_to_thirteen, 3}};
    check_encoded(&how, sources, GOLDEN_STAMP, &expected.bytes);
    const uint32_t too_many[] = {1, 3};
    pmipc_ros_encoder *encoder = ros_encoder_of(&how);
    check_not_encoded(encoder, (const pmipc_source[]){{too_many, 0}, {one_to_thirteen, 3}}, 0, "points[].positions");
    check_not_encoded(encoder, (const pmipc_source[]){{counts, 0}, {one_to_thirteen, 2}}, 0, "points[].positions");
    pmipc_ros_encoder_destroy(encoder);
}

TEST(stamp_by_path_overrides_the_stamp_of_the_sample)
{
    given how = {.message = JOINT_STATE, .constants = {TEXT("frame_id", "cam"), TEXT("name", "a", "bc")}};
    pmipc_schema_init(&how.schema);
    CHECK_OK(pmipc_schema_add(&how.schema, "header.stamp.sec", PMIPC_INT32, 0, NULL, 0, NULL));
    CHECK_OK(pmipc_schema_add(&how.schema, "header.stamp.nanosec", PMIPC_UINT32, 0, NULL, 0, NULL));
    CHECK_OK(pmipc_schema_add(&how.schema, "position", PMIPC_FLOAT64, SHAPE(2), 0, NULL));
    const pmipc_source sources[] = {{&(int32_t){1}, 0}, {&(uint32_t){2}, 0}, {one_to_thirteen, 0}};
    message_bytes expected = from_hex(joint_state_golden);
    check_encoded(&how, sources, -1, &expected);
}
