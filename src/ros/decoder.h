/* decoder.h: decoding into the pool of a producer. */
#ifndef ROS_DECODER_H
#define ROS_DECODER_H

#include "ros/decode_base.h"

/* SCHEMA_MISMATCH unless the producer's pool has the learned schema: a message would be written past its end. The
 * decoder takes over the room that the pool has for variable fields. */
pmipc_status ros_check_producer(pmipc_ros_decoder *decoder, const pmipc_producer *producer, pmipc_error *error);

#endif
