/* Point clouds: whole points, tables of some of their numbers, and the layouts that drivers send. */
#include "ros_decoding.h"

typedef struct point_field {
    const char *name;
    uint32_t offset;
    uint8_t datatype;
    uint32_t count;
} point_field;

typedef struct points {
    uint32_t height, width, point_step, row_step;
    uint8_t is_bigendian;
    const void *data;
    size_t bytes;
    uint32_t field_count;
    point_field fields[80];
} points;

static ros_message cloud_message(const points *cloud)
{
    const pmipc_cdr_leaf leaves[] = {
        {.path = "height", .dtype = PMIPC_UINT32},
        {.path = "width", .dtype = PMIPC_UINT32},
        {.path = "fields[].name", .dtype = PMIPC_CDR_STRING},
        {.path = "fields[].offset", .dtype = PMIPC_UINT32},
        {.path = "fields[].datatype", .dtype = PMIPC_UINT8},
        {.path = "fields[].count", .dtype = PMIPC_UINT32},
        {.path = "is_bigendian", .dtype = PMIPC_BOOL},
        {.path = "point_step", .dtype = PMIPC_UINT32},
        {.path = "row_step", .dtype = PMIPC_UINT32},
        {.path = "data", .dtype = PMIPC_UINT8},
    };
    static uint8_t zeros[4096];
    points copy = *cloud;
    pmipc_cdr_span names[80];
    uint32_t offsets[80], counts[80], count = cloud->field_count;
    uint8_t datatypes[80];
    for (uint32_t i = 0; i < count; i++) {
        names[i] = span_of(cloud->fields[i].name);
        offsets[i] = cloud->fields[i].offset;
        datatypes[i] = cloud->fields[i].datatype;
        counts[i] = cloud->fields[i].count;
    }
    pmipc_cdr_column columns[] = {
        {.data = &copy.height, .count = 1},
        {.data = &copy.width, .count = 1},
        {.data = names, .count = count, .rows = count},
        {.data = offsets, .count = count, .rows = count},
        {.data = datatypes, .count = count, .rows = count},
        {.data = counts, .count = count, .rows = count},
        {.data = &copy.is_bigendian, .count = 1},
        {.data = &copy.point_step, .count = 1},
        {.data = &copy.row_step, .count = 1},
        {.data = cloud->data ? (void *)(uintptr_t)cloud->data : zeros, .count = cloud->bytes},
    };
    return encode(CLOUD, leaves, columns, LENGTH(leaves), 0);
}

static pmipc_status learn_cloud(test_decoder *decoding, const points *cloud)
{
    ros_message message = cloud_message(cloud);
    pmipc_status status = decoding_learn(decoding, &message);
    free(message.data);
    return status;
}

static pmipc_status decode_cloud(test_decoder *decoding, const points *cloud)
{
    ros_message message = cloud_message(cloud);
    pmipc_status status = decoding_decode(decoding, &message);
    free(message.data);
    return status;
}

static void check_data(const test_decoder *decoding, int64_t length, const void *expected, size_t bytes)
{
    CHECK_EQ(decoding->loan.fields[0].length, length);
    CHECK(memcmp(decoding->loan.fields[0].data, expected, bytes) == 0);
}

static const points xy = {.height = 1,
                          .width = 2,
                          .point_step = 8,
                          .row_step = 16,
                          .data = (const float[]){1, 2, 3, 4},
                          .bytes = 16,
                          .field_count = 2,
                          .fields = {{"x", 0, 7, 1}, {"y", 4, 7, 1}}};

TEST(decode_golden_cloud_to_points_as_numpy_describes_them)
{
    test_decoder decoding = decoding_of(CLOUD, NULL);
    ros_message message = hex_message(cloud_golden);
    CHECK_LEARNS(&decoding, &message);
    CHECK_SCHEMA(&decoding, "{\"names\":[\"x\"],\"formats\":[\"<f4\"],\"offsets\":[0],\"itemsize\":4} (up to 1024,)");
    CHECK_TEXT(pmipc_ros_decoder_metadata(decoding.decoder),
               "{\"frame_id\":\"cam\",\"is_bigendian\":false,\"ros_type\":\"sensor_msgs/msg/PointCloud2\"}");
    CHECK_DECODES(&decoding, &message);
    check_data(&decoding, 1, (const float[]){1}, 4);
    CHECK_EQ(decoding.stamp_ns, 1000000002);
    free(message.data);
    decoding_close(&decoding);
}

TEST(point_fields_of_any_datatype_and_name_are_described_as_numpy_does)
{
    const points all = {.height = 1,
                        .width = 1,
                        .point_step = 60,
                        .row_step = 60,
                        .bytes = 60,
                        .field_count = 10,
                        .fields = {{"i1", 59, 1, 1},
                                   {"u1", 58, 2, 1},
                                   {"i2", 0, 3, 0},
                                   {"u2", 2, 4, 1},
                                   {"i4", 4, 5, 1},
                                   {"u4", 4, 6, 1},
                                   {"f4", 8, 7, 3},
                                   {"f8", 21, 8, 2},
                                   {"caf\xc3\xa9 \xf0\x9f\x98\x80", 40, 2, 1},
                                   {"\"\\\n\x7f\x01", 41, 2, 1}}};
    test_decoder decoding = decoding_of(CLOUD, NULL);
    CHECK_OK(learn_cloud(&decoding, &all));
    CHECK_SCHEMA(&decoding,
                 "{\"names\":[\"i1\",\"u1\",\"i2\",\"u2\",\"i4\",\"u4\",\"f4\",\"f8\",\"caf\\u00e9 \\ud83d\\ude00\","
                 "\"\\\"\\\\\\n\\u007f\\u0001\"],\"formats\":[\"|i1\",\"|u1\",\"<i2\",\"<u2\",\"<i4\",\"<u4\","
                 "{\"base\":\"<f4\",\"shape\":[3]},{\"base\":\"<f8\",\"shape\":[2]},\"|u1\",\"|u1\"],"
                 "\"offsets\":[59,58,0,2,4,4,8,21,40,41],\"itemsize\":60} (up to 1024,)");
    CHECK_OK(decode_cloud(&decoding, &all));
    /* The schema of one decoder is an expected sample of another. */
    test_decoder other = decoding_of(CLOUD, NULL);
    pmipc_schema sample = decoding.schema;
    sample.fields[0].flags = 0;
    CHECK_OK(pmipc_ros_decoder_expect(other.decoder, &sample, &other.schema, &other.error));
    CHECK_OK(learn_cloud(&other, &all));
    CHECK_OK(pmipc_schema_compare(&decoding.schema, &other.schema, NULL));
    CHECK_OK(decode_cloud(&other, &all));
    CHECK_STATUS(decode_cloud(&other, &xy), PMIPC_SCHEMA_MISMATCH);
    decoding_close(&decoding);
    decoding_close(&other);
}

TEST(clouds_have_any_number_of_points_up_to_the_room_of_the_pool)
{
    test_decoder decoding = decoding_of(CLOUD, NULL);
    points cloud = xy;
    CHECK_OK(learn_cloud(&decoding, &xy));
    cloud.width = 1024;
    cloud.row_step = 8192;
    cloud.bytes = 8192;
    static uint8_t data[8200];
    cloud.data = data;
    CHECK_OK(decode_cloud(&decoding, &cloud));
    CHECK_EQ(decoding.loan.fields[0].length, 1024);
    cloud.width = 1025;
    cloud.bytes = 8200;
    cloud.row_step = 8200;
    CHECK_STATUS(decode_cloud(&decoding, &cloud), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "(1025,), the pool takes");
    cloud.width = 0;
    cloud.bytes = 0;
    CHECK_OK(decode_cloud(&decoding, &cloud));
    CHECK_EQ(decoding.loan.fields[0].length, 0);
    cloud.field_count = 0;
    cloud.point_step = 0;
    CHECK_OK(decode_cloud(&decoding, &cloud));
    CHECK_EQ(decoding.loan.fields[0].length, 0);
    cloud.width = 1;
    CHECK_STATUS(decode_cloud(&decoding, &cloud), PMIPC_SCHEMA_MISMATCH);
    decoding_close(&decoding);
}

TEST(row_step_is_the_distance_of_rows)
{
    const float padded[] = {1, 2, 9, 3, 4, 9}, packed[] = {1, 2, 3, 4, 9};
    points cloud = xy;
    cloud.height = 2;
    cloud.width = 1;
    cloud.row_step = 12;
    cloud.data = padded;
    cloud.bytes = 24;
    test_decoder decoding = decoding_of(CLOUD, NULL);
    CHECK_OK(learn_cloud(&decoding, &cloud));
    CHECK_OK(decode_cloud(&decoding, &cloud));
    check_data(&decoding, 2, packed, 16);
    cloud.bytes = 20; /* the last row without its padding */
    CHECK_OK(decode_cloud(&decoding, &cloud));
    check_data(&decoding, 2, packed, 16);
    cloud.bytes = 19;
    CHECK_STATUS(decode_cloud(&decoding, &cloud), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "row_step is 12 bytes");
    cloud.data = packed;
    cloud.bytes = 16;
    static const uint32_t forgiven[] = {0, 8, 7, 100, UINT32_MAX};
    for (uint32_t i = 0; i < LENGTH(forgiven); i++) {
        cloud.row_step = forgiven[i];
        CHECK_OK(decode_cloud(&decoding, &cloud));
        check_data(&decoding, 2, packed, 16);
    }
    cloud.bytes = 17;
    cloud.row_step = 7;
    CHECK_STATUS(decode_cloud(&decoding, &cloud), PMIPC_SCHEMA_MISMATCH);
    cloud.height = 1;
    cloud.width = 2;
    cloud.row_step = UINT32_MAX; /* ignored for one row */
    CHECK_OK(decode_cloud(&decoding, &cloud));
    cloud.row_step = 3;
    CHECK_OK(decode_cloud(&decoding, &cloud));
    cloud.height = 2;
    cloud.width = 1;
    cloud.row_step = 0; /* some drivers write 0 for packed rows */
    CHECK_OK(decode_cloud(&decoding, &cloud));
    check_data(&decoding, 2, packed, 16);
    decoding_close(&decoding);
}

TEST(points_of_another_layout_are_a_mismatch)
{
    test_decoder decoding = decoding_of(CLOUD, NULL);
    CHECK_OK(learn_cloud(&decoding, &xy));
    for (int change = 0; change < 6; change++) {
        points other = xy;
        if (change == 0)
            other.fields[1].name = "z";
        else if (change == 1)
            other.fields[1].offset = 0;
        else if (change == 2)
            other.fields[1].datatype = 6;
        else if (change == 3)
            other.field_count = 1;
        else if (change == 4)
            other.point_step = other.row_step = 16, other.width = 1;
        else
            other.fields[0].datatype = 2, other.fields[0].count = 4;
        CHECK_STATUS(decode_cloud(&decoding, &other), PMIPC_SCHEMA_MISMATCH);
        CHECK_HAS(decoding.error.text, "the pool's are {\"names\":[\"x\",\"y\"]");
        CHECK_OK(decode_cloud(&decoding, &xy));
        check_data(&decoding, 2, xy.data, 16);
    }
    decoding_close(&decoding);
}

TEST(impossible_points_are_refused)
{
    for (int change = 0; change < 12; change++) {
        test_decoder decoding = decoding_of(CLOUD, NULL);
        points bad = xy;
        switch (change) {
        case 0:
            bad.fields[0].datatype = 0;
            break;
        case 1:
            bad.fields[0].datatype = 9;
            break;
        case 2:
            bad.fields[1].offset = 5;
            break;
        case 3:
            bad.fields[1].offset = UINT32_MAX;
            break;
        case 4:
            bad.fields[1].count = UINT32_MAX;
            break;
        case 5:
            bad.fields[1].name = "x";
            break;
        case 6:
            bad.fields[1].name = "\xff";
            break;
        case 7:
            bad.point_step = 0;
            break;
        case 8:
            bad.width = UINT32_MAX;
            bad.height = UINT32_MAX;
            break;
        case 9:
            bad.width = 3;
            break;
        case 10:
            bad.field_count = 0;
            break;
        default:
            bad.fields[1].name = "a name of sixty-four bytes, which is one more than a name can have";
            break;
        }
        CHECK_STATUS(learn_cloud(&decoding, &bad), PMIPC_SCHEMA_MISMATCH);
        CHECK_HAS(decoding.error.text, "sensor_msgs/msg/PointCloud2: ");
        decoding_close(&decoding);
    }
}

TEST(too_many_point_fields_are_refused)
{
    points many = {.height = 1, .width = 1, .point_step = 100, .row_step = 100, .bytes = 100, .field_count = 65};
    static char names[65][4];
    for (uint32_t i = 0; i < 65; i++) {
        snprintf(names[i], sizeof names[i], "f%u", i % 100);
        many.fields[i] = (point_field){names[i], i, 2, 1};
    }
    test_decoder decoding = decoding_of(CLOUD, NULL);
    CHECK_STATUS(learn_cloud(&decoding, &many), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "65 of fields[].");
    many.field_count = 64;
    CHECK_OK(learn_cloud(&decoding, &many));
    CHECK_OK(decode_cloud(&decoding, &many));
    decoding_close(&decoding);
}

TEST(big_endian_points_are_swapped_field_by_field_also_if_they_overlap)
{
    points cloud = {.height = 1,
                    .width = 2,
                    .point_step = 8,
                    .row_step = 16,
                    .is_bigendian = 1,
                    .data = "\1\2\3\4xy\5\6\7\10\11\12zw\13\14",
                    .bytes = 16,
                    .field_count = 3,
                    .fields = {{"s", 6, 4, 1}, {"rgb", 0, 7, 1}, {"rgba", 0, 6, 1}}};
    test_decoder decoding = decoding_of(CLOUD, NULL);
    CHECK_OK(learn_cloud(&decoding, &cloud));
    CHECK_HAS(pmipc_ros_decoder_metadata(decoding.decoder), "\"is_bigendian\":true");
    CHECK_OK(decode_cloud(&decoding, &cloud));
    check_data(&decoding, 2, "\4\3\2\1xy\6\5\12\11\10\7zw\14\13", 16);
    decoding_close(&decoding);
}

/* ---- tables ---- */

/* In the point, y comes before x, with an integer between them and intensity after them. */
static const struct spread {
    float y, x;
    uint32_t ring;
    float z, intensity;
} spread_points[] = {{2, 1, 7, 3, 4}, {6, 5, 7, 7, 8}};

static const points spread = {
    .height = 1,
    .width = 2,
    .point_step = 20,
    .row_step = 40,
    .data = spread_points,
    .bytes = 40,
    .field_count = 5,
    .fields = {{"intensity", 16, 7, 1}, {"y", 0, 7, 1}, {"x", 4, 7, 1}, {"ring", 8, 6, 1}, {"z", 12, 7, 1}}};

TEST(sample_of_k_columns_takes_x_y_z_first)
{
    static const float expected[] = {1, 2, 3, 4, 5, 6, 7, 8}, three[] = {1, 2, 3, 5, 6, 7};
    test_decoder decoding = decoding_of(CLOUD, NULL);
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT32, 2, (int64_t[]){10, 4}));
    CHECK_SCHEMA(&decoding, "float32 (up to 10, 4)");
    CHECK_STATUS(learn_cloud(&decoding, &xy), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "the message has 2 numbers of float32 per point, the pool takes 4");
    CHECK_OK(learn_cloud(&decoding, &spread));
    CHECK_HAS(pmipc_ros_decoder_metadata(decoding.decoder), "\"point_fields\":[\"x\",\"y\",\"z\",\"intensity\"]");
    CHECK_OK(decode_cloud(&decoding, &spread));
    check_data(&decoding, 2, expected, sizeof expected);
    decoding_close(&decoding);
    decoding = decoding_of(CLOUD, NULL);
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT32, 2, (int64_t[]){10, 3}));
    CHECK_OK(learn_cloud(&decoding, &spread));
    CHECK_OK(decode_cloud(&decoding, &spread));
    check_data(&decoding, 2, three, sizeof three);
    decoding_close(&decoding);
}

TEST(named_point_fields_are_the_columns)
{
    const char *const names[] = {"intensity", "x"}, *const mixed[] = {"x", "ring"}, *const missing[] = {"x", "w"};
    const pmipc_ros_field field = {.name = ""};
    pmipc_ros_decoder_options options = {.point_fields = names, .point_field_count = 2};
    test_decoder decoding = decoding_with(CLOUD, &field, 1, &options);
    CHECK_OK(learn_cloud(&decoding, &spread));
    CHECK_SCHEMA(&decoding, "float32 (up to 1024, 2)");
    CHECK_OK(decode_cloud(&decoding, &spread));
    check_data(&decoding, 2, (const float[]){4, 1, 8, 5}, 16);
    decoding_close(&decoding);
    options.point_fields = mixed;
    decoding = decoding_with(CLOUD, &field, 1, &options);
    CHECK_STATUS(learn_cloud(&decoding, &spread), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "field 'ring' is uint32, not float32: nothing is converted");
    decoding_close(&decoding);
    options.point_fields = missing;
    decoding = decoding_with(CLOUD, &field, 1, &options);
    CHECK_STATUS(learn_cloud(&decoding, &spread), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "no field 'w'");
    CHECK_STATUS(decoding_expect(&decoding, PMIPC_FLOAT32, 1, (int64_t[]){3}), PMIPC_SCHEMA_MISMATCH);
    decoding_close(&decoding);
}

TEST(columns_are_found_by_name_in_another_layout)
{
    static const float packed[] = {1, 2, 3, 5, 6, 7};
    points other = spread, without = spread, wide = spread;
    other.point_step = 12;
    other.row_step = 24;
    other.bytes = 24;
    other.data = packed;
    other.field_count = 3;
    other.fields[0] = (point_field){"x", 0, 7, 1};
    other.fields[1] = (point_field){"y", 4, 7, 1};
    other.fields[2] = (point_field){"z", 8, 7, 1};
    without.fields[4].name = "w";
    wide.fields[4].datatype = 6;
    test_decoder decoding = decoding_of(CLOUD, NULL);
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT32, 2, (int64_t[]){2, 3}));
    CHECK_OK(learn_cloud(&decoding, &spread));
    for (int round = 0; round < 2; round++) {
        CHECK_OK(decode_cloud(&decoding, &other));
        check_data(&decoding, 2, packed, sizeof packed);
        CHECK_STATUS(decode_cloud(&decoding, &without), PMIPC_SCHEMA_MISMATCH);
        CHECK_HAS(decoding.error.text, "no field 'z'");
        CHECK_STATUS(decode_cloud(&decoding, &wide), PMIPC_SCHEMA_MISMATCH);
        CHECK_HAS(decoding.error.text, "'z' is 1 of uint32, the pool takes 1 of float32");
        CHECK_OK(decode_cloud(&decoding, &spread));
        check_data(&decoding, 2, packed, sizeof packed);
    }
    decoding_close(&decoding);
}

TEST(tables_of_padded_rows_and_of_the_other_byte_order)
{
    points cloud = {.height = 2,
                    .width = 2,
                    .point_step = 5,
                    .row_step = 11,
                    .is_bigendian = 1,
                    .data = "\1\2\3\4.\5\6\7\10.!\11\12\13\14.\15\16\17\20.",
                    .bytes = 21,
                    .field_count = 2,
                    .fields = {{"b", 2, 4, 1}, {"a", 0, 4, 1}}};
    const char *const names[] = {"a", "b"};
    const pmipc_ros_decoder_options options = {.point_fields = names, .point_field_count = 2};
    const pmipc_ros_field field = {.name = ""};
    test_decoder decoding = decoding_with(CLOUD, &field, 1, &options);
    CHECK_OK(learn_cloud(&decoding, &cloud));
    CHECK_SCHEMA(&decoding, "uint16 (up to 1024, 2)");
    CHECK_OK(decode_cloud(&decoding, &cloud));
    check_data(&decoding, 4, "\2\1\4\3\6\5\10\7\12\11\14\13\16\15\20\17", 16);
    decoding_close(&decoding);
}

TEST(cloud_with_fixed_lengths_keeps_its_number_of_points)
{
    const pmipc_ros_field field = {.name = ""};
    const pmipc_ros_decoder_options options = {.fixed_lengths = true};
    test_decoder decoding = decoding_with(CLOUD, &field, 1, &options);
    points fewer = xy;
    fewer.width = 1;
    CHECK_OK(learn_cloud(&decoding, &xy));
    CHECK_OK(decode_cloud(&decoding, &xy));
    CHECK_STATUS(decode_cloud(&decoding, &fewer), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "(1,), the pool takes");
    decoding_close(&decoding);
}

/* ---- padding ---- */

static const float velodyne[] = {1, 2, 3, 0, 4, 5, 0, 0, 6, 7, 8, 0, 9, 10, 0, 0};
static const points padded = {.height = 1,
                              .width = 2,
                              .point_step = 32,
                              .row_step = 64,
                              .data = velodyne,
                              .bytes = 64,
                              .field_count = 7,
                              .fields = {{"x", 0, 7, 1},
                                         {"y", 4, 7, 1},
                                         {"z", 8, 7, 1},
                                         {"_", 12, 2, 4},
                                         {"intensity", 16, 7, 1},
                                         {"ring", 20, 7, 1},
                                         {"_", 24, 2, 8}}};

TEST(padding_fields_are_left_out_of_dtype_and_tables)
{
    static const char *const paddings[] = {"_", ""};
    for (int i = 0; i < 2; i++) {
        points cloud = padded;
        cloud.fields[3].name = cloud.fields[6].name = paddings[i];
        test_decoder structured = decoding_of(CLOUD, NULL), table = decoding_of(CLOUD, NULL);
        CHECK_OK(learn_cloud(&structured, &cloud));
        CHECK_SCHEMA(&structured,
                     "{\"names\":[\"x\",\"y\",\"z\",\"intensity\",\"ring\"],\"formats\":[\"<f4\",\"<f4\",\"<f4\","
                     "\"<f4\",\"<f4\"],\"offsets\":[0,4,8,16,20],\"itemsize\":32} (up to 1024,)");
        CHECK_OK(decode_cloud(&structured, &cloud));
        check_data(&structured, 2, velodyne, sizeof velodyne);
        CHECK_OK(decode_cloud(&structured, &cloud)); /* same layout */
        cloud.field_count = 6;
        CHECK_OK(decode_cloud(&structured, &cloud));
        cloud.field_count = 5;
        CHECK_STATUS(decode_cloud(&structured, &cloud), PMIPC_SCHEMA_MISMATCH);
        cloud.field_count = 7;
        CHECK_OK(decoding_expect(&table, PMIPC_FLOAT32, 2, (int64_t[]){10, 3}));
        CHECK_OK(learn_cloud(&table, &cloud));
        CHECK_OK(decode_cloud(&table, &cloud));
        check_data(&table, 2, (const float[]){1, 2, 3, 6, 7, 8}, 24);
        decoding_close(&structured);
        decoding_close(&table);
    }
}

TEST(repeated_names_are_allowed_for_fields_that_are_not_taken)
{
    points cloud = padded;
    cloud.fields[5].name = "intensity";
    test_decoder table = decoding_of(CLOUD, NULL), four = decoding_of(CLOUD, NULL),
                 structured = decoding_of(CLOUD, NULL);
    CHECK_OK(decoding_expect(&table, PMIPC_FLOAT32, 2, (int64_t[]){10, 3}));
    CHECK_OK(learn_cloud(&table, &cloud));
    CHECK_OK(decode_cloud(&table, &cloud));
    CHECK_OK(decoding_expect(&four, PMIPC_FLOAT32, 2, (int64_t[]){10, 4}));
    CHECK_STATUS(learn_cloud(&four, &cloud), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(four.error.text, "2 fields of the points are called 'intensity'");
    CHECK_STATUS(learn_cloud(&structured, &cloud), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(structured.error.text, "two fields of the points are called 'intensity'");
    decoding_close(&table);
    decoding_close(&four);
    decoding_close(&structured);
}

/* ---- organized ---- */

TEST(organized_clouds_keep_height_and_width)
{
    points cloud = xy;
    cloud.height = 2;
    cloud.width = 1;
    cloud.row_step = 8;
    const pmipc_ros_field field = {.name = ""};
    const pmipc_ros_decoder_options options = {.organized = true};
    test_decoder structured = decoding_with(CLOUD, &field, 1, &options), table = decoding_of(CLOUD, NULL);
    CHECK_OK(learn_cloud(&structured, &cloud));
    CHECK_HAS(structured.error.text, "");
    CHECK_EQ(structured.schema.fields[0].ndim, 2);
    CHECK_EQ(structured.schema.fields[0].shape[0], 2);
    CHECK_EQ(structured.schema.fields[0].shape[1], 1);
    CHECK_EQ(structured.schema.fields[0].flags, 0);
    CHECK_OK(decode_cloud(&structured, &cloud));
    CHECK_STATUS(decode_cloud(&structured, &xy), PMIPC_SCHEMA_MISMATCH);
    CHECK_OK(decoding_expect(&table, PMIPC_FLOAT32, 3, (int64_t[]){2, 1, 2}));
    CHECK_SCHEMA(&table, "float32 (2, 1, 2)");
    CHECK_STATUS(learn_cloud(&table, &xy), PMIPC_SCHEMA_MISMATCH);
    CHECK_OK(learn_cloud(&table, &cloud));
    CHECK_OK(decode_cloud(&table, &cloud));
    check_data(&table, 2, (const float[]){1, 2, 3, 4}, 16);
    decoding_close(&structured);
    decoding_close(&table);
    pmipc_error error = {0};
    CHECK_STATUS(decoding_refused(IMAGE, NULL, &options, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "organized");
}
