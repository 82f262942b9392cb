/* decode_frames.c: the frames that all messages must have, because coordinates have no meaning without their frame.
 *
 * The first message's frames are learned, and messages with others are refused. A frame is not checked if the user
 * allows any, or if a field of the samples holds it. */
#include "ros/decode_frames.h"

#include <stdlib.h>

#include "os/error.h"

void ros_frames_add(pmipc_ros_decoder *decoder, bool takes_any)
{
    decoder->frames[0] = (struct ros_frame){.leaf = decoder->frame_id, .key = "frame_id"};
    decoder->frames[1] = (struct ros_frame){.leaf = decoder->child_frame_id, .key = "child_frame_id"};
    for (uint32_t i = 0; i < ROS_FRAMES; i++)
        if (takes_any || ros_is_held(decoder, decoder->frames[i].leaf))
            decoder->frames[i].leaf = ROS_NO_LEAF;
}

void ros_frames_forget(pmipc_ros_decoder *decoder)
{
    for (uint32_t i = 0; i < ROS_FRAMES; i++) {
        free(decoder->frames[i].learned);
        decoder->frames[i].learned = NULL;
    }
}

pmipc_status ros_frames_learn(pmipc_ros_decoder *decoder, pmipc_error *error)
{
    ros_frames_forget(decoder);
    for (uint32_t i = 0; i < ROS_FRAMES; i++) {
        struct ros_frame *frame = &decoder->frames[i];
        if (frame->leaf == ROS_NO_LEAF)
            continue;
        const pmipc_cdr_span name = ros_one_span(&decoder->intake, frame->leaf);
        frame->learned = malloc(name.count + 1);
        if (!frame->learned)
            return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for the %s of a %s", frame->key, decoder->message);
        memcpy(frame->learned, name.data, name.count);
        frame->learned[name.count] = '\0';
        frame->count = name.count;
    }
    return PMIPC_OK;
}

pmipc_status ros_frames_check(const pmipc_ros_decoder *decoder, pmipc_error *error)
{
    for (uint32_t i = 0; i < ROS_FRAMES; i++) {
        const struct ros_frame *frame = &decoder->frames[i];
        if (frame->leaf == ROS_NO_LEAF)
            continue;
        const pmipc_cdr_span name = ros_one_span(&decoder->intake, frame->leaf);
        if (name.count == frame->count && memcmp(name.data, frame->learned, name.count) == 0)
            continue;
        return ros_refuse(decoder, error,
                          "the message's %s is '%.*s', the pool's is '%.*s'; ros_frames=\"any\" (C: any_frame) takes "
                          "messages of all frames",
                          frame->key, ros_shown(name.count), (const char *)name.data, ROS_SHOWN_BYTES, frame->learned);
    }
    return PMIPC_OK;
}
