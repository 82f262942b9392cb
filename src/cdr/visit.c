#include "cdr/visit.h"

#include "os/error.h"

struct cdr_walker {
    struct cdr_input input;
    pmipc_cdr_visitor visitor;
    void *context;
    bool stopped;
    uint32_t depth; /* entries of `path`; after a fault it stays at the field with the fault */
    struct {
        const char *name;
        int64_t index; /* -1: none */
    } path[PMIPC_CDR_MAX_DEPTH];
};

static void cdr_walk_message(struct cdr_walker *walker, const struct cdr_message *message,
                             const pmipc_cdr_field *field);

static bool cdr_walk_continues(const struct cdr_walker *walker)
{
    return cdr_input_is_valid(&walker->input) && !walker->stopped;
}

static void cdr_send_event(struct cdr_walker *walker, pmipc_cdr_event_kind kind, const pmipc_cdr_field *field,
                           const void *data, uint64_t count)
{
    const pmipc_cdr_event event = {
        .kind = kind, .field = field, .data = data, .count = count, .swapped = walker->input.swapped};
    if (cdr_walk_continues(walker) && walker->visitor && !walker->visitor(walker->context, &event))
        walker->stopped = true;
}

static void cdr_walk_numbers(struct cdr_walker *walker, const struct cdr_field_type *field, uint64_t count)
{
    const uint8_t *data = cdr_read_items(&walker->input, count, field->item_bytes);
    if (data && field->field.dtype == PMIPC_BOOL) {
        uint64_t bad = cdr_find_invalid_bool(data, count);
        if (bad < count) {
            if (field->field.is_array || field->field.is_sequence)
                walker->path[walker->depth - 1].index = (int64_t)bad;
            walker->input.position = (size_t)(data + bad - walker->input.body);
            cdr_input_fail(&walker->input, CDR_NOT_BOOL, data[bad], 0);
        }
    }
    cdr_send_event(walker, PMIPC_CDR_VALUES, &field->field, data, count);
}

static void cdr_walk_element(struct cdr_walker *walker, const struct cdr_field_type *field)
{
    if (field->message) {
        cdr_walk_message(walker, field->message, &field->field);
        return;
    }
    pmipc_cdr_span text = cdr_read_text(&walker->input, field->item_bytes, field->field.text_bound);
    cdr_send_event(walker, PMIPC_CDR_VALUES, &field->field, text.data, text.count);
}

static void cdr_walk_field(struct cdr_walker *walker, const struct cdr_field_type *field)
{
    struct cdr_input *input = &walker->input;
    bool is_list = field->field.is_array || field->field.is_sequence;
    bool is_number = !field->message && !cdr_dtype_is_text(field->field.dtype);
    bool is_delimited = is_list && !is_number;
    size_t end = is_delimited ? cdr_delimiter_begin(input) : 0;
    uint64_t count = cdr_field_repeat(field);
    if (field->field.is_sequence)
        count = cdr_read_count(input,
                               field->message ? field->message->min_bytes
                               : is_number    ? field->item_bytes
                                              : 4,
                               field->field.length, field->field.dtype == PMIPC_UINT8);
    if (!cdr_walk_continues(walker))
        return;
    if (is_number) {
        cdr_walk_numbers(walker, field, count);
        return;
    }
    if (!is_list) {
        cdr_walk_element(walker, field);
        return;
    }
    cdr_send_event(walker, PMIPC_CDR_LIST_BEGIN, &field->field, NULL, count);
    for (uint64_t i = 0; i < count && cdr_walk_continues(walker); i++) {
        walker->path[walker->depth - 1].index = (int64_t)i;
        cdr_walk_element(walker, field);
    }
    if (!cdr_walk_continues(walker))
        return;
    walker->path[walker->depth - 1].index = -1;
    cdr_delimiter_end(input, is_delimited ? end : input->position);
    cdr_send_event(walker, PMIPC_CDR_LIST_END, &field->field, NULL, count);
}

static void cdr_walk_message(struct cdr_walker *walker, const struct cdr_message *message, const pmipc_cdr_field *field)
{
    cdr_send_event(walker, PMIPC_CDR_MESSAGE_BEGIN, field, NULL, 1);
    for (uint32_t i = 0; i < message->field_count && cdr_walk_continues(walker); i++) {
        walker->path[walker->depth].name = message->fields[i].field.name;
        walker->path[walker->depth++].index = -1;
        cdr_walk_field(walker, &message->fields[i]);
        if (cdr_walk_continues(walker))
            walker->depth--;
    }
    cdr_send_event(walker, PMIPC_CDR_MESSAGE_END, field, NULL, 1);
}

pmipc_status cdr_walk(const struct cdr_message *message, const void *bytes, size_t byte_count,
                      pmipc_cdr_visitor visitor, void *context, pmipc_error *error)
{
    struct cdr_walker walker = {.visitor = visitor, .context = context};
    const pmipc_cdr_field whole = {.name = "", .type_name = message->name, .dtype = PMIPC_CDR_MESSAGE};
    cdr_input_start(&walker.input, bytes, byte_count);
    if (cdr_input_is_valid(&walker.input))
        cdr_walk_message(&walker, message, &whole);
    if (walker.stopped)
        return error_set(error, PMIPC_INTERRUPTED, 0, "the visitor of a %s ended the walk", message->name);
    if (cdr_input_is_valid(&walker.input))
        return PMIPC_OK;
    error_set(error, PMIPC_CORRUPT, 0, "%s: ", message->name);
    for (uint32_t i = 0; i < walker.depth; i++) {
        error_append(error, "%s%s", i ? "." : "", walker.path[i].name);
        if (walker.path[i].index >= 0)
            error_append(error, "[%lld]", (long long)walker.path[i].index);
    }
    error_append(error, "%s", walker.depth ? ": " : "");
    return cdr_fault_report(&walker.input.fault, error);
}

pmipc_status pmipc_cdr_visit(pmipc_cdr_types *types, const char *message, const void *bytes, size_t byte_count,
                             pmipc_cdr_visitor visitor, void *context, pmipc_error *error)
{
    if (!types || !message || (!bytes && byte_count))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "types, message and bytes must not be NULL");
    struct cdr_message *resolved;
    pmipc_status status = cdr_types_resolve(types, message, &resolved, error);
    return status ? status : cdr_walk(resolved, bytes, byte_count, visitor, context, error);
}
