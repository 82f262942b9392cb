/* encoder_use.h: checks of what receivers need. */
#ifndef ROS_ENCODER_USE_H
#define ROS_ENCODER_USE_H

#include "ros/encoder_base.h"

/* Refuse numbers in lists that receivers ignore: joints without names, points of a trajectory without times. */
pmipc_status ros_encoder_check_use(struct ros_encoder_build *build);

#endif
