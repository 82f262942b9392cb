/* decode_merged.h: one row of joints from the messages of several publishers. */
#ifndef ROS_DECODE_MERGED_H
#define ROS_DECODE_MERGED_H

#include "ros/decode_base.h"

#define ROS_JOINT_ROWS 3 /* position, velocity, effort */

/* The leaves of a field of joints: one, or those of position, velocity and effort. Returns how many. */
uint32_t ros_joints_leaves(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                           uint32_t leaves[ROS_JOINT_ROWS]);

/* Whether the decoded message has any values for the fields of joints. */
bool ros_joints_have_values(const pmipc_ros_decoder *decoder);

/* Take the values and the stamp of the decoded message, which was checked completely. */
pmipc_status ros_joints_merge(pmipc_ros_decoder *decoder, pmipc_error *error);

/* Copy the last value of each joint. */
void ros_merged_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data);

#endif
