#include "cdr/plan.h"

#include <stdio.h>

#include "cdr/path.h"
#include "os/error.h"

struct cdr_compiler {
    struct cdr_plan *plan;
    pmipc_error *error;
    uint32_t loops;
    uint32_t no_merge_before; /* steps from here on may not merge into the last step of a loop */
    size_t prefix_bytes;
    char prefix[CDR_MAX_PATH + 1]; /* the path to the current message, with its final '.' or '[].' */
};

/* The leaves of one field. */
struct cdr_wanted {
    int32_t leaf;
    int32_t count_leaf;
    bool within; /* a leaf is inside the field */
};

static pmipc_status cdr_compile_message(struct cdr_compiler *compiler, const struct cdr_message *message);

static pmipc_status cdr_fail_overlap(struct cdr_compiler *compiler, const struct cdr_field_type *field)
{
    return error_set(compiler->error, PMIPC_INVALID_ARGUMENT, 0,
                     "%s: two paths lead to %s%s or into it: remove one of them", compiler->plan->message->name,
                     compiler->prefix, field->field.name);
}

static pmipc_status cdr_find_wanted(struct cdr_compiler *compiler, const struct cdr_field_type *field,
                                    struct cdr_wanted *wanted)
{
    const struct cdr_plan *plan = compiler->plan;
    *wanted = (struct cdr_wanted){.leaf = CDR_NO_LEAF, .count_leaf = CDR_NO_LEAF};
    for (uint32_t i = 0; i < plan->leaf_count; i++) {
        const char *path = plan->leaves[i].path;
        if (strncmp(path, compiler->prefix, compiler->prefix_bytes) != 0)
            continue;
        struct cdr_path_part part = cdr_path_split(path + compiler->prefix_bytes);
        if (!cdr_path_names(&part, field))
            continue;
        int32_t *taken = part.next == CDR_PATH_END      ? &wanted->leaf
                         : part.next == CDR_PATH_COUNTS ? &wanted->count_leaf
                                                        : NULL;
        if (taken && *taken != CDR_NO_LEAF)
            return cdr_fail_overlap(compiler, field);
        if (taken)
            *taken = (int32_t)i;
        else
            wanted->within = true;
    }
    return wanted->leaf != CDR_NO_LEAF && wanted->within ? cdr_fail_overlap(compiler, field) : PMIPC_OK;
}

/* Append a step for a field. The pointer is valid until the next step. */
static struct cdr_step *cdr_emit(struct cdr_compiler *compiler, enum cdr_step_kind kind,
                                 const struct cdr_field_type *field, const struct cdr_wanted *wanted)
{
    struct cdr_plan *plan = compiler->plan;
    struct cdr_step *steps =
        cdr_arena_grow(&plan->arena, plan->steps, plan->step_count, &plan->step_capacity, sizeof *steps);
    if (!steps) {
        error_set(compiler->error, PMIPC_NO_MEMORY, 0, "no memory to compile %s", plan->message->name);
        return NULL;
    }
    plan->steps = steps;
    struct cdr_step *step = &plan->steps[plan->step_count++];
    *step = (struct cdr_step){
        .kind = kind,
        .leaf = wanted->leaf,
        .count_leaf = wanted->count_leaf,
        .rows_leaf = CDR_NO_LEAF,
        .loops = compiler->loops,
        .is_sequence = field->field.is_sequence,
        .is_delimited =
            (field->field.is_sequence || field->field.is_array) && (field->message || kind == CDR_STEP_TEXT),
        .bound = field->field.is_sequence ? field->field.length : 0,
        .text_bound = field->field.text_bound,
        .repeat = cdr_field_repeat(field),
        .per_item = 1,
        .item_bytes = field->item_bytes,
        .element_bytes = field->message          ? field->message->min_bytes
                         : kind == CDR_STEP_TEXT ? 4
                                                 : field->item_bytes,
        .is_bool = field->field.dtype == PMIPC_BOOL,
        .is_octets = field->field.dtype == PMIPC_UINT8,
        .constant = field->default_value.count ? &field->default_value : NULL,
    };
    if (wanted->leaf != CDR_NO_LEAF)
        plan->leaves[wanted->leaf].step = plan->step_count - 1;
    if (wanted->count_leaf != CDR_NO_LEAF)
        plan->leaves[wanted->count_leaf].step = plan->step_count - 1;
    return step;
}

/* A fixed-size field without a leaf. It merges with a previous step of such fields. */
static pmipc_status cdr_compile_fixed(struct cdr_compiler *compiler, const struct cdr_field_type *field,
                                      const struct cdr_wanted *wanted)
{
    struct cdr_plan *plan = compiler->plan;
    struct cdr_step *step = plan->step_count > compiler->no_merge_before ? &plan->steps[plan->step_count - 1] : NULL;
    if (!step || step->kind != CDR_STEP_FIXED)
        step = cdr_emit(compiler, CDR_STEP_FIXED, field, wanted);
    if (!step)
        return PMIPC_NO_MEMORY;
    struct cdr_advance advance =
        field->message ? field->message->advance : cdr_advance_of_items(cdr_field_repeat(field), field->item_bytes);
    cdr_advance_append(&step->advance, &advance);
    return PMIPC_OK;
}

/* Numbers or strings, with or without a leaf, or a message whose fields all have one dtype. */
static pmipc_status cdr_compile_values(struct cdr_compiler *compiler, const struct cdr_field_type *field,
                                       const struct cdr_wanted *wanted)
{
    enum cdr_step_kind kind = cdr_dtype_is_text(field->field.dtype) ? CDR_STEP_TEXT : CDR_STEP_NUMBERS;
    struct cdr_step *step = cdr_emit(compiler, kind, field, wanted);
    if (!step)
        return PMIPC_NO_MEMORY;
    if (field->message) {
        step->per_item = field->message->uniform_count;
        step->item_bytes = (uint32_t)(field->message->min_bytes / field->message->uniform_count);
        step->is_bool = field->message->uniform == PMIPC_BOOL;
    }
    if (wanted->leaf == CDR_NO_LEAF || !compiler->plan->leaves[wanted->leaf].is_constant)
        return PMIPC_OK;
    const struct cdr_leaf *leaf = &compiler->plan->leaves[wanted->leaf];
    uint64_t items = step->repeat * step->per_item;
    if (step->is_sequence ? leaf->constant.count % step->per_item != 0 : leaf->constant.count != items)
        return error_set(compiler->error, PMIPC_INVALID_ARGUMENT, 0,
                         "%s: the constant for %s has %llu elements, not %s%llu", compiler->plan->message->name,
                         leaf->path, (unsigned long long)leaf->constant.count,
                         step->is_sequence ? "a multiple of " : "", (unsigned long long)items);
    step->constant = &leaf->constant;
    step->leaf = CDR_NO_LEAF;
    return PMIPC_OK;
}

/* Find the leaf whose rows are the elements of the loop at `loop`, if no '#' leaf gives their number. */
static pmipc_status cdr_find_rows(struct cdr_compiler *compiler, uint32_t loop, const struct cdr_field_type *field)
{
    struct cdr_plan *plan = compiler->plan;
    struct cdr_step *step = &plan->steps[loop];
    bool is_fed = false;
    if (!plan->encodes || !step->is_sequence || step->count_leaf != CDR_NO_LEAF)
        return PMIPC_OK;
    for (uint32_t i = loop + 1; i < step->end && step->rows_leaf == CDR_NO_LEAF; i++) {
        const struct cdr_step *inner = &plan->steps[i];
        int32_t leaf = inner->leaf;
        if (leaf == CDR_NO_LEAF && inner->count_leaf != CDR_NO_LEAF && !plan->leaves[inner->count_leaf].is_constant)
            leaf = inner->count_leaf;
        is_fed = is_fed || leaf != CDR_NO_LEAF;
        if (step->loops == 0 && inner->loops == 1 && leaf != CDR_NO_LEAF)
            step->rows_leaf = leaf;
    }
    if (is_fed && step->rows_leaf == CDR_NO_LEAF)
        return error_set(compiler->error, PMIPC_INVALID_ARGUMENT, 0,
                         "%s: give the number of elements of %s%s with a leaf '%s%s#'", plan->message->name,
                         compiler->prefix, field->field.name, compiler->prefix, field->field.name);
    return PMIPC_OK;
}

/* The fields of a message or of a list of messages, one by one. */
static pmipc_status cdr_compile_nested(struct cdr_compiler *compiler, const struct cdr_field_type *field,
                                       const struct cdr_wanted *wanted)
{
    bool is_list = field->field.is_array || field->field.is_sequence;
    struct cdr_plan *plan = compiler->plan;
    uint32_t loop = plan->step_count;
    size_t prefix_bytes = compiler->prefix_bytes;
    if (is_list) {
        if (!cdr_emit(compiler, CDR_STEP_LOOP, field, wanted))
            return PMIPC_NO_MEMORY;
        compiler->loops++;
    }
    compiler->prefix_bytes += (size_t)snprintf(compiler->prefix + prefix_bytes, sizeof compiler->prefix - prefix_bytes,
                                               "%s%s", field->field.name, is_list ? "[]." : ".");
    pmipc_status status = cdr_compile_message(compiler, field->message);
    compiler->prefix_bytes = prefix_bytes;
    compiler->prefix[prefix_bytes] = '\0';
    if (is_list) {
        compiler->loops--;
        compiler->no_merge_before = plan->step_count;
        plan->steps[loop].end = plan->step_count;
        if (!status)
            status = cdr_find_rows(compiler, loop, field);
    }
    return status;
}

static pmipc_status cdr_compile_field(struct cdr_compiler *compiler, const struct cdr_field_type *field)
{
    struct cdr_wanted wanted;
    pmipc_status status = cdr_find_wanted(compiler, field, &wanted);
    if (status)
        return status;
    const struct cdr_message *nested = field->message;
    bool is_list = field->field.is_array || field->field.is_sequence;
    bool is_unwanted = wanted.leaf == CDR_NO_LEAF && wanted.count_leaf == CDR_NO_LEAF && !wanted.within;
    /* A default that is not zero must be written by a step of its own. */
    bool is_zero = !compiler->plan->encodes || !(nested ? nested->has_defaults : field->default_value.count > 0);
    bool is_fixed =
        nested ? nested->is_fixed && !is_list : !field->field.is_sequence && !cdr_dtype_is_text(field->field.dtype);
    if (is_unwanted && is_fixed && is_zero)
        return cdr_compile_fixed(compiler, field, &wanted);
    if (nested && wanted.leaf == CDR_NO_LEAF && !(is_list && !wanted.within && nested->uniform_count && is_zero))
        return cdr_compile_nested(compiler, field, &wanted);
    return cdr_compile_values(compiler, field, &wanted);
}

static pmipc_status cdr_compile_message(struct cdr_compiler *compiler, const struct cdr_message *message)
{
    pmipc_status status = PMIPC_OK;
    for (uint32_t i = 0; i < message->field_count && !status; i++)
        status = cdr_compile_field(compiler, &message->fields[i]);
    return status;
}

static pmipc_status cdr_copy_constant(struct cdr_plan *plan, struct cdr_leaf *leaf, const pmipc_cdr_column *column,
                                      pmipc_error *error)
{
    bool is_text = cdr_dtype_is_text(leaf->dtype);
    if (!plan->encodes || (leaf->is_spans && !is_text) || (column->count && !column->data) ||
        column->count > UINT32_MAX)
        return error_set(
            error, PMIPC_INVALID_ARGUMENT, 0,
            "%s: a constant must have data and fewer than 2^32 elements, not be spans of numbers, and belong to "
            "an encoder",
            leaf->path);
    size_t bytes = column->count * leaf->item_bytes;
    char *data = cdr_arena_copy_text(&plan->arena, column->data, bytes);
    bool copied = data != NULL;
    pmipc_cdr_span *spans = (void *)data;
    for (uint64_t i = 0; is_text && copied && i < column->count; i++) {
        if (spans[i].count && !spans[i].data)
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: the data of a string is NULL", leaf->path);
        size_t text_bytes = spans[i].count * (leaf->dtype == PMIPC_CDR_WSTRING ? 4 : 1);
        spans[i].data = cdr_arena_copy_text(&plan->arena, spans[i].data, text_bytes);
        copied = spans[i].data != NULL;
    }
    if (!copied)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for the constant of %s", leaf->path);
    leaf->is_constant = true;
    leaf->constant = (struct cdr_constant){data, column->count};
    return PMIPC_OK;
}

/* Check a leaf against its field and store it. */
static pmipc_status cdr_plan_add_leaf(struct cdr_plan *plan, struct cdr_leaf *leaf, const pmipc_cdr_leaf *given,
                                      pmipc_error *error)
{
    pmipc_cdr_place place;
    if (!given->path || (given->flags & ~(uint32_t)PMIPC_CDR_SPANS))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                         "a leaf must have a path, and no flags except PMIPC_CDR_SPANS");
    pmipc_status status = cdr_path_find(plan->message, given->path, &place, error);
    if (status)
        return status;
    if (place.dtype == PMIPC_CDR_MESSAGE)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                         "'%s' in %s is a message with fields of several dtypes: name one of them", given->path,
                         plan->message->name);
    if (place.dtype != given->dtype)
        return error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "%s: %s is %s, not %s", plan->message->name, given->path,
                         cdr_dtype_name(place.dtype), cdr_dtype_name(given->dtype));
    bool is_text = cdr_dtype_is_text(place.dtype);
    size_t length = strlen(given->path);
    leaf->is_counts = length && given->path[length - 1] == '#';
    leaf->is_spans = is_text || (given->flags & PMIPC_CDR_SPANS);
    leaf->dtype = place.dtype;
    leaf->item_bytes = leaf->is_spans ? (uint32_t)sizeof(pmipc_cdr_span) : PMIPC_DTYPE_BITS(place.dtype) / 8;
    leaf->path = cdr_arena_copy_text(&plan->arena, given->path, length);
    if (!leaf->path)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for the path %s", given->path);
    if (leaf->is_counts && leaf->is_spans)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: counts cannot be spans", leaf->path);
    return given->constant ? cdr_copy_constant(plan, leaf, given->constant, error) : PMIPC_OK;
}

pmipc_status cdr_plan_compile(struct cdr_plan *plan, pmipc_cdr_types *types, const char *message,
                              const pmipc_cdr_leaf *leaves, uint32_t leaf_count, pmipc_error *error)
{
    if (!types || !message || (leaf_count && !leaves) || leaf_count > CDR_MAX_FLAT_FIELDS)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                         "types, message and leaves must not be NULL, and there are at most %u leaves",
                         CDR_MAX_FLAT_FIELDS);
    pmipc_status status = cdr_types_resolve(types, message, &plan->message, error);
    if (status)
        return status;
    cdr_types_retain(types);
    plan->types = types;
    plan->leaf_count = leaf_count;
    plan->leaves = cdr_arena_allocate(&plan->arena, leaf_count * sizeof *plan->leaves);
    if (!plan->leaves)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory to compile %s", message);
    for (uint32_t i = 0; i < leaf_count && !status; i++)
        status = cdr_plan_add_leaf(plan, &plan->leaves[i], &leaves[i], error);
    if (status)
        return status;
    struct cdr_compiler compiler = {.plan = plan, .error = error};
    /* The empty path leads to the whole message, which is treated as a field. */
    const struct cdr_field_type whole = {.field = {.name = "the whole message", .dtype = PMIPC_CDR_MESSAGE},
                                         .message = plan->message};
    for (uint32_t i = 0; i < leaf_count; i++)
        if (plan->leaves[i].path[0] == '\0')
            return leaf_count > 1 ? cdr_fail_overlap(&compiler, &whole)
                                  : cdr_compile_values(&compiler, &whole,
                                                       &(struct cdr_wanted){.leaf = 0, .count_leaf = CDR_NO_LEAF});
    return cdr_compile_message(&compiler, plan->message);
}

void cdr_plan_free(struct cdr_plan *plan)
{
    cdr_arena_free(&plan->arena);
    pmipc_cdr_types_destroy(plan->types);
}
