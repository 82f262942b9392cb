/* encoder_base.h: the leaves of an encoder, and what fills the column of each.
 *
 * An encoder is built once. Constants, the sample's fields, and what follows from the sample's shape and dtype (a
 * height, a step) become leaves of one CDR encoder. Each leaf has a feed, which tells where its column comes from.
 * Encoding a sample is one pass over the feeds, which points the columns at the sources, and one run of the CDR
 * encoder.
 *
 * Calls and includes go in one direction:
 *
 *   encoder                             the public functions
 *   encoder_default                     default tensors
 *   encoder_planes, _derive, _use       what follows from the sample; images with channels in front; checks
 *   encoder_constants, encoder_fields   what the user gives
 *   encoder_base
 *   tensors, images, points, json */
#ifndef ROS_ENCODER_BASE_H
#define ROS_ENCODER_BASE_H

#include "cdr/arena.h"
#include "polymorph_ipc/ros.h"
#include "ros/tensors.h"

#define ROS_ENCODER_NO_SOURCE UINT32_MAX

/* How the column of a leaf is set for each sample. "Length" is the source's leading length if that is variable, else 1.
 * A fixed leading length is part of the factors `count`, `rows` and `outer`. */
struct ros_encoder_feed {
    uint32_t source;        /* the source of the length; ROS_ENCODER_NO_SOURCE: length 1 */
    const void *own;        /* the encoder's memory; NULL: the source's data */
    uint64_t offset;        /* bytes into the source's data */
    uint64_t count;         /* elements per length */
    uint64_t rows;          /* occurrences of the path, per length of `rows_source` */
    uint32_t rows_source;   /* as `source` */
    uint64_t outer;         /* elements of the outermost list around it, per length; 0: unknown, or not in a list */
    bool is_empty_when_nan; /* float64 that are all NaN become an empty list */
    bool is_bool;           /* every element must be 0 or 1 */
};

/* A number that depends on a variable length: *to = length * factor. */
struct ros_encoder_product {
    uint32_t source;
    uint64_t factor;
    uint32_t *to;
};

/* An image that is (channels, height, width) in the sample and (height, width, channels) in the message. */
struct ros_encoder_planes {
    uint32_t source;
    uint32_t channels;
    uint64_t pixels; /* of a channel */
    uint32_t item_bytes;
    uint8_t *interleaved; /* NULL: the sample has no such image */
};

/* The facts of one field of the schema. */
struct ros_encoder_source {
    char name[PMIPC_MAX_FIELD_NAME + 1];
    bool is_used;
    bool is_variable;
    int64_t max_length;
    uint64_t length_bytes; /* bytes per length */
};

struct pmipc_ros_encoder {
    struct cdr_arena arena;
    pmipc_cdr_encoder *cdr;
    pmipc_cdr_column *columns;
    struct ros_encoder_feed *feeds;
    uint32_t leaf_count;
    struct ros_encoder_product *products;
    uint32_t product_count;
    uint32_t source_count;
    struct ros_encoder_source sources[PMIPC_MAX_FIELDS];
    struct ros_encoder_planes planes;
    int32_t *secs; /* copies of the sample's stamp, one for each header of a message; NULL: no header */
    uint32_t *nanosecs;
    uint64_t stamp_capacity;
};

/* ---- building ---- */

enum ros_encoder_origin { ROS_ENCODER_CONSTANT, ROS_ENCODER_FIELD, ROS_ENCODER_DERIVED };

struct ros_encoder_build {
    pmipc_ros_encoder *encoder;
    pmipc_cdr_types *types;
    const char *message; /* its full name */
    struct ros_header header;
    const pmipc_schema *schema;
    const pmipc_ros_field *fields;
    uint32_t field_count;
    pmipc_error *error;
    pmipc_cdr_leaf *leaves; /* one for each feed of the encoder */
    enum ros_encoder_origin *origins;
    uint32_t leaf_capacity, feed_capacity, origin_capacity, product_capacity;
    const char *const *point_fields; /* the constant 'point_fields' */
    uint32_t point_field_count;
    bool has_point_fields;
    bool is_planar; /* the constant 'layout' is "CHW" */
};

/* The leaf of this path, or -1. */
int32_t ros_encoder_find(const struct ros_encoder_build *build, const char *path);

/* Append a leaf. Path, leaf and feed are copied. */
pmipc_status ros_encoder_append(struct ros_encoder_build *build, const pmipc_cdr_leaf *leaf,
                                enum ros_encoder_origin origin, const struct ros_encoder_feed *feed);

/* Append a leaf that has a column in every message. */
pmipc_status ros_encoder_add(struct ros_encoder_build *build, const char *path, pmipc_dtype dtype,
                             enum ros_encoder_origin origin, const struct ros_encoder_feed *feed);

/* SCHEMA_MISMATCH: what the message type takes, and what the field of the schema is. */
__attribute__((format(printf, 3, 4))) pmipc_status ros_encoder_mismatch(struct ros_encoder_build *build,
                                                                        uint32_t source, const char *format, ...);

pmipc_status ros_encoder_no_memory(struct ros_encoder_build *build);

/* The schema's field of this name, or -1. */
int32_t ros_encoder_find_field(const pmipc_schema *schema, const char *name);

/* Elements of a field of the schema; of a variable field: of one row. */
uint64_t ros_encoder_elements(const pmipc_field *field);

static inline bool ros_encoder_is_variable(const pmipc_field *field)
{
    return field->flags & PMIPC_FIELD_VARIABLE;
}

#endif
