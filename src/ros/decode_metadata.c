/* decode_metadata.c: the metadata of a pool of messages. */
#include "ros/decode_metadata.h"

#include <stdlib.h>

#include "os/error.h"

#define ROS_MAX_METADATA_STRING 1024u /* bytes; a longer string is not a name */

static void ros_metadata_key(struct ros_text *text, const char *key)
{
    ros_text_add(text, "%s\"%s\":", text->length ? "," : "{", key);
}

/* A string of the message. It is left out if it is not UTF-8. */
static void ros_metadata_string(const pmipc_ros_decoder *decoder, struct ros_text *text, const char *key, uint32_t leaf)
{
    if (leaf == ROS_NO_LEAF || ros_is_held(decoder, leaf)) /* it may differ from sample to sample */
        return;
    const pmipc_cdr_span span = ros_one_span(&decoder->intake, leaf);
    const size_t before = text->length;
    if (span.count > ROS_MAX_METADATA_STRING)
        return;
    ros_metadata_key(text, key);
    ros_json_add_string(text, span.data, span.count);
    if (!text->is_not_utf8)
        return;
    text->is_not_utf8 = false;
    text->length = before;
    text->bytes[before] = '\0';
}

static void ros_metadata_byte_order(const pmipc_ros_decoder *decoder, struct ros_text *text)
{
    const uint32_t leaf =
        decoder->image.is_bigendian != ROS_NO_LEAF ? decoder->image.is_bigendian : decoder->cloud.is_bigendian;
    if (leaf == ROS_NO_LEAF)
        return;
    ros_metadata_key(text, "is_bigendian");
    ros_text_add(text, "%s", decoder->intake.leaves[leaf].one.u8 ? "true" : "false");
}

static void ros_metadata_lists(const pmipc_ros_decoder *decoder, struct ros_text *text)
{
    if (decoder->joints.names != ROS_NO_LEAF) {
        ros_metadata_key(text, "names");
        ros_text_add(text, "[");
        for (uint32_t i = 0; i < decoder->joints.count; i++) {
            ros_text_add(text, "%s", i ? "," : "");
            ros_json_add_string(text, decoder->joints.joints[i], strlen(decoder->joints.joints[i]));
        }
        ros_text_add(text, "]");
    }
    if (decoder->cloud.is_table) {
        ros_metadata_key(text, "point_fields");
        ros_text_add(text, "[");
        for (uint32_t i = 0; i < decoder->cloud.picked.field_count; i++) {
            const char *name = decoder->cloud.picked.fields[i].name;
            ros_text_add(text, "%s", i ? "," : "");
            ros_json_add_string(text, name, strlen(name));
        }
        ros_text_add(text, "]");
    }
}

pmipc_status ros_metadata_write(pmipc_ros_decoder *decoder, pmipc_error *error)
{
    struct ros_text *text = &decoder->metadata;
    free(text->bytes);
    *text = (struct ros_text){0};
    ros_metadata_string(decoder, text, "child_frame_id", decoder->frames[1].leaf);
    ros_metadata_string(decoder, text, "encoding", decoder->encoding);
    ros_metadata_string(decoder, text, "format", decoder->format);
    ros_metadata_string(decoder, text, "frame_id", decoder->frames[0].leaf);
    ros_metadata_byte_order(decoder, text);
    ros_metadata_lists(decoder, text);
    ros_metadata_key(text, "ros_type");
    ros_json_add_string(text, decoder->message, strlen(decoder->message));
    ros_text_add(text, "}");
    if (text->is_not_utf8)
        return ros_refuse(decoder, error, "the name of a joint or point field is not UTF-8");
    if (text->is_full)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for the metadata of a %s", decoder->message);
    if (text->length > PMIPC_MAX_METADATA_BYTES)
        return ros_refuse(decoder, error, "the names of its joints or point fields take more than %u bytes of metadata",
                          PMIPC_MAX_METADATA_BYTES);
    return PMIPC_OK;
}
