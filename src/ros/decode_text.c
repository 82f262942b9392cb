/* decode_text.c: strings by path, as bytes (uint8) or as a numpy text of a fixed length, S<n> or U<n>. They are never
 * cut. */
#include "ros/decode_text.h"

#include <string.h>

bool ros_text_find(pmipc_cdr_types *types, const char *message, const char *path, struct ros_tensor *tensor)
{
    pmipc_cdr_place place;
    if (!path || !*path || strlen(path) > ROS_MAX_PATH ||
        pmipc_cdr_types_find(types, message, path, &place, NULL) != PMIPC_OK || place.dtype != PMIPC_CDR_STRING ||
        place.ndim != 0)
        return false;
    *tensor = (struct ros_tensor){.kind = ROS_TEXT, .dtype = PMIPC_UINT8, .ndim = 1, .shape = {-1}, .part_count = 1};
    memcpy(tensor->parts[0].path, path, strlen(path) + 1);
    return true;
}

static pmipc_status ros_text_add_leaf(pmipc_ros_decoder *decoder, pmipc_cdr_types *types,
                                      struct ros_decoded_field *field, pmipc_error *error)
{
    (void)types;
    return ros_intake_add(&decoder->intake, field->tensor.parts[0].path, PMIPC_CDR_STRING, ROS_LEAF_ONE, 0,
                          &field->leaves[0], error);
}

/* Whether a description, such as "<U16" or "|S16" with the quotes, begins with `prefix`. */
static bool ros_text_is(const pmipc_schema *sample, const pmipc_field *field, const char *prefix)
{
    const size_t length = strlen(prefix);
    return field->descr_bytes > length && memcmp(sample->text + field->descr_offset, prefix, length) == 0;
}

static pmipc_status ros_text_expect(pmipc_ros_decoder *decoder, struct ros_decoded_field *expected,
                                    const pmipc_schema *sample, const pmipc_field *field, pmipc_error *error)
{
    const char *native = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? "\">U" : "\"<U";
    const bool is_wide = field->dtype == PMIPC_OPAQUE && ros_text_is(sample, field, native);
    const bool is_narrow = field->dtype == PMIPC_OPAQUE && ros_text_is(sample, field, "\"|S");
    expected->text = is_wide ? ROS_TEXT_WIDE : is_narrow ? ROS_TEXT_NARROW : ROS_TEXT_BYTES;
    bool fits = is_wide || is_narrow || (field->dtype == PMIPC_UINT8 && field->ndim == 1);
    for (uint32_t i = 0; i < field->ndim && (is_wide || is_narrow); i++)
        fits = fits && field->shape[i] == 1;
    return fits ? PMIPC_OK
                : ros_refuse_sample(
                      decoder, sample, field, error,
                      "uint8 (N), or one text of a fixed length: S<n> or U<n> in this machine's byte order");
}

/* Count the characters of UTF-8, and store them unless `characters` is NULL. False: it is not UTF-8. */
static bool ros_text_characters(const pmipc_cdr_span *text, uint32_t *characters, uint64_t *count)
{
    const unsigned char *bytes = text->data;
    *count = 0;
    for (uint64_t at = 0; at < text->count; ++*count) {
        uint32_t code;
        const uint32_t length = ros_utf8_decode(bytes + at, text->count - at, &code);
        if (length == 0)
            return false;
        if (characters)
            characters[*count] = code;
        at += length;
    }
    return true;
}

static pmipc_status ros_text_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                     struct ros_extent *extent, pmipc_error *error)
{
    const pmipc_cdr_span text = ros_one_span(&decoder->intake, field->leaves[0]);
    const bool has_pool = decoder->is_expecting || decoder->has_learned;
    const pmipc_field *pool = &decoder->schema.fields[field - decoder->fields];
    extent->ndim = 1;
    extent->shape[0] = (int64_t)text.count;
    if (!has_pool || (pool->flags & PMIPC_FIELD_VARIABLE))
        return PMIPC_OK;
    /* A fixed length is padded with NULs, so a NUL at the end of the text would be lost. */
    if (memchr(text.data, 0, text.count))
        return ros_refuse(decoder, error, "%s of the message has a NUL, which a text of a fixed length cannot hold",
                          field->tensor.parts[0].path);
    uint64_t has = text.count, takes = pmipc_field_bytes(pool);
    if (field->text == ROS_TEXT_WIDE && !ros_text_characters(&text, NULL, &has))
        return ros_refuse(decoder, error, "%s of the message is not UTF-8", field->tensor.parts[0].path);
    if (field->text == ROS_TEXT_WIDE)
        takes /= sizeof(uint32_t);
    if (has > takes)
        return ros_refuse(decoder, error, "%s of the message, '%.*s', has %llu %s, the pool takes %llu",
                          field->tensor.parts[0].path, ros_shown(text.count), (const char *)text.data,
                          (unsigned long long)has, field->text == ROS_TEXT_WIDE ? "characters" : "bytes",
                          (unsigned long long)takes);
    extent->dtype = pool->dtype;
    extent->itemsize = pool->itemsize;
    extent->ndim = pool->ndim;
    memcpy(extent->shape, pool->shape, sizeof extent->shape);
    return PMIPC_OK;
}

static pmipc_status ros_text_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data,
                                  pmipc_error *error)
{
    (void)error;
    const pmipc_cdr_span text = ros_one_span(&decoder->intake, field->leaves[0]);
    const pmipc_field *pool = &decoder->schema.fields[field - decoder->fields];
    uint64_t count;
    if (!(pool->flags & PMIPC_FIELD_VARIABLE))
        memset(data, 0, pmipc_field_bytes(pool));
    if (field->text == ROS_TEXT_WIDE)
        ros_text_characters(&text, data, &count);
    else if (text.count)
        memcpy(data, text.data, text.count);
    return PMIPC_OK;
}

const struct ros_decode_kind ros_text_kind = {.add = ros_text_add_leaf,
                                              .expect = ros_text_expect,
                                              .measure = ros_text_measure,
                                              .fill = ros_text_fill};
