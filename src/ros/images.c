#include "ros/images.h"

#include <stdio.h>
#include <string.h>

#define ROS_MAX_CHANNELS 512u /* OpenCV's limit */

/* Names of sensor_msgs/image_encodings.hpp. The first one with a dtype and channels is their default. */
static const struct {
    const char *name;
    struct ros_encoding encoding;
} ros_encodings[] = {
    {"mono8", {PMIPC_UINT8, 1, 2, false}},         {"rgb8", {PMIPC_UINT8, 3, 2, false}},
    {"bgr8", {PMIPC_UINT8, 3, 2, false}},          {"rgba8", {PMIPC_UINT8, 4, 2, false}},
    {"bgra8", {PMIPC_UINT8, 4, 2, false}},         {"mono16", {PMIPC_UINT16, 1, 2, false}},
    {"rgb16", {PMIPC_UINT16, 3, 2, false}},        {"bgr16", {PMIPC_UINT16, 3, 2, false}},
    {"rgba16", {PMIPC_UINT16, 4, 2, false}},       {"bgra16", {PMIPC_UINT16, 4, 2, false}},
    {"bayer_rggb8", {PMIPC_UINT8, 1, 2, false}},   {"bayer_bggr8", {PMIPC_UINT8, 1, 2, false}},
    {"bayer_gbrg8", {PMIPC_UINT8, 1, 2, false}},   {"bayer_grbg8", {PMIPC_UINT8, 1, 2, false}},
    {"bayer_rggb16", {PMIPC_UINT16, 1, 2, false}}, {"bayer_bggr16", {PMIPC_UINT16, 1, 2, false}},
    {"bayer_gbrg16", {PMIPC_UINT16, 1, 2, false}}, {"bayer_grbg16", {PMIPC_UINT16, 1, 2, false}},
    {"uyvy", {PMIPC_UINT8, 2, 2, false}},          {"yuv422", {PMIPC_UINT8, 2, 2, false}},
    {"yuyv", {PMIPC_UINT8, 2, 2, false}},          {"yuv422_yuy2", {PMIPC_UINT8, 2, 2, false}},
    {"nv12", {PMIPC_UINT8, 1, 3, false}},          {"nv21", {PMIPC_UINT8, 1, 3, false}},
    {"nv24", {PMIPC_UINT8, 1, 6, true}},
};

#define ROS_ENCODINGS (sizeof ros_encodings / sizeof ros_encodings[0])

/* OpenCV's names: the dtype, 'C' and the number of channels, which is 1 if it is left out. */
static const struct {
    const char *prefix;
    pmipc_dtype dtype;
} ros_plain_encodings[] = {
    {"8UC", PMIPC_UINT8},  {"8SC", PMIPC_INT8},     {"16UC", PMIPC_UINT16},  {"16SC", PMIPC_INT16},
    {"32SC", PMIPC_INT32}, {"32FC", PMIPC_FLOAT32}, {"64FC", PMIPC_FLOAT64},
};

#define ROS_PLAIN_ENCODINGS (sizeof ros_plain_encodings / sizeof ros_plain_encodings[0])

static bool ros_channels_parse(const char *digits, size_t length, uint32_t *channels)
{
    *channels = length ? 0 : 1;
    if (length > 3 || (length && digits[0] == '0'))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        *channels = *channels * 10 + (uint32_t)(digits[i] - '0');
    }
    return *channels <= ROS_MAX_CHANNELS;
}

bool ros_encoding_find(const char *name, size_t length, struct ros_encoding *encoding)
{
    for (size_t i = 0; i < ROS_ENCODINGS; i++) {
        if (strlen(ros_encodings[i].name) != length || memcmp(ros_encodings[i].name, name, length) != 0)
            continue;
        *encoding = ros_encodings[i].encoding;
        return true;
    }
    for (size_t i = 0; i < ROS_PLAIN_ENCODINGS; i++) {
        size_t prefix = strlen(ros_plain_encodings[i].prefix);
        uint32_t channels;
        if (length < prefix || memcmp(ros_plain_encodings[i].prefix, name, prefix) != 0)
            continue;
        if (!ros_channels_parse(name + prefix, length - prefix, &channels))
            return false;
        *encoding = (struct ros_encoding){ros_plain_encodings[i].dtype, channels, 2, false};
        return true;
    }
    return false;
}

bool ros_encoding_rows(const struct ros_encoding *encoding, uint32_t height, uint64_t *rows)
{
    uint64_t half_rows = (uint64_t)height * encoding->half_rows;
    *rows = half_rows / 2;
    return half_rows % 2 == 0;
}

bool ros_encoding_default(pmipc_dtype dtype, uint32_t channels, char name[ROS_MAX_ENCODING + 1])
{
    for (size_t i = 0; i < ROS_ENCODINGS; i++) {
        const struct ros_encoding *encoding = &ros_encodings[i].encoding;
        /* Two channels of 8 bits have no default: they may be YUV in either order. */
        if (encoding->dtype != dtype || encoding->channels != channels || channels == 2 || encoding->half_rows != 2)
            continue;
        snprintf(name, ROS_MAX_ENCODING + 1, "%s", ros_encodings[i].name);
        return true;
    }
    for (size_t i = 0; i < ROS_PLAIN_ENCODINGS && channels >= 1 && channels <= ROS_MAX_CHANNELS; i++) {
        if (ros_plain_encodings[i].dtype != dtype)
            continue;
        snprintf(name, ROS_MAX_ENCODING + 1, "%s%u", ros_plain_encodings[i].prefix, channels);
        return true;
    }
    return false;
}
