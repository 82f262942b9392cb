/* decode_joints.h: values of joints, in the order of the sample's joints. */
#ifndef ROS_DECODE_JOINTS_H
#define ROS_DECODE_JOINTS_H

#include "ros/decode_base.h"

extern const struct ros_decode_kind ros_joints_kind;

/* Take the option joints. */
pmipc_status ros_joints_select(pmipc_ros_decoder *decoder, const pmipc_ros_decoder_options *options,
                               pmipc_error *error);

/* Find the joints of the sample among the names of the decoded message. Before a message is learned, learn them. */
pmipc_status ros_joints_find(pmipc_ros_decoder *decoder, pmipc_error *error);

/* Forget what was learned; selected joints stay. */
void ros_joints_forget(pmipc_ros_decoder *decoder);

#endif
