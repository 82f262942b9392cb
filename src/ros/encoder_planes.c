/* encoder_planes.c: images given as (channels, height, width), which messages hold as (height, width, channels). */
#include "ros/encoder_planes.h"

#include <string.h>

pmipc_status ros_encoder_add_planes(struct ros_encoder_build *build, uint32_t source)
{
    pmipc_ros_encoder *encoder = build->encoder;
    const pmipc_field *field = &build->schema->fields[source];
    const uint64_t bytes = ros_encoder_elements(field) * field->itemsize;
    uint8_t *interleaved = cdr_arena_allocate(&encoder->arena, bytes);
    if (!interleaved)
        return ros_encoder_no_memory(build);
    encoder->sources[source].is_used = true;
    encoder->planes = (struct ros_encoder_planes){.source = source,
                                                  .channels = (uint32_t)field->shape[0],
                                                  .pixels = (uint64_t)field->shape[1] * (uint64_t)field->shape[2],
                                                  .item_bytes = field->itemsize,
                                                  .interleaved = interleaved};
    const struct ros_encoder_feed feed = {.source = ROS_ENCODER_NO_SOURCE,
                                          .rows_source = ROS_ENCODER_NO_SOURCE,
                                          .own = interleaved,
                                          .count = bytes,
                                          .rows = 1};
    return ros_encoder_add(build, "data", PMIPC_UINT8, ROS_ENCODER_FIELD, &feed);
}

/* Callers pass a constant `item_bytes`, so that the copies are moves. */
static inline void ros_encoder_interleave_items(const struct ros_encoder_planes *planes, const uint8_t *from,
                                                size_t item_bytes)
{
    const size_t step = planes->channels * item_bytes;
    for (uint32_t channel = 0; channel < planes->channels; channel++) {
        uint8_t *to = planes->interleaved + channel * item_bytes;
        for (uint64_t i = 0; i < planes->pixels; i++, from += item_bytes, to += step)
            memcpy(to, from, item_bytes);
    }
}

void ros_encoder_interleave(const struct ros_encoder_planes *planes, const pmipc_source *sources)
{
    const uint8_t *from = sources[planes->source].data;
    switch (planes->item_bytes) {
    case 1:
        ros_encoder_interleave_items(planes, from, 1);
        break;
    case 2:
        ros_encoder_interleave_items(planes, from, 2);
        break;
    case 4:
        ros_encoder_interleave_items(planes, from, 4);
        break;
    default:
        ros_encoder_interleave_items(planes, from, planes->item_bytes);
    }
}
