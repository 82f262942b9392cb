/* decode_cloud.h: sensor_msgs/PointCloud2. */
#ifndef ROS_DECODE_CLOUD_H
#define ROS_DECODE_CLOUD_H

#include "ros/decode_base.h"

extern const struct ros_decode_kind ros_cloud_kind;

/* Take the option point_fields. */
pmipc_status ros_cloud_select(pmipc_ros_decoder *decoder, const pmipc_ros_decoder_options *options, pmipc_error *error);

#endif
