/* images.h: the encodings of sensor_msgs/Image. */
#ifndef ROS_IMAGES_H
#define ROS_IMAGES_H

#include "polymorph_ipc/schema.h"

#define ROS_MAX_ENCODING 31 /* bytes of a name that is known, without the NUL */

struct ros_encoding {
    pmipc_dtype dtype;
    uint32_t channels;  /* 1: (rows, width), more: (rows, width, channels) */
    uint32_t half_rows; /* rows are height * half_rows / 2: 2 of all but nv12, nv21 (3) and nv24 (6) */
    bool is_split;      /* nv24: its second part has rows of another length, so that padding cannot be taken out */
};

/* False: an encoding that nobody knows. */
bool ros_encoding_find(const char *name, size_t length, struct ros_encoding *encoding);

/* Rows of an image of this height; false when there is no such image (nv12 of an odd height). */
bool ros_encoding_rows(const struct ros_encoding *encoding, uint32_t height, uint64_t *rows);

/* The encoding of this dtype and so many channels that means least: mono8, rgb8, rgba8, mono16, rgb16, rgba16, else
 * 32FC1 and the like. False when no image has such pixels. */
bool ros_encoding_default(pmipc_dtype dtype, uint32_t channels, char name[ROS_MAX_ENCODING + 1]);

#endif
