/* Decoding corrupt and truncated messages, and the time that a message may take. */
#include "cdr_messages.h"

static const struct golden {
    const char *name;
    const char *text;
    const char *hex;
} goldens[] = {{JOINT_STATE, JOINT_STATE_TEXT, joint_state_golden},
               {IMAGE, IMAGE_TEXT, image_golden},
               {CLOUD, CLOUD_TEXT, cloud_golden},
               {CDR2_TYPE, CDR2_TYPE_TEXT, cdr2_golden},
               {"std_msgs/msg/Empty", "", "0001000000"},
               {"std_msgs/msg/Float64", "float64 data", "00010000000000000000f03f"}};

TEST(truncated_message_is_corrupt_and_names_the_field)
{
    for (uint32_t i = 0; i < LENGTH(goldens); i++) {
        message_bytes message = from_hex(goldens[i].hex);
        pmipc_cdr_types *types = types_of(goldens[i].name, goldens[i].text);
        pmipc_cdr_decoder *decoder = decoder_of(goldens[i].name, goldens[i].text, NULL, 0);
        CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, NULL, NULL));
        for (size_t length = 0; length < message.count; length++) {
            uint8_t *cut = exact_copy(&message, length);
            pmipc_error error;
            CHECK_STATUS(pmipc_cdr_decode(decoder, cut, length, NULL, &error), PMIPC_CORRUPT);
            CHECK_EQ(error.status, PMIPC_CORRUPT);
            CHECK_HAS(error.text, goldens[i].name);
            CHECK_STATUS(pmipc_cdr_visit(types, goldens[i].name, cut, length, NULL, NULL, NULL), PMIPC_CORRUPT);
            free(cut);
        }
        pmipc_cdr_decoder_destroy(decoder);
        pmipc_cdr_types_destroy(types);
    }
}

TEST(any_four_bytes_in_a_message_are_decoded_or_refused)
{
    static const uint32_t values[] = {0, 1, 2, 100, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    for (uint32_t i = 0; i < LENGTH(goldens); i++) {
        message_bytes message = from_hex(goldens[i].hex);
        pmipc_cdr_types *types = types_of(goldens[i].name, goldens[i].text);
        pmipc_cdr_decoder *decoder = decoder_of(goldens[i].name, goldens[i].text, NULL, 0);
        for (size_t at = 0; at + 4 <= message.count; at++)
            for (uint32_t v = 0; v < LENGTH(values); v++) {
                message_bytes bad = message;
                memcpy(bad.data + at, &values[v], 4);
                uint8_t *copy = exact_copy(&bad, bad.count);
                pmipc_status decoded = pmipc_cdr_decode(decoder, copy, bad.count, NULL, NULL);
                pmipc_status visited = pmipc_cdr_visit(types, goldens[i].name, copy, bad.count, NULL, NULL, NULL);
                CHECK(decoded == PMIPC_OK || decoded == PMIPC_CORRUPT || decoded == PMIPC_UNSUPPORTED);
                /* The walk also checks bools that have no leaf. */
                CHECK(decoded == visited || (decoded == PMIPC_OK && visited == PMIPC_CORRUPT));
                free(copy);
            }
        pmipc_cdr_decoder_destroy(decoder);
        pmipc_cdr_types_destroy(types);
    }
}

/* Store a number in a golden message and check the error. */
static void check_corrupted(const char *name, const char *text, const char *hex, size_t at, uint32_t value,
                            pmipc_status expected, const char *words)
{
    message_bytes message = from_hex(hex);
    pmipc_cdr_decoder *decoder = decoder_of(name, text, NULL, 0);
    memcpy(message.data + at, &value, 4);
    pmipc_error error;
    CHECK_STATUS(pmipc_cdr_decode(decoder, message.data, message.count, NULL, &error), expected);
    CHECK_EQ(error.status, expected);
    CHECK_HAS(error.text, words);
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(corrupt_count_is_reported_with_its_field)
{
    check_corrupted(CLOUD, CLOUD_TEXT, cloud_golden, 64, 4000000, PMIPC_CORRUPT,
                    CLOUD ": data: count 4000000 needs 4000000 bytes, 5 are left (at byte 68)");
    check_corrupted(CLOUD, CLOUD_TEXT, cloud_golden, 28, 1000, PMIPC_CORRUPT,
                    CLOUD ": fields: count 1000 needs 13000 bytes, 41 are left");
    check_corrupted(CLOUD, CLOUD_TEXT, cloud_golden, 32, 500, PMIPC_CORRUPT,
                    CLOUD ": fields[0].name: count 500 needs 500 bytes, 37 are left");
    check_corrupted(JOINT_STATE, JOINT_STATE_TEXT, joint_state_golden, 32, 300, PMIPC_CORRUPT,
                    JOINT_STATE ": name[1]: count 300 needs");
    check_corrupted(JOINT_STATE, JOINT_STATE_TEXT, joint_state_golden, 24, 0x10000, PMIPC_CORRUPT,
                    JOINT_STATE ": name[0]: count 65536 needs");
    check_corrupted(JOINT_STATE, JOINT_STATE_TEXT, joint_state_golden, 40, 4, PMIPC_CORRUPT,
                    JOINT_STATE ": position: count 4 needs 32 bytes");
    check_corrupted(JOINT_STATE, JOINT_STATE_TEXT, joint_state_golden, 12, 3, PMIPC_CORRUPT,
                    JOINT_STATE ": header.frame_id: a string of length 3 does not end with NUL");
    check_corrupted(CDR2_TYPE, CDR2_TYPE_TEXT, cdr2_golden, 20, 0x12, PMIPC_CORRUPT,
                    CDR2_TYPE ": names: its delimiter");
}

TEST(vendor_backed_buffer_is_unsupported)
{
    check_corrupted(IMAGE, IMAGE_TEXT, image_golden, 44, 0xffffffff, PMIPC_UNSUPPORTED,
                    IMAGE ": data: count 0xffffffff");
    check_corrupted(IMAGE, IMAGE_TEXT, image_golden, 44, 0xffffffff, PMIPC_UNSUPPORTED, "vendor-backed buffer");
}

TEST(other_encodings_are_unsupported)
{
    static const struct {
        uint8_t identifier[2];
        const char *words;
    } cases[] = {{{0, 2}, "0x0002 (parameter list CDR, big endian)"},
                 {{0, 3}, "0x0003 (parameter list CDR, little endian)"},
                 {{0, 8}, "0x0008 (delimited CDR2, big endian)"},
                 {{0, 9}, "0x0009 (delimited CDR2, little endian)"},
                 {{0, 10}, "0x000a (parameter list CDR2, big"},
                 {{0, 11}, "0x000b (parameter list CDR2, little"},
                 {{0, 4}, "0x0004 (unknown)"},
                 {{0, 12}, "0x000c (unknown)"},
                 {{1, 1}, "0x0101 (unknown)"},
                 {{255, 255}, "0xffff (unknown)"}};
    pmipc_cdr_decoder *decoder = decoder_of(IMAGE, IMAGE_TEXT, NULL, 0);
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        message_bytes message = from_hex(image_golden);
        memcpy(message.data, cases[i].identifier, 2);
        pmipc_error error;
        CHECK_STATUS(pmipc_cdr_decode(decoder, message.data, message.count, NULL, &error), PMIPC_UNSUPPORTED);
        CHECK_HAS(error.text, cases[i].words);
    }
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(header_options_and_bytes_after_the_message_are_ignored)
{
    pmipc_cdr_decoder *decoder = decoder_of(IMAGE, IMAGE_TEXT, NULL, 0);
    message_bytes message = from_hex(image_golden);
    message.data[2] = 0xff;
    message.data[3] = 0x03;
    for (size_t more = 0; more < 20; more++)
        CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count + more, NULL, NULL));
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(bool_that_is_neither_0_nor_1_is_corrupt)
{
    static const char text[] = "bool[] flags\n";
    const pmipc_cdr_leaf leaf = {.path = "flags", .dtype = PMIPC_BOOL};
    pmipc_cdr_decoder *decoder = decoder_of("test/msg/Flags", text, &leaf, 1);
    message_bytes message = from_hex("000100000400000000010200");
    bool flags[4] = {0};
    pmipc_cdr_column column = {.data = flags, .capacity = 4};
    pmipc_error error;
    CHECK_STATUS(pmipc_cdr_decode(decoder, message.data, message.count, &column, &error), PMIPC_CORRUPT);
    CHECK_TEXT(error.text, "test/msg/Flags: flags[2]: 2 is not a valid bool (0 or 1) (at byte 10)");
    message.data[10] = 1;
    CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, &column, &error));
    CHECK(!flags[0] && flags[1] && flags[2] && !flags[3]);
    pmipc_cdr_decoder_destroy(decoder);
    /* The same in a list of messages that is copied as a whole. */
    const pmipc_cdr_leaf pairs = {.path = "pairs", .dtype = PMIPC_BOOL};
    decoder = decoder_of("test/msg/Pairs", "Pair[] pairs\n" SEPARATOR "MSG: test/Pair\nbool a\nbool b\n", &pairs, 1);
    message = from_hex("000100000200000000010200");
    CHECK_STATUS(pmipc_cdr_decode(decoder, message.data, message.count, &column, &error), PMIPC_CORRUPT);
    CHECK_HAS(error.text, "pairs[1].a: 2 is not a valid bool");
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(counts_and_strings_above_their_bound_are_corrupt)
{
    static const char text[] = "uint8[<=3] few\nstring<=2 brief\nstring<=2[<=1] both\n";
    static const struct {
        const char *hex;
        const char *words;
    } cases[] = {{"000100000400000001020304"
                  "0100000000000000"
                  "00000000",
                  "few: count 4, at most 3"},
                 {"0001000000000000"
                  "0400000061626300"
                  "00000000",
                  "brief: count 3, at most 2"},
                 {"0001000000000000"
                  "00000000"
                  "02000000"
                  "00000000"
                  "00000000",
                  "both: count 2, at most 1"},
                 {"0001000000000000"
                  "00000000"
                  "01000000"
                  "0400000061626300",
                  "both[0]: count 3, at most 2"}};
    pmipc_cdr_decoder *decoder = decoder_of("test/msg/Bounded", text, NULL, 0);
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        message_bytes message = from_hex(cases[i].hex);
        pmipc_error error;
        CHECK_STATUS(pmipc_cdr_decode(decoder, message.data, message.count, NULL, &error), PMIPC_CORRUPT);
        CHECK_HAS(error.text, cases[i].words);
    }
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(column_without_room_is_counted_and_not_written_past_its_end)
{
    const pmipc_cdr_leaf leaves[] = {{.path = "name", .dtype = PMIPC_CDR_STRING},
                                     {.path = "position", .dtype = PMIPC_FLOAT64}};
    pmipc_cdr_decoder *decoder = decoder_of(JOINT_STATE, JOINT_STATE_TEXT, leaves, 2);
    message_bytes message = from_hex(joint_state_golden);
    pmipc_cdr_span *name = malloc(sizeof *name);
    double *position = malloc(sizeof *position);
    pmipc_cdr_column columns[] = {{.data = name, .capacity = 1}, {.data = position, .capacity = 1}};
    pmipc_error error;
    CHECK_STATUS(pmipc_cdr_decode(decoder, message.data, message.count, columns, &error), PMIPC_SCHEMA_MISMATCH);
    CHECK_TEXT(error.text, JOINT_STATE ": name: the message has 2 elements, the column has room for 1");
    CHECK_EQ(columns[0].count, 2);
    CHECK_EQ(columns[1].count, 2);
    /* A column that has room is complete. */
    double both[2] = {0};
    columns[1] = (pmipc_cdr_column){.data = both, .capacity = 2};
    CHECK_STATUS(pmipc_cdr_decode(decoder, message.data, message.count, columns, &error), PMIPC_SCHEMA_MISMATCH);
    CHECK(both[0] == 1 && both[1] == 2 && columns[1].rows == 1);
    columns[0].data = NULL;
    columns[1].data = NULL;
    CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, columns, &error));
    CHECK_EQ(columns[1].count, 2);
    free(name);
    free(position);
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(decode_time_is_proportional_to_the_bytes_of_the_message)
{
    /* 31 nested messages around 2^20 empty ones, the most that fit into a megabyte. */
    char text[8192];
    size_t length = 0;
    for (int i = 0; i < 31; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "M%d[] m\n" SEPARATOR "MSG: test/M%d\n", i, i);
    pmipc_cdr_decoder *decoder = decoder_of("test/msg/Deep", text, NULL, 0);
    size_t bytes = 4 + 31 * 4 + (1u << 20);
    uint8_t *message = calloc(1, bytes);
    message[1] = 1;
    for (uint32_t i = 0; i < 31; i++) {
        uint32_t count = i == 30 ? 1u << 20 : 1;
        memcpy(message + 4 + 4 * (size_t)i, &count, 4);
    }
    CHECK_OK(pmipc_cdr_decode(decoder, message, bytes, NULL, NULL));
    CHECK_STATUS(pmipc_cdr_decode(decoder, message, bytes - 1, NULL, NULL), PMIPC_CORRUPT);
    free(message);
    pmipc_cdr_decoder_destroy(decoder);
}
