/* decode_schema.c: the schema of a pool, from a sample or a first message, and whether a message fits it. */
#include "ros/decode_schema.h"

#include "os/error.h"

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

static bool ros_fits_unchanged(const pmipc_ros_decoder *decoder, uint32_t index, const struct ros_extent *extent)
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
        fits = fits && ros_fits_unchanged(decoder, index, extent);
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

/* Rows that a pool has room for at first: twice those of the message, and at least ROS_MIN_VARIABLE, within limits of
 * memory. */
static int64_t ros_room_for(int64_t rows, uint64_t row_bytes)
{
    int64_t least = (int64_t)(ROS_MIN_VARIABLE_BYTES / row_bytes);
    least = least < 1 ? 1 : least < ROS_MIN_VARIABLE ? least : ROS_MIN_VARIABLE;
    if (rows < INT32_MAX / 2 && (uint64_t)rows * 2 <= ROS_MAX_DOUBLED_BYTES / row_bytes)
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
        return ros_refuse(decoder, error, "%s of the message is empty: a first message must have elements",
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
    if (status == PMIPC_INVALID_ARGUMENT) /* more than a pool can hold */
        return ros_refuse(decoder, error, "%s", reason.text);
    if (status && error)
        *error = reason;
    return status;
}

/* ---- from a sample ---- */

static pmipc_status ros_expect_field(pmipc_ros_decoder *decoder, uint32_t index, const pmipc_schema *sample,
                                     pmipc_schema *schema, pmipc_error *error)
{
    struct ros_decoded_field *expected = &decoder->fields[index];
    pmipc_field *field = &schema->fields[index];
    if (strcmp(field->name, expected->name) != 0)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: field %u of the sample is called '%s', not '%s'",
                         decoder->message, index, field->name, expected->name);
    if (field->flags & PMIPC_FIELD_VARIABLE)
        field->flags = 0; /* a sample has one shape; the options decide what is variable */
    pmipc_status status = expected->kind->expect(decoder, expected, sample, field, error);
    const bool is_variable = field->ndim > 0 && expected->text == ROS_TEXT_BYTES && ros_is_variable(decoder, expected);
    field->flags = is_variable ? (uint32_t)PMIPC_FIELD_VARIABLE : 0;
    return status;
}

pmipc_status pmipc_ros_decoder_expect(pmipc_ros_decoder *decoder, const pmipc_schema *sample, pmipc_schema *schema,
                                      pmipc_error *error)
{
    if (!decoder || !sample || !schema)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "decoder, sample and schema must not be NULL");
    if (decoder->has_learned)
        return error_set(error, PMIPC_WRONG_STATE, 0, "%s: a message was already learned", decoder->message);
    pmipc_status status = pmipc_schema_check(sample, error);
    if (status)
        return status;
    if (sample->field_count != decoder->field_count)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: the sample has %u fields, the decoder has %u",
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
