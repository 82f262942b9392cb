/* access.c: typed pointers to the data of views and loans, checked against the schema. */
#include "polymorph_ipc/access.h"

#include <string.h>

#include "api/producer.h"
#include "pool/connection.h"

/* The field's index, or field_count. */
static uint32_t find_field(const pmipc_schema *schema, const char *name)
{
    uint32_t i = 0;
    while (i < schema->field_count && strcmp(schema->fields[i].name, name) != 0)
        i++;
    return i;
}

/* Elements of one sample whose leading length is `length`. A schema's bounds keep every product far from overflow. */
static int64_t count_elements(const pmipc_field *field, int64_t length)
{
    int64_t count = length;
    for (uint32_t i = 1; i < field->ndim; i++)
        count *= field->shape[i];
    return count;
}

/* Set the error: what the program asked for, and what the field is. `length` is that of the field, if there is one of
 * this name. */
__attribute__((cold)) static void set_mismatch(const char *pool, const pmipc_schema *schema, const char *name,
                                               pmipc_dtype dtype, int64_t count, int64_t length, pmipc_error *error)
{
    char got[600];
    if (!error)
        return;
    uint32_t i = find_field(schema, name);
    if (i == schema->field_count) {
        pmipc_schema_format(schema, got, sizeof got);
        error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "pool '%s': expected %s%s%s, got %s", pool,
                  name[0] ? "a field '" : "a plain tensor", name, name[0] ? "'" : "", got);
        return;
    }
    pmipc_schema alone = *schema; /* the field as a plain tensor, for its text */
    alone.fields[0] = schema->fields[i];
    alone.fields[0].name[0] = '\0';
    alone.field_count = 1;
    pmipc_schema_format(&alone, got, sizeof got);
    error_set(error, PMIPC_SCHEMA_MISMATCH, 0,
              "pool '%s': expected %lld elements of %s in %s%s%s, got %lld elements of %s%s", pool, (long long)count,
              pmipc_dtype_name(dtype), name[0] ? "field '" : "the tensor", name, name[0] ? "'" : "",
              (long long)count_elements(&schema->fields[i], length), got,
              dtype == PMIPC_OPAQUE ? "; an opaque dtype has no C type: compare the schema" : "");
}

/* Whether the field has this dtype and number of elements. */
static bool is_as_expected(const pmipc_field *field, int64_t length, pmipc_dtype dtype, int64_t count)
{
    return field->dtype == dtype && dtype != PMIPC_OPAQUE && count_elements(field, length) == count;
}

const void *pmipc_view_data(const pmipc_view *view, const char *field, pmipc_dtype dtype, int64_t count,
                            pmipc_error *error)
{
    const char *name = field ? field : "";
    if (!view || !view->owner) {
        error_set(error, PMIPC_INVALID_ARGUMENT, 0, "the view was released, or no read has filled it");
        return NULL;
    }
    uint32_t i = find_field(view->schema, name);
    if (i < view->field_count && is_as_expected(&view->schema->fields[i], view->fields[i].length, dtype, count))
        return view->fields[i].data;
    set_mismatch(view_description(view)->header.name, view->schema, name, dtype, count,
                 i < view->field_count ? view->fields[i].length : 0, error);
    return NULL;
}

/* The leading length of a field of a loan, or -1 when the program has set one that the loan has no room for. */
static int64_t loan_length(const pmipc_field *field, int64_t given)
{
    if (!(field->flags & PMIPC_FIELD_VARIABLE))
        return field->ndim ? field->shape[0] : 1;
    return given <= field->shape[0] ? given : -1;
}

void *pmipc_loan_data(const pmipc_producer *producer, const pmipc_loan *loan, const char *field, pmipc_dtype dtype,
                      int64_t count, pmipc_error *error)
{
    const char *name = field ? field : "";
    if (!producer || !loan || producer->loaned_slot == NO_LOAN || producer->loaned_slot != loan->slot) {
        error_set(error, PMIPC_INVALID_ARGUMENT, 0, "this loan is not out: it was committed or discarded");
        return NULL;
    }
    const pmipc_schema *schema = &producer_destination(producer)->description->schema;
    uint32_t i = find_field(schema, name);
    bool exists = i < schema->field_count;
    int64_t length = exists ? loan_length(&schema->fields[i], loan->fields[i].length) : 0;
    if (exists && length >= 0 && is_as_expected(&schema->fields[i], length, dtype, count))
        return loan->fields[i].data;
    if (length < 0)
        error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "pool '%s': %s of the loan has length %lld, and room for 0 to %lld",
                  producer->place.name, name[0] ? name : "the tensor", (long long)loan->fields[i].length,
                  (long long)schema->fields[i].shape[0]);
    else
        set_mismatch(producer->place.name, schema, name, dtype, count, length, error);
    return NULL;
}
