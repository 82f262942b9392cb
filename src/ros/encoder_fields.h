/* encoder_fields.h: fields of the sample, each at a path of the message. */
#ifndef ROS_ENCODER_FIELDS_H
#define ROS_ENCODER_FIELDS_H

#include "ros/encoder_base.h"

/* Fill all that a path leads to from a field of the schema. */
pmipc_status ros_encoder_add_path(struct ros_encoder_build *build, uint32_t source, const char *path);

/* Fill a path from a part of a field of the schema, whose dtype and shape were checked: `count` elements per length at
 * `offset`. */
pmipc_status ros_encoder_add_part(struct ros_encoder_build *build, uint32_t source, const char *path, pmipc_dtype dtype,
                                  uint64_t offset, uint64_t count);

/* SCHEMA_MISMATCH if a constant names another number of joints. */
pmipc_status ros_encoder_check_joints(struct ros_encoder_build *build, uint32_t source, uint64_t joints);

#endif
