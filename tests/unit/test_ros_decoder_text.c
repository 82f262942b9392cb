/* Strings by path, as bytes or as numpy texts of a fixed length. A string that does not fit is refused, never cut. */
#include "ros_decoding.h"

#define STRING "std_msgs/msg/String"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WIDE(n) "\"<U" #n "\""
#define FOREIGN "\">U4\""
#else
#define WIDE(n) "\">U" #n "\""
#define FOREIGN "\"<U4\""
#endif

static ros_message string_message(const char *text, size_t bytes)
{
    pmipc_cdr_span span = {text, bytes};
    const pmipc_cdr_leaf leaf = {.path = "data", .dtype = PMIPC_CDR_STRING};
    pmipc_cdr_column column = {.data = &span, .count = 1};
    return encode(STRING, &leaf, &column, 1, 0);
}

static pmipc_status expect_text(test_decoder *decoding, const char *descr, uint32_t itemsize, uint32_t ndim)
{
    pmipc_schema sample;
    pmipc_schema_init(&sample);
    CHECK_OK(
        pmipc_schema_add_opaque(&sample, "", itemsize, descr, strlen(descr), ndim, (const int64_t[]){1, 2}, 0, NULL));
    return pmipc_ros_decoder_expect(decoding->decoder, &sample, &decoding->schema, &decoding->error);
}

static void learn_text(test_decoder *decoding, const char *text)
{
    ros_message message = string_message(text, strlen(text));
    CHECK_LEARNS(decoding, &message);
    free(message.data);
}

static pmipc_status decode_text(test_decoder *decoding, const char *text, size_t bytes)
{
    ros_message message = string_message(text, bytes);
    pmipc_status status = decoding_decode(decoding, &message);
    free(message.data);
    return status;
}

TEST(string_is_bytes_of_its_length)
{
    test_decoder decoding = decoding_of(STRING, "data");
    learn_text(&decoding, "");
    CHECK_SCHEMA(&decoding, "uint8 (up to 1024,)");
    CHECK_OK(decode_text(&decoding, "pick up", 7));
    CHECK_EQ(decoding.loan.fields[0].length, 7);
    CHECK(memcmp(decoding.loan.fields[0].data, "pick up", 7) == 0);
    CHECK_OK(decode_text(&decoding, "", 0));
    CHECK_EQ(decoding.loan.fields[0].length, 0);
    decoding_close(&decoding);
}

TEST(bytes_of_a_fixed_length_are_padded_and_never_cut)
{
    static const pmipc_ros_field field = {"", "data"};
    const pmipc_ros_decoder_options options = {.fixed_lengths = true};
    test_decoder decoding = decoding_with(STRING, &field, 1, &options);
    CHECK_OK(decoding_expect(&decoding, PMIPC_UINT8, 1, (const int64_t[]){4}));
    learn_text(&decoding, "ab");
    CHECK_OK(decode_text(&decoding, "ab", 2));
    CHECK(memcmp(decoding.loan.fields[0].data, "ab\0\0", 4) == 0);
    CHECK_OK(decode_text(&decoding, "abcd", 4));
    CHECK(memcmp(decoding.loan.fields[0].data, "abcd", 4) == 0);
    CHECK_STATUS(decode_text(&decoding, "abcde", 5), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "data of the message, 'abcde', has 5 bytes, the pool takes 4");
    decoding_close(&decoding);
}

TEST(string_too_long_for_s_n_is_a_mismatch)
{
    test_decoder decoding = decoding_of(STRING, "data");
    CHECK_OK(expect_text(&decoding, "\"|S4\"", 4, 0));
    learn_text(&decoding, "ab");
    CHECK_SCHEMA(&decoding, "\"|S4\" ()");
    CHECK_OK(decode_text(&decoding, "abcd", 4));
    CHECK(memcmp(decoding.loan.fields[0].data, "abcd", 4) == 0);
    CHECK_OK(decode_text(&decoding, "a", 1));
    CHECK(memcmp(decoding.loan.fields[0].data, "a\0\0\0", 4) == 0);
    CHECK_STATUS(decode_text(&decoding, "abcde", 5), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(decode_text(&decoding, "a\0", 2), PMIPC_SCHEMA_MISMATCH); /* numpy would return "a" */
    CHECK_HAS(decoding.error.text, "has a NUL");
    decoding_close(&decoding);
}

TEST(string_too_long_for_u_n_is_a_mismatch)
{
    test_decoder decoding = decoding_of(STRING, "data");
    CHECK_OK(expect_text(&decoding, WIDE(4), 16, 1));
    learn_text(&decoding, "ab");
    CHECK_OK(decode_text(&decoding, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\xbe", 10)); /* 4 characters of 1 to 4 bytes */
    CHECK(memcmp(decoding.loan.fields[0].data, (const uint32_t[]){'a', 0xe9, 0x20ac, 0x1f9be}, 16) == 0);
    CHECK_OK(decode_text(&decoding, "", 0));
    CHECK(memcmp(decoding.loan.fields[0].data, (const uint32_t[4]){0}, 16) == 0);
    CHECK_STATUS(decode_text(&decoding, "abcde", 5), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "has 5 characters, the pool takes 4");
    CHECK_STATUS(decode_text(&decoding, "a\xff", 2), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "is not UTF-8");
    CHECK_STATUS(decode_text(&decoding, "a\xe2\x82", 3), PMIPC_SCHEMA_MISMATCH); /* ends within a character */
    decoding_close(&decoding);
}

TEST(samples_that_cannot_hold_a_string_are_refused)
{
    test_decoder decoding = decoding_of(STRING, "data");
    CHECK_STATUS(decoding_expect(&decoding, PMIPC_FLOAT64, 1, (const int64_t[]){4}), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(decoding.error.text, "S<n> or U<n>");
    CHECK_STATUS(decoding_expect(&decoding, PMIPC_UINT8, 2, (const int64_t[]){4, 4}), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(expect_text(&decoding, FOREIGN, 16, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(expect_text(&decoding, WIDE(4), 16, 2), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(expect_text(&decoding, "\"<M8[ns]\"", 8, 0), PMIPC_SCHEMA_MISMATCH);
    decoding_close(&decoding);
}

TEST(field_that_holds_the_frame_takes_all_frames)
{
    static const pmipc_ros_field fields[] = {{"frame", "header.frame_id"}, {"how", "encoding"}};
    test_decoder decoding = decoding_with(IMAGE, fields, 2, NULL);
    for (int i = 0; i < 2; i++) {
        pmipc_cdr_span frame = span_of(i ? "odom" : "map");
        const pmipc_cdr_leaf leaf = {.path = "header.frame_id", .dtype = PMIPC_CDR_STRING};
        pmipc_cdr_column column = {.data = &frame, .count = 1};
        ros_message message = encode(IMAGE, &leaf, &column, 1, 0);
        if (i == 0)
            CHECK_LEARNS(&decoding, &message);
        CHECK_DECODES(&decoding, &message);
        CHECK_EQ(decoding.loan.fields[0].length, frame.count);
        CHECK(memcmp(decoding.loan.fields[0].data, frame.data, frame.count) == 0);
        free(message.data);
    }
    CHECK_TEXT(pmipc_ros_decoder_metadata(decoding.decoder), "{\"ros_type\":\"sensor_msgs/msg/Image\"}");
    decoding_close(&decoding);
}
