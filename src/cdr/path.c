#include "cdr/path.h"

#include "os/error.h"

struct cdr_path_part cdr_path_split(const char *path)
{
    struct cdr_path_part part = {.name = path, .length = strcspn(path, ".[#"), .next = CDR_PATH_BROKEN};
    const char *tail = path + part.length;
    part.rest = tail + strlen(tail);
    if (*tail == '\0' || strcmp(tail, "[]") == 0) {
        part.next = CDR_PATH_END;
    } else if (strcmp(tail, "#") == 0) {
        part.next = CDR_PATH_COUNTS;
    } else if (*tail == '.') {
        part.next = CDR_PATH_MEMBER;
        part.rest = tail + 1;
    } else if (strncmp(tail, "[].", 3) == 0) {
        part.next = CDR_PATH_ELEMENTS;
        part.rest = tail + 3;
    }
    return part;
}

static const struct cdr_field_type *cdr_path_field(const struct cdr_message *message, const struct cdr_path_part *part)
{
    for (uint32_t i = 0; i < message->field_count; i++)
        if (cdr_path_names(part, &message->fields[i]))
            return &message->fields[i];
    return NULL;
}

static pmipc_status cdr_path_no_field(const struct cdr_message *message, const struct cdr_path_part *part,
                                      const char *path, pmipc_error *error)
{
    error_set(error, PMIPC_INVALID_ARGUMENT, 0, "'%.200s': %s has no field '%.*s'; its fields are ", path,
              message->name, (int)(part->length < 80 ? part->length : 80), part->name);
    for (uint32_t i = 0; i < message->field_count; i++)
        error_append(error, "%s%s", i ? ", " : "", message->fields[i].field.name);
    return PMIPC_INVALID_ARGUMENT;
}

static bool cdr_place_add(pmipc_cdr_place *place, int64_t length, uint32_t bound)
{
    if (place->ndim == PMIPC_MAX_NDIM)
        return false;
    place->shape[place->ndim] = length;
    place->bounds[place->ndim++] = bound;
    return true;
}

/* Check one part of a path against the field that it names. Returns what is wrong; NULL: nothing. */
static const char *cdr_path_mismatch(const struct cdr_path_part *part, const pmipc_cdr_field *field)
{
    bool is_message = field->dtype == PMIPC_CDR_MESSAGE, is_list = field->is_array || field->is_sequence;
    switch (part->next) {
    case CDR_PATH_END:
        return part->name[part->length] == '[' && !is_list ? "has no elements" : NULL;
    case CDR_PATH_COUNTS:
        return field->is_sequence ? NULL : "is not a sequence and has no count";
    case CDR_PATH_MEMBER:
        return !is_message ? "has no fields"
               : is_list   ? "is a list of messages: name a field of its elements with '[].'"
                           : NULL;
    case CDR_PATH_ELEMENTS:
        return !is_list ? "has no elements" : is_message ? NULL : "has elements without fields";
    default:
        return "is followed by something other than '.', '[].', '[]' or '#'";
    }
}

pmipc_status cdr_path_find(const struct cdr_message *message, const char *path, pmipc_cdr_place *place,
                           pmipc_error *error)
{
    const struct cdr_message *end = message; /* the message that the path leads to; NULL: it leads to a primitive */
    bool fits = true;
    memset(place, 0, sizeof *place);
    for (struct cdr_path_part part = {.rest = path, .next = CDR_PATH_MEMBER}; *path && part.next >= CDR_PATH_MEMBER;) {
        part = cdr_path_split(part.rest);
        const struct cdr_field_type *field = cdr_path_field(end, &part);
        if (!field)
            return cdr_path_no_field(end, &part, path, error);
        const char *mismatch = cdr_path_mismatch(&part, &field->field);
        if (mismatch)
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "'%.200s' in %s: %s %s", path, message->name,
                             field->field.name, mismatch);
        if (part.next == CDR_PATH_COUNTS) {
            place->dtype = PMIPC_UINT32;
            end = NULL;
            break;
        }
        if (field->field.is_array)
            fits = fits && cdr_place_add(place, field->field.length, 0);
        if (field->field.is_sequence)
            fits = fits && cdr_place_add(place, -1, field->field.length);
        end = field->message;
        place->dtype = field->field.dtype;
    }
    if (end) {
        place->dtype = end->uniform_count ? end->uniform : PMIPC_CDR_MESSAGE;
        if (end->uniform_count > 1)
            fits = fits && cdr_place_add(place, end->uniform_count, 0);
    }
    if (!fits)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "'%.200s' in %s has more than %d dimensions", path,
                         message->name, PMIPC_MAX_NDIM);
    return PMIPC_OK;
}

pmipc_status pmipc_cdr_types_find(pmipc_cdr_types *types, const char *message, const char *path, pmipc_cdr_place *place,
                                  pmipc_error *error)
{
    if (!types || !message || !path || !place)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "types, message, path and place must not be NULL");
    struct cdr_message *resolved;
    pmipc_status status = cdr_types_resolve(types, message, &resolved, error);
    return status ? status : cdr_path_find(resolved, path, place, error);
}
