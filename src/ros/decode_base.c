#include "ros/decode_base.h"

#include <stdarg.h>
#include <stdio.h>

#include "os/error.h"

pmipc_status ros_refuse(const pmipc_ros_decoder *decoder, pmipc_error *error, const char *format, ...)
{
    char reason[PMIPC_ERROR_TEXT_BYTES];
    if (!error)
        return PMIPC_SCHEMA_MISMATCH;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    return error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "%s: %s", decoder->message, reason);
}

pmipc_status ros_refuse_sample(const pmipc_ros_decoder *decoder, const pmipc_schema *sample, const pmipc_field *field,
                               pmipc_error *error, const char *format, ...)
{
    char text[400], expected[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(expected, sizeof expected, format, arguments);
    va_end(arguments);
    ros_format_field(sample, field, text, sizeof text);
    return ros_refuse(decoder, error, "%s%s%sexpected %s, the sample is %s", field->name[0] ? "field '" : "",
                      field->name, field->name[0] ? "': " : "", expected, text);
}

/* Reading a bool that is neither 0 nor 1 is undefined behavior. */
pmipc_status ros_check_bools(const pmipc_ros_decoder *decoder, const void *bools, uint64_t count, pmipc_error *error)
{
    const uint8_t *bytes = bools;
    uint8_t seen = 0;
    for (uint64_t i = 0; i < count; i++)
        seen |= bytes[i];
    return seen <= 1
               ? PMIPC_OK
               : error_set(error, PMIPC_CORRUPT, 0, "%s: a bool of the message is neither 0 nor 1", decoder->message);
}

pmipc_status ros_copy(const pmipc_ros_decoder *decoder, void *to, const void *from, uint64_t count, pmipc_dtype dtype,
                      bool swapped, pmipc_error *error)
{
    pmipc_status status = dtype == PMIPC_BOOL ? ros_check_bools(decoder, from, count, error) : PMIPC_OK;
    if (!status)
        pmipc_cdr_copy(to, from, count, PMIPC_DTYPE_BITS(dtype) / 8, swapped);
    return status;
}

static bool ros_is_scattered(const char *path)
{
    return strstr(path, "[].") || strchr(path, '#');
}

pmipc_status ros_parts_add(pmipc_ros_decoder *decoder, struct ros_decoded_field *field, enum ros_leaf_kind scattered,
                           pmipc_error *error)
{
    const struct ros_tensor *tensor = &field->tensor;
    const pmipc_dtype dtype = tensor->dtype ? tensor->dtype : PMIPC_UINT8; /* the bytes of an image or a cloud */
    pmipc_status status = PMIPC_OK;
    for (uint32_t i = 0; i < tensor->part_count && !status; i++) {
        const char *path = tensor->parts[i].path;
        const enum ros_leaf_kind kind = ros_is_scattered(path) ? scattered : ROS_LEAF_SPAN;
        status = ros_intake_add(&decoder->intake, path, dtype, kind, kind == ROS_LEAF_SPANS ? ROS_MAX_ROWS : 0,
                                &field->leaves[i], error);
    }
    return status;
}

pmipc_status ros_expect_dtype(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *expected,
                              const pmipc_schema *sample, const pmipc_field *field, pmipc_error *error)
{
    const pmipc_dtype dtype = expected->tensor.dtype;
    return field->dtype == dtype ? PMIPC_OK
                                 : ros_refuse_sample(decoder, sample, field, error, "%s", pmipc_dtype_name(dtype));
}

uint64_t ros_product(const int64_t *shape, uint32_t from, uint32_t ndim)
{
    uint64_t product = 1;
    for (uint32_t i = from; i < ndim; i++)
        if (__builtin_mul_overflow(product, (uint64_t)shape[i], &product))
            return UINT64_MAX;
    return product;
}

bool ros_is_variable(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field)
{
    const struct ros_tensor *tensor = &field->tensor;
    const bool is_vector_of_joints =
        (tensor->kind == ROS_JOINTS || tensor->kind == ROS_JOINT_STAMPS) && tensor->ndim == 1;
    const bool is_organized = tensor->kind == ROS_CLOUD && decoder->cloud.is_organized;
    return !decoder->has_fixed_lengths && tensor->ndim > 0 && tensor->shape[0] < 0 && tensor->kind != ROS_IMAGE &&
           tensor->kind != ROS_GRID && !is_vector_of_joints && !is_organized;
}

bool ros_is_held(const pmipc_ros_decoder *decoder, uint32_t leaf)
{
    for (uint32_t i = 0; i < decoder->field_count; i++)
        for (uint32_t part = 0; part < decoder->fields[i].tensor.part_count; part++)
            if (decoder->fields[i].leaves[part] == leaf)
                return true;
    return false;
}

int64_t ros_stamp(const pmipc_ros_decoder *decoder)
{
    if (decoder->sec == ROS_NO_LEAF)
        return 0;
    return decoder->intake.leaves[decoder->sec].one.i32 * INT64_C(1000000000) +
           ros_one_u32(&decoder->intake, decoder->nanosec);
}
