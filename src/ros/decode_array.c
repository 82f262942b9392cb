/* decode_array.c: data whose shape is elsewhere in the message: std_msgs/...MultiArray and nav_msgs/OccupancyGrid. */
#include "ros/decode_array.h"

static pmipc_status ros_array_add(pmipc_ros_decoder *decoder, pmipc_cdr_types *types, struct ros_decoded_field *field,
                                  pmipc_error *error)
{
    (void)types;
    struct ros_array_decoder *array = &decoder->array;
    struct ros_intake *intake = &decoder->intake;
    pmipc_status status = ros_parts_add(decoder, field, ROS_LEAF_DIRECT, error);
    if (status)
        return status;
    if (field->tensor.kind == ROS_GRID) {
        status = ros_intake_add(intake, "info.height", PMIPC_UINT32, ROS_LEAF_ONE, 0, &array->height, error);
        return status ? status
                      : ros_intake_add(intake, "info.width", PMIPC_UINT32, ROS_LEAF_ONE, 0, &array->width, error);
    }
    status =
        ros_intake_add(intake, "layout.dim[].size", PMIPC_UINT32, ROS_LEAF_LIST, PMIPC_MAX_NDIM, &array->sizes, error);
    if (!status)
        status = ros_intake_add(intake, "layout.dim[].stride", PMIPC_UINT32, ROS_LEAF_LIST, PMIPC_MAX_NDIM,
                                &array->strides, error);
    if (!status)
        status =
            ros_intake_add(intake, "layout.data_offset", PMIPC_UINT32, ROS_LEAF_ONE, 0, &array->data_offset, error);
    return status;
}

static pmipc_status ros_array_expect(pmipc_ros_decoder *decoder, struct ros_decoded_field *expected,
                                     const pmipc_schema *sample, const pmipc_field *field, pmipc_error *error)
{
    pmipc_status status = ros_expect_dtype(decoder, expected, sample, field, error);
    if (!status && expected->tensor.kind == ROS_GRID && field->ndim != 2)
        return ros_refuse_sample(decoder, sample, field, error, "int8 (height, width)");
    return status;
}

static pmipc_status ros_grid_measure(const pmipc_ros_decoder *decoder, uint64_t count, struct ros_extent *extent,
                                     pmipc_error *error)
{
    const uint64_t height = ros_one_u32(&decoder->intake, decoder->array.height);
    const uint64_t width = ros_one_u32(&decoder->intake, decoder->array.width);
    if (height * width != count)
        return ros_refuse(decoder, error, "the grid has %llu x %llu cells, its data has %llu",
                          (unsigned long long)width, (unsigned long long)height, (unsigned long long)count);
    extent->ndim = 2;
    extent->shape[0] = (int64_t)height;
    extent->shape[1] = (int64_t)width;
    return PMIPC_OK;
}

/* The data after the offset must have exactly the elements of the sizes. A stride is the product of the sizes of its
 * dimension and all that follow. Many publishers leave strides 0, or write 1 for a vector. Any other stride means
 * another order or padding, and is refused. */
static pmipc_status ros_multi_array_measure(const pmipc_ros_decoder *decoder, uint64_t count, struct ros_extent *extent,
                                            pmipc_error *error)
{
    const pmipc_cdr_column *column = ros_column(&decoder->intake, decoder->array.sizes);
    const uint32_t *sizes = column->data;
    const uint32_t *strides = ros_column(&decoder->intake, decoder->array.strides)->data;
    const uint32_t offset = ros_one_u32(&decoder->intake, decoder->array.data_offset);
    if (offset > count)
        return ros_refuse(decoder, error, "the data_offset is %u, the data has %llu elements", offset,
                          (unsigned long long)count);
    count -= offset;
    extent->is_flexible = column->count == 0;
    extent->ndim = column->count ? (uint32_t)column->count : 1;
    extent->shape[0] = (int64_t)count;
    uint64_t product = 1;
    for (uint32_t i = (uint32_t)column->count; i-- > 0;) {
        /* count is less than 2^32. A greater product is not multiplied further, except by a size of 0. */
        product = product > UINT32_MAX && sizes[i] ? product : product * sizes[i];
        extent->shape[i] = sizes[i];
        bool is_vector = column->count == 1 && strides[i] == 1;
        if (strides[i] != 0 && strides[i] != product && !is_vector)
            return ros_refuse(decoder, error, "dimension %u of the layout has stride %u, its sizes require %llu", i,
                              strides[i], (unsigned long long)product);
    }
    if (column->count && product != count)
        return ros_refuse(decoder, error, "the sizes of the layout require %s%llu elements, the data has %llu%s",
                          product > UINT32_MAX ? "at least " : "", (unsigned long long)product,
                          (unsigned long long)count, offset ? " after its offset" : "");
    return PMIPC_OK;
}

static pmipc_status ros_array_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                      struct ros_extent *extent, pmipc_error *error)
{
    uint64_t count = ros_one_span(&decoder->intake, field->leaves[0]).count;
    return field->tensor.kind == ROS_GRID ? ros_grid_measure(decoder, count, extent, error)
                                          : ros_multi_array_measure(decoder, count, extent, error);
}

static pmipc_status ros_array_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data,
                                   pmipc_error *error)
{
    const pmipc_cdr_span span = ros_one_span(&decoder->intake, field->leaves[0]);
    const uint64_t offset =
        field->tensor.kind == ROS_MULTI_ARRAY ? ros_one_u32(&decoder->intake, decoder->array.data_offset) : 0;
    const uint8_t *from = span.data;
    if (span.count == offset)
        return PMIPC_OK;
    return ros_copy(decoder, data, from + offset * (PMIPC_DTYPE_BITS(field->tensor.dtype) / 8), span.count - offset,
                    field->tensor.dtype, ros_column(&decoder->intake, field->leaves[0])->swapped, error);
}

const struct ros_decode_kind ros_array_kind = {.add = ros_array_add,
                                               .expect = ros_array_expect,
                                               .measure = ros_array_measure,
                                               .fill = ros_array_fill};
