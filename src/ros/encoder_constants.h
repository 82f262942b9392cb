/* encoder_constants.h: values that are the same in every message. */
#ifndef ROS_ENCODER_CONSTANTS_H
#define ROS_ENCODER_CONSTANTS_H

#include "ros/encoder_base.h"

/* Store `number` as an element of `dtype` (8 bytes of room). False if the dtype cannot hold it exactly; a float is
 * rounded, but not to infinity. */
bool ros_encoder_number(pmipc_dtype dtype, double number, void *element);

/* One number in every message. */
pmipc_status ros_encoder_add_number(struct ros_encoder_build *build, const char *path, const pmipc_cdr_place *place,
                                    enum ros_encoder_origin origin, double number);

/* One string, all strings of a list, or one string for each element of a list of messages. */
pmipc_status ros_encoder_add_texts(struct ros_encoder_build *build, const char *path, const pmipc_cdr_place *place,
                                   enum ros_encoder_origin origin, const char *const *texts, uint32_t count);

/* A constant of the user. */
pmipc_status ros_encoder_add_constant(struct ros_encoder_build *build, const pmipc_ros_constant *constant);

#endif
