/* decode_array.h: data whose shape is elsewhere in the message: std_msgs/...MultiArray, nav_msgs/OccupancyGrid. */
#ifndef ROS_DECODE_ARRAY_H
#define ROS_DECODE_ARRAY_H

#include "ros/decode_base.h"

extern const struct ros_decode_kind ros_array_kind;

#endif
