/* decode_numbers.c: numbers of one dtype, by path or by default. */
#include "ros/decode_numbers.h"

/* Add a leaf for the length of every sequence on the path, from the outermost. */
static pmipc_status ros_numbers_add_counts(pmipc_ros_decoder *decoder, pmipc_cdr_types *types,
                                           struct ros_decoded_field *field, pmipc_error *error)
{
    const char *path = field->tensor.parts[0].path;
    char type[PMIPC_CDR_MAX_NAME + 1], prefix[ROS_MAX_PATH + 2];
    memcpy(type, decoder->message, sizeof type);
    for (const char *at = path; *at && field->count_leaf_count < PMIPC_MAX_NDIM;) {
        pmipc_cdr_field found_field;
        const char *rest;
        bool found;
        pmipc_status status = ros_field_find(types, type, at, &found_field, &rest, &found, error);
        if (status || !found)
            return status;
        if (found_field.is_sequence) {
            size_t length = (size_t)(rest - path);
            memcpy(prefix, path, length);
            memcpy(prefix + length, "#", 2);
            status = ros_intake_add(&decoder->intake, prefix, PMIPC_UINT32, ROS_LEAF_LIST, ROS_MAX_ROWS,
                                    &field->count_leaves[field->count_leaf_count++], error);
        }
        if (status || found_field.dtype != PMIPC_CDR_MESSAGE)
            return status;
        memcpy(type, found_field.type_name, strlen(found_field.type_name) + 1);
        at = rest[0] == '.' ? rest + 1 : strncmp(rest, "[].", 3) == 0 ? rest + 3 : "";
    }
    return PMIPC_OK;
}

static pmipc_status ros_numbers_add(pmipc_ros_decoder *decoder, pmipc_cdr_types *types, struct ros_decoded_field *field,
                                    pmipc_error *error)
{
    uint32_t open = 0; /* lengths that a message decides */
    for (uint32_t i = 0; i < field->tensor.ndim; i++)
        open += field->tensor.shape[i] < 0;
    pmipc_status status = ros_parts_add(decoder, field, ROS_LEAF_DIRECT, error);
    return !status && open > 1 ? ros_numbers_add_counts(decoder, types, field, error) : status;
}

static pmipc_status ros_numbers_expect(pmipc_ros_decoder *decoder, struct ros_decoded_field *expected,
                                       const pmipc_schema *sample, const pmipc_field *field, pmipc_error *error)
{
    const struct ros_tensor *tensor = &expected->tensor;
    const bool is_variable = field->ndim > 0 && ros_is_variable(decoder, expected);
    pmipc_status status = ros_expect_dtype(decoder, expected, sample, field, error);
    if (status)
        return status;
    uint64_t fixed = 1;
    bool is_open = false;
    for (uint32_t i = 0; i < tensor->ndim; i++) {
        is_open = is_open || tensor->shape[i] < 0;
        fixed *= tensor->shape[i] < 0 ? 1 : (uint64_t)tensor->shape[i];
    }
    const uint64_t row = ros_product(field->shape, is_variable, field->ndim);
    if (is_variable && tensor->ndim > 1 && tensor->shape[1] >= 0 ? row != fixed
        : is_open                                                ? row % fixed != 0
                                                                 : row != fixed)
        return ros_refuse_sample(decoder, sample, field, error, "%s of %llu %s", is_open ? "rows" : "a tensor",
                                 (unsigned long long)fixed, pmipc_dtype_name(tensor->dtype));
    return PMIPC_OK;
}

static uint64_t ros_count_of(const pmipc_ros_decoder *decoder, uint32_t leaf)
{
    return decoder->intake.leaves[leaf].kind == ROS_LEAF_SPAN ? ros_one_span(&decoder->intake, leaf).count
                                                              : ros_column(&decoder->intake, leaf)->count;
}

/* The length of the sequences at this level, which must all be equal. */
static pmipc_status ros_numbers_level(const pmipc_ros_decoder *decoder, uint32_t leaf, int64_t *length,
                                      pmipc_error *error)
{
    const pmipc_cdr_column *column = ros_column(&decoder->intake, leaf);
    const uint32_t *counts = column->data;
    *length = column->count ? counts[0] : 0;
    for (uint64_t i = 1; i < column->count; i++)
        if (counts[i] != counts[0])
            return ros_refuse(decoder, error, "%s of the message are %u and %u: different lengths do not form a tensor",
                              decoder->intake.leaves[leaf].path, counts[0], counts[i]);
    return PMIPC_OK;
}

static pmipc_status ros_numbers_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                        struct ros_extent *extent, pmipc_error *error)
{
    const struct ros_tensor *tensor = &field->tensor;
    uint64_t fixed = 1;
    uint32_t level = 0;
    int64_t *open = NULL;
    extent->is_flexible = field->count_leaf_count == 0;
    extent->ndim = tensor->ndim;
    for (uint32_t i = 0; i < tensor->ndim; i++) {
        extent->shape[i] = tensor->shape[i];
        if (tensor->shape[i] >= 0) {
            fixed *= (uint64_t)tensor->shape[i];
            continue;
        }
        open = &extent->shape[i];
        pmipc_status status = level < field->count_leaf_count
                                  ? ros_numbers_level(decoder, field->count_leaves[level++], &extent->shape[i], error)
                                  : PMIPC_OK;
        if (status)
            return status;
    }
    if (!open || field->count_leaf_count)
        return PMIPC_OK;
    uint64_t count = ros_count_of(decoder, field->leaves[0]);
    if (ros_column(&decoder->intake, field->leaves[0])->ragged)
        return ros_refuse(decoder, error, "%s of the message have different lengths, which do not form a tensor",
                          tensor->parts[0].path);
    *open = (int64_t)(count / fixed);
    return PMIPC_OK;
}

static pmipc_status ros_numbers_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                     void *data, pmipc_error *error)
{
    const struct ros_tensor *tensor = &field->tensor;
    uint8_t *to = data;
    pmipc_status status = PMIPC_OK;
    for (uint32_t i = 0; i < tensor->part_count && !status; i++) {
        uint32_t leaf = field->leaves[i];
        if (decoder->intake.leaves[leaf].kind == ROS_LEAF_DIRECT)
            continue; /* already copied by decoding */
        pmipc_cdr_span span = ros_one_span(&decoder->intake, leaf);
        status = ros_copy(decoder, to, span.data, span.count, tensor->dtype,
                          ros_column(&decoder->intake, leaf)->swapped, error);
        to += span.count * PMIPC_DTYPE_BITS(tensor->dtype) / 8;
    }
    return status;
}

const struct ros_decode_kind ros_numbers_kind = {.add = ros_numbers_add,
                                                 .expect = ros_numbers_expect,
                                                 .measure = ros_numbers_measure,
                                                 .fill = ros_numbers_fill};
