/* encoder_planes.h: images given as (channels, height, width). */
#ifndef ROS_ENCODER_PLANES_H
#define ROS_ENCODER_PLANES_H

#include "ros/encoder_base.h"

/* The pixels of a message, from such a field of the schema. */
pmipc_status ros_encoder_add_planes(struct ros_encoder_build *build, uint32_t source);

/* Copy the sample's image into the encoder's memory as (height, width, channels). */
void ros_encoder_interleave(const struct ros_encoder_planes *planes, const pmipc_source *sources);

#endif
