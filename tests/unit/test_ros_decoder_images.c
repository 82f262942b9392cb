/* Images: the shape of every encoding, the position of rows, and images that must be refused. */
#include "ros_decoding.h"

typedef struct picture {
    uint32_t height, width, step;
    const char *encoding;
    uint8_t is_bigendian;
    const void *data;
    size_t bytes;
} picture;

static ros_message image_message(const picture *image)
{
    const pmipc_cdr_leaf leaves[] = {
        {.path = "height", .dtype = PMIPC_UINT32},       {.path = "width", .dtype = PMIPC_UINT32},
        {.path = "encoding", .dtype = PMIPC_CDR_STRING}, {.path = "is_bigendian", .dtype = PMIPC_UINT8},
        {.path = "step", .dtype = PMIPC_UINT32},         {.path = "data", .dtype = PMIPC_UINT8},
    };
    static const uint8_t zeros[4096];
    pmipc_cdr_span encoding = span_of(image->encoding);
    uint32_t height = image->height, width = image->width, step = image->step;
    uint8_t big = image->is_bigendian;
    pmipc_cdr_column columns[] = {
        {.data = &height, .count = 1},
        {.data = &width, .count = 1},
        {.data = &encoding, .count = 1},
        {.data = &big, .count = 1},
        {.data = &step, .count = 1},
        {.data = (void *)(uintptr_t)(image->data ? image->data : zeros), .count = image->bytes}};
    return encode(IMAGE, leaves, columns, LENGTH(leaves), 0);
}

static pmipc_status learn_image(test_decoder *decoding, const picture *image)
{
    ros_message message = image_message(image);
    pmipc_status status = decoding_learn(decoding, &message);
    free(message.data);
    return status;
}

static pmipc_status decode_image(test_decoder *decoding, const picture *image)
{
    ros_message message = image_message(image);
    pmipc_status status = decoding_decode(decoding, &message);
    free(message.data);
    return status;
}

TEST(decode_golden_image_with_stamp_and_metadata)
{
    test_decoder decoding = decoding_of(IMAGE, NULL);
    ros_message message = hex_message(image_golden);
    CHECK_LEARNS(&decoding, &message);
    CHECK_SCHEMA(&decoding, "uint8 (1, 2, 3)");
    CHECK_TEXT(
        pmipc_ros_decoder_metadata(decoding.decoder),
        "{\"encoding\":\"rgb8\",\"frame_id\":\"cam\",\"is_bigendian\":false,\"ros_type\":\"sensor_msgs/msg/Image\"}");
    CHECK_DECODES(&decoding, &message);
    CHECK(memcmp(decoding.loan.fields[0].data, "\1\2\3\4\5\6", 6) == 0);
    CHECK_EQ(decoding.stamp_ns, 1000000002);
    free(message.data);
    decoding_close(&decoding);
}

TEST(every_encoding_has_its_dtype_and_shape)
{
    static const struct {
        const char *encoding;
        const char *schema;
        uint32_t row_bytes, rows;
    } cases[] = {
        {"mono8", "uint8 (4, 6)", 6, 4},       {"rgb8", "uint8 (4, 6, 3)", 18, 4},
        {"bgr8", "uint8 (4, 6, 3)", 18, 4},    {"rgba8", "uint8 (4, 6, 4)", 24, 4},
        {"bgra8", "uint8 (4, 6, 4)", 24, 4},   {"mono16", "uint16 (4, 6)", 12, 4},
        {"rgb16", "uint16 (4, 6, 3)", 36, 4},  {"bgra16", "uint16 (4, 6, 4)", 48, 4},
        {"bayer_rggb8", "uint8 (4, 6)", 6, 4}, {"bayer_grbg16", "uint16 (4, 6)", 12, 4},
        {"8UC1", "uint8 (4, 6)", 6, 4},        {"8UC", "uint8 (4, 6)", 6, 4},
        {"8SC2", "int8 (4, 6, 2)", 12, 4},     {"16UC1", "uint16 (4, 6)", 12, 4},
        {"16SC3", "int16 (4, 6, 3)", 36, 4},   {"32SC1", "int32 (4, 6)", 24, 4},
        {"32FC1", "float32 (4, 6)", 24, 4},    {"32FC", "float32 (4, 6)", 24, 4},
        {"64FC2", "float64 (4, 6, 2)", 96, 4}, {"8UC12", "uint8 (4, 6, 12)", 72, 4},
        {"uyvy", "uint8 (4, 6, 2)", 12, 4},    {"yuv422", "uint8 (4, 6, 2)", 12, 4},
        {"yuyv", "uint8 (4, 6, 2)", 12, 4},    {"yuv422_yuy2", "uint8 (4, 6, 2)", 12, 4},
        {"nv12", "uint8 (6, 6)", 6, 6},        {"nv21", "uint8 (6, 6)", 6, 6},
        {"nv24", "uint8 (12, 6)", 6, 12},
    };
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        test_decoder decoding = decoding_of(IMAGE, "");
        picture image = {4, 6, cases[i].row_bytes, cases[i].encoding, 0, NULL, cases[i].row_bytes * cases[i].rows};
        CHECK_OK(learn_image(&decoding, &image));
        CHECK_SCHEMA(&decoding, cases[i].schema);
        CHECK_OK(decode_image(&decoding, &image));
        decoding_close(&decoding);
    }
}

TEST(unknown_encoding_is_refused_by_name)
{
    static const char *const encodings[] = {"",
                                            "h264",
                                            "RGB8",
                                            "rgb8 ",
                                            "8UC0",
                                            "8UC01",
                                            "8UC513",
                                            "8UCx",
                                            "12UC1",
                                            "32FC-1",
                                            "a very long name of an encoding, longer than any that there is"};
    for (uint32_t i = 0; i < LENGTH(encodings); i++) {
        test_decoder decoding = decoding_of(IMAGE, NULL);
        picture image = {1, 2, 2, encodings[i], 0, NULL, 64};
        CHECK_STATUS(learn_image(&decoding, &image), PMIPC_SCHEMA_MISMATCH);
        char quoted[64];
        snprintf(quoted, sizeof quoted, "encoding '%.50s", encodings[i]);
        CHECK_HAS(decoding.error.text, quoted);
        CHECK_HAS(decoding.error.text, "sensor_msgs/msg/Image: ");
        CHECK_TEXT(pmipc_ros_decoder_metadata(decoding.decoder), "");
        decoding_close(&decoding);
    }
}

TEST(other_encoding_or_size_is_a_mismatch)
{
    test_decoder decoding = decoding_of(IMAGE, NULL);
    picture good = {2, 3, 9, "rgb8", 0, NULL, 18}, other = good, narrow = {3, 2, 6, "rgb8", 0, NULL, 18};
    other.encoding = "bgr8";
    CHECK_OK(learn_image(&decoding, &good));
    CHECK_STATUS(decode_image(&decoding, &other), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "the image's encoding is 'bgr8', the pool's is 'rgb8'");
    CHECK_STATUS(decode_image(&decoding, &narrow), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "the message has uint8 (3, 2, 3), the pool takes uint8 (2, 3, 3)");
    CHECK_OK(decode_image(&decoding, &good));
    decoding_close(&decoding);
}

TEST(padding_after_rows_is_removed_also_if_the_last_row_has_none)
{
    static const uint8_t padded[] = {1, 2, 3, 9, 9, 4, 5, 6, 9, 9, 7, 8, 9, 9, 9};
    static const uint8_t packed[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    test_decoder decoding = decoding_of(IMAGE, NULL);
    picture whole = {3, 3, 5, "mono8", 0, padded, 15}, brief = {3, 3, 5, "mono8", 0, padded, 13};
    picture cut = {3, 3, 5, "mono8", 0, padded, 12}, longer = {3, 3, 3, "mono8", 0, packed, 9};
    CHECK_OK(learn_image(&decoding, &whole));
    CHECK_OK(decode_image(&decoding, &whole));
    CHECK(memcmp(decoding.loan.fields[0].data, packed, 9) == 0);
    CHECK_OK(decode_image(&decoding, &brief));
    CHECK(memcmp(decoding.loan.fields[0].data, packed, 9) == 0);
    CHECK_STATUS(decode_image(&decoding, &cut), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "step is 5 bytes; with it, 3 rows of 3 bytes do not fit into 12 bytes");
    CHECK_OK(decode_image(&decoding, &longer));
    CHECK(memcmp(decoding.loan.fields[0].data, packed, 9) == 0);
    decoding_close(&decoding);
}

TEST(padding_need_not_be_a_multiple_of_the_pixel)
{
    static const uint16_t pixels[] = {0x0201, 0x0403, 0x0605, 0x0807};
    static const uint8_t padded[] = {1, 2, 3, 4, 0xff, 5, 6, 7, 8, 0xff};
    test_decoder decoding = decoding_of(IMAGE, NULL);
    picture image = {2, 2, 5, "mono16", 0, padded, 10};
    CHECK_OK(learn_image(&decoding, &image));
    CHECK_OK(decode_image(&decoding, &image));
    CHECK(memcmp(decoding.loan.fields[0].data, pixels, 8) == 0);
    decoding_close(&decoding);
}

TEST(wrong_step_is_ignored_only_if_the_rows_are_packed)
{
    static const uint32_t steps[] = {0, 2, 5, 3, UINT32_MAX};
    static const uint8_t packed[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    test_decoder decoding = decoding_of(IMAGE, NULL);
    picture image = {3, 3, 3, "mono8", 0, packed, 9};
    CHECK_OK(learn_image(&decoding, &image));
    for (uint32_t i = 0; i < LENGTH(steps); i++) {
        image.step = steps[i];
        image.bytes = 9;
        CHECK_OK(decode_image(&decoding, &image));
        CHECK(memcmp(decoding.loan.fields[0].data, packed, 9) == 0);
        image.bytes = 10;
        CHECK_STATUS(decode_image(&decoding, &image), steps[i] == 3 ? PMIPC_OK : PMIPC_SCHEMA_MISMATCH);
        image.bytes = 8;
        CHECK_STATUS(decode_image(&decoding, &image), PMIPC_SCHEMA_MISMATCH);
    }
    decoding_close(&decoding);
}

TEST(only_pixels_of_the_other_byte_order_are_swapped)
{
    static const uint8_t little[] = {1, 2, 3, 4}, big[] = {2, 1, 4, 3};
    test_decoder decoding = decoding_of(IMAGE, NULL), bytes = decoding_of(IMAGE, NULL);
    picture one = {1, 2, 4, "16UC1", 0, little, 4}, other = {1, 2, 4, "16UC1", 1, big, 4};
    picture padded = {2, 1, 3, "16UC1", 1, "\2\1x\4\3", 5};
    CHECK_OK(learn_image(&decoding, &one));
    CHECK_OK(decode_image(&decoding, &one));
    CHECK(memcmp(decoding.loan.fields[0].data, little, 4) == 0);
    CHECK_OK(decode_image(&decoding, &other));
    CHECK(memcmp(decoding.loan.fields[0].data, little, 4) == 0);
    picture single = {1, 4, 4, "mono8", 1, big, 4};
    CHECK_OK(learn_image(&bytes, &single));
    CHECK_OK(decode_image(&bytes, &single));
    CHECK(memcmp(bytes.loan.fields[0].data, big, 4) == 0);
    decoding_close(&decoding);
    decoding_close(&bytes);
    decoding = decoding_of(IMAGE, NULL);
    CHECK_OK(learn_image(&decoding, &padded));
    CHECK_OK(decode_image(&decoding, &padded));
    CHECK(memcmp(decoding.loan.fields[0].data, little, 4) == 0);
    decoding_close(&decoding);
}

TEST(nv12_needs_an_even_height_and_nv24_no_padding)
{
    test_decoder decoding = decoding_of(IMAGE, NULL);
    picture odd = {3, 2, 2, "nv12", 0, NULL, 64}, padded = {2, 2, 3, "nv24", 0, NULL, 18};
    CHECK_STATUS(learn_image(&decoding, &odd), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "even");
    CHECK_STATUS(learn_image(&decoding, &padded), PMIPC_SCHEMA_MISMATCH);
    decoding_close(&decoding);
}

TEST(sizes_that_do_not_fit_into_64_bits_are_refused)
{
    static const struct {
        uint32_t height, width, step;
        const char *encoding;
    } cases[] = {
        {UINT32_MAX, UINT32_MAX, UINT32_MAX, "64FC512"},
        {UINT32_MAX, UINT32_MAX, 0, "rgb8"},
        {65536, 65536, 0, "mono8"},
        {UINT32_MAX, 1, UINT32_MAX, "mono8"},
        {1u << 31, 1u << 30, 0, "64FC1"},
        {0, 5, 0, "mono8"},
        {5, 0, 0, "mono8"},
        {UINT32_MAX - 1, UINT32_MAX, 0, "nv24"},
        {2, 2, UINT32_MAX, "mono8"},
    };
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        test_decoder decoding = decoding_of(IMAGE, NULL);
        picture image = {cases[i].height, cases[i].width, cases[i].step, cases[i].encoding, 0, NULL, 64};
        CHECK_STATUS(learn_image(&decoding, &image), PMIPC_SCHEMA_MISMATCH);
        if (cases[i].height && cases[i].width && cases[i].step != UINT32_MAX)
            CHECK_HAS(decoding.error.text, " bytes, its data has 64 bytes");
        decoding_close(&decoding);
    }
}

TEST(expected_sample_decides_which_images_fit)
{
    picture mono = {2, 3, 3, "mono8", 0, "abcdef", 6};
    test_decoder decoding = decoding_of(IMAGE, NULL);
    CHECK_OK(decoding_expect(&decoding, PMIPC_UINT8, 3, (int64_t[]){2, 3, 1}));
    CHECK_OK(learn_image(&decoding, &mono));
    CHECK_SCHEMA(&decoding, "uint8 (2, 3, 1)");
    CHECK_OK(decode_image(&decoding, &mono));
    CHECK(memcmp(decoding.loan.fields[0].data, "abcdef", 6) == 0);
    decoding_close(&decoding);

    decoding = decoding_of(IMAGE, NULL);
    CHECK_OK(decoding_expect(&decoding, PMIPC_UINT8, 3, (int64_t[]){2, 3, 3}));
    CHECK_STATUS(learn_image(&decoding, &mono), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "the message has uint8 (2, 3), the pool takes uint8 (2, 3, 3)");
    CHECK_STATUS(decoding_expect(&decoding, PMIPC_INT64, 2, (int64_t[]){2, 3}), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(decoding_expect(&decoding, PMIPC_UINT8, 1, (int64_t[]){6}), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "uint8 (6,)");
    CHECK_OK(decoding_expect(&decoding, PMIPC_FLOAT32, 2, (int64_t[]){2, 3}));
    CHECK_STATUS(learn_image(&decoding, &mono), PMIPC_SCHEMA_MISMATCH);
    CHECK_OK(decoding_expect(&decoding, PMIPC_INT8, 2, (int64_t[]){2, 3})); /* another dtype of the same size */
    CHECK_STATUS(learn_image(&decoding, &mono), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "the message has uint8 (2, 3), the pool takes int8 (2, 3)");
    decoding_close(&decoding);
}

TEST(path_data_takes_the_bytes_of_an_image)
{
    test_decoder decoding = decoding_of(IMAGE, "data");
    picture unknown = {1, 2, 9, "h264", 0, "stream", 6};
    CHECK_OK(learn_image(&decoding, &unknown));
    CHECK_SCHEMA(&decoding, "uint8 (up to 1024,)");
    CHECK_OK(decode_image(&decoding, &unknown));
    CHECK_EQ(decoding.loan.fields[0].length, 6);
    CHECK(memcmp(decoding.loan.fields[0].data, "stream", 6) == 0);
    decoding_close(&decoding);
}
