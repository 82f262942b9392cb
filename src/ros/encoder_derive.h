/* encoder_derive.h: values that follow from the sample's shape, dtype and stamp. */
#ifndef ROS_ENCODER_DERIVE_H
#define ROS_ENCODER_DERIVE_H

#include "ros/encoder_base.h"

/* A path that a field gives is left to the field. A constant of the path must have the derived value. */
pmipc_status ros_encoder_derive_number(struct ros_encoder_build *build, const char *path, double number);
pmipc_status ros_encoder_derive_text(struct ros_encoder_build *build, const char *path, const char *text);

/* The uint32 length * factor. If the field is not variable, it is the number `factor`. */
pmipc_status ros_encoder_derive_product(struct ros_encoder_build *build, const char *path, uint32_t source,
                                        uint64_t factor);

/* One element for each of the `count` elements of a sequence of messages. `data` must stay where it is. */
pmipc_status ros_encoder_derive_column(struct ros_encoder_build *build, const char *path, pmipc_dtype dtype,
                                       const void *data, uint64_t count);

/* Store length * factor at `to` before each message. */
pmipc_status ros_encoder_add_product(struct ros_encoder_build *build, uint32_t source, uint64_t factor, uint32_t *to);

/* The stamp of the message, if its type has one and no field or constant gives it. */
pmipc_status ros_encoder_add_stamp(struct ros_encoder_build *build);

/* The elements of a list that fields fill get the message's own stamp and frame_id, unless a field or constant gives
 * them. */
pmipc_status ros_encoder_add_element_headers(struct ros_encoder_build *build);

#endif
