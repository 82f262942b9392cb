/* encode.c: run a plan over columns and write a message. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdr/plan.h"
#include "cdr/primitives.h"
#include "os/error.h"

struct pmipc_cdr_encoder {
    struct cdr_plan plan;
    bool swapped;
};

struct cdr_encoding {
    struct cdr_output output;
    const struct cdr_plan *plan;
    pmipc_cdr_column *columns;
    pmipc_error *error;
    bool failed;
};

__attribute__((cold, format(printf, 3, 4))) static void cdr_encode_fail(struct cdr_encoding *run, int32_t leaf,
                                                                        const char *format, ...)
{
    char reason[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    if (!run->failed)
        error_set(run->error, PMIPC_INVALID_ARGUMENT, 0, "%s: %s: %s", run->plan->message->name,
                  leaf == CDR_NO_LEAF ? "a constant" : run->plan->leaves[leaf].path, reason);
    run->failed = true;
}

/* The next `count` elements of a column. NULL, and the run has failed: it has fewer. */
static const void *cdr_column_take(struct cdr_encoding *run, int32_t leaf, uint64_t count)
{
    pmipc_cdr_column *column = &run->columns[leaf];
    if (!column->data || count > column->count - column->used) {
        if (count)
            cdr_encode_fail(run, leaf, "%llu elements are given, at least %llu are needed",
                            (unsigned long long)column->count, (unsigned long long)(column->used + count));
        return NULL;
    }
    const uint8_t *items = (const uint8_t *)column->data + column->used * run->plan->leaves[leaf].item_bytes;
    column->used += count;
    return items;
}

/* The occurrences of a leaf's path, from its column. */
static uint64_t cdr_column_rows(const struct cdr_encoding *run, int32_t leaf)
{
    const struct cdr_step *step = &run->plan->steps[run->plan->leaves[leaf].step];
    const pmipc_cdr_column *column = &run->columns[leaf];
    if (run->plan->leaves[leaf].is_counts || (run->plan->leaves[leaf].is_spans && step->kind == CDR_STEP_NUMBERS))
        return column->count;
    if (!step->is_sequence)
        return column->count / (step->repeat * step->per_item);
    return column->rows;
}

static uint64_t cdr_column_count(struct cdr_encoding *run, const struct cdr_step *step)
{
    const pmipc_cdr_column *column = &run->columns[step->leaf];
    uint64_t elements = column->count;
    if (run->plan->leaves[step->leaf].is_spans && step->kind == CDR_STEP_NUMBERS) {
        const pmipc_cdr_span *spans = column->data;
        elements = spans && column->used < column->count ? spans[column->used].count : 0;
    } else if (step->loops) {
        if (column->rows == 0 || elements % column->rows != 0) {
            cdr_encode_fail(run, step->leaf, "%llu elements in %llu rows: give equal rows, spans, or a leaf '%s#'",
                            (unsigned long long)elements, (unsigned long long)column->rows,
                            run->plan->leaves[step->leaf].path);
            return 0;
        }
        elements /= column->rows;
    }
    if (elements % step->per_item != 0)
        cdr_encode_fail(run, step->leaf, "%llu elements are not a multiple of %llu", (unsigned long long)elements,
                        (unsigned long long)step->per_item);
    return elements / step->per_item;
}

/* The number of items or elements to write. The count of a sequence is written. */
static uint64_t cdr_encode_count(struct cdr_encoding *run, const struct cdr_step *step)
{
    uint64_t count = 0;
    int32_t leaf = step->leaf;
    if (!step->is_sequence)
        return step->repeat;
    if (step->count_leaf != CDR_NO_LEAF) {
        leaf = step->count_leaf;
        const struct cdr_leaf *counts = &run->plan->leaves[leaf];
        const void *next = counts->is_constant ? counts->constant.data : cdr_column_take(run, leaf, 1);
        uint32_t given = 0; /* columns may be unaligned */
        if (next)
            memcpy(&given, next, sizeof given);
        count = given;
    } else if (step->kind == CDR_STEP_LOOP) {
        leaf = step->rows_leaf;
        count = leaf != CDR_NO_LEAF ? cdr_column_rows(run, leaf) : 0;
    } else if (leaf != CDR_NO_LEAF) {
        count = cdr_column_count(run, step);
    } else if (step->constant) {
        count = step->constant->count / step->per_item;
    }
    if (count > (step->bound ? step->bound : UINT32_MAX))
        cdr_encode_fail(run, leaf, "%llu elements, at most %u are allowed", (unsigned long long)count,
                        step->bound ? step->bound : UINT32_MAX);
    cdr_write_u32(&run->output, (uint32_t)count);
    return count;
}

static void cdr_encode_numbers(struct cdr_encoding *run, const struct cdr_step *step)
{
    uint64_t items = cdr_encode_count(run, step) * step->per_item;
    const void *data = NULL;
    if (run->failed)
        return;
    if (step->leaf == CDR_NO_LEAF) {
        data = step->constant ? step->constant->data : NULL;
        if (step->constant && step->constant->count != items)
            cdr_encode_fail(run, step->count_leaf, "%llu elements are needed, the constant has %llu",
                            (unsigned long long)items, (unsigned long long)step->constant->count);
    } else if (run->plan->leaves[step->leaf].is_spans) {
        const pmipc_cdr_span *span = cdr_column_take(run, step->leaf, 1);
        if (span && (span->count != items || (items && !span->data)))
            cdr_encode_fail(run, step->leaf, "a span has %llu elements, %llu are needed",
                            (unsigned long long)span->count, (unsigned long long)items);
        data = span ? span->data : NULL;
    } else {
        data = cdr_column_take(run, step->leaf, items);
    }
    if (!run->failed)
        cdr_write_items(&run->output, data, items, step->item_bytes);
}

static void cdr_encode_text(struct cdr_encoding *run, const struct cdr_step *step)
{
    static const pmipc_cdr_span empty = {"", 0};
    uint64_t count = cdr_encode_count(run, step), limit = step->text_bound ? step->text_bound : UINT32_MAX - 1;
    if (step->leaf == CDR_NO_LEAF && step->constant && step->constant->count != count)
        cdr_encode_fail(run, step->count_leaf, "%llu elements are needed, the constant has %llu",
                        (unsigned long long)count, (unsigned long long)step->constant->count);
    for (uint64_t i = 0; i < count && !run->failed; i++) {
        const pmipc_cdr_span *text = step->leaf != CDR_NO_LEAF ? cdr_column_take(run, step->leaf, 1)
                                     : step->constant          ? (const pmipc_cdr_span *)step->constant->data + i
                                                               : &empty;
        if (text && text->count > limit)
            cdr_encode_fail(run, step->leaf, "a string of %llu characters, at most %llu are allowed",
                            (unsigned long long)text->count, (unsigned long long)limit);
        else if (text && text->count && !text->data)
            cdr_encode_fail(run, step->leaf, "the data of a string is NULL");
        else if (text)
            cdr_write_text(&run->output, text, step->item_bytes);
    }
}

static void cdr_encode_steps(struct cdr_encoding *run, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end && !run->failed;) {
        const struct cdr_step *step = &run->plan->steps[i];
        uint32_t next = i + 1;
        switch (step->kind) {
        case CDR_STEP_FIXED:
            cdr_write_items(&run->output, NULL, step->advance.bytes[0][run->output.position & 7], 1);
            break;
        case CDR_STEP_NUMBERS:
            cdr_encode_numbers(run, step);
            break;
        case CDR_STEP_TEXT:
            cdr_encode_text(run, step);
            break;
        case CDR_STEP_LOOP:
            next = step->end;
            for (uint64_t left = cdr_encode_count(run, step); left && !run->failed; left--)
                cdr_encode_steps(run, i + 1, next);
            break;
        }
        if (run->output.position > UINT32_MAX)
            cdr_encode_fail(run, step->leaf, "the message is larger than 4 GiB");
        i = next;
    }
}

pmipc_status pmipc_cdr_encode(const pmipc_cdr_encoder *encoder, pmipc_cdr_column *columns, void *buffer,
                              size_t capacity, size_t *byte_count, pmipc_error *error)
{
    if (!encoder || !byte_count || (capacity && !buffer) || (encoder->plan.leaf_count && !columns))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "encoder, columns, buffer and byte_count must not be NULL");
    const struct cdr_plan *plan = &encoder->plan;
    struct cdr_encoding run = {.plan = plan, .columns = columns, .error = error};
    cdr_output_start(&run.output, buffer, capacity, encoder->swapped);
    for (uint32_t i = 0; i < plan->leaf_count; i++)
        columns[i].used = 0;
    cdr_encode_steps(&run, 0, plan->step_count);
    for (uint32_t i = 0; i < plan->leaf_count && !run.failed; i++)
        if (!plan->leaves[i].is_constant && columns[i].used != columns[i].count)
            cdr_encode_fail(&run, (int32_t)i, "%llu elements are given, the message takes %llu",
                            (unsigned long long)columns[i].count, (unsigned long long)columns[i].used);
    if (run.failed)
        return PMIPC_INVALID_ARGUMENT;
    *byte_count = CDR_HEADER_BYTES + run.output.position;
    if (*byte_count > capacity)
        return error_set(error, PMIPC_NO_SPACE, 0, "%s: the message takes %zu bytes, the buffer has %zu",
                         plan->message->name, *byte_count, capacity);
    return PMIPC_OK;
}

pmipc_status pmipc_cdr_encoder_create(pmipc_cdr_encoder **encoder, pmipc_cdr_types *types, const char *message,
                                      const pmipc_cdr_leaf *leaves, uint32_t leaf_count, uint32_t flags,
                                      pmipc_error *error)
{
    if (!encoder || (flags & ~(uint32_t)PMIPC_CDR_SWAPPED))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "encoder is NULL, or flags has unknown bits");
    *encoder = calloc(1, sizeof **encoder);
    if (!*encoder)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for an encoder");
    (*encoder)->plan.encodes = true;
    (*encoder)->swapped = flags & PMIPC_CDR_SWAPPED;
    pmipc_status status = cdr_plan_compile(&(*encoder)->plan, types, message, leaves, leaf_count, error);
    if (status) {
        pmipc_cdr_encoder_destroy(*encoder);
        *encoder = NULL;
    }
    return status;
}

void pmipc_cdr_encoder_destroy(pmipc_cdr_encoder *encoder)
{
    if (!encoder)
        return;
    cdr_plan_free(&encoder->plan);
    free(encoder);
}
