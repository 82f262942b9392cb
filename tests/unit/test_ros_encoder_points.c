/* Samples as sensor_msgs/PointCloud2. */
#include "ros_encoding.h"

static pmipc_schema points_schema(const char *descr, uint32_t itemsize, uint32_t ndim, const int64_t *shape,
                                  uint32_t flags)
{
    pmipc_schema schema;
    pmipc_error error;
    pmipc_schema_init(&schema);
    if (pmipc_schema_add_opaque(&schema, "", itemsize, descr, strlen(descr), ndim, shape, flags, &error) != PMIPC_OK)
        FAIL("%s", error.text);
    return schema;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ORDER "<"
#else
#define ORDER ">"
#endif

static const char only_x[] = "{\"names\":[\"x\"],\"formats\":[\"" ORDER "f4\"],\"offsets\":[0],\"itemsize\":4}";
static const char mixed[] =
    "{\"names\":[\"x\",\"rgb\",\"ring\"],\"formats\":[\"" ORDER "f4\",{\"base\":\"|u1\",\"shape\":"
    "[3]},\"" ORDER "u2\"],\"offsets\":[4,0,8],\"itemsize\":12}";

TEST(encode_structured_point_to_the_golden_cloud)
{
    message_bytes expected = from_hex(cloud_golden);
    const given how = {.message = CLOUD,
                       .schema = points_schema(only_x, 4, SHAPE(1), 0),
                       .constants = {TEXT("frame_id", "cam"), NUMBER("is_dense", 1)}};
    check_encoded(&how, &(pmipc_source){.data = &(float){1}}, GOLDEN_STAMP, &expected);
    const given varying = {.message = CLOUD,
                           .schema = points_schema(only_x, 4, SHAPE(5), PMIPC_FIELD_VARIABLE),
                           .constants = {TEXT("frame_id", "cam"), NUMBER("is_dense", 1)}};
    check_encoded(&varying, &(pmipc_source){&(float){1}, 1}, GOLDEN_STAMP, &expected);
}

typedef struct point_field {
    const char *name;
    uint32_t offset;
    uint8_t datatype;
    uint32_t count;
} point_field;

static message_bytes cloud(uint32_t height, uint32_t width, const point_field *fields, uint32_t field_count,
                           uint32_t point_step, const void *data, bool is_dense)
{
    wire expected = wire_start();
    wire_header(&expected, 0, 5, "");
    wire_u32(&expected, height);
    wire_u32(&expected, width);
    wire_u32(&expected, field_count);
    for (uint32_t i = 0; i < field_count; i++) {
        wire_text(&expected, fields[i].name);
        wire_u32(&expected, fields[i].offset);
        wire_put(&expected, &fields[i].datatype, 1, 1);
        wire_u32(&expected, fields[i].count);
    }
    wire_put(&expected, &(uint8_t){__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__}, 1, 1);
    wire_u32(&expected, point_step);
    wire_u32(&expected, width * point_step);
    wire_u32(&expected, height * width * point_step);
    wire_put(&expected, data, height * width * point_step, 1);
    wire_put(&expected, &is_dense, 1, 1);
    return expected.bytes;
}

static const uint8_t bytes[72] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};

TEST(structured_points_are_encoded_with_their_bytes)
{
    static const point_field fields[] = {{"x", 4, 7, 1}, {"rgb", 0, 2, 3}, {"ring", 8, 4, 1}};
    const given how = {.message = CLOUD, .schema = points_schema(mixed, 12, SHAPE(3), PMIPC_FIELD_VARIABLE)};
    pmipc_ros_encoder *encoder = ros_encoder_of(&how);
    for (uint32_t count = 0; count <= 3; count++) {
        message_bytes expected = cloud(1, count, fields, 3, 12, bytes, false);
        message_bytes got = encode_message(encoder, &(pmipc_source){bytes, count}, 5);
        check_same(&got, &expected);
    }
    check_not_encoded(encoder, &(pmipc_source){bytes, 4}, 5, "has length 4, 0 to 3");
    pmipc_ros_encoder_destroy(encoder);
}

TEST(rows_of_points_are_an_organized_cloud)
{
    static const point_field fields[] = {{"x", 0, 7, 1}};
    const given how = {
        .message = CLOUD, .schema = points_schema(only_x, 4, SHAPE(2, 3), 0), .constants = {NUMBER("is_dense", 1)}};
    message_bytes expected = cloud(2, 3, fields, 1, 4, bytes, true);
    check_encoded(&how, &(pmipc_source){.data = bytes}, 5, &expected);
    const given varying = {.message = CLOUD,
                           .schema = points_schema(only_x, 4, SHAPE(4, 3), PMIPC_FIELD_VARIABLE),
                           .constants = {NUMBER("is_dense", 1)}};
    check_encoded(&varying, &(pmipc_source){bytes, 2}, 5, &expected);
}

TEST(point_columns_have_default_names_or_those_of_a_constant)
{
    static const point_field usual[] = {{"x", 0, 7, 1}, {"y", 4, 7, 1}, {"z", 8, 7, 1}, {"intensity", 12, 7, 1}};
    for (uint32_t k = 3; k <= 4; k++) {
        const given how = {.message = CLOUD, .schema = variable_tensor(PMIPC_FLOAT32, SHAPE(4, k))};
        message_bytes expected = cloud(1, 2, usual, k, 4 * k, bytes, false);
        check_encoded(&how, &(pmipc_source){bytes, 2}, 5, &expected);
    }
    static const point_field own[] = {{"range", 0, 8, 1}, {"v", 8, 8, 1}};
    const given how = {.message = CLOUD,
                       .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(3, 2)),
                       .constants = {TEXT("point_fields", "range", "v")}};
    message_bytes expected = cloud(1, 3, own, 2, 16, bytes, false);
    check_encoded(&how, &(pmipc_source){.data = bytes}, 5, &expected);
    static const point_field one[] = {{"a", 0, 2, 1}};
    const given organized = {.message = CLOUD,
                             .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(3, 2, 1)),
                             .constants = {TEXT("point_fields", "a"), NUMBER("is_bigendian", 0)}};
    expected = cloud(3, 2, one, 1, 1, bytes, false);
    check_encoded(&organized, &(pmipc_source){.data = bytes}, 5, &expected);
}

TEST(byte_order_of_points_is_this_machines)
{
    static const point_field fields[] = {{"x", 0, 7, 1}};
    const given how = {.message = CLOUD,
                       .schema = points_schema(only_x, 4, SHAPE(2), 0),
                       .constants = {NUMBER("is_bigendian", __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)}};
    message_bytes expected = cloud(1, 2, fields, 1, 4, bytes, false);
    check_encoded(&how, &(pmipc_source){.data = bytes}, 5, &expected);
}

TEST(points_that_a_cloud_cannot_hold_are_refused_by_name)
{
    static const char wrong_part[] =
        "{\"names\":[\"x\",\"when\"],\"formats\":[\"" ORDER "f4\",\"" ORDER "i8\"],\"offsets\":[0,8],\"itemsize\":16}";
    static const char nested[] = "{\"names\":[\"pair\"],\"formats\":[{\"names\":[\"a\"],\"formats\":[\"" ORDER
                                 "f4\"],\"offsets\":[0],\"itemsize\":4}],\"offsets\":[0],\"itemsize\":4}";
    const pmipc_schema five = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(2, 5));
    const struct {
        given how;
        pmipc_status status;
        const char *words;
    } cases[] = {
        {{.message = CLOUD, .schema = points_schema(wrong_part, 16, SHAPE(1), 0)}, PMIPC_SCHEMA_MISMATCH, "'when'"},
        {{.message = CLOUD, .schema = points_schema(nested, 4, SHAPE(1), 0)}, PMIPC_SCHEMA_MISMATCH, "'pair'"},
        {{.message = CLOUD, .schema = points_schema("\"" ORDER "M8[ns]\"", 8, SHAPE(1), 0)},
         PMIPC_SCHEMA_MISMATCH,
         "no fields"},
        {{.message = CLOUD, .schema = points_schema("what", 8, SHAPE(1), 0)}, PMIPC_SCHEMA_MISMATCH, "what"},
        {{.message = CLOUD, .schema = points_schema(only_x, 4, 0, NULL, 0)},
         PMIPC_SCHEMA_MISMATCH,
         "structured points (N)"},
        {{.message = CLOUD, .schema = points_schema(only_x, 4, SHAPE(1, 1, 1), 0)},
         PMIPC_SCHEMA_MISMATCH,
         "structured points (N)"},
        {{.message = CLOUD, .schema = pmipc_schema_tensor(PMIPC_FLOAT32, 0, NULL)},
         PMIPC_SCHEMA_MISMATCH,
         "structured points (N)"},
        {{.message = CLOUD, .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(3))},
         PMIPC_SCHEMA_MISMATCH,
         "structured points (N)"},
        {{.message = CLOUD, .schema = five}, PMIPC_SCHEMA_MISMATCH, "or a constant 'point_fields', got float32 (2, 5)"},
        {{.message = CLOUD, .schema = five, .constants = {TEXT("point_fields", "a", "b")}},
         PMIPC_SCHEMA_MISMATCH,
         "(N, 2)"},
        {{.message = CLOUD, .schema = pmipc_schema_tensor(PMIPC_INT64, SHAPE(2, 3))},
         PMIPC_SCHEMA_MISMATCH,
         "got int64 (2, 3)"},
        {{.message = CLOUD, .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(2, 0))},
         PMIPC_SCHEMA_MISMATCH,
         "got float32 (2, 0)"},
        {{.message = CLOUD, .schema = points_schema(only_x, 4, SHAPE(1), 0), .constants = {TEXT("point_fields", "x")}},
         PMIPC_INVALID_ARGUMENT,
         "needs points given as (N, k)"},
        {{.message = JOINT_STATE,
          .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(1)),
          .constants = {TEXT("point_fields", "x")}},
         PMIPC_INVALID_ARGUMENT,
         "needs points given as (N, k)"},
        {{.message = CLOUD, .schema = points_schema(only_x, 4, SHAPE(1), 0), .constants = {NUMBER("width", 2)}},
         PMIPC_INVALID_ARGUMENT,
         "'width' contradicts"},
        {{.message = CLOUD, .schema = variable_tensor(PMIPC_FLOAT32, SHAPE(INT64_C(1) << 29, 3))},
         PMIPC_SCHEMA_MISMATCH,
         "fewer than 2^32"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        check_no_encoder(&cases[i].how, cases[i].status, cases[i].words);
    char long_name[65];
    memset(long_name, 'n', 64);
    long_name[64] = '\0';
    const given too_long = {.message = CLOUD,
                            .schema = pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(2, 1)),
                            .constants = {TEXT("point_fields", long_name)}};
    check_no_encoder(&too_long, PMIPC_INVALID_ARGUMENT, "longer than 63 bytes");
}
