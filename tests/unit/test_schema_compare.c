/* Schemas: compare and format. */
#include "pools.h"

static const int64_t image_shape[] = {480, 640, 3};
static const int64_t seven[] = {7};

TEST(compare_error_has_expected_and_got)
{
    pmipc_schema expected = pmipc_schema_tensor(PMIPC_UINT8, 3, image_shape);
    pmipc_schema got = pmipc_schema_tensor(PMIPC_FLOAT32, 1, seven);
    pmipc_error error = {0};
    CHECK_OK(pmipc_schema_compare(&expected, &expected, &error));
    CHECK_STATUS(pmipc_schema_compare(&expected, &got, &error), PMIPC_SCHEMA_MISMATCH);
    CHECK_EQ(error.status, PMIPC_SCHEMA_MISMATCH);
    const char *expected_at = strstr(error.text, "uint8 (480, 640, 3)");
    const char *got_at = strstr(error.text, "float32 (7,)");
    CHECK(expected_at && got_at);
    CHECK(expected_at < got_at);
}

TEST(compare_finds_every_mismatch)
{
    pmipc_schema base;
    pmipc_schema_init(&base);
    schema_add(&base, "rgb", PMIPC_UINT8, 3, image_shape, 0);
    schema_add(&base, "q", PMIPC_FLOAT64, 1, seven, 0);
#define CHECK_DIFFERENT(change)                                                         \
    do {                                                                                \
        pmipc_schema other = base;                                                      \
        change;                                                                         \
        CHECK_STATUS(pmipc_schema_compare(&base, &other, NULL), PMIPC_SCHEMA_MISMATCH); \
        CHECK_STATUS(pmipc_schema_compare(&other, &base, NULL), PMIPC_SCHEMA_MISMATCH); \
    } while (0)
    CHECK_DIFFERENT(strcpy(other.fields[0].name, "bgr"));
    CHECK_DIFFERENT(strcpy(other.fields[0].name, "rgb2"));
    CHECK_DIFFERENT(other.fields[0].dtype = PMIPC_INT8);
    CHECK_DIFFERENT(other.fields[0].shape[2] = 4);
    CHECK_DIFFERENT(other.fields[0].shape[0] = 481);
    CHECK_DIFFERENT((other.fields[0].ndim = 2, other.fields[0].shape[2] = 0));
    CHECK_DIFFERENT(other.fields[1].flags = PMIPC_FIELD_VARIABLE);
    CHECK_DIFFERENT(other.field_count = 1);
    CHECK_DIFFERENT((other.fields[0] = base.fields[1], other.fields[1] = base.fields[0]));
    schema_add(&base, "more", PMIPC_UINT8, 1, seven, 0);
    CHECK_DIFFERENT(other.field_count = 2);
}

/* Bytes after the NUL of a name are not part of the name. */
TEST(compare_ignores_bytes_after_name)
{
    pmipc_schema one;
    pmipc_schema_init(&one);
    schema_add(&one, "q", PMIPC_FLOAT64, 1, seven, 0);
    pmipc_schema two = one;
    two.fields[0].name[20] = 'x';
    if (pmipc_schema_check(&two, NULL) == PMIPC_OK)
        CHECK_OK(pmipc_schema_compare(&one, &two, NULL));
}

static void check_format(const pmipc_schema *schema, const char *expected)
{
    char text[512];
    CHECK_EQ(pmipc_schema_format(schema, text, sizeof text), strlen(expected));
    CHECK_TEXT(text, expected);
}

TEST(format_writes_readable_schemas)
{
    pmipc_schema image = pmipc_schema_tensor(PMIPC_UINT8, 3, image_shape);
    check_format(&image, "uint8 (480, 640, 3)");
    pmipc_schema joints = pmipc_schema_tensor(PMIPC_FLOAT64, 1, seven);
    check_format(&joints, "float64 (7,)");
    pmipc_schema scalar = pmipc_schema_tensor(PMIPC_FLOAT64, 0, NULL);
    check_format(&scalar, "float64 ()");
    pmipc_schema both;
    pmipc_schema_init(&both);
    schema_add(&both, "rgb", PMIPC_UINT8, 3, image_shape, 0);
    schema_add(&both, "q", PMIPC_FLOAT64, 1, seven, 0);
    check_format(&both, "{rgb: uint8 (480, 640, 3), q: float64 (7,)}");
}

TEST(format_shows_variable_fields)
{
    pmipc_schema fixed;
    pmipc_schema_init(&fixed);
    schema_add(&fixed, "", PMIPC_FLOAT32, 1, seven, 0);
    pmipc_schema variable;
    pmipc_schema_init(&variable);
    schema_add(&variable, "", PMIPC_FLOAT32, 1, seven, PMIPC_FIELD_VARIABLE);
    char fixed_text[128];
    char variable_text[128];
    pmipc_schema_format(&fixed, fixed_text, sizeof fixed_text);
    pmipc_schema_format(&variable, variable_text, sizeof variable_text);
    CHECK(strcmp(fixed_text, variable_text) != 0);
}

TEST(format_truncates_like_snprintf)
{
    pmipc_schema image = pmipc_schema_tensor(PMIPC_UINT8, 3, image_shape);
    const char *whole = "uint8 (480, 640, 3)";
    CHECK_EQ(pmipc_schema_format(&image, NULL, 0), strlen(whole));
    for (size_t room = 1; room <= strlen(whole) + 1; room++) {
        char text[32];
        memset(text, '#', sizeof text);
        CHECK_EQ(pmipc_schema_format(&image, text, room), strlen(whole));
        CHECK_EQ(strlen(text), room - 1);
        CHECK(strncmp(text, whole, room - 1) == 0);
        CHECK_EQ(text[room], '#');
    }
}

TEST(format_of_longest_schema)
{
    const int64_t long_shape[] = {INT64_C(1000000), 1, 1, 1, 1, 1, 1, 1};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    char name[PMIPC_MAX_FIELD_NAME + 1];
    for (int i = 0; i < PMIPC_MAX_FIELDS; i++) {
        memset(name, 'a' + i % 26, sizeof name - 1);
        snprintf(name + 50, sizeof name - 50, "%013d", i);
        schema_add(&schema, name, PMIPC_COMPLEX128, 8, long_shape, 0);
    }
    static char text[32 * 256];
    size_t length = pmipc_schema_format(&schema, text, sizeof text);
    CHECK_EQ(strlen(text), length);
    pmipc_schema other = schema;
    other.fields[31].shape[7] = 2;
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_schema_compare(&schema, &other, &error),
                 PMIPC_SCHEMA_MISMATCH); /* longer than the text of an error */
    CHECK(memchr(error.text, '\0', sizeof error.text) != NULL);
}
