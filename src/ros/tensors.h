/* tensors.h: which numbers of a message a field of a sample holds, by default and by path. */
#ifndef ROS_TENSORS_H
#define ROS_TENSORS_H

#include "polymorph_ipc/cdr.h"
#include "polymorph_ipc/ros.h"

#define ROS_MAX_PARTS 16
#define ROS_MAX_PATH 255 /* bytes, without the NUL */

enum ros_kind {
    ROS_NUMBERS,      /* what `parts` lead to, one after the other: several, all of fixed length, or one of any shape */
    ROS_JOINTS,       /* the same, and its last dimension is in the order of the joints' names (ros_joint_names) */
    ROS_IMAGE,        /* sensor_msgs/Image: dtype and shape by its encoding */
    ROS_CLOUD,        /* sensor_msgs/PointCloud2: points by its fields */
    ROS_MULTI_ARRAY,  /* std_msgs/...MultiArray: `data` in the shape that `layout` says */
    ROS_GRID,         /* nav_msgs/OccupancyGrid: `data` as (height, width) */
    ROS_JOINT_STAMPS, /* of a decoder only: when each joint was heard last */
    ROS_TEXT          /* of a decoder only: a string as bytes, S<n> or U<n> */
};

/* One path and what it leads to. */
struct ros_part {
    char path[ROS_MAX_PATH + 1];
    uint64_t elements; /* 0: each message decides */
};

struct ros_tensor {
    enum ros_kind kind;
    bool is_default;   /* no path was asked for */
    bool is_stacked;   /* decoder and encoder set it: JointState as (3, J), position, velocity and effort */
    pmipc_dtype dtype; /* 0 of images and clouds: each message says */
    uint32_t
        ndim; /* natural shape, -1: each message decides; of images, clouds and multi-arrays each message says all */
    int64_t shape[PMIPC_MAX_NDIM];
    uint32_t part_count;
    struct ros_part parts[ROS_MAX_PARTS];
};

/* The tensor of `message` at `path`; NULL or "": its default one. `message` is a full name (ros_name_complete).
 * Returns: OK; INVALID_ARGUMENT (no such path; no numbers, or no default: says so); UNSUPPORTED (TFMessage); NO_MEMORY.
 */
pmipc_status ros_tensor_find(pmipc_cdr_types *types, const char *message, const char *path, struct ros_tensor *tensor,
                             pmipc_error *error);

/* "sensor_msgs/Image" and "sensor_msgs/msg/Image" become the latter. False: too long to be a type's name. */
bool ros_name_complete(char full[PMIPC_CDR_MAX_NAME + 1], const char *message);

bool ros_is_image(const char *message);

/* The path to the joints' names, of JointState and JointTrajectory; NULL of other types. */
const char *ros_joint_names(const char *message);

/* Whether messages of this type tell the present state of the joints that they name: JointState. */
bool ros_joints_can_merge(const char *message);

/* Whether a path leads to values of joints. */
bool ros_path_is_jointed(const char *message, const char *path);

/* The paths of a message's stamp and frame: of its field `header`, else of its first field of type std_msgs/Header,
 * else its field `stamp`. "" for what there is not. */
struct ros_header {
    char sec[ROS_MAX_PATH + 1];
    char nanosec[ROS_MAX_PATH + 1];
    char frame_id[ROS_MAX_PATH + 1];
};

pmipc_status ros_header_find(pmipc_cdr_types *types, const char *message, struct ros_header *header,
                             pmipc_error *error);

/* Whether a message of this type begins with the stamp of that header: int32 sec, uint32 nanosec. */
pmipc_status ros_header_is_first(pmipc_cdr_types *types, const char *message, const struct ros_header *header,
                                 bool *is_first, pmipc_error *error);

/* "uint8 (480, 640, 3)" of a field of `schema`, or of one whose dtype the schema's text describes. */
void ros_format_field(const pmipc_schema *schema, const pmipc_field *field, char *text, size_t text_bytes);

/* The field that `path` begins with ("poses" of "poses[].pose.x"); `rest` is what follows its name. `*found` is false
 * when there is none. */
pmipc_status ros_field_find(pmipc_cdr_types *types, const char *message, const char *path, pmipc_cdr_field *field,
                            const char **rest, bool *found, pmipc_error *error);

#endif
