/* decode_text.h: strings by path. */
#ifndef ROS_DECODE_TEXT_H
#define ROS_DECODE_TEXT_H

#include "ros/decode_base.h"

extern const struct ros_decode_kind ros_text_kind;

/* Set the tensor if the path leads to one string. */
bool ros_text_find(pmipc_cdr_types *types, const char *message, const char *path, struct ros_tensor *tensor);

#endif
