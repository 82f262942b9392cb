/* decode_stamps.h: the stamps of the joints' last messages. */
#ifndef ROS_DECODE_STAMPS_H
#define ROS_DECODE_STAMPS_H

#include "ros/decode_base.h"

extern const struct ros_decode_kind ros_stamps_kind;

/* Set the tensor if this is the path of joint stamps. */
bool ros_stamps_find(const char *message, const char *path, struct ros_tensor *tensor);

#endif
