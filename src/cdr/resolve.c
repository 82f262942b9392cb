/* resolve.c: resolve described types: references, sizes, limits. */
#include <string.h>

#include "cdr/primitives.h"
#include "cdr/types.h"
#include "os/error.h"

void cdr_advance_append(struct cdr_advance *sum, const struct cdr_advance *next)
{
    for (int version = 0; version < 2; version++)
        for (uint32_t start = 0; start < 8; start++) {
            uint64_t *bytes = &sum->bytes[version][start];
            *bytes += next->bytes[version][(start + *bytes) & 7];
        }
}

struct cdr_advance cdr_advance_of_items(uint64_t count, uint32_t item_bytes)
{
    struct cdr_advance advance;
    for (int version = 0; version < 2; version++)
        for (uint32_t start = 0; start < 8; start++)
            advance.bytes[version][start] =
                cdr_padding(start, version && item_bytes > 4 ? 4 : item_bytes) + count * item_bytes;
    return advance;
}

static pmipc_status cdr_find_type(const pmipc_cdr_types *types, const struct cdr_message *owner,
                                  struct cdr_field_type *field, pmipc_error *error)
{
    const char *name = field->field.type_name;
    /* "Header" without a package means std_msgs/Header, unless the package has its own. */
    if (field->is_relative && strcmp(strrchr(name, '/'), "/Header") == 0 && !cdr_types_lookup(types, name))
        name = "std_msgs/msg/Header";
    field->message = cdr_types_lookup(types, name);
    if (!field->message)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s, line %u: the type of field '%s' is not described: %s",
                         owner->name, field->line, field->field.name, name);
    field->field.type_name = field->message->name;
    return PMIPC_OK;
}

static void cdr_add_uniform(struct cdr_message *message, pmipc_dtype dtype, uint64_t count, bool is_first)
{
    if (is_first)
        message->uniform = dtype;
    if (message->uniform != dtype || count == 0)
        message->uniform_count = 0;
    else if (is_first || message->uniform_count)
        message->uniform_count += (uint32_t)count;
}

/* Add one field to the facts of its message. The message of the field itself is resolved. */
static void cdr_add_facts(struct cdr_message *message, const struct cdr_field_type *field, bool is_first)
{
    const struct cdr_message *nested = field->message;
    uint64_t repeat = cdr_field_repeat(field);
    uint64_t element_bytes = nested ? nested->min_bytes : cdr_dtype_is_text(field->field.dtype) ? 4 : field->item_bytes;
    /* An array of messages counts as variable, because it has a delimiter in XCDR2. */
    bool is_variable = field->field.is_sequence || cdr_dtype_is_text(field->field.dtype) ||
                       (nested && (field->field.is_array || !nested->is_fixed));
    message->min_bytes += field->field.is_sequence ? 4 : repeat * element_bytes;
    message->flat_fields += 1 + (nested ? nested->flat_fields : 0);
    if (nested && nested->depth + 1 > message->depth)
        message->depth = nested->depth + 1;
    if (field->default_value.count || (nested && !field->field.is_sequence && nested->has_defaults))
        message->has_defaults = true;
    if (is_variable) {
        message->is_fixed = false;
        cdr_add_uniform(message, PMIPC_CDR_MESSAGE, 0, is_first);
        return;
    }
    struct cdr_advance advance = nested ? nested->advance : cdr_advance_of_items(repeat, field->item_bytes);
    cdr_advance_append(&message->advance, &advance);
    cdr_add_uniform(message, nested ? nested->uniform : field->field.dtype, nested ? nested->uniform_count : repeat,
                    is_first);
}

static pmipc_status cdr_resolve_message(pmipc_cdr_types *types, struct cdr_message *message, uint32_t depth,
                                        pmipc_error *error)
{
    if (message->state == CDR_RESOLVED)
        return PMIPC_OK;
    if (message->state == CDR_RESOLVING)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s contains itself", message->name);
    if (depth > PMIPC_CDR_MAX_DEPTH)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s is nested more than %d messages deep", message->name,
                         PMIPC_CDR_MAX_DEPTH);
    bool is_empty = message->field_count == 0;
    if (is_empty) {
        /* IDL has no empty structures, so every message has at least one byte. */
        const struct cdr_field_type member = {
            .field = {.name = "structure_needs_at_least_one_member", .type_name = "uint8", .dtype = PMIPC_UINT8},
            .item_bytes = 1,
        };
        pmipc_status status = cdr_message_append(types, message, &member, error);
        if (status)
            return status;
    }
    message->state = CDR_RESOLVING;
    message->depth = 1;
    message->is_fixed = true;
    message->flat_fields = 0;
    message->min_bytes = 0;
    message->uniform_count = 0;
    message->has_defaults = false;
    memset(&message->advance, 0, sizeof message->advance);
    pmipc_status status = PMIPC_OK;
    for (uint32_t i = 0; i < message->field_count && !status; i++) {
        struct cdr_field_type *field = &message->fields[i];
        if (field->field.dtype == PMIPC_CDR_MESSAGE) {
            status = cdr_find_type(types, message, field, error);
            if (!status)
                status = cdr_resolve_message(types, field->message, depth + 1, error);
            if (status)
                break;
        }
        cdr_add_facts(message, field, i == 0);
        if (message->min_bytes > CDR_MAX_MIN_BYTES || message->flat_fields > CDR_MAX_FLAT_FIELDS ||
            message->depth > PMIPC_CDR_MAX_DEPTH)
            status = error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                               "%s is too large at field '%s': at most %llu bytes, %u fields and %d nested messages",
                               message->name, field->field.name, (unsigned long long)CDR_MAX_MIN_BYTES,
                               CDR_MAX_FLAT_FIELDS, PMIPC_CDR_MAX_DEPTH);
    }
    if (is_empty)
        message->uniform_count = 0; /* the byte of an empty message is not a value */
    /* After a failure nothing has changed. The missing types can be added, and the message resolved again. */
    message->state = status ? CDR_DESCRIBED : CDR_RESOLVED;
    return status;
}

pmipc_status cdr_types_resolve(pmipc_cdr_types *types, const char *name, struct cdr_message **message,
                               pmipc_error *error)
{
    char full_name[PMIPC_CDR_MAX_NAME + 1];
    if (!cdr_name_complete(full_name, name, strlen(name), NULL))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "'%s' is not the name of a message type", name);
    *message = cdr_types_lookup(types, full_name);
    if (!*message)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s is not described: add its .msg text", full_name);
    return cdr_resolve_message(types, *message, 1, error);
}

pmipc_status pmipc_cdr_types_fields(pmipc_cdr_types *types, const char *name, pmipc_cdr_field *fields,
                                    uint32_t capacity, uint32_t *count, pmipc_error *error)
{
    if (!types || !name || !count || (capacity && !fields))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "types, message, fields and count must not be NULL");
    struct cdr_message *message;
    pmipc_status status = cdr_types_resolve(types, name, &message, error);
    if (status)
        return status;
    *count = message->field_count;
    for (uint32_t i = 0; i < message->field_count && i < capacity; i++)
        fields[i] = message->fields[i].field;
    return PMIPC_OK;
}
