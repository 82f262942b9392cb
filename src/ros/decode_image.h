/* decode_image.h: sensor_msgs/Image. */
#ifndef ROS_DECODE_IMAGE_H
#define ROS_DECODE_IMAGE_H

#include "ros/decode_base.h"

extern const struct ros_decode_kind ros_image_kind;

/* The pixels in the message, if they are exactly the bytes that the slot gets; else NULL. */
const uint8_t *ros_image_verbatim(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field);

#endif
