/* Schemas: build and check; every dtype; invalid values and limits. */
#include "pools.h"

typedef struct dtype_facts {
    pmipc_dtype dtype;
    const char *name;
    uint32_t itemsize;
} dtype_facts;

static const dtype_facts known_dtypes[] = {
    {PMIPC_BOOL, "bool", 1},
    {PMIPC_INT8, "int8", 1},
    {PMIPC_INT16, "int16", 2},
    {PMIPC_INT32, "int32", 4},
    {PMIPC_INT64, "int64", 8},
    {PMIPC_UINT8, "uint8", 1},
    {PMIPC_UINT16, "uint16", 2},
    {PMIPC_UINT32, "uint32", 4},
    {PMIPC_UINT64, "uint64", 8},
    {PMIPC_FLOAT16, "float16", 2},
    {PMIPC_FLOAT32, "float32", 4},
    {PMIPC_FLOAT64, "float64", 8},
    {PMIPC_BFLOAT16, "bfloat16", 2},
    {PMIPC_COMPLEX64, "complex64", 8},
    {PMIPC_COMPLEX128, "complex128", 16},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E3M4, 8), "float8_e3m4", 1},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E4M3, 8), "float8_e4m3", 1},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E4M3B11FNUZ, 8), "float8_e4m3b11fnuz", 1},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E4M3FN, 8), "float8_e4m3fn", 1},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E4M3FNUZ, 8), "float8_e4m3fnuz", 1},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E5M2, 8), "float8_e5m2", 1},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E5M2FNUZ, 8), "float8_e5m2fnuz", 1},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E8M0FNU, 8), "float8_e8m0fnu", 1},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const int64_t image_shape[] = {480, 640, 3};
static const int64_t seven[] = {7};

static void add_opaque(pmipc_schema *schema, const char *name, uint32_t itemsize, const char *descr)
{
    pmipc_error error = {0};
    if (pmipc_schema_add_opaque(schema, name, itemsize, descr, strlen(descr), 1, seven, 0, &error) != PMIPC_OK)
        FAIL("add_opaque: %s", error.text);
}

/* A refused field gives a reason and leaves the schema unchanged. */
static void check_add_refused(const pmipc_schema *schema, const char *name, pmipc_dtype dtype, uint32_t ndim,
                              const int64_t *shape, uint32_t flags)
{
    pmipc_schema *changed = malloc(sizeof *changed);
    memcpy(changed, schema, sizeof *changed);
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_schema_add(changed, name, dtype, ndim, shape, flags, &error), PMIPC_INVALID_ARGUMENT);
    CHECK(error.text[0] != '\0');
    CHECK(memcmp(changed, schema, sizeof *changed) == 0);
    free(changed);
}

static void check_refused(const pmipc_schema *schema)
{
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_schema_check(schema, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_EQ(error.status, PMIPC_INVALID_ARGUMENT);
    CHECK(error.text[0] != '\0');
    pmipc_producer *producer;
    CHECK_STATUS(pmipc_producer_open(&producer, "refused", schema, NULL, &error), PMIPC_INVALID_ARGUMENT);
    CHECK(error.text[0] != '\0');
}

TEST(every_dtype_has_name_and_itemsize)
{
    for (size_t i = 0; i < COUNT(known_dtypes); i++) {
        CHECK_TEXT(pmipc_dtype_name(known_dtypes[i].dtype), known_dtypes[i].name);
        CHECK_EQ(pmipc_dtype_itemsize(known_dtypes[i].dtype), known_dtypes[i].itemsize);
    }
    CHECK_EQ(pmipc_dtype_itemsize(PMIPC_LONGDOUBLE), 16);
    CHECK(strcmp(pmipc_dtype_name(PMIPC_LONGDOUBLE), "unknown") != 0);
    CHECK_TEXT(pmipc_dtype_name(PMIPC_OPAQUE), "opaque");
    CHECK_EQ(pmipc_dtype_itemsize(PMIPC_OPAQUE), 0);
}

TEST(invalid_dtype_is_unknown_and_has_no_itemsize)
{
    const pmipc_dtype bad[] = {PMIPC_DTYPE(15, 8),
                               PMIPC_DTYPE(200, 8),
                               PMIPC_DTYPE(PMIPC_CODE_INT, 7),
                               PMIPC_DTYPE(PMIPC_CODE_INT, 0),
                               PMIPC_DTYPE(PMIPC_CODE_BOOL, 64),
                               PMIPC_DTYPE(PMIPC_CODE_BFLOAT, 32),
                               PMIPC_DTYPE(PMIPC_CODE_FLOAT, 8),
                               PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E5M2, 16),
                               PMIPC_DTYPE(PMIPC_CODE_UINT, 65535),
                               PMIPC_UINT8 | 0x01000000u,
                               UINT32_MAX};
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (strcmp(pmipc_dtype_name(bad[i]), "unknown") != 0)
            FAIL("dtype %#x: %s", bad[i], pmipc_dtype_name(bad[i]));
        CHECK_EQ(pmipc_dtype_itemsize(bad[i]), 0);
        pmipc_schema schema = pmipc_schema_tensor(bad[i], 1, seven);
        CHECK_EQ(schema.field_count, 0);
        check_refused(&schema);
    }
}

TEST(tensor_schema_has_one_unnamed_field)
{
    pmipc_schema schema = pmipc_schema_tensor(PMIPC_UINT8, 3, image_shape);
    CHECK_EQ(schema.field_count, 1);
    CHECK_TEXT(schema.fields[0].name, "");
    CHECK_EQ(schema.fields[0].dtype, PMIPC_UINT8);
    CHECK_EQ(schema.fields[0].itemsize, 1);
    CHECK_EQ(schema.fields[0].ndim, 3);
    CHECK_EQ(schema.fields[0].flags, 0);
    CHECK(memcmp(schema.fields[0].shape, image_shape, sizeof image_shape) == 0);
    for (uint32_t i = 3; i < PMIPC_MAX_NDIM; i++)
        CHECK_EQ(schema.fields[0].shape[i], 0);
    CHECK_EQ(pmipc_field_bytes(&schema.fields[0]), 480 * 640 * 3);
    CHECK_OK(pmipc_schema_check(&schema, NULL));
}

TEST(zero_dimensional_and_zero_size_tensors_are_valid)
{
    pmipc_schema scalar = pmipc_schema_tensor(PMIPC_FLOAT64, 0, NULL);
    CHECK_OK(pmipc_schema_check(&scalar, NULL));
    CHECK_EQ(pmipc_field_bytes(&scalar.fields[0]), 8);
    const int64_t empty_shape[] = {3, 0, 5};
    pmipc_schema empty = pmipc_schema_tensor(PMIPC_FLOAT64, 3, empty_shape);
    CHECK_OK(pmipc_schema_check(&empty, NULL));
    CHECK_EQ(pmipc_field_bytes(&empty.fields[0]), 0);
    const int64_t eight[] = {1, 2, 1, 2, 1, 2, 1, 2};
    pmipc_schema deep = pmipc_schema_tensor(PMIPC_INT16, 8, eight);
    CHECK_OK(pmipc_schema_check(&deep, NULL));
    CHECK_EQ(pmipc_field_bytes(&deep.fields[0]), 32);
}

TEST(invalid_tensor_arguments_are_refused_with_reason)
{
    const int64_t negative[] = {4, -1};
    const int64_t nine[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    const int64_t huge[] = {INT64_MAX, 2};
    const int64_t overflowing[] = {INT64_C(1) << 32, INT64_C(1) << 32}; /* the product is 2^64, which wraps to 0 */
    const pmipc_schema bad[] = {
        pmipc_schema_tensor(PMIPC_UINT8, 2, negative),      pmipc_schema_tensor(PMIPC_UINT8, 9, nine),
        pmipc_schema_tensor(PMIPC_UINT8, UINT32_MAX, nine), pmipc_schema_tensor(PMIPC_UINT8, 1, NULL),
        pmipc_schema_tensor(PMIPC_FLOAT64, 2, huge),        pmipc_schema_tensor(PMIPC_UINT8, 2, overflowing),
        pmipc_schema_tensor(PMIPC_OPAQUE, 1, seven),
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (bad[i].field_count != 0)
            FAIL("schema %zu was built", i);
        check_refused(&bad[i]);
    }
}

/* A shape that overflows is invalid, although its zero dimension makes the size 0. */
TEST(overflow_beside_zero_dimension_is_refused)
{
    const int64_t shape[] = {INT64_MAX, INT64_MAX, 0};
    pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT64, 3, shape);
    if (schema.field_count == 1)
        CHECK_EQ(pmipc_field_bytes(&schema.fields[0]), 0);
}

TEST(fields_are_kept_in_order)
{
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_EQ(schema.field_count, 0);
    schema_add(&schema, "rgb", PMIPC_UINT8, 3, image_shape, 0);
    schema_add(&schema, "depth", PMIPC_FLOAT32, 2, image_shape, 0);
    schema_add(&schema, "q", PMIPC_FLOAT64, 1, seven, PMIPC_FIELD_VARIABLE);
    CHECK_EQ(schema.field_count, 3);
    CHECK_TEXT(schema.fields[0].name, "rgb");
    CHECK_TEXT(schema.fields[1].name, "depth");
    CHECK_TEXT(schema.fields[2].name, "q");
    CHECK_EQ(schema.fields[2].flags, PMIPC_FIELD_VARIABLE);
    CHECK_OK(pmipc_schema_check(&schema, NULL));
}

TEST(invalid_field_is_refused_and_schema_unchanged)
{
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    schema_add(&schema, "q", PMIPC_FLOAT64, 1, seven, 0);
    char long_name[PMIPC_MAX_FIELD_NAME + 2];
    memset(long_name, 'n', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    const int64_t negative[] = {-7};
    check_add_refused(&schema, "q", PMIPC_FLOAT64, 1, seven, 0);       /* the name exists */
    check_add_refused(&schema, "", PMIPC_FLOAT64, 1, seven, 0);        /* an unnamed field with others */
    check_add_refused(&schema, long_name, PMIPC_FLOAT64, 1, seven, 0); /* 64 bytes */
    check_add_refused(&schema, "x", PMIPC_DTYPE(99, 8), 1, seven, 0);
    check_add_refused(&schema, "x", PMIPC_OPAQUE, 1, seven, 0); /* needs add_opaque */
    check_add_refused(&schema, "x", PMIPC_FLOAT64, 9, image_shape, 0);
    check_add_refused(&schema, "x", PMIPC_FLOAT64, 1, NULL, 0);
    check_add_refused(&schema, "x", PMIPC_FLOAT64, 1, negative, 0);
    check_add_refused(&schema, "x", PMIPC_FLOAT64, 0, NULL, PMIPC_FIELD_VARIABLE);
    check_add_refused(&schema, "x", PMIPC_FLOAT64, 1, seven, 0x80u);    /* an unknown flag */
    check_add_refused(&schema, "\xff\xfe", PMIPC_FLOAT64, 1, seven, 0); /* not UTF-8 */
    long_name[PMIPC_MAX_FIELD_NAME] = '\0';
    schema_add(&schema, long_name, PMIPC_FLOAT64, 1, seven, 0); /* 63 bytes */
    CHECK_TEXT(schema.fields[1].name, long_name);
    CHECK_OK(pmipc_schema_check(&schema, NULL));
}

TEST(field_beside_unnamed_field_is_refused)
{
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    schema_add(&schema, "", PMIPC_FLOAT64, 1, seven, 0);
    check_add_refused(&schema, "q", PMIPC_FLOAT64, 1, seven, 0);
    check_add_refused(&schema, "", PMIPC_FLOAT64, 1, seven, 0);
    CHECK_OK(pmipc_schema_check(&schema, NULL));
}

TEST(schema_has_at_most_thirty_two_fields)
{
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    char name[16];
    for (int i = 0; i < PMIPC_MAX_FIELDS; i++) {
        snprintf(name, sizeof name, "f%d", i);
        schema_add(&schema, name, PMIPC_UINT8, 1, seven, 0);
    }
    check_add_refused(&schema, "one_more", PMIPC_UINT8, 1, seven, 0);
    CHECK_OK(pmipc_schema_check(&schema, NULL));
}

TEST(schema_has_at_most_eight_variable_fields)
{
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    char name[16];
    for (int i = 0; i < PMIPC_MAX_VARIABLE_FIELDS; i++) {
        snprintf(name, sizeof name, "f%d", i);
        schema_add(&schema, name, PMIPC_UINT8, 1, seven, PMIPC_FIELD_VARIABLE);
    }
    check_add_refused(&schema, "one_more", PMIPC_UINT8, 1, seven, PMIPC_FIELD_VARIABLE);
    schema_add(&schema, "fixed", PMIPC_UINT8, 1, seven, 0);
    CHECK_OK(pmipc_schema_check(&schema, NULL));
    schema.fields[8].flags = PMIPC_FIELD_VARIABLE;
    check_refused(&schema);
}

TEST(opaque_fields_compare_by_itemsize_and_description)
{
    pmipc_schema one;
    pmipc_schema two;
    pmipc_schema_init(&one);
    add_opaque(&one, "", 12, "[['x','<f4'],['y','<f8']]");
    CHECK_EQ(one.fields[0].dtype, PMIPC_OPAQUE);
    CHECK_EQ(one.fields[0].itemsize, 12);
    CHECK_EQ(pmipc_field_bytes(&one.fields[0]), 84);
    CHECK_OK(pmipc_schema_check(&one, NULL));
    two = one;
    CHECK_OK(pmipc_schema_compare(&one, &two, NULL));
    two.text[two.fields[0].descr_offset + 3] = 'z';
    CHECK_STATUS(pmipc_schema_compare(&one, &two, NULL), PMIPC_SCHEMA_MISMATCH);
    pmipc_schema_init(&two);
    add_opaque(&two, "", 16, "[['x','<f4'],['y','<f8']]");
    CHECK_STATUS(pmipc_schema_compare(&one, &two, NULL), PMIPC_SCHEMA_MISMATCH);
}

/* The position of a description in the text is not part of the schema. */
TEST(opaque_fields_compare_equal_at_any_text_offset)
{
    pmipc_schema one;
    pmipc_schema_init(&one);
    add_opaque(&one, "a", 4, "first");
    add_opaque(&one, "b", 4, "second");
    pmipc_schema two = one;
    memcpy(two.text, "secondfirst", 11);
    two.fields[0].descr_offset = 6;
    two.fields[1].descr_offset = 0;
    CHECK_OK(pmipc_schema_check(&two, NULL));
    CHECK_OK(pmipc_schema_compare(&one, &two, NULL));
}

TEST(descriptions_are_limited_to_four_kilobytes_in_total)
{
    static char descr[PMIPC_MAX_DESCR_TEXT + 1];
    memset(descr, 'd', sizeof descr);
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_STATUS(pmipc_schema_add_opaque(&schema, "a", 4, descr, sizeof descr, 1, seven, 0, NULL),
                 PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_schema_add_opaque(&schema, "a", 4, descr, SIZE_MAX, 1, seven, 0, NULL), PMIPC_INVALID_ARGUMENT);
    CHECK_OK(pmipc_schema_add_opaque(&schema, "a", 4, descr, PMIPC_MAX_DESCR_TEXT - 10, 1, seven, 0, NULL));
    CHECK_STATUS(pmipc_schema_add_opaque(&schema, "b", 4, descr, 11, 1, seven, 0, NULL), PMIPC_INVALID_ARGUMENT);
    CHECK_OK(pmipc_schema_add_opaque(&schema, "b", 4, descr, 10, 1, seven, 0, NULL));
    CHECK_OK(pmipc_schema_check(&schema, NULL));
    CHECK_STATUS(pmipc_schema_add_opaque(&schema, "c", 0, "x", 1, 1, seven, 0, NULL), PMIPC_INVALID_ARGUMENT);
}

/* One defect per line, as in a schema written by another program. */
TEST(schema_with_one_defect_is_refused)
{
    pmipc_schema good;
    pmipc_schema_init(&good);
    schema_add(&good, "q", PMIPC_FLOAT64, 1, seven, 0);
    add_opaque(&good, "o", 12, "description");
    CHECK_OK(pmipc_schema_check(&good, NULL));
#define CHECK_DEFECT(defect)     \
    do {                         \
        pmipc_schema bad = good; \
        defect;                  \
        check_refused(&bad);     \
    } while (0)
    CHECK_DEFECT(bad.field_count = 0);
    CHECK_DEFECT(bad.field_count = PMIPC_MAX_FIELDS + 1);
    CHECK_DEFECT(bad.field_count = UINT32_MAX);
    CHECK_DEFECT(bad.field_count = 3); /* the third is all zero: its name is empty */
    CHECK_DEFECT(bad.text_bytes = PMIPC_MAX_DESCR_TEXT + 1);
    CHECK_DEFECT(bad.text_bytes = 3);
    CHECK_DEFECT(memset(bad.fields[0].name, 'n', sizeof bad.fields[0].name)); /* no NUL */
    CHECK_DEFECT(strcpy(bad.fields[0].name, "o"));
    CHECK_DEFECT(bad.fields[0].name[0] = '\0');
    CHECK_DEFECT(strcpy(bad.fields[0].name, "\xc3(")); /* not UTF-8 */
    CHECK_DEFECT(bad.fields[0].dtype = 0xffffffffu);
    CHECK_DEFECT(bad.fields[0].itemsize = 4);
    CHECK_DEFECT(bad.fields[0].ndim = 9);
    CHECK_DEFECT(bad.fields[0].ndim = UINT32_MAX);
    CHECK_DEFECT(bad.fields[0].shape[0] = -1);
    CHECK_DEFECT(bad.fields[0].shape[0] = INT64_MAX);
    CHECK_DEFECT(bad.fields[0].flags = 2u);
    CHECK_DEFECT(bad.fields[1].itemsize = 0);
    CHECK_DEFECT(bad.fields[1].descr_offset = UINT32_MAX);
    CHECK_DEFECT(bad.fields[1].descr_offset = 1);
    CHECK_DEFECT(bad.fields[1].descr_bytes = UINT32_MAX);
    CHECK_DEFECT((bad.fields[1].descr_offset = 0xfffffff8u, bad.fields[1].descr_bytes = 16u)); /* the sum wraps to 8 */
}

TEST(overflow_of_sum_of_fields_is_refused)
{
    const int64_t half[] = {INT64_MAX / 16};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    char name[16];
    pmipc_status status = PMIPC_OK;
    for (int i = 0; i < 32 && status == PMIPC_OK; i++) {
        snprintf(name, sizeof name, "f%d", i);
        status = pmipc_schema_add(&schema, name, PMIPC_FLOAT64, 1, half, 0, NULL);
    }
    pmipc_producer *producer;
    if (status == PMIPC_OK)
        status = pmipc_producer_open(&producer, "huge", &schema, NULL, NULL);
    CHECK(status == PMIPC_INVALID_ARGUMENT || status == PMIPC_NO_SPACE);
}

/* Random changes to the bytes of a schema: check, format and compare never read out of bounds (the schema is at the end
 * of a heap block, where the address sanitizer detects it), and a schema that check accepts is usable. */
TEST(random_schemas_are_never_read_out_of_bounds)
{
    test_random random = random_start();
    pmipc_schema *schema = malloc(sizeof *schema);
    pmipc_schema *good = malloc(sizeof *good);
    pmipc_schema_init(good);
    schema_add(good, "rgb", PMIPC_UINT8, 3, image_shape, 0);
    add_opaque(good, "o", 12, "description");
    schema_add(good, "points", PMIPC_FLOAT32, 1, seven, PMIPC_FIELD_VARIABLE);
    unsigned accepted = 0;
    for (int round = 0; round < ROUNDS(20000); round++) {
        memcpy(schema, good, sizeof *schema);
        for (uint64_t n = 1 + random_below(&random, 4); n > 0; n--) {
            size_t offset = (size_t)random_below(&random, offsetof(pmipc_schema, fields[4]) / 4) * 4;
            const uint32_t values[] = {0,    1,    8,    32,         33,          255,
                                       4095, 4096, 4097, UINT32_MAX, 0x80000000u, (uint32_t)random_next(&random)};
            uint32_t value = values[random_below(&random, COUNT(values))];
            memcpy((char *)schema + offset, &value, sizeof value);
        }
        char text[64];
        pmipc_error error;
        if (pmipc_schema_check(schema, &error) == PMIPC_OK) {
            accepted++;
            CHECK(schema->field_count >= 1 && schema->field_count <= PMIPC_MAX_FIELDS);
            pmipc_schema_format(schema, text, sizeof text);
            CHECK_OK(pmipc_schema_compare(schema, schema, &error));
            pmipc_status compared = pmipc_schema_compare(good, schema, &error);
            CHECK(compared == PMIPC_OK || compared == PMIPC_SCHEMA_MISMATCH);
            for (uint32_t i = 0; i < schema->field_count; i++)
                pmipc_field_bytes(&schema->fields[i]);
        }
    }
    CHECK(accepted > 0);
    free(schema);
    free(good);
}

/* As without pmipc_schema_init: no field, and a text length beyond the schema. */
TEST(add_to_schema_with_impossible_text_length_is_refused)
{
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    schema.text_bytes = UINT32_MAX;
    pmipc_error error;
    CHECK_STATUS(pmipc_schema_add_opaque(&schema, "x", 4, "S4", 2, 1, seven, 0, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "the maximum is 4096");
    CHECK_EQ(schema.field_count, 0);
    CHECK_EQ(schema.fields[0].ndim, 0);
}

/* ---- texts ---- */

TEST(format_of_any_description_is_printable)
{
    pmipc_schema schema, other;
    pmipc_error error;
    char text[256];
    pmipc_schema_init(&schema);
    add_opaque(&schema, "x", 4, "\x1b[2J\xff caf\xc3\xa9 \n");
    pmipc_schema_format(&schema, text, sizeof text);
    CHECK_TEXT(text, "{x: ?[2J? caf\xc3\xa9 ? (7,)}");
    pmipc_schema_init(&other);
    schema_add(&other, "x", PMIPC_INT8, 1, seven, 0);
    CHECK_STATUS(pmipc_schema_compare(&other, &schema, &error), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(error.text, "got {x: ?[2J? caf\xc3\xa9 ? (7,)}");
}

TEST(truncated_text_ends_with_whole_character)
{
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    schema_add(&schema, "\xe2\x82\xac", PMIPC_INT8, 1, seven, 0); /* a euro sign */
    char whole[64], cut[64];
    size_t length = pmipc_schema_format(&schema, whole, sizeof whole);
    CHECK_TEXT(whole, "{\xe2\x82\xac: int8 (7,)}");
    for (size_t bytes = 1; bytes < sizeof cut; bytes++) {
        CHECK_EQ(pmipc_schema_format(&schema, cut, bytes), length);
        size_t kept = bytes - 1 < length ? bytes - 1 : length;
        kept = kept == 2 || kept == 3 ? 1 : kept;
        CHECK_EQ(strlen(cut), kept);
        CHECK(memcmp(cut, whole, kept) == 0);
    }
}
