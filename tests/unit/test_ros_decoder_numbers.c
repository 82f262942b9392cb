/* Numbers of messages: default tensors, paths, multi-arrays, grids, shapes and lengths. */
#include "ros_decoding.h"

#define MULTI_ARRAY "std_msgs/msg/Float32MultiArray"
#define GRID "nav_msgs/msg/OccupancyGrid"

/* A message with one leaf of numbers 1, 2, 3, ... */
static ros_message counted(const char *name, const char *path, pmipc_dtype dtype, uint64_t count, uint64_t rows,
                           uint32_t flags)
{
    const pmipc_cdr_leaf leaf = {.path = path, .dtype = dtype};
    static double doubles[4096];
    static float floats[4096];
    static uint8_t bytes[4096];
    for (uint32_t i = 0; i < 4096; i++) {
        doubles[i] = i + 1;
        floats[i] = (float)i + 1;
        bytes[i] = (uint8_t)(i + 1);
    }
    CHECK(count <= 4096);
    void *data = dtype == PMIPC_FLOAT64 ? (void *)doubles : dtype == PMIPC_FLOAT32 ? (void *)floats : (void *)bytes;
    pmipc_cdr_column column = {.data = data, .count = count, .rows = rows};
    return encode(name, &leaf, &column, 1, flags);
}

TEST(every_type_has_the_default_tensor_of_the_table)
{
    static const struct {
        const char *name;
        const char *path;
        pmipc_dtype dtype;
        uint64_t count, rows;
        const char *schema;
    } cases[] = {
        {"sensor_msgs/msg/CompressedImage", "data", PMIPC_UINT8, 600, 1, "uint8 (up to 1200,)"},
        {"sensor_msgs/msg/LaserScan", "ranges", PMIPC_FLOAT32, 5, 1, "float32 (up to 1024,)"},
        {"sensor_msgs/msg/CameraInfo", "k", PMIPC_FLOAT64, 9, 1, "float64 (3, 3)"},
        {"geometry_msgs/msg/PoseArray", "poses", PMIPC_FLOAT64, 14, 1, "float64 (up to 1024, 7)"},
        {"nav_msgs/msg/Path", "poses[].pose", PMIPC_FLOAT64, 21, 3, "float64 (up to 1024, 7)"},
        {"geometry_msgs/msg/TwistStamped", "twist", PMIPC_FLOAT64, 6, 1, "float64 (6,)"},
        {"geometry_msgs/msg/PoseWithCovariance", "pose", PMIPC_FLOAT64, 7, 1, "float64 (7,)"},
        {"geometry_msgs/msg/Polygon", "points", PMIPC_FLOAT32, 6, 1, "float32 (up to 1024, 3)"},
        {"std_msgs/msg/Float64", "data", PMIPC_FLOAT64, 1, 1, "float64 ()"},
        {"std_msgs/msg/Bool", "data", PMIPC_BOOL, 1, 1, "bool ()"},
        {"test/msg/Stamped", "value", PMIPC_FLOAT64, 1, 1, "float64 ()"},
    };
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        for (uint32_t flags = 0; flags <= PMIPC_CDR_SWAPPED; flags += PMIPC_CDR_SWAPPED) {
            test_decoder decoding = decoding_of(cases[i].name, NULL);
            ros_message message =
                counted(cases[i].name, cases[i].path, cases[i].dtype, cases[i].count, cases[i].rows, flags);
            CHECK_LEARNS(&decoding, &message);
            CHECK_SCHEMA(&decoding, cases[i].schema);
            CHECK_DECODES(&decoding, &message);
            const pmipc_field *field = &decoding.schema.fields[0];
            const void *data = decoding.loan.fields[0].data;
            uint64_t last = cases[i].count - 1;
            if (cases[i].dtype == PMIPC_FLOAT64)
                CHECK(((const double *)data)[last] == (double)cases[i].count);
            else if (cases[i].dtype == PMIPC_FLOAT32)
                CHECK(((const float *)data)[last] == (float)cases[i].count);
            else
                CHECK_EQ(((const uint8_t *)data)[last], cases[i].count % 256);
            if (field->flags & PMIPC_FIELD_VARIABLE)
                CHECK_EQ(decoding.loan.fields[0].length,
                         field->ndim == 1 ? cases[i].count : cases[i].count / (uint64_t)field->shape[1]);
            CHECK_EQ(decoding.stamp_ns, 0);
            free(message.data);
            decoding_close(&decoding);
        }
    }
}

TEST(separate_parts_of_a_message_become_one_tensor)
{
    const pmipc_cdr_leaf imu[] = {{.path = "orientation", .dtype = PMIPC_FLOAT64},
                                  {.path = "angular_velocity", .dtype = PMIPC_FLOAT64},
                                  {.path = "linear_acceleration", .dtype = PMIPC_FLOAT64},
                                  {.path = "angular_velocity_covariance", .dtype = PMIPC_FLOAT64}};
    const pmipc_cdr_leaf odometry[] = {{.path = "pose.pose", .dtype = PMIPC_FLOAT64},
                                       {.path = "twist.twist", .dtype = PMIPC_FLOAT64},
                                       {.path = "child_frame_id", .dtype = PMIPC_CDR_STRING}};
    double values[13], covariance[9] = {100, 100, 100, 100, 100, 100, 100, 100, 100};
    for (int i = 0; i < 13; i++)
        values[i] = i;
    pmipc_cdr_span child = span_of("base");
    pmipc_cdr_column columns[] = {{.data = values, .count = 4},
                                  {.data = values + 4, .count = 3},
                                  {.data = values + 7, .count = 3},
                                  {.data = covariance, .count = 9}};
    ros_message message = encode("sensor_msgs/msg/Imu", imu, columns, 4, 0);
    test_decoder decoding = decoding_of("sensor_msgs/msg/Imu", NULL);
    CHECK_LEARNS(&decoding, &message);
    CHECK_SCHEMA(&decoding, "float64 (10,)");
    CHECK_DECODES(&decoding, &message);
    CHECK(memcmp(decoding.loan.fields[0].data, values, 10 * sizeof(double)) == 0);
    free(message.data);
    decoding_close(&decoding);
    pmipc_cdr_column more[] = {
        {.data = values, .count = 7}, {.data = values + 7, .count = 6}, {.data = &child, .count = 1}};
    message = encode("nav_msgs/msg/Odometry", odometry, more, 3, PMIPC_CDR_SWAPPED);
    decoding = decoding_of("nav_msgs/msg/Odometry", NULL);
    CHECK_LEARNS(&decoding, &message);
    CHECK_SCHEMA(&decoding, "float64 (13,)");
    CHECK_TEXT(pmipc_ros_decoder_metadata(decoding.decoder),
               "{\"child_frame_id\":\"base\",\"frame_id\":\"\",\"ros_type\":\"nav_msgs/msg/Odometry\"}");
    CHECK_DECODES(&decoding, &message);
    CHECK(memcmp(decoding.loan.fields[0].data, values, sizeof values) == 0);
    free(message.data);
    decoding_close(&decoding);
}

TEST(user_type_is_all_its_numbers_and_its_own_stamp)
{
    const pmipc_cdr_leaf leaves[] = {{.path = "x", .dtype = PMIPC_FLOAT32},
                                     {.path = "rest", .dtype = PMIPC_FLOAT32},
                                     {.path = "stamp.sec", .dtype = PMIPC_INT32},
                                     {.path = "stamp.nanosec", .dtype = PMIPC_UINT32}};
    float values[] = {1, 2, 3};
    int32_t sec = -5;
    uint32_t nanosec = 7;
    pmipc_cdr_column columns[] = {{.data = values, .count = 1},
                                  {.data = values + 1, .count = 2},
                                  {.data = &sec, .count = 1},
                                  {.data = &nanosec, .count = 1}};
    ros_message message = encode("test/msg/Force", leaves, columns, 4, 0);
    test_decoder decoding = decoding_of("test/msg/Force", NULL);
    CHECK_LEARNS(&decoding, &message);
    CHECK_SCHEMA(&decoding, "float32 (3,)");
    CHECK_DECODES(&decoding, &message);
    CHECK(memcmp(decoding.loan.fields[0].data, values, sizeof values) == 0);
    CHECK_EQ(decoding.stamp_ns, INT64_C(-4999999993));
    free(message.data);
    decoding_close(&decoding);
}

TEST(types_without_a_default_tensor_and_wrong_paths_are_refused)
{
    static const struct {
        const char *name;
        const char *path;
        pmipc_status status;
        const char *text;
    } cases[] = {
        {"test/msg/Mixed", NULL, PMIPC_INVALID_ARGUMENT, "its fields are a, b"},
        {"test/msg/TwoLists", NULL, PMIPC_INVALID_ARGUMENT, "choose some of them with a path"},
        {"test/msg/Rows", NULL, PMIPC_INVALID_ARGUMENT, "its fields are rows, flags"},
        {"std_msgs/msg/String", NULL, PMIPC_INVALID_ARGUMENT, "no numbers"},
        {"std_msgs/msg/Empty", NULL, PMIPC_INVALID_ARGUMENT, "no numbers"},
        {JOINT_STATE, "name", PMIPC_INVALID_ARGUMENT, "name is a string"},
        {JOINT_STATE, "positions", PMIPC_INVALID_ARGUMENT, "its fields are header, name, position, velocity, effort"},
        {JOINT_STATE, "header", PMIPC_INVALID_ARGUMENT, "header is a message"},
        {JOINT_STATE, "position[].x", PMIPC_INVALID_ARGUMENT, "elements without fields"},
        {"tf2_msgs/msg/TFMessage", NULL, PMIPC_UNSUPPORTED, "tf2_ros.Buffer"},
    };
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        pmipc_error error;
        CHECK_STATUS(decoding_refused(cases[i].name, cases[i].path, NULL, &error), cases[i].status);
        CHECK_HAS(error.text, cases[i].text);
        CHECK_HAS(error.text, cases[i].name);
    }
}

TEST(overlapping_paths_are_decoded_in_several_passes)
{
    const pmipc_ros_field fields[] = {{"all", "poses"}, {"where", "poses[].position"}, {"x", "poses[].position.x"},
                                      {"n", "poses#"},  {"sec", "header.stamp.sec"},   {"again", "poses[]"}};
    test_decoder decoding = decoding_with("geometry_msgs/msg/PoseArray", fields, LENGTH(fields), NULL);
    ros_message two = counted("geometry_msgs/msg/PoseArray", "poses", PMIPC_FLOAT64, 14, 1, 0);
    CHECK_LEARNS(&decoding, &two);
    CHECK_SCHEMA(&decoding, "{all: float64 (up to 1024, 7), where: float64 (up to 1024, 3), x: float64 (up to 1024,), "
                            "n: uint32 (), sec: int32 (), again: float64 (up to 1024, 7)}");
    CHECK_DECODES(&decoding, &two);
    const double *where = decoding.loan.fields[1].data, *x = decoding.loan.fields[2].data;
    CHECK(where[0] == 1 && where[2] == 3 && where[3] == 8 && where[5] == 10 && x[0] == 1 && x[1] == 8);
    CHECK_EQ(*(const uint32_t *)decoding.loan.fields[3].data, 2);
    CHECK(memcmp(decoding.loan.fields[0].data, decoding.loan.fields[5].data, 14 * sizeof(double)) == 0);
    free(two.data);
    decoding_close(&decoding);
}

TEST(whole_message_and_its_field_are_decoded_together)
{
    const pmipc_ros_field fields[] = {{"all", NULL}, {"data", "data"}};
    test_decoder decoding = decoding_with("std_msgs/msg/Float64", fields, 2, NULL);
    ros_message message = counted("std_msgs/msg/Float64", "data", PMIPC_FLOAT64, 1, 1, 0);
    CHECK_LEARNS(&decoding, &message);
    CHECK_DECODES(&decoding, &message);
    CHECK(*(const double *)decoding.loan.fields[0].data == 1 && *(const double *)decoding.loan.fields[1].data == 1);
    free(message.data);
    decoding_close(&decoding);
}

TEST(headers_between_elements_are_left_out_of_a_path)
{
    test_decoder decoding = decoding_of(PATH, NULL);
    ros_message three = counted(PATH, "poses[].pose", PMIPC_FLOAT64, 21, 3, 0);
    ros_message none = counted(PATH, "poses[].pose", PMIPC_FLOAT64, 0, 0, 0);
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT64, 2, (int64_t[]){3, 7}));
    CHECK_LEARNS(&decoding, &none);
    CHECK_SCHEMA(&decoding, "float64 (up to 3, 7)");
    CHECK_DECODES(&decoding, &three);
    CHECK_EQ(decoding.loan.fields[0].length, 3);
    for (int i = 0; i < 21; i++)
        CHECK(((const double *)decoding.loan.fields[0].data)[i] == i + 1);
    ros_message four = counted(PATH, "poses[].pose", PMIPC_FLOAT64, 28, 4, 0);
    CHECK_REFUSES(&decoding, &four, "the message has float64 (4, 7), the pool takes float64 (up to 3, 7)");
    CHECK_DECODES(&decoding, &none);
    CHECK_EQ(decoding.loan.fields[0].length, 0);
    free(three.data);
    free(none.data);
    free(four.data);
    decoding_close(&decoding);
}

static ros_message rows_message(const int16_t *values, const uint64_t *lengths, uint64_t rows, uint8_t flag)
{
    const pmipc_cdr_leaf leaves[] = {{.path = "rows[].values", .dtype = PMIPC_INT16, .flags = PMIPC_CDR_SPANS},
                                     {.path = "flags", .dtype = PMIPC_BOOL}};
    pmipc_cdr_span spans[64];
    for (uint64_t i = 0; i < rows; i++) {
        spans[i] = (pmipc_cdr_span){values, lengths[i]};
        values += lengths[i];
    }
    pmipc_cdr_column columns[] = {{.data = spans, .count = rows, .rows = rows}, {.data = &flag, .count = 1}};
    return encode("test/msg/Rows", leaves, columns, 2, 0);
}

TEST(nested_sequences_of_equal_lengths_are_a_matrix)
{
    static const int16_t values[] = {1, 2, 3, 4, 5, 6, 7, 8};
    test_decoder decoding = decoding_of("test/msg/Rows", "rows[].values");
    ros_message good = rows_message(values, (uint64_t[]){3, 3}, 2, 1);
    ros_message ragged = rows_message(values, (uint64_t[]){2, 4}, 2, 1);
    ros_message hidden = rows_message(values, (uint64_t[]){2, 1, 3}, 3, 1);
    ros_message wide = rows_message(values, (uint64_t[]){4, 4}, 2, 1);
    uint64_t ones[40];
    for (int i = 0; i < 40; i++)
        ones[i] = 0;
    ros_message many = rows_message(values, ones, 40, 1);
    CHECK_STATUS(decoding_learn(&decoding, &ragged), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "rows[].values# of the message are 2 and 4");
    CHECK_LEARNS(&decoding, &good);
    CHECK_SCHEMA(&decoding, "int16 (up to 1024, 3)");
    CHECK_DECODES(&decoding, &good);
    CHECK_EQ(decoding.loan.fields[0].length, 2);
    CHECK(memcmp(decoding.loan.fields[0].data, values, 12) == 0);
    CHECK_REFUSES(&decoding, &ragged, "different lengths");
    CHECK_REFUSES(&decoding, &hidden, "different lengths");
    CHECK_REFUSES(&decoding, &wide, "the message has int16 (2, 4), the pool takes int16 (up to 1024, 3)");
    CHECK_REFUSES(&decoding, &many, "the message has int16 (40, 0)");
    free(good.data);
    free(ragged.data);
    free(hidden.data);
    free(wide.data);
    free(many.data);
    decoding_close(&decoding);
}

TEST(sequences_in_an_array_must_have_equal_lengths)
{
    static const int16_t values[] = {1, 2, 3, 4};
    const pmipc_cdr_leaf leaf = {.path = "rows[].values", .dtype = PMIPC_INT16, .flags = PMIPC_CDR_SPANS};
    pmipc_cdr_span even[] = {{values, 2}, {values + 2, 2}}, uneven[] = {{values, 1}, {values + 1, 3}};
    pmipc_cdr_column column = {.data = even, .count = 2, .rows = 2};
    ros_message good = encode("test/msg/Pair", &leaf, &column, 1, 0);
    column.data = uneven;
    ros_message bad = encode("test/msg/Pair", &leaf, &column, 1, 0);
    test_decoder decoding = decoding_of("test/msg/Pair", NULL);
    CHECK_STATUS(decoding_learn(&decoding, &bad), PMIPC_SCHEMA_MISMATCH);
    CHECK_LEARNS(&decoding, &good);
    CHECK_SCHEMA(&decoding, "int16 (2, 2)");
    CHECK_DECODES(&decoding, &good);
    CHECK(memcmp(decoding.loan.fields[0].data, values, sizeof values) == 0);
    CHECK_REFUSES(&decoding, &bad, "rows[].values of the message have different lengths");
    free(good.data);
    free(bad.data);
    decoding_close(&decoding);
}

TEST(bool_that_is_neither_0_nor_1_is_refused)
{
    test_decoder decoding = decoding_of("test/msg/Rows", "flags");
    ros_message good = rows_message(NULL, NULL, 0, 1), bad = rows_message(NULL, NULL, 0, 2);
    CHECK_STATUS(decoding_learn(&decoding, &bad), PMIPC_CORRUPT);
    CHECK_LEARNS(&decoding, &good);
    CHECK_DECODES(&decoding, &good);
    CHECK_STATUS(decoding_decode(&decoding, &bad), PMIPC_CORRUPT);
    CHECK_HAS(decoding.error.text, "test/msg/Rows");
    free(good.data);
    free(bad.data);
    decoding_close(&decoding);
    /* A bool that is copied while the message is decoded. */
    const pmipc_cdr_leaf leaf = {.path = "marks[].set", .dtype = PMIPC_UINT8};
    pmipc_cdr_column column = {.data = (uint8_t[]){1, 2}, .count = 2, .rows = 2};
    bad = encode("test/msg/Octets", &leaf, &column, 1, 0); /* not valid as bools */
    column.data = (uint8_t[]){1, 0};
    good = encode("test/msg/Octets", &leaf, &column, 1, 0);
    decoding = decoding_of("test/msg/Marks", NULL);
    CHECK_STATUS(decoding_learn(&decoding, &bad), PMIPC_CORRUPT);
    CHECK_HAS(decoding.error.text, "marks[1].set");
    CHECK_LEARNS(&decoding, &good);
    CHECK_SCHEMA(&decoding, "bool (up to 1024,)");
    CHECK_DECODES(&decoding, &good);
    CHECK_STATUS(decoding_decode(&decoding, &bad), PMIPC_CORRUPT);
    free(good.data);
    free(bad.data);
    decoding_close(&decoding);
}

TEST(sequences_may_have_any_shape_with_the_same_elements)
{
    const pmipc_ros_field field = {.name = "", .path = "ranges"};
    const pmipc_ros_decoder_options fixed = {.fixed_lengths = true};
    test_decoder decoding = decoding_with("sensor_msgs/msg/LaserScan", &field, 1, &fixed);
    ros_message six = counted("sensor_msgs/msg/LaserScan", "ranges", PMIPC_FLOAT32, 6, 1, 0);
    ros_message five = counted("sensor_msgs/msg/LaserScan", "ranges", PMIPC_FLOAT32, 5, 1, 0);
    ros_message seven = counted("sensor_msgs/msg/LaserScan", "ranges", PMIPC_FLOAT32, 7, 1, 0);
    CHECK_STATUS(decoding_expect(&decoding, PMIPC_FLOAT64, 2, (int64_t[]){2, 3}), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "expected float32, the sample is float64 (2, 3)");
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT32, 2, (int64_t[]){2, 3}));
    CHECK_STATUS(decoding_learn(&decoding, &five), PMIPC_SCHEMA_MISMATCH);
    CHECK_LEARNS(&decoding, &six);
    CHECK_SCHEMA(&decoding, "float32 (2, 3)");
    CHECK_DECODES(&decoding, &six);
    CHECK_REFUSES(&decoding, &five, "the message has float32 (5,), the pool takes float32 (2, 3)");
    CHECK_REFUSES(&decoding, &seven, "float32 (7,)");
    decoding_close(&decoding);
    decoding = decoding_of("sensor_msgs/msg/LaserScan", "ranges");
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT32, 2, (int64_t[]){2, 3}));
    CHECK_SCHEMA(&decoding, "float32 (up to 2, 3)");
    CHECK_LEARNS(&decoding, &six);
    CHECK_DECODES(&decoding, &six);
    CHECK_EQ(decoding.loan.fields[0].length, 2);
    CHECK_REFUSES(&decoding, &five, "float32 (5,)"); /* not a whole number of rows */
    CHECK_REFUSES(&decoding, &seven, "float32 (7,)");
    free(five.data);
    free(six.data);
    free(seven.data);
    decoding_close(&decoding);
}

TEST(arrays_of_fixed_length_must_have_the_length_of_the_sample)
{
    test_decoder decoding = decoding_of("sensor_msgs/msg/CameraInfo", "r");
    CHECK_STATUS(decoding_expect(&decoding, PMIPC_FLOAT64, 1, (int64_t[]){8}), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(decoding_expect(&decoding, PMIPC_FLOAT64, 0, NULL), PMIPC_SCHEMA_MISMATCH);
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT64, 2, (int64_t[]){3, 3}));
    CHECK_SCHEMA(&decoding, "float64 (3, 3)");
    decoding_close(&decoding);
}

/* ---- multi-arrays ---- */

static ros_message multi_array(const uint32_t *sizes, const uint32_t *strides, uint64_t dimensions, uint32_t offset,
                               uint64_t count)
{
    const pmipc_cdr_leaf leaves[] = {{.path = "layout.dim[].size", .dtype = PMIPC_UINT32},
                                     {.path = "layout.dim[].stride", .dtype = PMIPC_UINT32},
                                     {.path = "layout.data_offset", .dtype = PMIPC_UINT32},
                                     {.path = "data", .dtype = PMIPC_FLOAT32}};
    float data[64];
    for (int i = 0; i < 64; i++)
        data[i] = (float)i;
    pmipc_cdr_column columns[] = {{.data = (void *)(uintptr_t)sizes, .count = dimensions, .rows = dimensions},
                                  {.data = (void *)(uintptr_t)strides, .count = dimensions, .rows = dimensions},
                                  {.data = &offset, .count = 1},
                                  {.data = data, .count = count}};
    return encode(MULTI_ARRAY, leaves, columns, 4, 0);
}

TEST(multi_array_has_the_shape_of_its_layout)
{
    static const struct {
        uint32_t sizes[9], strides[9];
        uint64_t dimensions;
        uint32_t offset;
        uint64_t count;
        const char *schema;
    } cases[] = {
        {{2, 3}, {6, 3}, 2, 0, 6, "float32 (2, 3)"},
        {{2, 3}, {0, 0}, 2, 0, 6, "float32 (2, 3)"},
        {{2, 3}, {6, 3}, 2, 4, 10, "float32 (2, 3)"},
        {{2, 3, 4}, {24, 12, 4}, 3, 1, 25, "float32 (2, 3, 4)"},
        {{5}, {1}, 1, 0, 5, "float32 (5,)"},
        {{5}, {5}, 1, 0, 5, "float32 (5,)"},
        {{0}, {0}, 0, 0, 7, "float32 (7,)"},
        {{0}, {0}, 0, 2, 7, "float32 (5,)"},
        {{1, 1, 1, 1, 1, 1, 1, 2}, {0}, 8, 0, 2, "float32 (1, 1, 1, 1, 1, 1, 1, 2)"},
        /* Invalid layouts: */
        {{2, 3}, {6, 3}, 2, 1, 6, NULL},
        {{2, 3}, {6, 3}, 2, 0, 7, NULL},
        {{2, 3}, {6, 3}, 2, 0, 5, NULL},
        {{2, 3}, {8, 4}, 2, 0, 8, NULL},
        {{2, 3}, {1, 2}, 2, 0, 6, NULL},
        {{2, 3}, {6, 1}, 2, 0, 6, NULL},
        {{5}, {2}, 1, 0, 5, NULL},
        {{5}, {5}, 1, 6, 5, NULL},
        {{5}, {5}, 1, UINT32_MAX, 5, NULL},
        {{0}, {0}, 0, 8, 7, NULL},
        {{65536, 65536}, {0, 0}, 2, 0, 0, NULL},
        {{UINT32_MAX, UINT32_MAX, UINT32_MAX}, {0, 0, 0}, 3, 0, 6, NULL},
        {{65536, 65536, 65536, 65536, 6}, {0}, 5, 0, 6, NULL},
        {{1, 1, 1, 1, 1, 1, 1, 1, 1}, {0}, 9, 0, 1, NULL},
        {{0, 3}, {0, 0}, 2, 0, 0, NULL},
    };
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        const pmipc_ros_field field = {.name = ""};
        const pmipc_ros_decoder_options fixed = {.fixed_lengths = true};
        test_decoder decoding = decoding_with(MULTI_ARRAY, &field, 1, &fixed);
        ros_message message =
            multi_array(cases[i].sizes, cases[i].strides, cases[i].dimensions, cases[i].offset, cases[i].count);
        if (cases[i].schema) {
            CHECK_LEARNS(&decoding, &message);
            CHECK_SCHEMA(&decoding, cases[i].schema);
            CHECK_DECODES(&decoding, &message);
            CHECK(((const float *)decoding.loan.fields[0].data)[0] == (float)cases[i].offset);
        } else {
            if (decoding_learn(&decoding, &message) != PMIPC_SCHEMA_MISMATCH)
                FAIL("case %u was not refused", i);
            CHECK_HAS(decoding.error.text, MULTI_ARRAY);
            if (cases[i].offset > cases[i].count)
                CHECK_HAS(decoding.error.text, "the data_offset is ");
        }
        free(message.data);
        decoding_close(&decoding);
    }
}

TEST(multi_array_with_a_layout_fits_only_its_shape)
{
    test_decoder decoding = decoding_of(MULTI_ARRAY, NULL);
    ros_message flat = multi_array(NULL, NULL, 0, 0, 6),
                same = multi_array((uint32_t[]){2, 3}, (uint32_t[]){6, 3}, 2, 0, 6);
    ros_message turned = multi_array((uint32_t[]){3, 2}, (uint32_t[]){6, 2}, 2, 0, 6);
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT32, 2, (int64_t[]){2, 3}));
    CHECK_LEARNS(&decoding, &flat);
    CHECK_DECODES(&decoding, &flat);
    CHECK_DECODES(&decoding, &same);
    CHECK_REFUSES(&decoding, &turned, "the message has float32 (3, 2), the pool takes float32 (up to 2, 3)");
    free(flat.data);
    free(same.data);
    free(turned.data);
    decoding_close(&decoding);
}

TEST(grid_has_the_cells_of_its_height_and_width)
{
    static const struct {
        uint32_t height, width;
        uint64_t count;
        bool is_good;
    } cases[] = {{2, 3, 6, true},
                 {3, 2, 6, false},
                 {2, 3, 5, false},
                 {2, 3, 7, false},
                 {0, 0, 0, false},
                 {65536, 65536, 0, false},
                 {UINT32_MAX, UINT32_MAX, 1, false}};
    const pmipc_cdr_leaf leaves[] = {{.path = "info.height", .dtype = PMIPC_UINT32},
                                     {.path = "info.width", .dtype = PMIPC_UINT32},
                                     {.path = "data", .dtype = PMIPC_INT8}};
    test_decoder decoding = decoding_of(GRID, NULL);
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        uint32_t height = cases[i].height, width = cases[i].width;
        int8_t data[] = {-1, 0, 100, 3, 4, 5, 6, 7};
        pmipc_cdr_column columns[] = {
            {.data = &height, .count = 1}, {.data = &width, .count = 1}, {.data = data, .count = cases[i].count}};
        ros_message message = encode(GRID, leaves, columns, 3, 0);
        test_decoder fresh = decoding_of(GRID, NULL);
        CHECK_STATUS(decoding_learn(&fresh, &message), cases[i].count == 6 ? PMIPC_OK : PMIPC_SCHEMA_MISMATCH);
        decoding_close(&fresh);
        if (i == 0) {
            CHECK_LEARNS(&decoding, &message);
            CHECK_SCHEMA(&decoding, "int8 (2, 3)");
        }
        CHECK_STATUS(decoding_decode(&decoding, &message), cases[i].is_good ? PMIPC_OK : PMIPC_SCHEMA_MISMATCH);
        if (cases[i].is_good)
            CHECK(memcmp(decoding.loan.fields[0].data, data, 6) == 0);
        free(message.data);
    }
    decoding_close(&decoding);
}
