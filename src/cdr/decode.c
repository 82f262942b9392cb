/* decode.c: run a plan over a message and fill columns. */
#include <stdlib.h>

#include "cdr/plan.h"
#include "cdr/primitives.h"
#include "cdr/visit.h"
#include "os/error.h"

struct pmipc_cdr_decoder {
    struct cdr_plan plan;
};

struct cdr_decoding {
    struct cdr_input input;
    const struct cdr_step *steps;
    const struct cdr_leaf *leaves;
    pmipc_cdr_column *columns;
    bool overflows; /* a column has no room; counting continues for all of them */
};

/* Add `count` elements to the count of a leaf's column. Returns where to store them; NULL: nowhere. */
static inline void *cdr_column_extend(struct cdr_decoding *run, int32_t leaf, uint64_t count)
{
    pmipc_cdr_column *column = &run->columns[leaf];
    uint64_t begin = column->count;
    column->count += count;
    if (!column->data)
        return NULL;
    if (column->count > column->capacity) {
        run->overflows = true;
        return NULL;
    }
    return (uint8_t *)column->data + begin * run->leaves[leaf].item_bytes;
}

/* End a row of `count` elements. All rows are equal if the sum of their elements is rows * count after every row. */
static inline void cdr_column_end_row(pmipc_cdr_column *column, uint64_t count)
{
    column->rows++;
    column->ragged = column->ragged || column->count != column->rows * count;
}

static void cdr_column_add_span(struct cdr_decoding *run, int32_t leaf, pmipc_cdr_span span)
{
    pmipc_cdr_span *place = cdr_column_extend(run, leaf, 1);
    if (place)
        *place = span;
}

static void cdr_column_add_numbers(struct cdr_decoding *run, const struct cdr_step *step, const uint8_t *items,
                                   uint64_t count)
{
    pmipc_cdr_column *column = &run->columns[step->leaf];
    if (run->leaves[step->leaf].is_spans) {
        cdr_column_add_span(run, step->leaf, (pmipc_cdr_span){items, count});
        cdr_column_end_row(column, 1);
        return;
    }
    void *place = cdr_column_extend(run, step->leaf, count);
    cdr_column_end_row(column, count);
    if (!place)
        return;
    /* Reading a bool that is neither 0 nor 1 is undefined behavior. */
    if (step->is_bool && cdr_find_invalid_bool(items, count) != count)
        cdr_input_fail(&run->input, CDR_NOT_BOOL, items[cdr_find_invalid_bool(items, count)], 0);
    else
        pmipc_cdr_copy(place, items, count, step->item_bytes, run->input.swapped);
}

/* The number of items or elements that follow. */
static inline uint64_t cdr_decode_count(struct cdr_decoding *run, const struct cdr_step *step)
{
    if (!step->is_sequence)
        return step->repeat;
    uint32_t count = cdr_read_count(&run->input, step->element_bytes, step->bound, step->is_octets);
    if (step->count_leaf != CDR_NO_LEAF && cdr_input_is_valid(&run->input)) {
        uint32_t *place = cdr_column_extend(run, step->count_leaf, 1);
        if (place)
            *place = count;
        cdr_column_end_row(&run->columns[step->count_leaf], 1);
    }
    return count;
}

static inline void cdr_decode_numbers(struct cdr_decoding *run, const struct cdr_step *step)
{
    uint64_t count = cdr_decode_count(run, step) * step->per_item;
    const uint8_t *items = cdr_read_items(&run->input, count, step->item_bytes);
    if (step->leaf != CDR_NO_LEAF && cdr_input_is_valid(&run->input))
        cdr_column_add_numbers(run, step, items, count);
}

static inline void cdr_decode_text(struct cdr_decoding *run, const struct cdr_step *step)
{
    uint64_t count = cdr_decode_count(run, step);
    for (uint64_t i = 0; i < count && cdr_input_is_valid(&run->input); i++) {
        pmipc_cdr_span text = cdr_read_text(&run->input, step->item_bytes, step->text_bound);
        if (step->leaf != CDR_NO_LEAF && cdr_input_is_valid(&run->input))
            cdr_column_add_span(run, step->leaf, text);
    }
    if (step->leaf != CDR_NO_LEAF && cdr_input_is_valid(&run->input))
        cdr_column_end_row(&run->columns[step->leaf], count);
}

static inline void cdr_decode_fixed(struct cdr_decoding *run, const struct cdr_step *step)
{
    struct cdr_input *input = &run->input;
    uint64_t bytes = step->advance.bytes[input->version2][input->position & 7];
    if (bytes > input->bytes - input->position)
        cdr_input_fail(input, CDR_TRUNCATED, 1, bytes);
    else
        input->position += bytes;
}

static void cdr_decode_steps(struct cdr_decoding *run, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end && cdr_input_is_valid(&run->input);) {
        const struct cdr_step *step = &run->steps[i];
        size_t delimiter = step->is_delimited ? cdr_delimiter_begin(&run->input) : 0;
        uint32_t next = i + 1;
        switch (step->kind) {
        case CDR_STEP_FIXED:
            cdr_decode_fixed(run, step);
            break;
        case CDR_STEP_NUMBERS:
            cdr_decode_numbers(run, step);
            break;
        case CDR_STEP_TEXT:
            cdr_decode_text(run, step);
            break;
        case CDR_STEP_LOOP:
            next = step->end;
            for (uint64_t left = cdr_decode_count(run, step); left && cdr_input_is_valid(&run->input); left--)
                cdr_decode_steps(run, i + 1, next);
            break;
        }
        if (step->is_delimited)
            cdr_delimiter_end(&run->input, delimiter);
        i = next;
    }
}

static pmipc_status cdr_report_overflow(const struct cdr_plan *plan, const pmipc_cdr_column *columns,
                                        pmipc_error *error)
{
    for (uint32_t i = 0; i < plan->leaf_count; i++)
        if (columns[i].data && columns[i].count > columns[i].capacity)
            return error_set(error, PMIPC_SCHEMA_MISMATCH, 0,
                             "%s: %s: the message has %llu elements, the column has room for %llu", plan->message->name,
                             plan->leaves[i].path, (unsigned long long)columns[i].count,
                             (unsigned long long)columns[i].capacity);
    return PMIPC_SCHEMA_MISMATCH;
}

pmipc_status pmipc_cdr_decode(const pmipc_cdr_decoder *decoder, const void *bytes, size_t byte_count,
                              pmipc_cdr_column *columns, pmipc_error *error)
{
    if (!decoder || (!bytes && byte_count) || (decoder->plan.leaf_count && !columns))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "decoder, bytes and columns must not be NULL");
    const struct cdr_plan *plan = &decoder->plan;
    struct cdr_decoding run = {.steps = plan->steps, .leaves = plan->leaves, .columns = columns};
    cdr_input_start(&run.input, bytes, byte_count);
    for (uint32_t i = 0; i < plan->leaf_count; i++) {
        columns[i].count = 0;
        columns[i].rows = 0;
        columns[i].ragged = false;
        columns[i].swapped = run.input.swapped;
    }
    cdr_decode_steps(&run, 0, plan->step_count);
    if (__builtin_expect(cdr_input_is_valid(&run.input) && !run.overflows, 1))
        return PMIPC_OK;
    if (cdr_input_is_valid(&run.input))
        return cdr_report_overflow(plan, columns, error);
    pmipc_status status = cdr_walk(plan->message, bytes, byte_count, NULL, NULL, error);
    if (status)
        return status;
    error_set(error, PMIPC_CORRUPT, 0, "%s: ", plan->message->name);
    return cdr_fault_report(&run.input.fault, error);
}

pmipc_status pmipc_cdr_decoder_create(pmipc_cdr_decoder **decoder, pmipc_cdr_types *types, const char *message,
                                      const pmipc_cdr_leaf *leaves, uint32_t leaf_count, pmipc_error *error)
{
    if (!decoder)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "decoder is NULL");
    *decoder = calloc(1, sizeof **decoder);
    if (!*decoder)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for a decoder");
    pmipc_status status = cdr_plan_compile(&(*decoder)->plan, types, message, leaves, leaf_count, error);
    if (status) {
        pmipc_cdr_decoder_destroy(*decoder);
        *decoder = NULL;
    }
    return status;
}

void pmipc_cdr_decoder_destroy(pmipc_cdr_decoder *decoder)
{
    if (!decoder)
        return;
    cdr_plan_free(&decoder->plan);
    free(decoder);
}
