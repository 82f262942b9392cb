/* decode_image.c: sensor_msgs/Image. The encoding gives dtype and channels, the step gives the distance of rows. */
#include "ros/decode_image.h"

#include "os/error.h"

static pmipc_status ros_image_add(pmipc_ros_decoder *decoder, pmipc_cdr_types *types, struct ros_decoded_field *field,
                                  pmipc_error *error)
{
    (void)types;
    struct ros_image_decoder *image = &decoder->image;
    const struct {
        const char *path;
        pmipc_dtype dtype;
        uint32_t *leaf;
    } wanted[] = {
        {"height", PMIPC_UINT32, &image->height},
        {"width", PMIPC_UINT32, &image->width},
        {"encoding", PMIPC_CDR_STRING, &image->encoding},
        {"is_bigendian", PMIPC_UINT8, &image->is_bigendian},
        {"step", PMIPC_UINT32, &image->step},
    };
    pmipc_status status = ros_parts_add(decoder, field, ROS_LEAF_DIRECT, error);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0] && !status; i++)
        status =
            ros_intake_add(&decoder->intake, wanted[i].path, wanted[i].dtype, ROS_LEAF_ONE, 0, wanted[i].leaf, error);
    return status;
}

static pmipc_status ros_image_expect(pmipc_ros_decoder *decoder, struct ros_decoded_field *expected,
                                     const pmipc_schema *sample, const pmipc_field *field, pmipc_error *error)
{
    (void)expected;
    char encoding[ROS_MAX_ENCODING + 1];
    if ((field->ndim != 2 && field->ndim != 3) || !ros_encoding_default(field->dtype, 1, encoding))
        return ros_refuse_sample(
            decoder, sample, field, error,
            "(height, width) or (height, width, channels) of uint8, int8, uint16, int16, int32, float32 or float64");
    return PMIPC_OK;
}

static pmipc_status ros_image_encoding(pmipc_ros_decoder *decoder, pmipc_error *error)
{
    struct ros_image_decoder *image = &decoder->image;
    pmipc_cdr_span name = ros_one_span(&decoder->intake, image->encoding);
    size_t learned_bytes = strlen(image->learned_name);
    if (decoder->has_learned) {
        if (name.count == learned_bytes && memcmp(name.data, image->learned_name, learned_bytes) == 0)
            return PMIPC_OK;
        return ros_refuse(decoder, error, "the image's encoding is '%.*s', the pool's is '%s'", ros_shown(name.count),
                          (const char *)name.data, image->learned_name);
    }
    if (name.count > ROS_MAX_ENCODING || !ros_encoding_find(name.data, name.count, &image->learned))
        return ros_refuse(decoder, error, "unknown encoding '%.*s'; take the image's bytes with the path 'data'",
                          ros_shown(name.count), (const char *)name.data);
    memcpy(image->learned_name, name.data, name.count);
    image->learned_name[name.count] = '\0';
    return PMIPC_OK;
}

struct ros_pixels {
    const uint8_t *data;
    uint64_t rows;
    uint64_t row_bytes;
    uint64_t step;
};

/* Find the rows. A step that is 0 or wrong is ignored if the data have exactly the bytes of packed rows. */
static pmipc_status ros_image_pixels(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                     struct ros_pixels *pixels, pmipc_error *error)
{
    const struct ros_encoding *encoding = &decoder->image.learned;
    const uint32_t height = ros_one_u32(&decoder->intake, decoder->image.height);
    const uint32_t width = ros_one_u32(&decoder->intake, decoder->image.width);
    const pmipc_cdr_span data = ros_one_span(&decoder->intake, field->leaves[0]);
    pixels->data = data.data;
    pixels->step = ros_one_u32(&decoder->intake, decoder->image.step);
    pixels->row_bytes = (uint64_t)width * encoding->channels * PMIPC_DTYPE_BITS(encoding->dtype) / 8;
    if (!ros_encoding_rows(encoding, height, &pixels->rows))
        return ros_refuse(decoder, error, "an image of encoding '%s' must have an even number of rows, not %u",
                          decoder->image.learned_name, height);
    if (pixels->rows == 0 || pixels->row_bytes == 0)
        return ros_refuse(decoder, error, "the image is empty: it has %u rows of %u pixels", height, width);
    /* From here on no product exceeds 64 bits: data.count is less than 2^32. */
    if (pixels->rows > data.count / pixels->row_bytes)
        return ros_refuse(decoder, error,
                          "an image of %u x %u pixels of '%s' needs %llu rows of %llu bytes, its data has %llu bytes",
                          width, height, decoder->image.learned_name, (unsigned long long)pixels->rows,
                          (unsigned long long)pixels->row_bytes, (unsigned long long)data.count);
    bool is_packed = data.count == pixels->rows * pixels->row_bytes;
    bool is_step_valid = pixels->step >= pixels->row_bytes &&
                         data.count >= pixels->step * (pixels->rows - 1) + pixels->row_bytes &&
                         !(encoding->is_split && pixels->step != pixels->row_bytes);
    if (!is_step_valid && !is_packed)
        return ros_refuse(
            decoder, error,
            "the image's step is %llu bytes; with it, %llu rows of %llu bytes do not fit into %llu bytes of data",
            (unsigned long long)pixels->step, (unsigned long long)pixels->rows, (unsigned long long)pixels->row_bytes,
            (unsigned long long)data.count);
    if (!is_step_valid)
        pixels->step = pixels->row_bytes;
    return PMIPC_OK;
}

static pmipc_status ros_image_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                      struct ros_extent *extent, pmipc_error *error)
{
    struct ros_pixels pixels;
    pmipc_status status = ros_image_encoding(decoder, error);
    if (!status)
        status = ros_image_pixels(decoder, field, &pixels, error);
    if (status)
        return status;
    const struct ros_encoding *encoding = &decoder->image.learned;
    extent->dtype = encoding->dtype;
    extent->itemsize = PMIPC_DTYPE_BITS(encoding->dtype) / 8;
    extent->ndim = encoding->channels > 1 ? 3 : 2;
    extent->shape[0] = (int64_t)pixels.rows;
    extent->shape[1] = ros_one_u32(&decoder->intake, decoder->image.width);
    extent->shape[2] = encoding->channels > 1 ? encoding->channels : 0;
    return PMIPC_OK;
}

static bool ros_image_is_swapped(const pmipc_ros_decoder *decoder)
{
    const bool is_big = decoder->intake.leaves[decoder->image.is_bigendian].one.u8 != 0;
    return is_big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

const uint8_t *ros_image_verbatim(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field)
{
    struct ros_pixels pixels;
    if (ros_image_pixels(decoder, field, &pixels, NULL) != PMIPC_OK)
        return NULL;
    const bool is_packed = pixels.step == pixels.row_bytes &&
                           ros_one_span(&decoder->intake, field->leaves[0]).count == pixels.rows * pixels.row_bytes;
    const bool is_in_order = PMIPC_DTYPE_BITS(decoder->image.learned.dtype) == 8 || !ros_image_is_swapped(decoder);
    return is_packed && is_in_order ? pixels.data : NULL;
}

static pmipc_status ros_image_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data,
                                   pmipc_error *error)
{
    struct ros_pixels pixels;
    pmipc_status status = ros_image_pixels(decoder, field, &pixels, error);
    if (status)
        return status;
    const uint32_t item_bytes = PMIPC_DTYPE_BITS(decoder->image.learned.dtype) / 8;
    const bool swapped = ros_image_is_swapped(decoder);
    if (pixels.step == pixels.row_bytes) {
        pmipc_cdr_copy(data, pixels.data, pixels.rows * pixels.row_bytes / item_bytes, item_bytes, swapped);
        return PMIPC_OK;
    }
    uint8_t *to = data;
    for (uint64_t row = 0; row < pixels.rows; row++)
        pmipc_cdr_copy(to + row * pixels.row_bytes, pixels.data + row * pixels.step, pixels.row_bytes / item_bytes,
                       item_bytes, swapped);
    return PMIPC_OK;
}

const struct ros_decode_kind ros_image_kind = {.add = ros_image_add,
                                               .expect = ros_image_expect,
                                               .measure = ros_image_measure,
                                               .fill = ros_image_fill};
