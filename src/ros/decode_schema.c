/* decode_schema.c: what a pool is made of, from a sample or from a first message, and whether a message fits into it.
 */
#include <stdarg.h>
#include <stdio.h>

#include "os/error.h"
#include "ros/decoder.h"

/* ---- fitting ---- */

static pmipc_status ros_refuse_extent(const pmipc_ros_decoder *decoder, uint32_t index, const struct ros_extent *extent,
                                      pmipc_error *error)
{
    const pmipc_field *field = &decoder->schema.fields[index];
    pmipc_field natural = *field;
    char has[400], takes[400];
    if (!error)
        return PMIPC_SCHEMA_MISMATCH;
    if (extent->dtype != PMIPC_OPAQUE || field->dtype != PMIPC_OPAQUE) {
        natural.dtype = extent->dtype;
        natural.descr_bytes = 0;
    }
    natural.flags = 0;
    natural.ndim = extent->ndim;
    memcpy(natural.shape, extent->shape, sizeof natural.shape);
    ros_format_field(&decoder->schema, &natural, has, sizeof has);
    ros_format_field(&decoder->schema, field, takes, sizeof takes);
    return ros_refuse(decoder, error, "%s%s%sthe message has %s, the pool takes %s", field->name[0] ? "field '" : "",
                      field->name, field->name[0] ? "': " : "", has, takes);
}

/* Elements of dimensions `from` on. Saturates, which no message reaches. */
static uint64_t ros_product(const int64_t *shape, uint32_t from, uint32_t ndim)
{
    uint64_t product = 1;
    for (uint32_t i = from; i < ndim; i++)
        if (__builtin_mul_overflow(product, (uint64_t)shape[i], &product))
            return UINT64_MAX;
    return product;
}

static bool ros_fits_as_it_is(const pmipc_ros_decoder *decoder, uint32_t index, const struct ros_extent *extent)
{
    const pmipc_field *field = &decoder->schema.fields[index];
    const bool is_variable = field->flags & PMIPC_FIELD_VARIABLE;
    /* An image of one channel may be (H, W, 1). */
    const bool is_deeper = decoder->fields[index].tensor.kind == ROS_IMAGE && extent->ndim == 2 && field->ndim == 3 &&
                           field->shape[2] == 1;
    if (field->ndim != extent->ndim && !is_deeper)
        return false;
    for (uint32_t i = 0; i < extent->ndim; i++)
        if (!(i == 0 && is_variable) && extent->shape[i] != field->shape[i])
            return false;
    return true;
}

pmipc_status ros_fit(const pmipc_ros_decoder *decoder, uint32_t index, const struct ros_extent *extent, int64_t *length,
                     pmipc_error *error)
{
    const pmipc_field *field = &decoder->schema.fields[index];
    bool fits = extent->dtype == field->dtype && extent->itemsize == field->itemsize;
    *length = extent->ndim ? extent->shape[0] : 1;
    if (!extent->is_flexible) {
        fits = fits && ros_fits_as_it_is(decoder, index, extent);
        return fits ? PMIPC_OK : ros_refuse_extent(decoder, index, extent, error);
    }
    const uint64_t count = ros_product(extent->shape, 0, extent->ndim);
    if (field->flags & PMIPC_FIELD_VARIABLE) {
        const uint64_t row = ros_product(field->shape, 1, field->ndim);
        const bool is_row = extent->ndim < 2 || ros_product(extent->shape, 1, extent->ndim) == row;
        fits = fits && is_row && row > 0 && count % row == 0;
        *length = fits ? (int64_t)(count / row) : 0;
    } else {
        fits = fits && count == ros_product(field->shape, 0, field->ndim);
    }
    return fits ? PMIPC_OK : ros_refuse_extent(decoder, index, extent, error);
}

pmipc_status ros_check_room(const pmipc_ros_decoder *decoder, uint32_t index, int64_t length, pmipc_error *error)
{
    const pmipc_field *field = &decoder->schema.fields[index];
    if (!(field->flags & PMIPC_FIELD_VARIABLE) || length <= field->shape[0])
        return PMIPC_OK;
    struct ros_extent extent = {.dtype = field->dtype, .itemsize = field->itemsize, .ndim = field->ndim};
    memcpy(extent.shape, field->shape, sizeof extent.shape);
    extent.shape[0] = length;
    return ros_refuse_extent(decoder, index, &extent, error);
}

/* ---- from a message ---- */

/* Sequences are, but for those whose length the shape of an image or the names of joints decide. */
static bool ros_is_variable(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field)
{
    const struct ros_tensor *tensor = &field->tensor;
    const bool is_vector_of_joints = tensor->is_joints && tensor->ndim == 1;
    const bool is_organized = tensor->kind == ROS_CLOUD && decoder->cloud.is_organized;
    return !decoder->has_fixed_lengths && tensor->ndim > 0 && tensor->shape[0] < 0 && tensor->kind != ROS_IMAGE &&
           tensor->kind != ROS_GRID && !is_vector_of_joints && !is_organized;
}

/* Rows that a pool has room for at first: twice those of the message, and some thousand, unless that is a lot of
 * memory. */
static int64_t ros_room_for(int64_t rows, uint64_t row_bytes)
{
    int64_t least = (int64_t)(ROS_MIN_VARIABLE_BYTES / row_bytes);
    least = least < 1 ? 1 : least < ROS_MIN_VARIABLE ? least : ROS_MIN_VARIABLE;
    if (rows < INT32_MAX / 2 && (uint64_t)rows * 2 <= ROS_MAX_GENEROUS_BYTES / row_bytes)
        rows *= 2;
    return rows > least ? rows : least;
}

static pmipc_status ros_schema_add(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                   const struct ros_extent *extent, pmipc_schema *schema, pmipc_error *error)
{
    int64_t shape[PMIPC_MAX_NDIM];
    const bool is_variable = ros_is_variable(decoder, field);
    memcpy(shape, extent->shape, sizeof shape);
    const uint32_t flags = is_variable ? (uint32_t)PMIPC_FIELD_VARIABLE : 0;
    const uint64_t elements = ros_product(shape, is_variable ? 1 : 0, extent->ndim);
    if (is_variable && elements && elements <= UINT32_MAX)
        shape[0] = ros_room_for(shape[0], elements * extent->itemsize);
    if (elements == 0)
        return ros_refuse(decoder, error, "%s of the message is empty: nothing to learn from",
                          field->tensor.part_count && field->tensor.parts[0].path[0] ? field->tensor.parts[0].path
                                                                                     : "all");
    if (extent->dtype != PMIPC_OPAQUE)
        return pmipc_schema_add(schema, field->name, extent->dtype, extent->ndim, shape, flags, error);
    char text[PMIPC_MAX_DESCR_TEXT + 1];
    size_t length;
    pmipc_error reason;
    if (ros_points_describe(&decoder->cloud.points, text, &length, &reason))
        return ros_refuse(decoder, error, "%s", reason.text);
    return pmipc_schema_add_opaque(schema, field->name, extent->itemsize, text, length, extent->ndim, shape, flags,
                                   error);
}

pmipc_status ros_schema_of(pmipc_ros_decoder *decoder, const struct ros_extent *extents, pmipc_schema *schema,
                           pmipc_error *error)
{
    pmipc_error reason;
    pmipc_status status = PMIPC_OK;
    pmipc_schema_init(schema);
    for (uint32_t i = 0; i < decoder->field_count && !status; i++)
        status = ros_schema_add(decoder, &decoder->fields[i], &extents[i], schema, &reason);
    if (status == PMIPC_INVALID_ARGUMENT) /* what the message says is more than a pool can carry */
        return ros_refuse(decoder, error, "%s", reason.text);
    if (status && error)
        *error = reason;
    return status;
}

/* ---- from a sample ---- */

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

static pmipc_status ros_expect_image(const pmipc_ros_decoder *decoder, const pmipc_schema *sample,
                                     const pmipc_field *field, pmipc_error *error)
{
    char encoding[ROS_MAX_ENCODING + 1];
    if ((field->ndim != 2 && field->ndim != 3) || !ros_encoding_default(field->dtype, 1, encoding))
        return ros_refuse_sample(
            decoder, sample, field, error,
            "(height, width) or (height, width, channels) of uint8, int8, uint16, int16, int32, float32 or float64");
    return PMIPC_OK;
}

static pmipc_status ros_expect_cloud(pmipc_ros_decoder *decoder, const pmipc_schema *sample, const pmipc_field *field,
                                     pmipc_error *error)
{
    struct ros_cloud_decoder *cloud = &decoder->cloud;
    cloud->is_table = field->dtype != PMIPC_OPAQUE;
    const uint32_t flat_ndim = cloud->is_table ? 2 : 1;
    cloud->is_organized = cloud->is_organized || field->ndim == flat_ndim + 1;
    if (field->ndim != flat_ndim + cloud->is_organized || (cloud->is_table && !ros_point_datatype(field->dtype)) ||
        (!cloud->is_table && cloud->wanted_count))
        return ros_refuse_sample(decoder, sample, field, error, "%s(%s, k) of one dtype that points have",
                                 cloud->wanted_count   ? ""
                                 : cloud->is_organized ? "structured points (height, width), or "
                                                       : "structured points (N), or ",
                                 cloud->is_organized ? "height, width" : "N");
    const int64_t columns = field->shape[field->ndim - 1];
    cloud->dtype = field->dtype;
    cloud->columns = !cloud->is_table ? 0 : columns > UINT32_MAX ? UINT32_MAX : (uint32_t)columns;
    pmipc_error reason;
    if (!cloud->is_table && ros_points_parse(sample, field, &cloud->points, &reason))
        return ros_refuse(decoder, error, "%s", reason.text);
    return PMIPC_OK;
}

static pmipc_status ros_expect_joints(pmipc_ros_decoder *decoder, struct ros_decoded_field *expected,
                                      const pmipc_schema *sample, const pmipc_field *field, pmipc_error *error)
{
    const struct ros_joint_decoder *joints = &decoder->joints;
    const bool can_stack = expected->tensor.is_default && expected->tensor.ndim == 1;
    const int64_t count = joints->are_selected ? (int64_t)joints->count : -1;
    expected->tensor.is_stacked = can_stack && field->ndim == 2;
    const bool has_rank = field->ndim == expected->tensor.ndim || expected->tensor.is_stacked;
    if (!has_rank || (expected->tensor.is_stacked && field->shape[0] != 3) ||
        (count >= 0 && field->shape[field->ndim - 1] != count))
        return ros_refuse_sample(decoder, sample, field, error, "float64 (%sjoints,)%s%s",
                                 expected->tensor.ndim == 2 ? "rows, " : "", can_stack ? " or (3, joints)" : "",
                                 count >= 0 ? " of the joints that were selected" : "");
    return PMIPC_OK;
}

static pmipc_status ros_expect_numbers(const pmipc_ros_decoder *decoder, const struct ros_tensor *tensor,
                                       bool is_variable, const pmipc_schema *sample, const pmipc_field *field,
                                       pmipc_error *error)
{
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

static pmipc_status ros_expect_values(pmipc_ros_decoder *decoder, struct ros_decoded_field *expected, bool is_variable,
                                      const pmipc_schema *sample, const pmipc_field *field, pmipc_error *error)
{
    const struct ros_tensor *tensor = &expected->tensor;
    if (field->dtype != tensor->dtype)
        return ros_refuse_sample(decoder, sample, field, error, "%s", pmipc_dtype_name(tensor->dtype));
    if (tensor->is_joints)
        return ros_expect_joints(decoder, expected, sample, field, error);
    if (tensor->kind == ROS_GRID && field->ndim != 2)
        return ros_refuse_sample(decoder, sample, field, error, "int8 (height, width)");
    return tensor->kind == ROS_NUMBERS ? ros_expect_numbers(decoder, tensor, is_variable, sample, field, error)
                                       : PMIPC_OK;
}

static pmipc_status ros_expect_field(pmipc_ros_decoder *decoder, uint32_t index, const pmipc_schema *sample,
                                     pmipc_schema *schema, pmipc_error *error)
{
    struct ros_decoded_field *expected = &decoder->fields[index];
    pmipc_field *field = &schema->fields[index];
    const struct ros_tensor *tensor = &expected->tensor;
    if (strcmp(field->name, expected->name) != 0)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: field %u of the sample is called '%s', not '%s'",
                         decoder->message, index, field->name, expected->name);
    if (field->flags & PMIPC_FIELD_VARIABLE)
        field->flags = 0; /* a sample has one shape; what varies is the options' to say */
    pmipc_status status = tensor->kind == ROS_IMAGE   ? ros_expect_image(decoder, sample, field, error)
                          : tensor->kind == ROS_CLOUD ? ros_expect_cloud(decoder, sample, field, error)
                          : tensor->kind == ROS_TEXT  ? ros_text_expect(decoder, expected, sample, field, error)
                                                      : PMIPC_OK;
    if (status)
        return status;
    const bool is_variable = field->ndim > 0 && expected->text == ROS_TEXT_BYTES && ros_is_variable(decoder, expected);
    if (tensor->kind != ROS_IMAGE && tensor->kind != ROS_CLOUD && tensor->kind != ROS_TEXT)
        status = ros_expect_values(decoder, expected, is_variable, sample, field, error);
    field->flags = is_variable ? (uint32_t)PMIPC_FIELD_VARIABLE : 0;
    return status;
}

pmipc_status pmipc_ros_decoder_expect(pmipc_ros_decoder *decoder, const pmipc_schema *sample, pmipc_schema *schema,
                                      pmipc_error *error)
{
    if (!decoder || !sample || !schema)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "decoder, sample and schema must not be NULL");
    if (decoder->has_learned)
        return error_set(error, PMIPC_WRONG_STATE, 0, "%s: a message was learned already", decoder->message);
    pmipc_status status = pmipc_schema_check(sample, error);
    if (status)
        return status;
    if (sample->field_count != decoder->field_count)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: the sample has %u fields, the decoder %u",
                         decoder->message, sample->field_count, decoder->field_count);
    pmipc_schema expected = *sample;
    decoder->is_expecting = false;
    for (uint32_t i = 0; i < decoder->field_count && !status; i++)
        status = ros_expect_field(decoder, i, sample, &expected, error);
    if (!status)
        status = pmipc_schema_check(&expected, error);
    if (status)
        return status;
    decoder->schema = expected;
    decoder->is_expecting = true;
    *schema = expected;
    return PMIPC_OK;
}
