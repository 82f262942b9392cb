#include "ros/intake.h"

#include <stdlib.h>

#include "os/error.h"

#define ROS_FIRST_CAPACITY 16u /* of a list */

static bool ros_leaf_is_text(const struct ros_leaf *leaf)
{
    return leaf->dtype == PMIPC_CDR_STRING || leaf->dtype == PMIPC_CDR_WSTRING;
}

static bool ros_leaf_is_list(const struct ros_leaf *leaf)
{
    return leaf->kind == ROS_LEAF_LIST || leaf->kind == ROS_LEAF_SPANS;
}

static size_t ros_leaf_item_bytes(const struct ros_leaf *leaf)
{
    bool is_spans = leaf->kind == ROS_LEAF_SPAN || leaf->kind == ROS_LEAF_SPANS || ros_leaf_is_text(leaf);
    return is_spans ? sizeof(pmipc_cdr_span) : PMIPC_DTYPE_BITS(leaf->dtype) / 8;
}

pmipc_status ros_intake_add(struct ros_intake *intake, const char *path, pmipc_dtype dtype, enum ros_leaf_kind kind,
                            uint32_t limit, uint32_t *leaf, pmipc_error *error)
{
    for (uint32_t i = 0; i < intake->leaf_count && kind != ROS_LEAF_DIRECT; i++) {
        const struct ros_leaf *other = &intake->leaves[i];
        if (other->kind != kind || other->dtype != dtype || other->limit != limit || strcmp(other->path, path) != 0)
            continue;
        *leaf = i;
        return PMIPC_OK;
    }
    if (intake->leaf_count == intake->leaf_capacity) {
        uint32_t capacity = intake->leaf_capacity * 2 + 16;
        struct ros_leaf *leaves = realloc(intake->leaves, capacity * sizeof *leaves);
        if (!leaves)
            return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for the path %s", path);
        intake->leaves = leaves;
        intake->leaf_capacity = capacity;
    }
    struct ros_leaf *added = &intake->leaves[intake->leaf_count];
    *added = (struct ros_leaf){.path = strdup(path), .dtype = dtype, .kind = kind, .limit = limit};
    if (!added->path)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for the path %s", path);
    *leaf = intake->leaf_count++;
    return PMIPC_OK;
}

/* ---- passes ---- */

/* Whether one path leads to or into the other, so that one CDR decoder cannot have both. A sequence and its count do
 * not overlap. */
static bool ros_paths_overlap(const char *a, const char *b)
{
    size_t shared = 0;
    while (a[shared] && a[shared] == b[shared])
        shared++;
    const char *tail = a[shared] ? a + shared : b + shared;
    if (a[shared] && b[shared])
        return false;
    return shared == 0 || *tail == '\0' || *tail == '.' || *tail == '[';
}

static bool ros_pass_can_take(const struct ros_intake *intake, uint32_t pass, uint32_t leaf)
{
    for (uint32_t i = 0; i < leaf; i++)
        if (intake->leaves[i].pass == pass && ros_paths_overlap(intake->leaves[i].path, intake->leaves[leaf].path))
            return false;
    return true;
}

static pmipc_status ros_column_prepare(struct ros_leaf *leaf, pmipc_cdr_column *column)
{
    if (ros_leaf_is_list(leaf)) {
        column->capacity = leaf->limit < ROS_FIRST_CAPACITY ? leaf->limit : ROS_FIRST_CAPACITY;
        column->data = calloc(column->capacity, ros_leaf_item_bytes(leaf));
        return column->data ? PMIPC_OK : PMIPC_NO_MEMORY;
    }
    if (leaf->kind != ROS_LEAF_DIRECT) {
        column->data = &leaf->one;
        column->capacity = 1;
    }
    return PMIPC_OK;
}

static pmipc_status ros_pass_compile(struct ros_intake *intake, uint32_t index, pmipc_cdr_types *types,
                                     const char *message, pmipc_error *error)
{
    struct ros_pass *pass = &intake->passes[index];
    pass->columns = calloc(intake->leaf_count ? intake->leaf_count : 1, sizeof *pass->columns);
    pmipc_cdr_leaf *leaves = calloc(intake->leaf_count ? intake->leaf_count : 1, sizeof *leaves);
    pmipc_status status = pass->columns && leaves ? PMIPC_OK : PMIPC_NO_MEMORY;
    for (uint32_t i = 0; i < intake->leaf_count && !status; i++) {
        struct ros_leaf *leaf = &intake->leaves[i];
        if (leaf->pass != index)
            continue;
        leaf->column = pass->column_count++;
        bool is_spans = leaf->kind == ROS_LEAF_SPAN || leaf->kind == ROS_LEAF_SPANS;
        leaves[leaf->column] = (pmipc_cdr_leaf){
            .path = leaf->path, .dtype = leaf->dtype, .flags = is_spans ? (uint32_t)PMIPC_CDR_SPANS : 0};
        status = ros_column_prepare(leaf, &pass->columns[leaf->column]);
    }
    if (status)
        error_set(error, status, 0, "no memory to decode a %s", message);
    else
        status = pmipc_cdr_decoder_create(&pass->decoder, types, message, leaves, pass->column_count, error);
    free(leaves);
    return status;
}

pmipc_status ros_intake_compile(struct ros_intake *intake, pmipc_cdr_types *types, const char *message,
                                pmipc_error *error)
{
    intake->pass_count = 1;
    for (uint32_t i = 0; i < intake->leaf_count; i++) {
        struct ros_leaf *leaf = &intake->leaves[i];
        for (leaf->pass = 0; !ros_pass_can_take(intake, leaf->pass, i);)
            leaf->pass++;
        if (leaf->pass >= intake->pass_count)
            intake->pass_count = leaf->pass + 1;
    }
    intake->passes = calloc(intake->pass_count, sizeof *intake->passes);
    if (!intake->passes)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory to decode a %s", message);
    pmipc_status status = PMIPC_OK;
    for (uint32_t i = 0; i < intake->pass_count && !status; i++)
        status = ros_pass_compile(intake, i, types, message, error);
    return status;
}

void ros_intake_free(struct ros_intake *intake)
{
    for (uint32_t i = 0; i < intake->leaf_count; i++) {
        const struct ros_leaf *leaf = &intake->leaves[i];
        struct ros_pass *pass = intake->passes ? &intake->passes[leaf->pass] : NULL;
        if (ros_leaf_is_list(leaf) && pass && pass->columns && leaf->column < pass->column_count)
            free(pass->columns[leaf->column].data);
        free(leaf->path);
    }
    for (uint32_t i = 0; i < intake->pass_count && intake->passes; i++) {
        pmipc_cdr_decoder_destroy(intake->passes[i].decoder);
        free(intake->passes[i].columns);
    }
    free(intake->leaves);
    free(intake->passes);
    *intake = (struct ros_intake){0};
}

/* ---- messages ---- */

void ros_intake_direct(struct ros_intake *intake, uint32_t leaf, void *data, uint64_t capacity)
{
    pmipc_cdr_column *column = &intake->passes[intake->leaves[leaf].pass].columns[intake->leaves[leaf].column];
    column->data = data;
    column->capacity = capacity;
}

/* Enlarge the lists of a pass for a message that did not fit. */
static pmipc_status ros_pass_grow(struct ros_intake *intake, uint32_t index, const char *message, bool *grown,
                                  pmipc_error *error)
{
    *grown = false;
    for (uint32_t i = 0; i < intake->leaf_count; i++) {
        const struct ros_leaf *leaf = &intake->leaves[i];
        if (leaf->pass != index || !ros_leaf_is_list(leaf))
            continue;
        pmipc_cdr_column *column = &intake->passes[index].columns[leaf->column];
        if (column->count <= column->capacity)
            continue;
        if (column->count > leaf->limit)
            return error_set(error, PMIPC_SCHEMA_MISMATCH, 0,
                             "%s: the message has %llu of %s, at most %u are supported", message,
                             (unsigned long long)column->count, leaf->path, leaf->limit);
        uint64_t capacity = column->count * 2 < leaf->limit ? column->count * 2 : leaf->limit;
        void *data = realloc(column->data, capacity * ros_leaf_item_bytes(leaf));
        if (!data)
            return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for %llu of %s", (unsigned long long)capacity,
                             leaf->path);
        column->data = data;
        column->capacity = capacity;
        *grown = true;
    }
    return PMIPC_OK;
}

pmipc_status ros_intake_decode(struct ros_intake *intake, const char *message, const void *bytes, size_t byte_count,
                               pmipc_error *error)
{
    for (uint32_t i = 0; i < intake->pass_count; i++) {
        struct ros_pass *pass = &intake->passes[i];
        pmipc_status status = pmipc_cdr_decode(pass->decoder, bytes, byte_count, pass->columns, error);
        bool grown = false;
        if (status == PMIPC_SCHEMA_MISMATCH) {
            status = ros_pass_grow(intake, i, message, &grown, error);
            if (!status && grown)
                status = pmipc_cdr_decode(pass->decoder, bytes, byte_count, pass->columns, error);
            if (status == PMIPC_SCHEMA_MISMATCH && grown)
                status = PMIPC_OK; /* only direct leaves may lack room now */
        }
        if (status)
            return status;
    }
    return PMIPC_OK;
}
