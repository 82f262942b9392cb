#include "cdr/types.h"

#include <stdlib.h>
#include <string.h>

#include "os/atomic.h"
#include "os/error.h"

#define CDR_MAX_MESSAGES 4096u
#define CDR_MAX_FIELDS 4096u

static const struct cdr_primitive cdr_primitives[] = {
    {"bool", PMIPC_BOOL, 1},       {"byte", PMIPC_UINT8, 1},        {"char", PMIPC_UINT8, 1},
    {"int8", PMIPC_INT8, 1},       {"uint8", PMIPC_UINT8, 1},       {"int16", PMIPC_INT16, 2},
    {"uint16", PMIPC_UINT16, 2},   {"int32", PMIPC_INT32, 4},       {"uint32", PMIPC_UINT32, 4},
    {"int64", PMIPC_INT64, 8},     {"uint64", PMIPC_UINT64, 8},     {"float32", PMIPC_FLOAT32, 4},
    {"float64", PMIPC_FLOAT64, 8}, {"string", PMIPC_CDR_STRING, 1}, {"wstring", PMIPC_CDR_WSTRING, 4},
};

#define CDR_PRIMITIVES (sizeof cdr_primitives / sizeof cdr_primitives[0])

const struct cdr_primitive *cdr_primitive_find(const char *name, size_t length)
{
    for (size_t i = 0; i < CDR_PRIMITIVES; i++)
        if (strlen(cdr_primitives[i].name) == length && memcmp(cdr_primitives[i].name, name, length) == 0)
            return &cdr_primitives[i];
    return NULL;
}

const char *cdr_dtype_name(pmipc_dtype dtype)
{
    if (dtype == PMIPC_UINT8)
        return "uint8"; /* its first name in the table is byte */
    for (size_t i = 0; i < CDR_PRIMITIVES; i++)
        if (cdr_primitives[i].dtype == dtype)
            return cdr_primitives[i].name;
    return dtype == PMIPC_CDR_MESSAGE ? "a message" : "an unknown type";
}

void cdr_types_retain(pmipc_cdr_types *types)
{
    fetch_add_relaxed(&types->references,
                      1u); /* relaxed: the caller has a reference, no memory is read because of it */
}

void pmipc_cdr_types_destroy(pmipc_cdr_types *types)
{
    /* acq_rel: the thread that frees the set sees that the others have finished. */
    if (!types || fetch_add_acq_rel(&types->references, UINT32_MAX) != 1)
        return;
    cdr_arena_free(&types->arena);
    free(types);
}

/* ---- names ---- */

static bool cdr_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The parts of a name: 1 to 3 words of letters, digits and underscores between slashes. 0: not a name. */
static uint32_t cdr_count_name_parts(const char *name, size_t length)
{
    uint32_t parts = 0;
    for (size_t i = 0; i < length; parts++) {
        if (!cdr_is_letter(name[i]))
            return 0;
        while (i < length && name[i] != '/') {
            if (!cdr_is_letter(name[i]) && !(name[i] >= '0' && name[i] <= '9') && name[i] != '_')
                return 0;
            i++;
        }
        if (i < length && ++i == length)
            return 0;
    }
    return parts <= 3 ? parts : 0;
}

bool cdr_name_complete(char *full, const char *name, size_t length, const char *relative_to)
{
    uint32_t parts = cdr_count_name_parts(name, length);
    const char *package = name;
    size_t package_bytes = 0;
    if (parts == 1 && relative_to) {
        package = relative_to;
        package_bytes = (size_t)(strchr(relative_to, '/') - relative_to);
    } else if (parts == 2) {
        package_bytes = (size_t)((const char *)memchr(name, '/', length) - name);
        name += package_bytes + 1;
        length -= package_bytes + 1;
    } else if (parts != 3) {
        return false;
    }
    const char *folder = parts == 3 ? "" : "/msg/";
    size_t folder_bytes = strlen(folder);
    if (package_bytes + folder_bytes + length > PMIPC_CDR_MAX_NAME)
        return false;
    memcpy(full, package, package_bytes);
    memcpy(full + package_bytes, folder, folder_bytes);
    memcpy(full + package_bytes + folder_bytes, name, length);
    full[package_bytes + folder_bytes + length] = '\0';
    return true;
}

struct cdr_message *cdr_types_lookup(const pmipc_cdr_types *types, const char *full_name)
{
    for (uint32_t i = 0; i < types->message_count; i++)
        if (strcmp(types->messages[i]->name, full_name) == 0)
            return types->messages[i];
    return NULL;
}

/* ---- building ---- */

pmipc_status cdr_types_begin(pmipc_cdr_types *types, const char *full_name, struct cdr_message **message,
                             pmipc_error *error)
{
    *message = cdr_types_lookup(types, full_name);
    if (*message && (*message)->is_standard && (*message)->state == CDR_DESCRIBED) {
        (*message)->is_standard = false;
        (*message)->field_count = 0;
    }
    if (*message && (*message)->field_count)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s is described already", full_name);
    if (*message)
        return PMIPC_OK;
    if (types->message_count == CDR_MAX_MESSAGES)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "more than %u message types", CDR_MAX_MESSAGES);
    struct cdr_message **messages = cdr_arena_grow(&types->arena, types->messages, types->message_count,
                                                   &types->message_capacity, sizeof(struct cdr_message *));
    *message = cdr_arena_allocate(&types->arena, sizeof **message);
    char *name = cdr_arena_copy_text(&types->arena, full_name, strlen(full_name));
    if (!messages || !*message || !name)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for the description of %s", full_name);
    (*message)->name = name;
    types->messages = messages;
    types->messages[types->message_count++] = *message;
    return PMIPC_OK;
}

pmipc_status cdr_message_append(pmipc_cdr_types *types, struct cdr_message *message, const struct cdr_field_type *field,
                                pmipc_error *error)
{
    for (uint32_t i = 0; i < message->field_count; i++)
        if (strcmp(message->fields[i].field.name, field->field.name) == 0)
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "two fields are called '%s'", field->field.name);
    if (message->field_count == CDR_MAX_FIELDS)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "more than %u fields", CDR_MAX_FIELDS);
    struct cdr_field_type *fields =
        cdr_arena_grow(&types->arena, message->fields, message->field_count, &message->field_capacity, sizeof *fields);
    if (!fields)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for the description of %s", message->name);
    message->fields = fields;
    message->fields[message->field_count++] = *field;
    return PMIPC_OK;
}

/* ---- standard messages ---- */

#define CDR_STANDARD_FIELDS 2

/* Types that descriptions may leave out. */
static const struct {
    const char *name;
    struct {
        const char *name, *type;
    } fields[CDR_STANDARD_FIELDS];
} cdr_standard[] = {
    {"builtin_interfaces/msg/Time", {{"sec", "int32"}, {"nanosec", "uint32"}}},
    {"builtin_interfaces/msg/Duration", {{"sec", "int32"}, {"nanosec", "uint32"}}},
    {"std_msgs/msg/Header", {{"stamp", "builtin_interfaces/msg/Time"}, {"frame_id", "string"}}},
};

static pmipc_status cdr_add_standard(pmipc_cdr_types *types, pmipc_error *error)
{
    pmipc_status status = PMIPC_OK;
    for (size_t i = 0; i < sizeof cdr_standard / sizeof cdr_standard[0] && !status; i++) {
        struct cdr_message *message = NULL;
        status = cdr_types_begin(types, cdr_standard[i].name, &message, error);
        for (size_t j = 0; j < CDR_STANDARD_FIELDS && !status; j++) {
            const char *type = cdr_standard[i].fields[j].type;
            const struct cdr_primitive *primitive = cdr_primitive_find(type, strlen(type));
            const struct cdr_field_type field = {
                .field = {.name = cdr_standard[i].fields[j].name,
                          .type_name = type,
                          .dtype = primitive ? primitive->dtype : PMIPC_CDR_MESSAGE},
                .item_bytes = primitive ? primitive->item_bytes : 0,
            };
            status = cdr_message_append(types, message, &field, error);
        }
        if (!status)
            message->is_standard = true;
    }
    return status;
}

pmipc_status pmipc_cdr_types_create(pmipc_cdr_types **types, pmipc_error *error)
{
    if (!types)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "types is NULL");
    *types = calloc(1, sizeof **types);
    if (!*types)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for message types");
    cdr_types_retain(*types);
    pmipc_status status = cdr_add_standard(*types, error);
    if (status) {
        pmipc_cdr_types_destroy(*types);
        *types = NULL;
    }
    return status;
}
