/* decode_head.h: what precedes the pixels of the last image. */
#ifndef ROS_DECODE_HEAD_H
#define ROS_DECODE_HEAD_H

#include "ros/decode_base.h"

#define ROS_ENCAPSULATION_BYTES 4 /* in front of every serialized message */
#define ROS_STAMP_END 12          /* int32 sec, uint32 nanosec */

/* Remember the head of a decoded message, or that the next one cannot be received in place. */
void ros_head_learn(pmipc_ros_decoder *decoder, const uint8_t *bytes, size_t byte_count);

#endif
