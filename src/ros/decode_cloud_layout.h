/* decode_cloud_layout.h: where the fields of points are. */
#ifndef ROS_DECODE_CLOUD_LAYOUT_H
#define ROS_DECODE_CLOUD_LAYOUT_H

#include "ros/decode_base.h"

/* Whether the decoded message has the same point fields as the last one. */
bool ros_cloud_has_known_layout(const pmipc_ros_decoder *decoder);

/* Use the layout of the decoded message from now on. SCHEMA_MISMATCH if the pool cannot hold such points. */
pmipc_status ros_cloud_adopt_layout(pmipc_ros_decoder *decoder, pmipc_error *error);

#endif
