/* decode_head.c: remember what precedes the pixels of an image, to receive the next one in place (landing.c). */
#include "ros/decode_head.h"

#include "ros/decode_image.h"

/* The second byte of the encapsulation is odd for little endian. */
static bool ros_is_native(const uint8_t *bytes)
{
    return ((bytes[1] & 1) != 0) == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
}

void ros_head_learn(pmipc_ros_decoder *decoder, const uint8_t *bytes, size_t byte_count)
{
    decoder->head.count = 0;
    if (decoder->field_count != 1 || decoder->fields[0].tensor.kind != ROS_IMAGE || !decoder->begins_with_stamp)
        return;
    const uint8_t *pixels = ros_image_verbatim(decoder, &decoder->fields[0]);
    if (!pixels)
        return;
    const size_t count = (size_t)(pixels - bytes);
    if (count > ROS_MAX_HEAD || count < ROS_STAMP_END || !ros_is_native(bytes) ||
        byte_count - count != pmipc_field_bytes(&decoder->schema.fields[0]))
        return;
    memcpy(decoder->head.bytes, bytes, count);
    decoder->head.count = count;
    decoder->head.message_bytes = byte_count;
}
