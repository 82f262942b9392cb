/* images.h: the encodings of sensor_msgs/Image. */
#ifndef ROS_IMAGES_H
#define ROS_IMAGES_H

#include "polymorph_ipc/schema.h"

#define ROS_MAX_ENCODING 31 /* bytes of a known name, without the NUL */

struct ros_encoding {
    pmipc_dtype dtype;
    uint32_t channels;  /* 1: (rows, width), more: (rows, width, channels) */
    uint32_t half_rows; /* rows are height * half_rows / 2: 3 for nv12 and nv21, 6 for nv24, 2 for all others */
    bool is_split;      /* nv24: its second part has rows of another length, so padding cannot be removed */
};

/* False: unknown encoding. */
bool ros_encoding_find(const char *name, size_t length, struct ros_encoding *encoding);

/* Rows of an image of this height. False: the encoding needs an even height (nv12). */
bool ros_encoding_rows(const struct ros_encoding *encoding, uint32_t height, uint64_t *rows);

/* The most general encoding of this dtype and number of channels: mono8, rgb8, rgba8, mono16, rgb16, rgba16, otherwise
 * 32FC1 and others of that form. False: no image has such pixels. */
bool ros_encoding_default(pmipc_dtype dtype, uint32_t channels, char name[ROS_MAX_ENCODING + 1]);

#endif
