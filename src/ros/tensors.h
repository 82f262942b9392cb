/* tensors.h: which numbers of a message a field of a sample holds, by path or by default. */
#ifndef ROS_TENSORS_H
#define ROS_TENSORS_H

#include "polymorph_ipc/cdr.h"
#include "polymorph_ipc/ros.h"

#define ROS_MAX_PARTS 16
#define ROS_MAX_PATH 255 /* bytes, without the NUL */

enum ros_kind {
    ROS_NUMBERS, /* the numbers of `parts`: one part of any shape, or several of fixed length, one after the other */
    ROS_JOINTS,  /* the same, with the last dimension in the order of the joints' names (ros_joint_names) */
    ROS_IMAGE,   /* sensor_msgs/Image: the encoding gives dtype and shape */
    ROS_CLOUD,   /* sensor_msgs/PointCloud2: its fields give the layout of points */
    ROS_MULTI_ARRAY,  /* std_msgs/...MultiArray: `data` in the shape of `layout` */
    ROS_GRID,         /* nav_msgs/OccupancyGrid: `data` as (height, width) */
    ROS_JOINT_STAMPS, /* only decoders: the stamp of each joint's last message */
    ROS_TEXT          /* only decoders: a string as bytes, S<n> or U<n> */
};

/* One path and what it leads to. */
struct ros_part {
    char path[ROS_MAX_PATH + 1];
    uint64_t elements; /* 0: each message decides */
};

struct ros_tensor {
    enum ros_kind kind;
    bool is_default;   /* no path was given */
    bool is_stacked;   /* JointState as (3, J): position, velocity, effort. Set by a decoder, from an expected sample */
    pmipc_dtype dtype; /* images and clouds: 0, because each message decides */
    uint32_t ndim;     /* of the natural shape */
    int64_t shape[PMIPC_MAX_NDIM]; /* -1: each message decides. Images, clouds and multi-arrays: of `data` */
    uint32_t part_count;
    struct ros_part parts[ROS_MAX_PARTS];
};

/* Find the tensor of `message` at `path`; NULL or "": the default tensor. `message` is a full name (ros_name_complete).
 * Returns: OK; INVALID_ARGUMENT (no such path, not numbers, no default tensor); UNSUPPORTED (TFMessage); NO_MEMORY. */
pmipc_status ros_tensor_find(pmipc_cdr_types *types, const char *message, const char *path, struct ros_tensor *tensor,
                             pmipc_error *error);

/* Complete "sensor_msgs/Image" to "sensor_msgs/msg/Image". False: too long for the name of a type. */
bool ros_name_complete(char full[PMIPC_CDR_MAX_NAME + 1], const char *message);

bool ros_is_image(const char *message);

/* The path of the joints' names in a JointState or JointTrajectory. NULL: another type. */
const char *ros_joint_names(const char *message);

/* Whether messages of this type have the current state of joints, so that several can merge: JointState. */
bool ros_joints_can_merge(const char *message);

/* Whether a path leads to values of joints. */
bool ros_path_is_joints(const char *message, const char *path);

/* The paths of a message's stamp and frame, "" if it has none. They are in its field `header`, or else in its first
 * field of type std_msgs/Header; or else the stamp is its field `stamp`. */
struct ros_header {
    char sec[ROS_MAX_PATH + 1];
    char nanosec[ROS_MAX_PATH + 1];
    char frame_id[ROS_MAX_PATH + 1];
};

pmipc_status ros_header_find(pmipc_cdr_types *types, const char *message, struct ros_header *header,
                             pmipc_error *error);

/* Whether a message of this type begins with the stamp of this header: int32 sec, uint32 nanosec. */
pmipc_status ros_header_is_first(pmipc_cdr_types *types, const char *message, const struct ros_header *header,
                                 bool *is_first, pmipc_error *error);

/* Format one field: "uint8 (480, 640, 3)". Its dtype may be described in the schema's text. */
void ros_format_field(const pmipc_schema *schema, const pmipc_field *field, char *text, size_t text_bytes);

/* Find the field that `path` begins with ("poses" of "poses[].pose.x"). `*rest` is set to what follows its name. */
pmipc_status ros_field_find(pmipc_cdr_types *types, const char *message, const char *path, pmipc_cdr_field *field,
                            const char **rest, bool *found, pmipc_error *error);

#endif
