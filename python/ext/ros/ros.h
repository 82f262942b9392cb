/* ros.h: the RosDecoder and RosEncoder classes. */
#ifndef PY_ROS_H
#define PY_ROS_H

#include "core/state.h"

extern PyType_Spec py_ros_decoder_spec;
extern PyType_Spec py_ros_encoder_spec;

#endif
