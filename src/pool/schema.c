/* schema.c: building, checking, comparing and printing schemas. */
#include "polymorph_ipc/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os/error.h"
#include "os/text.h"

struct dtype_row {
    pmipc_dtype dtype;
    const char *name;
};

static const struct dtype_row dtypes[] = {
    {PMIPC_BOOL, "bool"},
    {PMIPC_INT8, "int8"},
    {PMIPC_INT16, "int16"},
    {PMIPC_INT32, "int32"},
    {PMIPC_INT64, "int64"},
    {PMIPC_UINT8, "uint8"},
    {PMIPC_UINT16, "uint16"},
    {PMIPC_UINT32, "uint32"},
    {PMIPC_UINT64, "uint64"},
    {PMIPC_FLOAT16, "float16"},
    {PMIPC_FLOAT32, "float32"},
    {PMIPC_FLOAT64, "float64"},
    {PMIPC_LONGDOUBLE, "longdouble"},
    {PMIPC_BFLOAT16, "bfloat16"},
    {PMIPC_DTYPE(PMIPC_CODE_COMPLEX, 32), "complex32"},
    {PMIPC_COMPLEX64, "complex64"},
    {PMIPC_COMPLEX128, "complex128"},
    {PMIPC_DTYPE(PMIPC_CODE_COMPLEX, 256), "clongdouble"},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E3M4, 8), "float8_e3m4"},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E4M3, 8), "float8_e4m3"},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E4M3B11FNUZ, 8), "float8_e4m3b11fnuz"},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E4M3FN, 8), "float8_e4m3fn"},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E4M3FNUZ, 8), "float8_e4m3fnuz"},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E5M2, 8), "float8_e5m2"},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E5M2FNUZ, 8), "float8_e5m2fnuz"},
    {PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E8M0FNU, 8), "float8_e8m0fnu"},
};

#define DTYPE_COUNT (sizeof dtypes / sizeof dtypes[0])

const char *pmipc_dtype_name(pmipc_dtype dtype)
{
    for (size_t i = 0; i < DTYPE_COUNT; i++)
        if (dtypes[i].dtype == dtype)
            return dtypes[i].name;
    return dtype == PMIPC_OPAQUE ? "opaque" : "unknown";
}

uint32_t pmipc_dtype_itemsize(pmipc_dtype dtype)
{
    for (size_t i = 0; i < DTYPE_COUNT; i++)
        if (dtypes[i].dtype == dtype)
            return PMIPC_DTYPE_BITS(dtype) / 8;
    return 0;
}

uint64_t pmipc_field_bytes(const pmipc_field *field)
{
    uint64_t bytes = field->itemsize;
    for (uint32_t i = 0; i < field->ndim && i < PMIPC_MAX_NDIM; i++)
        bytes *= (uint64_t)field->shape[i];
    return bytes;
}

void pmipc_schema_init(pmipc_schema *schema)
{
    memset(schema, 0, sizeof *schema);
}

static bool name_is_printable(const char *name)
{
    size_t bytes;
    while ((bytes = text_character(name)) > 0)
        name += bytes;
    return *name == '\0';
}

/* Check one field, except that its name is unique. `where` names it in messages. */
static pmipc_status check_field(const pmipc_field *field, const pmipc_schema *schema, const char *where,
                                pmipc_error *error)
{
    if (field->dtype == PMIPC_OPAQUE) {
        if (field->itemsize == 0 || field->itemsize > (1u << 30))
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                             "%s: an opaque dtype needs an itemsize of 1 to 2^30 bytes, got %u", where,
                             field->itemsize);
        if (field->descr_bytes == 0 || field->descr_offset > schema->text_bytes ||
            field->descr_bytes > schema->text_bytes - field->descr_offset)
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: an opaque dtype needs a description", where);
    } else {
        uint32_t itemsize = pmipc_dtype_itemsize(field->dtype);
        if (itemsize == 0 || field->itemsize != itemsize || field->descr_bytes != 0 || field->descr_offset != 0)
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: unknown dtype 0x%x (itemsize %u)", where,
                             field->dtype, field->itemsize);
    }
    if (field->ndim > PMIPC_MAX_NDIM)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: %u dimensions; the maximum is %d", where, field->ndim,
                         PMIPC_MAX_NDIM);
    if (field->flags & ~(uint32_t)PMIPC_FIELD_VARIABLE)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: unknown flags 0x%x", where, field->flags);
    if ((field->flags & PMIPC_FIELD_VARIABLE) && (field->ndim == 0 || field->shape[0] > INT32_MAX))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                         "%s: a variable leading dimension needs 1 or more dimensions, the first at most 2^31 - 1",
                         where);
    uint64_t nonzero = field->itemsize;
    for (uint32_t i = 0; i < PMIPC_MAX_NDIM; i++) {
        int64_t length = field->shape[i];
        if (i >= field->ndim) {
            if (length != 0)
                return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: shape entries past ndim must be 0", where);
            continue;
        }
        /* The product of the non-zero lengths is limited too, so that strides do not overflow. */
        if (length < 0 || __builtin_mul_overflow(nonzero, length ? (uint64_t)length : 1, &nonzero) ||
            nonzero > (UINT64_C(1) << 46))
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: shape entry %u is %lld: negative, or too large",
                             where, i, (long long)length);
    }
    return PMIPC_OK;
}

pmipc_status pmipc_schema_check(const pmipc_schema *schema, pmipc_error *error)
{
    if (!schema)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "schema is NULL");
    if (schema->field_count == 0 || schema->field_count > PMIPC_MAX_FIELDS)
        return error_set(
            error, PMIPC_INVALID_ARGUMENT, 0,
            "a schema has 1 to %d fields; this one has %u (0: perhaps it was built from invalid arguments)",
            PMIPC_MAX_FIELDS, schema->field_count);
    if (schema->text_bytes > PMIPC_MAX_DESCR_TEXT)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "the dtype descriptions have %u bytes; the maximum is %d",
                         schema->text_bytes, PMIPC_MAX_DESCR_TEXT);
    uint32_t variable = 0;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const pmipc_field *field = &schema->fields[i];
        char where[PMIPC_MAX_FIELD_NAME + 16];
        if (!memchr(field->name, '\0', sizeof field->name))
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "the name of field %u is longer than %d bytes", i,
                             PMIPC_MAX_FIELD_NAME);
        if (!name_is_printable(field->name))
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "the name of field %u is not printable UTF-8", i);
        if (field->name[0] == '\0' && schema->field_count > 1)
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                             "field %u has no name; only the single field of a schema may be unnamed", i);
        snprintf(where, sizeof where, field->name[0] ? "field '%s'" : "the tensor", field->name);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(schema->fields[j].name, field->name) == 0)
                return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "two fields have the name '%s'", field->name);
        pmipc_status status = check_field(field, schema, where, error);
        if (status)
            return status;
        variable += (field->flags & PMIPC_FIELD_VARIABLE) != 0;
    }
    if (variable > PMIPC_MAX_VARIABLE_FIELDS)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                         "%u fields have a variable leading dimension; the maximum is %d", variable,
                         PMIPC_MAX_VARIABLE_FIELDS);
    return PMIPC_OK;
}

static pmipc_status add_field(pmipc_schema *schema, const char *name, pmipc_dtype dtype, uint32_t itemsize,
                              uint32_t ndim, const int64_t *shape, uint32_t flags, const char *descr,
                              size_t descr_bytes, pmipc_error *error)
{
    if (!schema || !name || (ndim > 0 && !shape))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "schema, name and shape must not be NULL");
    if (schema->field_count >= PMIPC_MAX_FIELDS)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "a schema has at most %d fields", PMIPC_MAX_FIELDS);
    if (strlen(name) > PMIPC_MAX_FIELD_NAME)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "field name '%s' is longer than %d bytes", name,
                         PMIPC_MAX_FIELD_NAME);
    if (schema->text_bytes > PMIPC_MAX_DESCR_TEXT)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "the dtype descriptions have %u bytes; the maximum is %d",
                         schema->text_bytes, PMIPC_MAX_DESCR_TEXT);
    if (descr_bytes > PMIPC_MAX_DESCR_TEXT - schema->text_bytes)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                         "field '%s': its dtype needs %zu bytes of description, %u of %d are left", name, descr_bytes,
                         PMIPC_MAX_DESCR_TEXT - schema->text_bytes, PMIPC_MAX_DESCR_TEXT);
    if (ndim > PMIPC_MAX_NDIM)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "field '%s': %u dimensions; the maximum is %d", name, ndim,
                         PMIPC_MAX_NDIM);
    pmipc_field *field = &schema->fields[schema->field_count];
    memset(field, 0, sizeof *field);
    memcpy(field->name, name, strlen(name));
    field->dtype = dtype;
    field->itemsize = itemsize;
    field->ndim = ndim;
    field->flags = flags;
    for (uint32_t i = 0; i < ndim; i++)
        field->shape[i] = shape[i];
    uint32_t text_before = schema->text_bytes;
    if (descr_bytes) {
        field->descr_offset = schema->text_bytes;
        field->descr_bytes = (uint32_t)descr_bytes;
        memcpy(schema->text + schema->text_bytes, descr, descr_bytes);
        schema->text_bytes += (uint32_t)descr_bytes;
    }
    schema->field_count++;
    pmipc_status status = pmipc_schema_check(schema, error);
    if (status) {
        schema->field_count--;
        memset(field, 0, sizeof *field);
        memset(schema->text + text_before, 0, schema->text_bytes - text_before);
        schema->text_bytes = text_before;
    }
    return status;
}

pmipc_status pmipc_schema_add(pmipc_schema *schema, const char *name, pmipc_dtype dtype, uint32_t ndim,
                              const int64_t *shape, uint32_t flags, pmipc_error *error)
{
    return add_field(schema, name, dtype, pmipc_dtype_itemsize(dtype), ndim, shape, flags, NULL, 0, error);
}

pmipc_status pmipc_schema_add_opaque(pmipc_schema *schema, const char *name, uint32_t itemsize, const char *descr,
                                     size_t descr_bytes, uint32_t ndim, const int64_t *shape, uint32_t flags,
                                     pmipc_error *error)
{
    if (!descr)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "descr is NULL");
    return add_field(schema, name, PMIPC_OPAQUE, itemsize, ndim, shape, flags, descr, descr_bytes, error);
}

pmipc_schema pmipc_schema_tensor(pmipc_dtype dtype, uint32_t ndim, const int64_t *shape)
{
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    if (pmipc_schema_add(&schema, "", dtype, ndim, shape, 0, NULL) != PMIPC_OK)
        pmipc_schema_init(&schema);
    return schema;
}

/* `any_capacity`: leading dimensions of variable fields may differ. */
static bool fields_are_equal(const pmipc_schema *a, const pmipc_field *x, const pmipc_schema *b, const pmipc_field *y,
                             bool any_capacity)
{
    const uint32_t from = any_capacity && (x->flags & PMIPC_FIELD_VARIABLE) ? 1 : 0;
    return strcmp(x->name, y->name) == 0 && x->dtype == y->dtype && x->itemsize == y->itemsize && x->ndim == y->ndim &&
           x->flags == y->flags &&
           memcmp(x->shape + from, y->shape + from, (PMIPC_MAX_NDIM - from) * sizeof x->shape[0]) == 0 &&
           x->descr_bytes == y->descr_bytes &&
           memcmp(a->text + x->descr_offset, b->text + y->descr_offset, x->descr_bytes) == 0;
}

static pmipc_status compare_schemas(const pmipc_schema *expected, const pmipc_schema *got, bool any_capacity,
                                    pmipc_error *error)
{
    if (!expected || !got)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "schema is NULL");
    bool equal = expected->field_count == got->field_count;
    for (uint32_t i = 0; equal && i < expected->field_count && i < PMIPC_MAX_FIELDS; i++)
        equal = fields_are_equal(expected, &expected->fields[i], got, &got->fields[i], any_capacity);
    if (equal)
        return PMIPC_OK;
    if (error) {
        char expected_text[600], got_text[600];
        pmipc_schema_format(expected, expected_text, sizeof expected_text);
        pmipc_schema_format(got, got_text, sizeof got_text);
        error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "expected %s, got %s", expected_text, got_text);
    }
    return PMIPC_SCHEMA_MISMATCH;
}

pmipc_status pmipc_schema_compare(const pmipc_schema *expected, const pmipc_schema *got, pmipc_error *error)
{
    return compare_schemas(expected, got, false, error);
}

pmipc_status pmipc_schema_compatible(const pmipc_schema *expected, const pmipc_schema *got, pmipc_error *error)
{
    return compare_schemas(expected, got, true, error);
}

/* A text that is appended to. Like snprintf, `length` also counts what does not fit. */
struct text {
    char *bytes;
    size_t capacity;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *text, const char *format, ...)
{
    size_t room = text->length < text->capacity ? text->capacity - text->length : 0;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(room ? text->bytes + text->length : NULL, room, format, arguments);
    va_end(arguments);
    text->length += length > 0 ? (size_t)length : 0;
}

static void add_field_text(struct text *text, const pmipc_schema *schema, const pmipc_field *field)
{
    if (field->dtype == PMIPC_OPAQUE && field->descr_bytes <= schema->text_bytes)
        text_add(text, "%.*s", (int)field->descr_bytes, schema->text + field->descr_offset);
    else
        text_add(text, "%s", pmipc_dtype_name(field->dtype));
    text_add(text, " (");
    for (uint32_t i = 0; i < field->ndim && i < PMIPC_MAX_NDIM; i++) {
        bool variable = i == 0 && (field->flags & PMIPC_FIELD_VARIABLE);
        text_add(text, "%s%s%lld", i ? ", " : "", variable ? "up to " : "", (long long)field->shape[i]);
    }
    text_add(text, field->ndim == 1 ? ",)" : ")");
}

size_t pmipc_schema_format(const pmipc_schema *schema, char *text, size_t text_bytes)
{
    struct text out = {.bytes = text, .capacity = text_bytes};
    if (text_bytes)
        text[0] = '\0';
    if (schema->field_count == 0 || schema->field_count > PMIPC_MAX_FIELDS) {
        text_add(&out, "no schema");
    } else if (schema->field_count == 1 && schema->fields[0].name[0] == '\0') {
        add_field_text(&out, schema, &schema->fields[0]);
    } else {
        text_add(&out, "{");
        for (uint32_t i = 0; i < schema->field_count; i++) {
            text_add(&out, "%s%s: ", i ? ", " : "", schema->fields[i].name);
            add_field_text(&out, schema, &schema->fields[i]);
        }
        text_add(&out, "}");
    }
    if (text_bytes)
        text_make_printable(text); /* dtype descriptions may contain any bytes */
    return out.length;
}
