/* Reading messages: golden bytes, every way of being cut or wrong, both byte orders, both versions. */
#include "cdr_messages.h"

/* ---- what a good message gives ---- */

TEST(one_pass_over_a_joint_state_copies_numbers_and_points_at_names)
{
    const pmipc_cdr_leaf leaves[] = {
        {.path = "header.stamp.sec", .dtype = PMIPC_INT32},
        {.path = "header.stamp.nanosec", .dtype = PMIPC_UINT32},
        {.path = "header.frame_id", .dtype = PMIPC_CDR_STRING},
        {.path = "name", .dtype = PMIPC_CDR_STRING},
        {.path = "position", .dtype = PMIPC_FLOAT64},
        {.path = "velocity", .dtype = PMIPC_FLOAT64},
        {.path = "effort#", .dtype = PMIPC_UINT32},
    };
    pmipc_cdr_decoder *decoder = decoder_of(JOINT_STATE, JOINT_STATE_TEXT, leaves, LENGTH(leaves));
    message_bytes message = from_hex(joint_state_golden);
    int32_t sec = 0;
    uint32_t nanosec = 0, efforts = 9;
    pmipc_cdr_span frame, names[2];
    double position[2] = {0}, velocity[2] = {0};
    pmipc_cdr_column columns[] = {{.data = &sec, .capacity = 1},     {.data = &nanosec, .capacity = 1},
                                  {.data = &frame, .capacity = 1},   {.data = names, .capacity = 2},
                                  {.data = position, .capacity = 2}, {.data = velocity, .capacity = 2},
                                  {.data = &efforts, .capacity = 1}};
    CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, columns, NULL));
    CHECK_EQ(sec, 1);
    CHECK_EQ(nanosec, 2);
    CHECK_SPAN(frame, "cam");
    CHECK_SPAN(names[0], "a");
    CHECK_SPAN(names[1], "bc");
    CHECK(position[0] == 1 && position[1] == 2);
    CHECK_EQ(columns[3].count, 2);
    CHECK_EQ(columns[3].rows, 1);
    CHECK_EQ(columns[4].count, 2);
    CHECK_EQ(columns[5].count, 0);
    CHECK_EQ(efforts, 0);
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(the_pixels_of_an_image_are_found_without_a_copy)
{
    const pmipc_cdr_leaf leaves[] = {{.path = "encoding", .dtype = PMIPC_CDR_STRING},
                                     {.path = "data", .dtype = PMIPC_UINT8, .flags = PMIPC_CDR_SPANS}};
    pmipc_cdr_decoder *decoder = decoder_of(IMAGE, IMAGE_TEXT, leaves, 2);
    message_bytes message = from_hex(image_golden);
    pmipc_cdr_span encoding, data;
    pmipc_cdr_column columns[] = {{.data = &encoding, .capacity = 1}, {.data = &data, .capacity = 1}};
    CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, columns, NULL));
    CHECK_SPAN(encoding, "rgb8");
    CHECK_EQ(data.count, 6);
    CHECK(data.data == message.data + message.count - 6);
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(fields_of_every_element_become_columns)
{
    const pmipc_cdr_leaf leaves[] = {{.path = "fields[].name", .dtype = PMIPC_CDR_STRING},
                                     {.path = "fields[].datatype", .dtype = PMIPC_UINT8},
                                     {.path = "fields#", .dtype = PMIPC_UINT32},
                                     {.path = "is_dense", .dtype = PMIPC_BOOL}};
    pmipc_cdr_decoder *decoder = decoder_of(CLOUD, CLOUD_TEXT, leaves, LENGTH(leaves));
    message_bytes message = from_hex(cloud_golden);
    pmipc_cdr_span name;
    uint8_t datatype = 0;
    uint32_t fields = 0;
    bool is_dense = false;
    pmipc_cdr_column columns[] = {{.data = &name, .capacity = 1},
                                  {.data = &datatype, .capacity = 1},
                                  {.data = &fields, .capacity = 1},
                                  {.data = &is_dense, .capacity = 1}};
    CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, columns, NULL));
    CHECK_SPAN(name, "x");
    CHECK_EQ(datatype, 7);
    CHECK_EQ(fields, 1);
    CHECK(is_dense);
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(a_message_of_one_dtype_is_one_block_even_with_headers_between)
{
    const pmipc_cdr_leaf write[] = {{.path = "poses[].header.frame_id", .dtype = PMIPC_CDR_STRING},
                                    {.path = "poses[].pose", .dtype = PMIPC_FLOAT64}};
    const pmipc_cdr_leaf read[] = {{.path = "poses[].pose", .dtype = PMIPC_FLOAT64}};
    pmipc_cdr_encoder *encoder = encoder_of(PATH, PATH_TEXT, write, 2, 0);
    pmipc_cdr_decoder *decoder = decoder_of(PATH, PATH_TEXT, read, 1);
    double given[3][7], got[3][7] = {{0}};
    pmipc_cdr_span frames[] = {{"map", 3}, {"", 0}, {"longer name", 11}};
    for (int i = 0; i < 21; i++)
        given[i / 7][i % 7] = i + 0.5;
    pmipc_cdr_column columns[] = {{.data = frames, .count = 3}, {.data = given, .count = 21}};
    uint8_t message[512];
    size_t bytes;
    CHECK_OK(pmipc_cdr_encode(encoder, columns, message, sizeof message, &bytes, NULL));
    pmipc_cdr_column poses = {.data = got, .capacity = 21};
    CHECK_OK(pmipc_cdr_decode(decoder, message, bytes, &poses, NULL));
    CHECK_EQ(poses.rows, 3);
    CHECK_EQ(poses.count, 21);
    CHECK(!poses.ragged);
    CHECK(memcmp(given, got, sizeof got) == 0);
    pmipc_cdr_encoder_destroy(encoder);
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(fields_that_nobody_wants_are_passed_wherever_they_begin)
{
    static const char text[] = "string s\nint8 a\nfloat64 b\nPair p\nint16 c\nint64 d\nuint8 last\n" SEPARATOR
                               "MSG: test/Pair\nuint8 x\nuint32[3] y\n";
    const pmipc_cdr_leaf write[] = {{.path = "s", .dtype = PMIPC_CDR_STRING}, {.path = "last", .dtype = PMIPC_UINT8}};
    pmipc_cdr_encoder *encoder = encoder_of("test/msg/Skipped", text, write, 2, 0);
    pmipc_cdr_decoder *decoder = decoder_of("test/msg/Skipped", text, write + 1, 1);
    for (uint8_t length = 0; length < 17; length++) {
        uint8_t message[128], last = 0;
        size_t bytes;
        pmipc_cdr_span span = {"a string of many", length};
        pmipc_cdr_column given[] = {{.data = &span, .count = 1}, {.data = &length, .count = 1}};
        CHECK_OK(pmipc_cdr_encode(encoder, given, message, sizeof message, &bytes, NULL));
        pmipc_cdr_column column = {.data = &last, .capacity = 1};
        CHECK_OK(pmipc_cdr_decode(decoder, message, bytes, &column, NULL));
        CHECK_EQ(last, length);
        CHECK(message[bytes - 1] == length);
    }
    pmipc_cdr_encoder_destroy(encoder);
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(what_follows_a_sequence_is_no_part_of_its_elements)
{
    static const char text[] =
        "int8 a\nPair[] pairs\nint32 b\nuint8 last\n" SEPARATOR "MSG: test/Pair\nint8 x\nstring s\nint8 y\n";
    static const char *const messages[] = {"00010000000000000000000000000000"
                                           "05",
                                           "0001000000000000010000000000000002000000"
                                           "6f000000"
                                           "00000000"
                                           "05",
                                           "0001000000000000020000000000000004000000"
                                           "6f6e6500"
                                           "00000000"
                                           "01000000"
                                           "00000000"
                                           "00000000"
                                           "05"};
    const pmipc_cdr_leaf leaf = {.path = "last", .dtype = PMIPC_UINT8};
    pmipc_cdr_decoder *decoder = decoder_of("test/msg/Pairs", text, &leaf, 1);
    for (uint32_t i = 0; i < LENGTH(messages); i++) {
        message_bytes message = from_hex(messages[i]);
        uint8_t last = 0;
        pmipc_cdr_column column = {.data = &last, .capacity = 1};
        CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, &column, NULL));
        CHECK_EQ(last, 5);
    }
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(a_whole_message_of_one_dtype_has_the_empty_path)
{
    const pmipc_cdr_leaf leaf = {.path = "", .dtype = PMIPC_FLOAT64};
    pmipc_cdr_decoder *decoder = decoder_of("std_msgs/msg/Float64", "float64 data\n", &leaf, 1);
    message_bytes message = from_hex("00010000000000000000f03f");
    double value = 0;
    pmipc_cdr_column column = {.data = &value, .capacity = 1};
    CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, &column, NULL));
    CHECK(value == 1);
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(rows_of_different_lengths_are_told)
{
    static const char text[] = "Row[] rows\n" SEPARATOR "MSG: test/Row\nint16[] values\n";
    const pmipc_cdr_leaf write[] = {{.path = "rows[].values", .dtype = PMIPC_INT16, .flags = PMIPC_CDR_SPANS}};
    const pmipc_cdr_leaf read[] = {{.path = "rows[].values", .dtype = PMIPC_INT16},
                                   {.path = "rows[].values#", .dtype = PMIPC_UINT32}};
    pmipc_cdr_encoder *encoder = encoder_of("test/msg/Rows", text, write, 1, 0);
    pmipc_cdr_decoder *decoder = decoder_of("test/msg/Rows", text, read, 2);
    const int16_t values[] = {1, 2, 3, 4, 5, 6};
    static const struct {
        uint64_t lengths[3];
        bool ragged;
    } cases[] = {{{2, 2, 2}, false}, {{1, 2, 3}, true}, {{3, 2, 1}, true}, {{2, 0, 4}, true},
                 {{0, 0, 0}, false}, {{2, 2, 1}, true}, {{0, 0, 6}, true}};
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        pmipc_cdr_span spans[3];
        uint64_t begin = 0;
        for (int row = 0; row < 3; row++) {
            spans[row] = (pmipc_cdr_span){values + begin, cases[i].lengths[row]};
            begin += cases[i].lengths[row];
        }
        pmipc_cdr_column given = {.data = spans, .count = 3};
        uint8_t message[64];
        size_t bytes;
        CHECK_OK(pmipc_cdr_encode(encoder, &given, message, sizeof message, &bytes, NULL));
        int16_t got[6] = {0};
        uint32_t lengths[3];
        pmipc_cdr_column columns[] = {{.data = got, .capacity = 6}, {.data = lengths, .capacity = 3}};
        CHECK_OK(pmipc_cdr_decode(decoder, message, bytes, columns, NULL));
        CHECK_EQ(columns[0].ragged, cases[i].ragged);
        CHECK_EQ(columns[0].rows, 3);
        CHECK_EQ(columns[0].count, begin);
        CHECK(memcmp(got, values, begin * 2) == 0);
        for (int row = 0; row < 3; row++)
            CHECK_EQ(lengths[row], cases[i].lengths[row]);
    }
    pmipc_cdr_encoder_destroy(encoder);
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(the_other_byte_order_is_turned_when_copied_and_told_when_pointed_at)
{
    static const char text[] = "uint16 a\nint64 b\nfloat32[3] c\nstring d\nwstring e\n";
    const pmipc_cdr_leaf leaves[] = {{.path = "a", .dtype = PMIPC_UINT16},
                                     {.path = "b", .dtype = PMIPC_INT64},
                                     {.path = "c", .dtype = PMIPC_FLOAT32, .flags = PMIPC_CDR_SPANS},
                                     {.path = "d", .dtype = PMIPC_CDR_STRING},
                                     {.path = "e", .dtype = PMIPC_CDR_WSTRING}};
    /* Big endian, by hand. */
    message_bytes message = from_hex("00000000"
                                     "0102000000000000"
                                     "fffffffffffffffe"
                                     "3f800000c0000000ff800000"
                                     "00000003686900"
                                     "00"
                                     "00000001000020ac");
    pmipc_cdr_decoder *decoder = decoder_of("test/msg/Mixed", text, leaves, LENGTH(leaves));
    uint16_t a = 0;
    int64_t b = 0;
    float c[3];
    uint32_t e = 0;
    pmipc_cdr_span c_span, d_span, e_span;
    pmipc_cdr_column columns[] = {{.data = &a, .capacity = 1},
                                  {.data = &b, .capacity = 1},
                                  {.data = &c_span, .capacity = 1},
                                  {.data = &d_span, .capacity = 1},
                                  {.data = &e_span, .capacity = 1}};
    CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, columns, NULL));
    CHECK_EQ(a, 0x102);
    CHECK_EQ(b, -2);
    CHECK(columns[2].swapped);
    CHECK_EQ(c_span.count, 3);
    pmipc_cdr_copy(c, c_span.data, 3, 4, columns[2].swapped);
    CHECK(c[0] == 1 && c[1] == -2 && c[2] < -3e38f);
    CHECK_SPAN(d_span, "hi");
    CHECK_EQ(e_span.count, 1);
    pmipc_cdr_copy(&e, e_span.data, 1, 4, columns[4].swapped);
    CHECK_EQ(e, 0x20ac);
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(plain_cdr2_is_read_with_its_alignment_and_delimiters)
{
    const pmipc_cdr_leaf leaves[] = {
        {.path = "names", .dtype = PMIPC_CDR_STRING},  {.path = "numbers", .dtype = PMIPC_FLOAT64},
        {.path = "pairs[].b", .dtype = PMIPC_FLOAT64}, {.path = "two[].a", .dtype = PMIPC_UINT8},
        {.path = "one", .dtype = PMIPC_CDR_STRING},    {.path = "bools", .dtype = PMIPC_BOOL},
        {.path = "last", .dtype = PMIPC_UINT8}};
    message_bytes message = from_hex(cdr2_golden);
    pmipc_cdr_decoder *decoder = decoder_of(CDR2_TYPE, CDR2_TYPE_TEXT, leaves, LENGTH(leaves));
    pmipc_cdr_span names[2], one;
    double numbers[2], b[2];
    uint8_t a[2], last;
    bool bools[2];
    pmipc_cdr_column columns[] = {
        {.data = names, .capacity = 2}, {.data = numbers, .capacity = 2}, {.data = b, .capacity = 2},
        {.data = a, .capacity = 2},     {.data = &one, .capacity = 1},    {.data = bools, .capacity = 2},
        {.data = &last, .capacity = 1},
    };
    CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, columns, NULL));
    CHECK_SPAN(names[0], "a");
    CHECK_SPAN(names[1], "bc");
    CHECK(numbers[0] == 1 && numbers[1] == 2 && b[0] == 1.5 && b[1] == 2.5);
    CHECK(a[0] == 9 && a[1] == 1 && bools[0] && !bools[1] && last == 3);
    CHECK_SPAN(one, "x");
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(a_string_of_length_zero_is_an_empty_string)
{
    const pmipc_cdr_leaf leaf = {.path = "data", .dtype = PMIPC_CDR_STRING};
    pmipc_cdr_decoder *decoder = decoder_of("std_msgs/msg/String", "string data\n", &leaf, 1);
    message_bytes message = from_hex("0001000000000000");
    pmipc_cdr_span span;
    pmipc_cdr_column column = {.data = &span, .capacity = 1};
    CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, &column, NULL));
    CHECK_SPAN(span, "");
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(an_empty_message_is_one_byte_also_within_others)
{
    static const char text[] = "Empty first\nint16 second\nEmpty[] third\n" SEPARATOR "MSG: test/Empty\n# nothing\n";
    const pmipc_cdr_leaf leaves[] = {{.path = "second", .dtype = PMIPC_INT16},
                                     {.path = "third#", .dtype = PMIPC_UINT32}};
    pmipc_cdr_decoder *decoder = decoder_of("test/msg/WithEmpty", text, leaves, 2);
    message_bytes message = from_hex("00010000"
                                     "0000050002000000"
                                     "0000");
    int16_t second = 0;
    uint32_t third = 0;
    pmipc_cdr_column columns[] = {{.data = &second, .capacity = 1}, {.data = &third, .capacity = 1}};
    CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, columns, NULL));
    CHECK_EQ(second, 5);
    CHECK_EQ(third, 2);
    CHECK_STATUS(pmipc_cdr_decode(decoder, message.data, message.count - 1, columns, NULL), PMIPC_CORRUPT);
    pmipc_cdr_decoder_destroy(decoder);
}

/* ---- what a bad message gives ---- */

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

TEST(a_message_cut_at_any_byte_is_refused_with_the_field)
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

TEST(any_four_bytes_of_a_message_may_be_anything)
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
                /* The walk looks at bools that nobody wanted, too. */
                CHECK(decoded == visited || (decoded == PMIPC_OK && visited == PMIPC_CORRUPT));
                free(copy);
            }
        pmipc_cdr_decoder_destroy(decoder);
        pmipc_cdr_types_destroy(types);
    }
}

/* Put a number into a golden message and look at the error. */
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

TEST(every_count_is_checked_and_the_error_says_which_one_it_was)
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

TEST(a_vendor_backed_buffer_is_refused_by_name)
{
    check_corrupted(IMAGE, IMAGE_TEXT, image_golden, 44, 0xffffffff, PMIPC_UNSUPPORTED,
                    IMAGE ": data: count 0xffffffff");
    check_corrupted(IMAGE, IMAGE_TEXT, image_golden, 44, 0xffffffff, PMIPC_UNSUPPORTED, "vendor-backed buffer");
}

TEST(other_encodings_are_refused_by_name)
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

TEST(options_in_the_header_and_bytes_behind_the_message_are_ignored)
{
    pmipc_cdr_decoder *decoder = decoder_of(IMAGE, IMAGE_TEXT, NULL, 0);
    message_bytes message = from_hex(image_golden);
    message.data[2] = 0xff;
    message.data[3] = 0x03;
    for (size_t more = 0; more < 20; more++)
        CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count + more, NULL, NULL));
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(a_bool_that_is_neither_0_nor_1_is_never_handed_out)
{
    static const char text[] = "bool[] flags\n";
    const pmipc_cdr_leaf leaf = {.path = "flags", .dtype = PMIPC_BOOL};
    pmipc_cdr_decoder *decoder = decoder_of("test/msg/Flags", text, &leaf, 1);
    message_bytes message = from_hex("000100000400000000010200");
    bool flags[4] = {0};
    pmipc_cdr_column column = {.data = flags, .capacity = 4};
    pmipc_error error;
    CHECK_STATUS(pmipc_cdr_decode(decoder, message.data, message.count, &column, &error), PMIPC_CORRUPT);
    CHECK_TEXT(error.text, "test/msg/Flags: flags[2]: 2 is no bool (at byte 10)");
    message.data[10] = 1;
    CHECK_OK(pmipc_cdr_decode(decoder, message.data, message.count, &column, &error));
    CHECK(!flags[0] && flags[1] && flags[2] && !flags[3]);
    pmipc_cdr_decoder_destroy(decoder);
    /* The same in a block of messages. */
    const pmipc_cdr_leaf pairs = {.path = "pairs", .dtype = PMIPC_BOOL};
    decoder = decoder_of("test/msg/Pairs", "Pair[] pairs\n" SEPARATOR "MSG: test/Pair\nbool a\nbool b\n", &pairs, 1);
    message = from_hex("000100000200000000010200");
    CHECK_STATUS(pmipc_cdr_decode(decoder, message.data, message.count, &column, &error), PMIPC_CORRUPT);
    CHECK_HAS(error.text, "pairs[1].a: 2 is no bool");
    pmipc_cdr_decoder_destroy(decoder);
}

TEST(bounds_are_checked)
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

TEST(what_has_no_room_is_counted_to_the_end_and_nothing_is_written_past_it)
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
    CHECK_TEXT(error.text, JOINT_STATE ": name: 2 elements, there is room for 1");
    CHECK_EQ(columns[0].count, 2);
    CHECK_EQ(columns[1].count, 2);
    /* Whoever had room has everything. */
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

TEST(a_message_costs_time_by_its_bytes_however_deep_its_type)
{
    /* 31 messages around 2^20 empty ones, the most that a megabyte can claim. */
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
