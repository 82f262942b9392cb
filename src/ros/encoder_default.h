/* encoder_default.h: default tensors as messages. */
#ifndef ROS_ENCODER_DEFAULT_H
#define ROS_ENCODER_DEFAULT_H

#include "ros/encoder_base.h"

/* Fill the default tensor of the message type from a field of the schema. */
pmipc_status ros_encoder_add_default(struct ros_encoder_build *build, uint32_t source);

#endif
