/* Samples as sensor_msgs/Image and CompressedImage. */
#include "ros_encoding.h"

#define PIXELS(...)                   \
    (const pmipc_source[])            \
    {                                 \
        {                             \
            .data = (const uint8_t[]) \
            {                         \
                __VA_ARGS__           \
            }                         \
        }                             \
    }

TEST(encode_rgb_sample_to_the_golden_image)
{
    message_bytes expected = from_hex(image_golden);
    const given named = {.message = IMAGE,
                         .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(1, 2, 3)),
                         .constants = {TEXT("frame_id", "cam"), TEXT("encoding", "rgb8")}};
    check_encoded(&named, PIXELS(1, 2, 3, 4, 5, 6), GOLDEN_STAMP, &expected);
    const given by_shape = {.message = IMAGE,
                            .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(1, 2, 3)),
                            .constants = {TEXT("frame_id", "cam")}};
    check_encoded(&by_shape, PIXELS(1, 2, 3, 4, 5, 6), GOLDEN_STAMP, &expected);
    const given short_name = {.message = "sensor_msgs/Image",
                              .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(1, 2, 3)),
                              .constants = {TEXT("header.frame_id", "cam")}};
    check_encoded(&short_name, PIXELS(1, 2, 3, 4, 5, 6), GOLDEN_STAMP, &expected);
}

static message_bytes image(uint32_t height, uint32_t width, const char *encoding, uint32_t step, const void *data,
                           size_t bytes)
{
    wire expected = wire_start();
    wire_header(&expected, 0, 5, "");
    wire_u32(&expected, height);
    wire_u32(&expected, width);
    wire_text(&expected, encoding);
    wire_put(&expected, &(uint8_t){__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__}, 1, 1);
    wire_u32(&expected, step);
    wire_u32(&expected, (uint32_t)bytes);
    wire_put(&expected, data, bytes, 1);
    return expected.bytes;
}

TEST(default_encoding_is_the_most_general_one)
{
    static const struct {
        pmipc_dtype dtype;
        int64_t channels; /* 0: no third dimension */
        const char *encoding;
    } cases[] = {
        {PMIPC_UINT8, 0, "mono8"},   {PMIPC_UINT8, 3, "rgb8"},    {PMIPC_UINT8, 4, "rgba8"},
        {PMIPC_UINT16, 0, "mono16"}, {PMIPC_UINT16, 3, "rgb16"},  {PMIPC_UINT16, 4, "rgba16"},
        {PMIPC_UINT8, 2, "8UC2"},    {PMIPC_INT8, 0, "8SC1"},     {PMIPC_INT16, 2, "16SC2"},
        {PMIPC_INT32, 0, "32SC1"},   {PMIPC_FLOAT32, 0, "32FC1"}, {PMIPC_FLOAT64, 3, "64FC3"},
        {PMIPC_UINT8, 1, "mono8"},   {PMIPC_FLOAT32, 1, "32FC1"},
    };
    static const uint8_t data[2 * 1 * 4 * 8] = {9, 8, 7};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        uint32_t step = PMIPC_DTYPE_BITS(cases[i].dtype) / 8 * (uint32_t)(cases[i].channels ? cases[i].channels : 1);
        const int64_t shape[] = {2, 1, cases[i].channels};
        const given how = {.message = IMAGE,
                           .schema = pmipc_schema_tensor(cases[i].dtype, cases[i].channels ? 3 : 2, shape)};
        message_bytes expected = image(2, 1, cases[i].encoding, step, data, 2 * step);
        check_encoded(&how, &(pmipc_source){.data = data}, 5, &expected);
    }
}

TEST(chroma_rows_are_not_part_of_the_height)
{
    static const uint8_t data[12 * 2] = {1, 2, 3};
    static const struct {
        const char *encoding;
        int64_t rows;
        uint32_t height;
    } cases[] = {{"nv12", 6, 4}, {"nv21", 3, 2}, {"nv24", 6, 2}, {"bayer_rggb8", 4, 4}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const given how = {.message = IMAGE,
                           .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(cases[i].rows, 2)),
                           .constants = {TEXT("encoding", cases[i].encoding)}};
        message_bytes expected = image(cases[i].height, 2, cases[i].encoding, 2, data, (size_t)cases[i].rows * 2);
        check_encoded(&how, &(pmipc_source){.data = data}, 5, &expected);
    }
}

TEST(variable_rows_are_the_height)
{
    static const uint16_t data[3 * 2] = {1, 2, 3, 4, 5, 6};
    const given how = {.message = IMAGE, .schema = variable_tensor(PMIPC_UINT16, SHAPE(3, 2))};
    pmipc_ros_encoder *encoder = ros_encoder_of(&how);
    for (uint32_t rows = 0; rows <= 3; rows++) {
        message_bytes expected = image(rows, 2, "mono16", 4, data, rows * 4);
        message_bytes got = encode_message(encoder, &(pmipc_source){data, rows}, 5);
        check_same(&got, &expected);
    }
    check_not_encoded(encoder, &(pmipc_source){data, 4}, 5, "has length 4, 0 to 3");
    check_not_encoded(encoder, &(pmipc_source){data, -1}, 5, "has length -1, 0 to 3");
    check_not_encoded(encoder, &(pmipc_source){data, INT64_MIN}, 5, "has length -9223372036854775808, 0 to 3");
    pmipc_ros_encoder_destroy(encoder);
}

TEST(byte_order_of_single_bytes_is_that_of_the_constant)
{
    const given how = {.message = IMAGE,
                       .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(1, 1)),
                       .constants = {NUMBER("is_bigendian", 1)}};
    message_bytes expected = image(1, 1, "mono8", 1, &(uint8_t){7}, 1);
    expected.data[38] = 1; /* after "mono8" */
    check_encoded(&how, PIXELS(7), 5, &expected);
}

/* The metadata of a decoder have the byte order of its messages, which may come from another machine. */
TEST(byte_order_of_wider_elements_is_this_machines)
{
    for (int is_big = 0; is_big <= 1; is_big++) {
        const given how = {.message = IMAGE,
                           .schema = pmipc_schema_tensor(PMIPC_UINT16, SHAPE(1, 1)),
                           .constants = {NUMBER("is_bigendian", is_big)}};
        message_bytes expected = image(1, 1, "mono16", 2, &(uint16_t){7}, 2);
        check_encoded(&how, &(pmipc_source){.data = &(uint16_t){7}}, 5, &expected);
    }
}

TEST(compressed_image_is_its_bytes_and_a_format)
{
    const given how = {.message = "sensor_msgs/msg/CompressedImage",
                       .schema = variable_tensor(PMIPC_UINT8, SHAPE(8)),
                       .constants = {TEXT("format", "jpeg"), TEXT("frame_id", "cam")}};
    wire expected = wire_start();
    wire_header(&expected, 1, 2, "cam");
    wire_text(&expected, "jpeg");
    wire_u32(&expected, 3);
    wire_put(&expected, "abc", 3, 1);
    check_encoded(&how, &(pmipc_source){"abcdefgh", 3}, GOLDEN_STAMP, &expected.bytes);
    const given bare = {.message = "sensor_msgs/msg/CompressedImage", .schema = variable_tensor(PMIPC_UINT8, SHAPE(8))};
    expected = wire_start();
    wire_header(&expected, 1, 2, "");
    wire_text(&expected, "");
    wire_u32(&expected, 0);
    check_encoded(&bare, &(pmipc_source){NULL, 0}, GOLDEN_STAMP, &expected.bytes);
}

TEST(layout_chw_is_converted_to_interleaved_pixels)
{
    static const uint8_t bytes[2 * 3 * 2] = {1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16};
    const given two = {.message = IMAGE,
                       .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(2, 3, 2)),
                       .constants = {TEXT("layout", "CHW")}};
    const uint8_t turned[] = {1, 11, 2, 12, 3, 13, 4, 14, 5, 15, 6, 16};
    message_bytes expected = image(3, 2, "8UC2", 4, turned, sizeof turned);
    check_encoded(&two, &(pmipc_source){.data = bytes}, 5, &expected);
    static const struct {
        pmipc_dtype dtype;
        const char *encoding;
    } cases[] = {{PMIPC_UINT8, "bgr8"}, {PMIPC_UINT16, "rgb16"}, {PMIPC_FLOAT32, "32FC3"}, {PMIPC_FLOAT64, "64FC3"}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const uint32_t item = PMIPC_DTYPE_BITS(cases[i].dtype) / 8;
        uint8_t planes[3 * 2 * 4 * 8 + 1], pixels[sizeof planes];
        for (size_t b = 0; b < sizeof planes; b++)
            planes[b] = (uint8_t)(b * 7);
        for (size_t pixel = 0; pixel < 8; pixel++)
            for (size_t channel = 0; channel < 3; channel++)
                memcpy(pixels + (pixel * 3 + channel) * item, planes + 1 + (channel * 8 + pixel) * item, item);
        const given how = {.message = IMAGE,
                           .schema = pmipc_schema_tensor(cases[i].dtype, SHAPE(3, 2, 4)),
                           .constants = {TEXT("layout", "CHW"), TEXT("encoding", cases[i].encoding)}};
        expected = image(2, 4, cases[i].encoding, 12 * item, pixels, 24 * item);
        check_encoded(&how, &(pmipc_source){.data = planes + 1}, 5, &expected); /* sources may be unaligned */
    }
    const given rows = {.message = IMAGE,
                        .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(3, 2, 2)),
                        .constants = {TEXT("layout", "HWC")}};
    expected = image(3, 2, "8UC2", 4, bytes, sizeof bytes);
    check_encoded(&rows, &(pmipc_source){.data = bytes}, 5, &expected);
}

TEST(more_than_four_channels_need_a_constant_encoding)
{
    static const uint8_t bytes[2 * 5];
    const given named = {.message = IMAGE,
                         .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(1, 2, 5)),
                         .constants = {TEXT("encoding", "8UC5")}};
    message_bytes expected = image(1, 2, "8UC5", 10, bytes, sizeof bytes);
    check_encoded(&named, &(pmipc_source){.data = bytes}, 5, &expected);
    const pmipc_schema wide[] = {pmipc_schema_tensor(PMIPC_UINT8, SHAPE(3, 224, 224)),
                                 pmipc_schema_tensor(PMIPC_UINT8, SHAPE(1, 2, 5)),
                                 pmipc_schema_tensor(PMIPC_FLOAT32, SHAPE(3, 224, 224))};
    for (size_t i = 0; i < LENGTH(wide); i++) {
        const given how = {.message = IMAGE, .schema = wide[i]};
        check_no_encoder(&how, PMIPC_SCHEMA_MISMATCH,
                         "'layout' \"CHW\" is for channels in front, the constant 'encoding'");
    }
    const given five_planes = {.message = IMAGE,
                               .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(5, 2, 2)),
                               .constants = {TEXT("layout", "CHW")}};
    check_no_encoder(&five_planes, PMIPC_SCHEMA_MISMATCH, "the constant 'encoding' for more channels");
}

TEST(layout_that_does_not_fit_the_sample_is_refused)
{
    const struct {
        given how;
        pmipc_status status;
        const char *words;
    } cases[] = {
        {{.message = IMAGE,
          .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(2, 2)),
          .constants = {TEXT("layout", "CHW")}},
         PMIPC_SCHEMA_MISMATCH,
         "(channels, height, width) of one fixed shape for the layout"},
        {{.message = IMAGE,
          .schema = variable_tensor(PMIPC_UINT8, SHAPE(3, 2, 2)),
          .constants = {TEXT("layout", "CHW")}},
         PMIPC_SCHEMA_MISMATCH,
         "of one fixed shape"},
        {{.message = IMAGE,
          .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(4, 2, 2)),
          .constants = {TEXT("layout", "CHW"), TEXT("encoding", "rgb8")}},
         PMIPC_SCHEMA_MISMATCH,
         "'rgb8', got uint8 (4, 2, 2)"},
        {{.message = IMAGE,
          .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(2, 2)),
          .constants = {TEXT("layout", "WHC")}},
         PMIPC_INVALID_ARGUMENT,
         "must be \"HWC\" or \"CHW\", not 'WHC'"},
        {{.message = IMAGE,
          .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(2, 2)),
          .constants = {NUMBER("layout", 1)}},
         PMIPC_INVALID_ARGUMENT,
         "must be \"HWC\" or \"CHW\""},
        {{.message = IMAGE,
          .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(3, 2, 2)),
          .fields = (const pmipc_ros_field[]){{"", "data"}},
          .field_count = 1,
          .constants = {TEXT("layout", "CHW")}},
         PMIPC_INVALID_ARGUMENT,
         "needs an image given as a field without a path"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        check_no_encoder(&cases[i].how, cases[i].status, cases[i].words);
    const given how = {.message = IMAGE,
                       .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(3, 2, 2)),
                       .constants = {TEXT("layout", "CHW")}};
    pmipc_ros_encoder *encoder = ros_encoder_of(&how);
    uint8_t buffer[256];
    size_t count;
    pmipc_error error;
    CHECK_STATUS(pmipc_ros_encoder_encode(encoder, &(pmipc_source){0}, 5, buffer, sizeof buffer, &count, &error),
                 PMIPC_INVALID_ARGUMENT);
    pmipc_ros_encoder_destroy(encoder);
}

TEST(samples_that_are_not_images_are_a_mismatch_with_expected_and_got)
{
    const pmipc_schema rgb = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(2, 2, 3));
    const struct {
        given how;
        pmipc_status status;
        const char *words;
    } cases[] = {
        {{.message = IMAGE, .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(4))},
         PMIPC_SCHEMA_MISMATCH,
         "(height, width, channels), got uint8 (4,)"},
        {{.message = IMAGE, .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(1, 2, 2, 3))},
         PMIPC_SCHEMA_MISMATCH,
         "got uint8 (1, 2, 2, 3)"},
        {{.message = IMAGE, .schema = pmipc_schema_tensor(PMIPC_UINT64, SHAPE(2, 2))},
         PMIPC_SCHEMA_MISMATCH,
         "a dtype that an image can have"},
        {{.message = IMAGE, .schema = pmipc_schema_tensor(PMIPC_BOOL, SHAPE(2, 2))},
         PMIPC_SCHEMA_MISMATCH,
         "got bool (2, 2)"},
        {{.message = IMAGE, .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(2, 2, 0))},
         PMIPC_SCHEMA_MISMATCH,
         "got uint8 (2, 2, 0)"},
        {{.message = IMAGE, .schema = rgb, .constants = {TEXT("encoding", "mono8")}},
         PMIPC_SCHEMA_MISMATCH,
         "expected uint8 (height, width) for the encoding 'mono8', got uint8 (2, 2, 3)"},
        {{.message = IMAGE, .schema = rgb, .constants = {TEXT("encoding", "rgba8")}},
         PMIPC_SCHEMA_MISMATCH,
         "uint8 (height, width, 4)"},
        {{.message = IMAGE, .schema = rgb, .constants = {TEXT("encoding", "rgb16")}},
         PMIPC_SCHEMA_MISMATCH,
         "uint16 (height, width, 3)"},
        {{.message = IMAGE, .schema = rgb, .constants = {TEXT("encoding", "RGB8")}},
         PMIPC_INVALID_ARGUMENT,
         "unknown encoding 'RGB8'"},
        {{.message = IMAGE, .schema = rgb, .constants = {TEXT("encoding", "")}},
         PMIPC_INVALID_ARGUMENT,
         "unknown encoding ''"},
        {{.message = IMAGE,
          .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(4, 2)),
          .constants = {TEXT("encoding", "nv12")}},
         PMIPC_SCHEMA_MISMATCH,
         "(height * 3 / 2, width) of one fixed height"},
        {{.message = IMAGE,
          .schema = variable_tensor(PMIPC_UINT8, SHAPE(6, 2)),
          .constants = {TEXT("encoding", "nv12")}},
         PMIPC_SCHEMA_MISMATCH,
         "of one fixed height"},
        {{.message = IMAGE, .schema = rgb, .constants = {NUMBER("height", 3)}},
         PMIPC_INVALID_ARGUMENT,
         "'height' contradicts"},
        {{.message = IMAGE, .schema = rgb, .constants = {NUMBER("step", 3)}},
         PMIPC_INVALID_ARGUMENT,
         "'step' contradicts"},
        {{.message = IMAGE, .schema = variable_tensor(PMIPC_UINT8, SHAPE(2, 2)), .constants = {NUMBER("height", 2)}},
         PMIPC_INVALID_ARGUMENT,
         "'height' contradicts"},
        {{.message = IMAGE, .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(1, INT64_C(1) << 32))},
         PMIPC_SCHEMA_MISMATCH,
         "'width' would be 4294967296"},
        {{.message = IMAGE, .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(INT64_C(1) << 17, 1 << 16))},
         PMIPC_SCHEMA_MISMATCH,
         "at most 4294967295 are allowed"},
        {{.message = IMAGE, .schema = rgb, .constants = {TEXT("data", "x")}},
         PMIPC_INVALID_ARGUMENT,
         "'data' must be a number"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        check_no_encoder(&cases[i].how, cases[i].status, cases[i].words);
}

TEST(constants_equal_to_derived_values_are_allowed)
{
    const given how = {
        .message = IMAGE,
        .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(1, 2, 3)),
        .constants = {TEXT("frame_id", "cam"), NUMBER("height", 1), NUMBER("width", 2), NUMBER("step", 6)}};
    message_bytes expected = from_hex(image_golden);
    check_encoded(&how, PIXELS(1, 2, 3, 4, 5, 6), GOLDEN_STAMP, &expected);
}

TEST(field_with_a_path_overrides_a_derived_value)
{
    given how = {.message = IMAGE,
                 .fields = (const pmipc_ros_field[]){{"pixels", NULL}, {"step", "step"}},
                 .field_count = 2,
                 .constants = {TEXT("frame_id", "cam")}};
    pmipc_schema_init(&how.schema);
    CHECK_OK(pmipc_schema_add(&how.schema, "depth", PMIPC_FLOAT32, SHAPE(2, 2), 0, NULL)); /* not part of the message */
    CHECK_OK(pmipc_schema_add(&how.schema, "step", PMIPC_UINT32, 0, NULL, 0, NULL));
    CHECK_OK(pmipc_schema_add(&how.schema, "pixels", PMIPC_UINT8, SHAPE(1, 2, 3), 0, NULL));
    const pmipc_source sources[] = {{NULL, 0}, {&(uint32_t){6}, 0}, {"\1\2\3\4\5\6", 0}};
    message_bytes expected = from_hex(image_golden);
    check_encoded(&how, sources, GOLDEN_STAMP, &expected);
}
