/* Encoding messages: golden bytes, constants, defaults, and columns that do not fit. */
#include "cdr_messages.h"

#include <math.h>

/* Ask for the size, and encode into a buffer of exactly that size. */
static message_bytes encode(const pmipc_cdr_encoder *encoder, pmipc_cdr_column *columns)
{
    message_bytes message;
    size_t bytes = 0;
    pmipc_error error;
    CHECK_STATUS(pmipc_cdr_encode(encoder, columns, NULL, 0, &message.count, &error), PMIPC_NO_SPACE);
    CHECK(message.count <= sizeof message.data);
    uint8_t *buffer = malloc(message.count);
    memset(buffer, 0xee, message.count);
    if (pmipc_cdr_encode(encoder, columns, buffer, message.count, &bytes, &error) != PMIPC_OK)
        FAIL("%s", error.text);
    CHECK_EQ(bytes, message.count);
    memcpy(message.data, buffer, bytes);
    free(buffer);
    return message;
}

static void check_bytes(const message_bytes *got, const char *hex)
{
    message_bytes expected = from_hex(hex);
    CHECK_EQ(got->count, expected.count);
    for (size_t i = 0; i < got->count; i++)
        if (got->data[i] != expected.data[i])
            FAIL("byte %zu is 0x%02x, not 0x%02x", i, got->data[i], expected.data[i]);
}

static const pmipc_cdr_leaf joint_leaves[] = {
    {.path = "header.stamp.sec", .dtype = PMIPC_INT32},     {.path = "header.stamp.nanosec", .dtype = PMIPC_UINT32},
    {.path = "header.frame_id", .dtype = PMIPC_CDR_STRING}, {.path = "name", .dtype = PMIPC_CDR_STRING},
    {.path = "position", .dtype = PMIPC_FLOAT64},
};

static int32_t sec = 1;
static uint32_t nanosec = 2;
static pmipc_cdr_span frame = {"cam", 3};
static pmipc_cdr_span names[] = {{"a", 1}, {"bc", 2}};
static double positions[] = {1, 2};

#define JOINT_COLUMNS                                                                             \
    {                                                                                             \
        {.data = &sec, .count = 1}, {.data = &nanosec, .count = 1}, {.data = &frame, .count = 1}, \
            {.data = names, .count = 2},                                                          \
        {                                                                                         \
            .data = positions, .count = 2                                                         \
        }                                                                                         \
    }

TEST(encode_joint_state_to_the_golden_bytes)
{
    pmipc_cdr_encoder *encoder = encoder_of(JOINT_STATE, JOINT_STATE_TEXT, joint_leaves, LENGTH(joint_leaves), 0);
    pmipc_cdr_column columns[] = JOINT_COLUMNS;
    message_bytes message = encode(encoder, columns);
    check_bytes(&message, joint_state_golden);
    CHECK_EQ(columns[3].used, 2);
    pmipc_cdr_encoder_destroy(encoder);
}

TEST(encode_in_the_other_byte_order)
{
    pmipc_cdr_encoder *encoder =
        encoder_of(JOINT_STATE, JOINT_STATE_TEXT, joint_leaves, LENGTH(joint_leaves), PMIPC_CDR_SWAPPED);
    pmipc_cdr_column columns[] = JOINT_COLUMNS;
    message_bytes message = encode(encoder, columns);
    check_bytes(&message, "0000000000000001000000020000000463616d000000000200000002610000000000000362630000000000023ff0"
                          "00000000000040000000000000000000000000000000");
    pmipc_cdr_encoder_destroy(encoder);
}

TEST(encode_image_and_cloud_to_the_golden_bytes)
{
    const pmipc_cdr_column one = {.data = &(uint32_t){1}, .count = 1}, four = {.data = &(uint32_t){4}, .count = 1},
                           format = {.data = &(pmipc_cdr_span){"rgb8", 4}, .count = 1},
                           two = {.data = &(uint32_t){2}, .count = 1}, six = {.data = &(uint32_t){6}, .count = 1},
                           x = {.data = &(pmipc_cdr_span){"x", 1}, .count = 1},
                           seven = {.data = &(uint8_t){7}, .count = 1}, yes = {.data = &(bool){true}, .count = 1},
                           cam = {.data = &frame, .count = 1}, first = {.data = &sec, .count = 1};
    const pmipc_cdr_leaf image_leaves[] = {
        {.path = "header.stamp.sec", .dtype = PMIPC_INT32, .constant = &first},
        {.path = "header.stamp.nanosec", .dtype = PMIPC_UINT32, .constant = &two},
        {.path = "header.frame_id", .dtype = PMIPC_CDR_STRING, .constant = &cam},
        {.path = "height", .dtype = PMIPC_UINT32, .constant = &one},
        {.path = "width", .dtype = PMIPC_UINT32, .constant = &two},
        {.path = "encoding", .dtype = PMIPC_CDR_STRING, .constant = &format},
        {.path = "step", .dtype = PMIPC_UINT32, .constant = &six},
        {.path = "data", .dtype = PMIPC_UINT8},
    };
    const pmipc_cdr_leaf cloud_leaves[] = {
        {.path = "header.stamp.sec", .dtype = PMIPC_INT32, .constant = &first},
        {.path = "header.stamp.nanosec", .dtype = PMIPC_UINT32, .constant = &two},
        {.path = "header.frame_id", .dtype = PMIPC_CDR_STRING, .constant = &cam},
        {.path = "height", .dtype = PMIPC_UINT32, .constant = &one},
        {.path = "width", .dtype = PMIPC_UINT32, .constant = &one},
        {.path = "fields#", .dtype = PMIPC_UINT32, .constant = &one},
        {.path = "fields[].name", .dtype = PMIPC_CDR_STRING, .constant = &x},
        {.path = "fields[].datatype", .dtype = PMIPC_UINT8, .constant = &seven},
        {.path = "fields[].count", .dtype = PMIPC_UINT32, .constant = &one},
        {.path = "point_step", .dtype = PMIPC_UINT32, .constant = &four},
        {.path = "row_step", .dtype = PMIPC_UINT32, .constant = &four},
        {.path = "data", .dtype = PMIPC_UINT8, .flags = PMIPC_CDR_SPANS},
        {.path = "is_dense", .dtype = PMIPC_BOOL, .constant = &yes},
    };
    pmipc_cdr_encoder *image = encoder_of(IMAGE, IMAGE_TEXT, image_leaves, LENGTH(image_leaves), 0);
    pmipc_cdr_encoder *cloud = encoder_of(CLOUD, CLOUD_TEXT, cloud_leaves, LENGTH(cloud_leaves), 0);
    pmipc_cdr_column image_columns[LENGTH(image_leaves)] = {[7] = {.data = "\1\2\3\4\5\6", .count = 6}};
    pmipc_cdr_column cloud_columns[LENGTH(cloud_leaves)] = {
        [11] = {.data = &(pmipc_cdr_span){&(float){1.0f}, 4}, .count = 1}};
    message_bytes message = encode(image, image_columns);
    check_bytes(&message, image_golden);
    message = encode(cloud, cloud_columns);
    check_bytes(&message, cloud_golden);
    pmipc_cdr_encoder_destroy(image);
    pmipc_cdr_encoder_destroy(cloud);
}

TEST(fields_without_a_leaf_get_their_default_or_zero)
{
    static const char text[] =
        "Quaternion[] many\nQuaternion[2] two\nint8 a -128 # minus\nstring s \"it's \\\"x\\\"\" # \"\n"
        "bool[] b [true, 0]\nstring[<=2] t ['a', 'b#']\nuint16 zero\nwstring w '\303\251\360\235\204\236'\n" SEPARATOR
        "MSG: test/Quaternion\nfloat32 x\nfloat32 w 1.0\n";
    const pmipc_cdr_leaf leaf = {.path = "many#", .dtype = PMIPC_UINT32};
    uint32_t count = 1;
    pmipc_cdr_column column = {.data = &count, .count = 1};
    pmipc_cdr_encoder *encoder = encoder_of("test/msg/Defaults", text, &leaf, 1, 0);
    message_bytes message = encode(encoder, &column);
    check_bytes(&message, "00010000"
                          "01000000"
                          "00000000"
                          "0000803f"
                          "00000000"
                          "0000803f"
                          "00000000"
                          "0000803f"
                          "80000000"
                          "09000000"
                          "6974277320227822"
                          "00"
                          "000000"
                          "02000000"
                          "0100"
                          "0000"
                          "02000000"
                          "02000000"
                          "61000000"
                          "03000000"
                          "622300"
                          "00"
                          "0000"
                          "0000"
                          "03000000"
                          "e9000000"
                          "34d80000"
                          "1edd0000");
    pmipc_cdr_encoder_destroy(encoder);
}

TEST(encode_empty_message_as_one_byte)
{
    pmipc_cdr_encoder *encoder = encoder_of("std_msgs/msg/Empty", "", NULL, 0, 0);
    message_bytes message = encode(encoder, NULL);
    check_bytes(&message, "0001000000");
    pmipc_cdr_encoder_destroy(encoder);
}

TEST(small_buffer_is_not_written_past_its_end_and_the_size_is_reported)
{
    pmipc_cdr_encoder *encoder = encoder_of(JOINT_STATE, JOINT_STATE_TEXT, joint_leaves, LENGTH(joint_leaves), 0);
    pmipc_cdr_column columns[] = JOINT_COLUMNS;
    for (size_t capacity = 0; capacity < 68; capacity++) {
        uint8_t *buffer = malloc(capacity ? capacity : 1);
        size_t bytes = 0;
        pmipc_error error;
        CHECK_STATUS(pmipc_cdr_encode(encoder, columns, buffer, capacity, &bytes, &error), PMIPC_NO_SPACE);
        CHECK_EQ(bytes, 68);
        CHECK_HAS(error.text, "takes 68 bytes");
        free(buffer);
    }
    pmipc_cdr_encoder_destroy(encoder);
}

/* Encode columns that must be refused. */
static void check_refused(const char *text, const pmipc_cdr_leaf *leaves, uint32_t leaf_count,
                          pmipc_cdr_column *columns, const char *words)
{
    pmipc_cdr_encoder *encoder = encoder_of("test/msg/Given", text, leaves, leaf_count, 0);
    uint8_t buffer[256];
    size_t bytes;
    pmipc_error error;
    CHECK_STATUS(pmipc_cdr_encode(encoder, columns, buffer, sizeof buffer, &bytes, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "test/msg/Given: ");
    CHECK_HAS(error.text, words);
    CHECK_STATUS(pmipc_cdr_encode(encoder, columns, NULL, 0, &bytes, NULL), PMIPC_INVALID_ARGUMENT);
    pmipc_cdr_encoder_destroy(encoder);
}

TEST(columns_that_do_not_fit_are_refused_with_their_path)
{
    static double numbers[12];
    static uint32_t counts[] = {1, 2};
    static pmipc_cdr_span texts[] = {{"abcd", 4}, {NULL, 1}, {"", 0}};
    static pmipc_cdr_span number_spans[] = {{numbers, 2}, {NULL, 3}};
    static const char rows[] = "Row[] rows\n" SEPARATOR "MSG: test/Row\nfloat64[] v\nstring s\nfloat64[2] p\n";
#define REFUSED(type_text, leaf_path, leaf_dtype, leaf_flags, column_data, column_count, column_rows, words)    \
    check_refused(type_text, &(pmipc_cdr_leaf){.path = leaf_path, .dtype = leaf_dtype, .flags = leaf_flags}, 1, \
                  &(pmipc_cdr_column){.data = column_data, .count = column_count, .rows = column_rows}, words)
    REFUSED("float64[3] v", "v", PMIPC_FLOAT64, 0, numbers, 2, 0, "v: 2 elements are given, at least 3 are needed");
    REFUSED("float64[3] v", "v", PMIPC_FLOAT64, 0, numbers, 4, 0, "v: 4 elements are given, the message takes 3");
    REFUSED("float64[3] v", "v", PMIPC_FLOAT64, 0, NULL, 3, 0, "v: 3 elements are given");
    REFUSED("float64[<=3] v", "v", PMIPC_FLOAT64, 0, numbers, 4, 0, "v: 4 elements, at most 3 are allowed");
    REFUSED("float64[3] v", "v", PMIPC_FLOAT64, PMIPC_CDR_SPANS, number_spans, 1, 0,
            "v: a span has 2 elements, 3 are needed");
    REFUSED("float64[3] v", "v", PMIPC_FLOAT64, PMIPC_CDR_SPANS, number_spans + 1, 1, 0, "v: a span has 3 elements");
    REFUSED("float64[] v", "v", PMIPC_FLOAT64, PMIPC_CDR_SPANS, number_spans, 2, 0,
            "v: 2 elements are given, the message takes 1");
    REFUSED("string<=3 s", "s", PMIPC_CDR_STRING, 0, texts, 1, 0, "s: a string of 4 characters, at most 3");
    REFUSED("string s", "s", PMIPC_CDR_STRING, 0, texts + 1, 1, 0, "s: the data of a string is NULL");
    REFUSED("string[<=1] s", "s", PMIPC_CDR_STRING, 0, texts, 2, 0, "s: 2 elements, at most 1");
    REFUSED(rows, "rows[].v", PMIPC_FLOAT64, 0, numbers, 4, 0, "rows[].v: 4 elements are given, the message takes 0");
    REFUSED(rows, "rows[].v", PMIPC_FLOAT64, 0, numbers, 4, 3, "rows[].v: 4 elements in 3 rows");
    REFUSED(rows, "rows[].p", PMIPC_FLOAT64, 0, numbers, 5, 0, "rows[].p: 5 elements are given, the message takes 4");
    REFUSED("P[] v\n" SEPARATOR "MSG: test/P\nfloat64 x\nfloat64 y", "v", PMIPC_FLOAT64, 0, numbers, 3, 0,
            "v: 3 elements are not a multiple of 2");
    const pmipc_cdr_leaf two[] = {{.path = "rows[].s", .dtype = PMIPC_CDR_STRING},
                                  {.path = "rows[].p", .dtype = PMIPC_FLOAT64}};
    pmipc_cdr_column columns[] = {{.data = texts + 2, .count = 1}, {.data = numbers, .count = 4}};
    check_refused(rows, two, 2, columns, "rows[].p: 4 elements are given, the message takes 2");
    const pmipc_cdr_leaf counted[] = {{.path = "v#", .dtype = PMIPC_UINT32}, {.path = "v", .dtype = PMIPC_FLOAT64}};
    pmipc_cdr_column both[] = {{.data = counts + 1, .count = 1}, {.data = numbers, .count = 1}};
    check_refused("float64[] v", counted, 2, both, "v: 1 elements are given, at least 2 are needed");
}

TEST(constants_are_checked_when_the_encoder_is_created)
{
    static const struct {
        const char *text;
        const char *path;
        pmipc_dtype dtype;
        uint32_t flags;
        uint64_t count;
        const char *words;
    } cases[] = {{"int8[3] v", "v", PMIPC_INT8, 0, 2, "the constant for v has 2 elements, not 3"},
                 {"int8 v", "v", PMIPC_INT8, PMIPC_CDR_SPANS, 1, "not be spans of numbers"},
                 {"P[] v\n" SEPARATOR "MSG: test/P\nint8 x\nint8 y", "v", PMIPC_INT8, 0, 3, "not a multiple of 2"}};
    static const int8_t data[4];
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        const pmipc_cdr_column constant = {.data = (void *)(uintptr_t)data, .count = cases[i].count};
        const pmipc_cdr_leaf leaf = {cases[i].path, cases[i].dtype, cases[i].flags, &constant};
        pmipc_cdr_types *types = types_of("test/msg/Constant", cases[i].text);
        pmipc_cdr_encoder *encoder;
        pmipc_error error;
        CHECK_STATUS(pmipc_cdr_encoder_create(&encoder, types, "test/msg/Constant", &leaf, 1, 0, &error),
                     PMIPC_INVALID_ARGUMENT);
        CHECK_HAS(error.text, cases[i].words);
        CHECK(encoder == NULL);
        pmipc_cdr_types_destroy(types);
    }
}

TEST(lengths_inside_a_sequence_need_a_count_leaf)
{
    static const char text[] = "A[] a\n" SEPARATOR "MSG: test/A\nB[] b\n" SEPARATOR "MSG: test/B\nint8 x\nstring s\n";
    const pmipc_cdr_leaf leaves[] = {{.path = "a[].b[].x", .dtype = PMIPC_INT8},
                                     {.path = "a[].b#", .dtype = PMIPC_UINT32},
                                     {.path = "a#", .dtype = PMIPC_UINT32}};
    pmipc_cdr_types *types = types_of("test/msg/Nested", text);
    pmipc_cdr_encoder *encoder;
    pmipc_error error;
    CHECK_STATUS(pmipc_cdr_encoder_create(&encoder, types, "test/msg/Nested", leaves, 1, 0, &error),
                 PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "give the number of elements of a[].b with a leaf 'a[].b#'");
    /* The number of lengths is the number of elements of the outer sequence. */
    CHECK_OK(pmipc_cdr_encoder_create(&encoder, types, "test/msg/Nested", leaves, 2, 0, &error));
    int8_t x[] = {1, 2, 3};
    uint32_t lengths[] = {1, 0, 2};
    pmipc_cdr_column columns[] = {{.data = x, .count = 3}, {.data = lengths, .count = 3}};
    message_bytes message = encode(encoder, columns);
    check_bytes(&message, "00010000"
                          "03000000"
                          "01000000"
                          "01000000"
                          "01000000"
                          "00"
                          "000000"
                          "00000000"
                          "02000000"
                          "02000000"
                          "01000000"
                          "00"
                          "03"
                          "0000"
                          "01000000"
                          "00");
    pmipc_cdr_encoder_destroy(encoder);
    pmipc_cdr_types_destroy(types);
}
