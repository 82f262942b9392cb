/* Decoding valid messages: golden bytes, both byte orders, both XCDR versions. */
#include "cdr_messages.h"

TEST(decode_joint_state_copies_numbers_and_points_at_names)
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

TEST(decode_image_points_at_the_pixels)
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

TEST(decode_fields_of_every_element_into_columns)
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

TEST(messages_of_one_dtype_are_one_block_also_with_headers_between)
{
    const pmipc_cdr_leaf encoded[] = {{.path = "poses[].header.frame_id", .dtype = PMIPC_CDR_STRING},
                                      {.path = "poses[].pose", .dtype = PMIPC_FLOAT64}};
    const pmipc_cdr_leaf decoded[] = {{.path = "poses[].pose", .dtype = PMIPC_FLOAT64}};
    pmipc_cdr_encoder *encoder = encoder_of(PATH, PATH_TEXT, encoded, 2, 0);
    pmipc_cdr_decoder *decoder = decoder_of(PATH, PATH_TEXT, decoded, 1);
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

TEST(fields_without_a_leaf_are_skipped_at_any_alignment)
{
    static const char text[] = "string s\nint8 a\nfloat64 b\nPair p\nint16 c\nint64 d\nuint8 last\n" SEPARATOR
                               "MSG: test/Pair\nuint8 x\nuint32[3] y\n";
    const pmipc_cdr_leaf encoded[] = {{.path = "s", .dtype = PMIPC_CDR_STRING}, {.path = "last", .dtype = PMIPC_UINT8}};
    pmipc_cdr_encoder *encoder = encoder_of("test/msg/Skipped", text, encoded, 2, 0);
    pmipc_cdr_decoder *decoder = decoder_of("test/msg/Skipped", text, encoded + 1, 1);
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

TEST(fields_after_a_sequence_are_not_part_of_its_elements)
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

TEST(empty_path_is_the_whole_message_of_one_dtype)
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

TEST(rows_of_different_lengths_are_marked_ragged)
{
    static const char text[] = "Row[] rows\n" SEPARATOR "MSG: test/Row\nint16[] values\n";
    const pmipc_cdr_leaf encoded[] = {{.path = "rows[].values", .dtype = PMIPC_INT16, .flags = PMIPC_CDR_SPANS}};
    const pmipc_cdr_leaf decoded[] = {{.path = "rows[].values", .dtype = PMIPC_INT16},
                                      {.path = "rows[].values#", .dtype = PMIPC_UINT32}};
    pmipc_cdr_encoder *encoder = encoder_of("test/msg/Rows", text, encoded, 1, 0);
    pmipc_cdr_decoder *decoder = decoder_of("test/msg/Rows", text, decoded, 2);
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

TEST(other_byte_order_is_swapped_in_copies_and_marked_in_spans)
{
    static const char text[] = "uint16 a\nint64 b\nfloat32[3] c\nstring d\nwstring e\n";
    const pmipc_cdr_leaf leaves[] = {{.path = "a", .dtype = PMIPC_UINT16},
                                     {.path = "b", .dtype = PMIPC_INT64},
                                     {.path = "c", .dtype = PMIPC_FLOAT32, .flags = PMIPC_CDR_SPANS},
                                     {.path = "d", .dtype = PMIPC_CDR_STRING},
                                     {.path = "e", .dtype = PMIPC_CDR_WSTRING}};
    /* Big endian, encoded by hand. */
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

TEST(decode_plain_cdr2_with_its_alignment_and_delimiters)
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

TEST(string_of_length_zero_is_empty)
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

TEST(empty_message_is_one_byte_also_when_nested)
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
