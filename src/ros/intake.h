/* intake.h: decode the leaves that a decoder needs into columns, in as few passes as their paths allow (mostly one). */
#ifndef ROS_INTAKE_H
#define ROS_INTAKE_H

#include <string.h>

#include "polymorph_ipc/cdr.h"

#define ROS_NO_LEAF UINT32_MAX

enum ros_leaf_kind {
    ROS_LEAF_ONE,   /* one number, or one string as a span */
    ROS_LEAF_SPAN,  /* consecutive numbers, as one span */
    ROS_LEAF_LIST,  /* a number or string for each occurrence of the path, up to `limit` */
    ROS_LEAF_SPANS, /* a span of numbers for each occurrence of the path, up to `limit` */
    ROS_LEAF_DIRECT /* numbers copied to the memory of ros_intake_direct; without memory only counted */
};

struct ros_leaf {
    char *path;
    pmipc_dtype dtype;
    enum ros_leaf_kind kind;
    uint32_t limit;
    uint32_t pass;
    uint32_t column;
    union {
        pmipc_cdr_span span;
        uint32_t u32;
        int32_t i32;
        uint8_t u8;
    } one;
};

struct ros_pass {
    pmipc_cdr_decoder *decoder;
    uint32_t column_count;
    pmipc_cdr_column *columns;
};

/* A zeroed one is empty. */
struct ros_intake {
    uint32_t leaf_count;
    uint32_t leaf_capacity;
    uint32_t pass_count;
    struct ros_leaf *leaves;
    struct ros_pass *passes;
};

/* Add a path. `*leaf` is set to its index. An equal leaf gets the same index, except a direct one. */
pmipc_status ros_intake_add(struct ros_intake *intake, const char *path, pmipc_dtype dtype, enum ros_leaf_kind kind,
                            uint32_t limit, uint32_t *leaf, pmipc_error *error);

/* Compile once, after the last leaf. Returns: as pmipc_cdr_decoder_create. */
pmipc_status ros_intake_compile(struct ros_intake *intake, pmipc_cdr_types *types, const char *message,
                                pmipc_error *error);
void ros_intake_free(struct ros_intake *intake);

/* Set where the next message's numbers of a direct leaf are copied to. NULL: nowhere. */
void ros_intake_direct(struct ros_intake *intake, uint32_t leaf, void *data, uint64_t capacity);

/* Decode a message into the columns. Lists grow as needed. A direct leaf that does not fit is only counted, and the
 * caller must compare the count. Returns: as pmipc_cdr_decode; SCHEMA_MISMATCH only for a list above its limit. */
pmipc_status ros_intake_decode(struct ros_intake *intake, const char *message, const void *bytes, size_t byte_count,
                               pmipc_error *error);

static inline const pmipc_cdr_column *ros_column(const struct ros_intake *intake, uint32_t leaf)
{
    return &intake->passes[intake->leaves[leaf].pass].columns[intake->leaves[leaf].column];
}

static inline pmipc_cdr_span ros_one_span(const struct ros_intake *intake, uint32_t leaf)
{
    return intake->leaves[leaf].one.span;
}

static inline uint32_t ros_one_u32(const struct ros_intake *intake, uint32_t leaf)
{
    return intake->leaves[leaf].one.u32;
}

#endif
