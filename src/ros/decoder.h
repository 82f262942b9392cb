/* decoder.h: the inside of a decoder of messages, and what each kind of tensor does with one.
 *
 * A message goes through three steps: it is decoded into columns (intake.h); each field measures what there is, which
 * checks everything that the columns say against each other; and, when the pool has room for just that, fills its part
 * of the slot. Learning is the first two. */
#ifndef ROS_DECODER_H
#define ROS_DECODER_H

#include "polymorph_ipc/ros.h"
#include "ros/images.h"
#include "ros/intake.h"
#include "ros/json.h"
#include "ros/points.h"
#include "ros/tensors.h"

#define ROS_MAX_JOINTS 1024                         /* learned or selected */
#define ROS_MAX_MESSAGE_NAMES 4096                  /* in one message: each joint is looked for among them */
#define ROS_MAX_ROWS 65536                          /* of what lies in sequences within sequences */
#define ROS_MIN_VARIABLE 1024                       /* rows that a learned variable field has room for at least, ... */
#define ROS_MIN_VARIABLE_BYTES (UINT64_C(1) << 20)  /* ... if they take no more than this */
#define ROS_MAX_GENEROUS_BYTES (UINT64_C(16) << 20) /* what room for twice the rows of the first message may take */

/* What of a message concerns one field: natural dtype and shape. */
struct ros_extent {
    pmipc_dtype dtype;
    uint32_t itemsize;
    uint32_t ndim;
    int64_t shape[PMIPC_MAX_NDIM];
    bool is_flexible; /* a pool may have them in another shape of as many elements */
};

struct ros_decoded_field {
    char name[PMIPC_MAX_FIELD_NAME + 1];
    struct ros_tensor tensor;
    uint32_t leaves[ROS_MAX_PARTS];        /* of its parts */
    uint32_t count_leaves[PMIPC_MAX_NDIM]; /* of the lengths that a message decides, when these are several */
    uint32_t count_leaf_count;
    enum { ROS_TEXT_BYTES, ROS_TEXT_NARROW, ROS_TEXT_WIDE } text; /* of a string: uint8, S<n>, U<n> */
    double *merged; /* of joints: their last values, a row or three (decode_merged.c) */
};

#define ROS_NO_JOINT UINT32_MAX /* in `sources`: the message does not name it */

/* What an Image says of itself. */
struct ros_image_decoder {
    uint32_t height, width, encoding, is_bigendian, step; /* leaves */
    char learned_name[ROS_MAX_ENCODING + 1];
    struct ros_encoding learned;
};

/* Numbers of a point that lie and go together. */
struct ros_point_run {
    uint32_t offset;
    uint32_t count;
};

struct ros_cloud_decoder {
    uint32_t height, width, is_bigendian, point_step, row_step; /* leaves */
    uint32_t names, offsets, datatypes, counts;
    bool is_table;     /* (N, k): the numbers of some fields, else points as they are */
    bool is_organized; /* (height, width) in the place of N */
    pmipc_dtype dtype;
    uint32_t columns; /* k; 0: as many as the fields that were asked for have */
    uint32_t picked_count;
    uint32_t run_count;
    struct ros_points points; /* of the last message: mostly the next one's too */
    struct ros_points picked; /* the fields of a table by name, in its order */
    struct ros_point_run runs[ROS_MAX_POINT_FIELDS];
    char (*wanted)[ROS_MAX_POINT_NAME + 1]; /* the user's choice */
    uint32_t wanted_count;
};

struct ros_joint_decoder {
    uint32_t names;         /* leaf */
    uint32_t count;         /* joints of a sample */
    char **joints;          /* their names, in the sample's order; none: the message has no names */
    bool are_selected;      /* by the user */
    uint32_t *sources;      /* where each was in the last message: mostly where it is in the next one too */
    uint32_t message_count; /* names in the message that these were found in */
    bool is_identity;
    bool is_known;             /* whether `sources` holds anything */
    bool merges;               /* messages may name some of the joints only */
    int64_t *stamps_ns;        /* of when each was heard last; 0: never */
    uint32_t velocity, effort; /* leaves of stacked samples */
};

struct ros_array_decoder {
    uint32_t sizes, strides, data_offset; /* leaves: of a MultiArray's layout */
    uint32_t height, width;               /* of a grid */
};

#define ROS_MAX_HEAD 256 /* bytes of a message in front of its pixels */

/* What precedes the pixels of the last image, when these went into the slot as they lay, and nothing followed them. */
struct ros_head {
    uint8_t bytes[ROS_MAX_HEAD];
    size_t count; /* 0: the last message was not like that */
    size_t message_bytes;
};

#define ROS_FRAMES 2

/* A frame that all messages must have. */
struct ros_frame {
    uint32_t leaf; /* ROS_NO_LEAF: there is none, or any will do */
    const char *key;
    char *learned; /* with a NUL behind its `count` bytes */
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
    bool begins_with_stamp; /* the header's stamp is the first thing in a message */
    struct ros_head head;
    bool is_expecting; /* `schema` is set, by the user */
    bool has_learned;
    pmipc_schema schema;
    const pmipc_producer *checked; /* whose schema is known to be this one */
    uint64_t checked_incarnation;
    int64_t fallback_stamp_ns; /* of messages without a stamp */
    struct ros_text metadata;
    uint32_t field_count;
    struct ros_decoded_field fields[];
};

/* SCHEMA_MISMATCH with the type's name in front. */
__attribute__((format(printf, 3, 4))) pmipc_status ros_refuse(const pmipc_ros_decoder *decoder, pmipc_error *error,
                                                              const char *format, ...);

/* Numbers of the message that lie together, into native byte order; bools are checked. */
pmipc_status ros_copy(const pmipc_ros_decoder *decoder, void *to, const void *from, uint64_t count, pmipc_dtype dtype,
                      bool swapped, pmipc_error *error);

/* Each kind: the leaves it needs; what the decoded message has; and into the slot, after it has been found to fit.
 * While nothing is learned, measuring learns. */
pmipc_status ros_image_add(pmipc_ros_decoder *decoder, pmipc_error *error);
pmipc_status ros_image_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                               struct ros_extent *extent, pmipc_error *error);
pmipc_status ros_image_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data,
                            pmipc_error *error);

/* The pixels, when they lie in the message just as in the slot; else NULL. */
const uint8_t *ros_image_verbatim(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field);

pmipc_status ros_cloud_add(pmipc_ros_decoder *decoder, pmipc_error *error);
pmipc_status ros_cloud_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                               struct ros_extent *extent, pmipc_error *error);
pmipc_status ros_cloud_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data,
                            pmipc_error *error);

pmipc_status ros_array_add(pmipc_ros_decoder *decoder, enum ros_kind kind, pmipc_error *error);
pmipc_status ros_array_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                               struct ros_extent *extent, pmipc_error *error);
pmipc_status ros_array_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data,
                            pmipc_error *error);

pmipc_status ros_numbers_add(pmipc_ros_decoder *decoder, pmipc_cdr_types *types, struct ros_decoded_field *field,
                             pmipc_error *error);
pmipc_status ros_numbers_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                 struct ros_extent *extent, pmipc_error *error);
pmipc_status ros_numbers_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data,
                              pmipc_error *error);

/* Joints: find them in this message; what of it is theirs; and copy. */
pmipc_status ros_joints_add(pmipc_ros_decoder *decoder, struct ros_decoded_field *field, pmipc_error *error);
pmipc_status ros_joints_find(pmipc_ros_decoder *decoder, pmipc_error *error);
pmipc_status ros_joints_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                struct ros_extent *extent, pmipc_error *error);
void ros_joints_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data);
void ros_joints_forget(pmipc_ros_decoder *decoder);

/* The leaves of a field of joints' values: one, or position, velocity and effort. Returns how many. */
uint32_t ros_joints_leaves(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, uint32_t leaves[3]);

/* Joints that merge: whether the message has any of the values that are wanted; take what it has, once all of it is
 * known to fit; and copy what was heard last of each joint. */
bool ros_joints_have_values(const pmipc_ros_decoder *decoder);
pmipc_status ros_joints_merge(pmipc_ros_decoder *decoder, pmipc_error *error);
void ros_merged_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data);

/* Strings by path: *is_text when the path leads to one. */
pmipc_status ros_text_field_add(pmipc_ros_decoder *decoder, pmipc_cdr_types *types, struct ros_decoded_field *field,
                                const char *path, bool *is_text, pmipc_error *error);
pmipc_status ros_text_expect(const pmipc_ros_decoder *decoder, struct ros_decoded_field *expected,
                             const pmipc_schema *sample, const pmipc_field *field, pmipc_error *error);
pmipc_status ros_text_measure(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                              struct ros_extent *extent, pmipc_error *error);
void ros_text_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data);

/* Whether a field of the samples holds what this leaf is. */
bool ros_is_carried(const pmipc_ros_decoder *decoder, uint32_t leaf);

/* SCHEMA_MISMATCH: what a field of a sample should be, and what it is. */
__attribute__((format(printf, 5, 6))) pmipc_status ros_refuse_sample(const pmipc_ros_decoder *decoder,
                                                                     const pmipc_schema *sample,
                                                                     const pmipc_field *field, pmipc_error *error,
                                                                     const char *format, ...);

/* The field of the path "joint_stamps". */
bool ros_path_is_stamps(const char *message, const char *path);
void ros_stamps_add(struct ros_decoded_field *field);
void ros_stamps_measure(const pmipc_ros_decoder *decoder, struct ros_extent *extent);
void ros_stamps_fill(const pmipc_ros_decoder *decoder, void *data);

/* The stamp of the decoded message; 0: it has none. */
int64_t ros_stamp(const pmipc_ros_decoder *decoder);

/* Frames: after all fields were added; of a first message; of each message. */
void ros_frames_add(pmipc_ros_decoder *decoder, bool takes_any);
pmipc_status ros_frames_learn(pmipc_ros_decoder *decoder, pmipc_error *error);
pmipc_status ros_frames_check(const pmipc_ros_decoder *decoder, pmipc_error *error);
void ros_frames_forget(pmipc_ros_decoder *decoder);

/* Remember the head of a message that was read, or that it was none to go by (landing.c). */
void ros_head_learn(pmipc_ros_decoder *decoder, const uint8_t *bytes, size_t byte_count);

/* The producer's pool is one of the learned schema: any other would be written past its ends. The room that it has for
 * variable fields is taken over. */
pmipc_status ros_check_producer(pmipc_ros_decoder *decoder, const pmipc_producer *producer, pmipc_error *error);

/* The schema: of a sample, and of a first message. */
pmipc_status ros_fit(const pmipc_ros_decoder *decoder, uint32_t index, const struct ros_extent *extent, int64_t *length,
                     pmipc_error *error);

/* Whether the pool has room for a variable field of this length; `error` says what the message has and what the pool
 * takes. */
pmipc_status ros_check_room(const pmipc_ros_decoder *decoder, uint32_t index, int64_t length, pmipc_error *error);
pmipc_status ros_schema_of(pmipc_ros_decoder *decoder, const struct ros_extent *extents, pmipc_schema *schema,
                           pmipc_error *error);

/* Write decoder->metadata. */
pmipc_status ros_metadata_write(pmipc_ros_decoder *decoder, pmipc_error *error);

#endif
