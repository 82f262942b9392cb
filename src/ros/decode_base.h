/* decode_base.h: the state of a decoder, and what all kinds of fields use.
 *
 * A message goes through three steps:
 *
 *   1. It is decoded into columns (intake.h).
 *   2. Each field measures: it checks the columns against each other and finds the dtype and shape of its tensor.
 *   3. When the pool has room for exactly that, each field fills its part of the slot.
 *
 * Learning from the first message is steps 1 and 2. What a field does in each step is its kind's table of operations.
 *
 * Calls and includes go in one direction:
 *
 *   landing                                                         images in place
 *   decoder                                                         the public functions, the three steps
 *   decode_schema, decode_frames, decode_metadata, decode_head      a whole message
 *   decode_image, _cloud, _array, _numbers, _joints, _stamps, _text the kinds
 *   decode_cloud_layout, decode_merged                              parts of a kind
 *   decode_base
 *   intake, tensors, images, points, json */
#ifndef ROS_DECODE_BASE_H
#define ROS_DECODE_BASE_H

#include "polymorph_ipc/ros.h"
#include "ros/images.h"
#include "ros/intake.h"
#include "ros/json.h"
#include "ros/points.h"
#include "ros/tensors.h"

#define ROS_MAX_JOINTS 1024                        /* learned or selected */
#define ROS_MAX_MESSAGE_NAMES 4096                 /* joint names in one message; each joint is searched among them */
#define ROS_MAX_ROWS 65536                         /* sequences within sequences, in one message */
#define ROS_MIN_VARIABLE 1024                      /* rows that a learned variable field has room for at least, ... */
#define ROS_MIN_VARIABLE_BYTES (UINT64_C(1) << 20) /* ... if they take no more than this */
#define ROS_MAX_DOUBLED_BYTES (UINT64_C(16) << 20) /* limit of room for twice the rows of the first message */
#define ROS_SHOWN_BYTES 60                         /* of a string of the message in an error text */

/* Dtype and shape of what a message has for one field. */
struct ros_extent {
    pmipc_dtype dtype;
    uint32_t itemsize;
    uint32_t ndim;
    int64_t shape[PMIPC_MAX_NDIM];
    bool is_flexible; /* the pool may hold the same elements in another shape */
};

struct ros_decoded_field;

/* What a kind of field does. */
struct ros_decode_kind {
    /* Add the leaves that decoding needs. The field's tensor is set. */
    pmipc_status (*add)(pmipc_ros_decoder *decoder, pmipc_cdr_types *types, struct ros_decoded_field *field,
                        pmipc_error *error);
    /* Check one field of an expected sample, and note what it decides. */
    pmipc_status (*expect)(pmipc_ros_decoder *decoder, struct ros_decoded_field *expected, const pmipc_schema *sample,
                           const pmipc_field *field, pmipc_error *error);
    /* Set the extent of the decoded message. It has the tensor's dtype on entry. Until a message is learned, measuring
     * also learns. */
    pmipc_status (*measure)(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                            struct ros_extent *extent, pmipc_error *error);
    /* Write the field's tensor. It was measured, and fits. */
    pmipc_status (*fill)(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data,
                         pmipc_error *error);
};

struct ros_decoded_field {
    char name[PMIPC_MAX_FIELD_NAME + 1];
    const struct ros_decode_kind *kind;
    struct ros_tensor tensor;
    uint32_t leaves[ROS_MAX_PARTS];        /* one per part of the tensor */
    uint32_t count_leaves[PMIPC_MAX_NDIM]; /* the lengths that a message decides, if there are several */
    uint32_t count_leaf_count;
    enum { ROS_TEXT_BYTES, ROS_TEXT_NARROW, ROS_TEXT_WIDE } text; /* of a string: uint8, S<n>, U<n> */
    double *merged; /* joints that merge: their last values, one row or three (decode_merged.c) */
};

#define ROS_NO_JOINT UINT32_MAX /* in `sources`: the message does not name this joint */

struct ros_image_decoder {
    uint32_t height, width, encoding, is_bigendian, step; /* leaves */
    char learned_name[ROS_MAX_ENCODING + 1];
    struct ros_encoding learned;
};

/* Numbers of a point that are copied together. */
struct ros_point_run {
    uint32_t offset;
    uint32_t count;
};

struct ros_cloud_decoder {
    uint32_t height, width, is_bigendian, point_step, row_step; /* leaves */
    uint32_t names, offsets, datatypes, counts;                 /* leaves */
    bool is_table;                                              /* (N, k) numbers of some fields; false: whole points */
    bool is_organized;                                          /* (height, width) instead of (N) */
    pmipc_dtype dtype;
    uint32_t columns; /* k; 0 until it is known */
    uint32_t run_count;
    struct ros_points points; /* of the last message; most messages have the same layout */
    struct ros_points picked; /* the fields of a table, in its order */
    struct ros_point_run runs[ROS_MAX_POINT_FIELDS];
    char (*wanted)[ROS_MAX_POINT_NAME + 1]; /* the option point_fields */
    uint32_t wanted_count;
};

struct ros_joint_decoder {
    uint32_t names;            /* leaf */
    uint32_t count;            /* joints of a sample */
    char **joints;             /* their names, in the sample's order; none if the message has no names */
    bool are_selected;         /* by the option joints */
    uint32_t *sources;         /* index of each joint in the last message; mostly the same in the next one */
    uint32_t message_count;    /* names in the last message */
    bool is_identity;          /* sources[i] == i */
    bool is_known;             /* `sources` is valid */
    bool merges;               /* messages may name only some of the joints */
    int64_t *stamps_ns;        /* of each joint's last message; 0: no message yet */
    uint32_t velocity, effort; /* leaves of stacked samples */
};

struct ros_array_decoder {
    uint32_t sizes, strides, data_offset; /* leaves of a MultiArray's layout */
    uint32_t height, width;               /* leaves of a grid */
};

#define ROS_MAX_HEAD 256 /* bytes of a message in front of its pixels */

/* What precedes the pixels of the last image, if they were copied unchanged and end the message. */
struct ros_head {
    uint8_t bytes[ROS_MAX_HEAD];
    size_t count; /* 0: the last message was not such an image */
    size_t message_bytes;
};

#define ROS_FRAMES 2

/* A frame that all messages must have. */
struct ros_frame {
    uint32_t leaf; /* ROS_NO_LEAF: messages have no such frame, or it may differ */
    const char *key;
    char *learned; /* followed by a NUL after its `count` bytes */
    uint64_t count;
};

struct pmipc_ros_decoder {
    char message[PMIPC_CDR_MAX_NAME + 1];
    struct ros_intake intake;
    uint32_t sec, nanosec, frame_id, child_frame_id, encoding, format; /* leaves */
    struct ros_frame frames[ROS_FRAMES];
    bool has_fixed_lengths;
    struct ros_image_decoder image;
    struct ros_cloud_decoder cloud;
    struct ros_joint_decoder joints;
    struct ros_array_decoder array;
    bool begins_with_stamp; /* a message begins with the header's stamp */
    struct ros_head head;
    bool is_expecting; /* `schema` was set by pmipc_ros_decoder_expect */
    bool has_learned;
    pmipc_schema schema;
    const pmipc_producer *checked; /* its schema was found to be this one */
    uint64_t checked_incarnation;
    int64_t fallback_stamp_ns; /* for messages without a stamp */
    struct ros_text metadata;
    uint32_t field_count;
    struct ros_decoded_field fields[];
};

/* SCHEMA_MISMATCH. The text begins with the message type. */
__attribute__((format(printf, 3, 4))) pmipc_status ros_refuse(const pmipc_ros_decoder *decoder, pmipc_error *error,
                                                              const char *format, ...);

/* SCHEMA_MISMATCH: what a field of an expected sample should be, and what it is. */
__attribute__((format(printf, 5, 6))) pmipc_status ros_refuse_sample(const pmipc_ros_decoder *decoder,
                                                                     const pmipc_schema *sample,
                                                                     const pmipc_field *field, pmipc_error *error,
                                                                     const char *format, ...);

/* How many bytes of a string of the message to show in an error text. */
static inline int ros_shown(uint64_t bytes)
{
    return bytes < ROS_SHOWN_BYTES ? (int)bytes : ROS_SHOWN_BYTES;
}

/* CORRUPT if one of them is neither 0 nor 1. */
pmipc_status ros_check_bools(const pmipc_ros_decoder *decoder, const void *bools, uint64_t count, pmipc_error *error);

/* Copy consecutive numbers of the message into native byte order. Bools are checked. */
pmipc_status ros_copy(const pmipc_ros_decoder *decoder, void *to, const void *from, uint64_t count, pmipc_dtype dtype,
                      bool swapped, pmipc_error *error);

/* A leaf for each part of the field's tensor. `scattered` is its kind where the path leads into the elements of a
 * sequence, or to a count; other parts are spans. */
pmipc_status ros_parts_add(pmipc_ros_decoder *decoder, struct ros_decoded_field *field, enum ros_leaf_kind scattered,
                           pmipc_error *error);

/* Refuse a field of a sample that has another dtype than the tensor. */
pmipc_status ros_expect_dtype(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *expected,
                              const pmipc_schema *sample, const pmipc_field *field, pmipc_error *error);

/* Elements of the dimensions from `from` on. Saturates at UINT64_MAX, which is more than any message has. */
uint64_t ros_product(const int64_t *shape, uint32_t from, uint32_t ndim);

/* Whether the field's leading length differs from message to message. Images, grids, organized clouds and vectors of
 * joints have the pool's. */
bool ros_is_variable(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field);

/* Whether a field of the samples holds this leaf. */
bool ros_is_held(const pmipc_ros_decoder *decoder, uint32_t leaf);

/* The stamp of the decoded message; 0 if it has none. */
int64_t ros_stamp(const pmipc_ros_decoder *decoder);

#endif
