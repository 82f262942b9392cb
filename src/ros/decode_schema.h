/* decode_schema.h: the pool's schema, and whether a message fits it. */
#ifndef ROS_DECODE_SCHEMA_H
#define ROS_DECODE_SCHEMA_H

#include "ros/decode_base.h"

/* Set `*length` to the rows of the measured field. SCHEMA_MISMATCH if the pool has another dtype or shape. */
pmipc_status ros_fit(const pmipc_ros_decoder *decoder, uint32_t index, const struct ros_extent *extent, int64_t *length,
                     pmipc_error *error);

/* SCHEMA_MISMATCH if a variable field of this length is longer than the pool has room for. */
pmipc_status ros_check_room(const pmipc_ros_decoder *decoder, uint32_t index, int64_t length, pmipc_error *error);

/* The schema of a first message. */
pmipc_status ros_schema_of(pmipc_ros_decoder *decoder, const struct ros_extent *extents, pmipc_schema *schema,
                           pmipc_error *error);

#endif
