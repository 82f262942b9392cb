/* decode_numbers.h: numbers of one dtype. */
#ifndef ROS_DECODE_NUMBERS_H
#define ROS_DECODE_NUMBERS_H

#include "ros/decode_base.h"

extern const struct ros_decode_kind ros_numbers_kind;

#endif
