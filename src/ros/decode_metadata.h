/* decode_metadata.h: the metadata of a pool of messages. */
#ifndef ROS_DECODE_METADATA_H
#define ROS_DECODE_METADATA_H

#include "ros/decode_base.h"

/* Write decoder->metadata from the message that is being learned. */
pmipc_status ros_metadata_write(pmipc_ros_decoder *decoder, pmipc_error *error);

#endif
