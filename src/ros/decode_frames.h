/* decode_frames.h: the frames that all messages must have. */
#ifndef ROS_DECODE_FRAMES_H
#define ROS_DECODE_FRAMES_H

#include "ros/decode_base.h"

/* Set which frames to check. All fields must be added before. */
void ros_frames_add(pmipc_ros_decoder *decoder, bool takes_any);

pmipc_status ros_frames_learn(pmipc_ros_decoder *decoder, pmipc_error *error);

/* SCHEMA_MISMATCH if the decoded message has other frames than the learned ones. */
pmipc_status ros_frames_check(const pmipc_ros_decoder *decoder, pmipc_error *error);

void ros_frames_forget(pmipc_ros_decoder *decoder);

#endif
