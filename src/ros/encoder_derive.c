/* encoder_derive.c: values that follow from the sample's shape, dtype and stamp. */
#include "ros/encoder_derive.h"

#include <stdio.h>
#include <string.h>

#include "os/error.h"
#include "ros/encoder_constants.h"

/* Whether a field or a constant gives a path. A constant is compared with the derived value. */
static bool ros_encoder_is_given(struct ros_encoder_build *build, const char *path, const void *data, uint64_t count,
                                 pmipc_status *status)
{
    int32_t index = ros_encoder_find(build, path);
    *status = PMIPC_OK;
    if (index < 0)
        return false;
    const pmipc_cdr_leaf *leaf = &build->leaves[index];
    if (build->origins[index] != ROS_ENCODER_CONSTANT)
        return true;
    bool is_same = data && leaf->constant && leaf->constant->count == count;
    if (is_same && leaf->dtype == PMIPC_CDR_STRING) {
        const pmipc_cdr_span *derived = data, *given = leaf->constant->data;
        for (uint64_t i = 0; i < count && is_same; i++)
            is_same = derived[i].count == given[i].count &&
                      (!derived[i].count || memcmp(derived[i].data, given[i].data, derived[i].count) == 0);
    } else if (is_same) {
        is_same = memcmp(data, leaf->constant->data, count * PMIPC_DTYPE_BITS(leaf->dtype) / 8) == 0;
    }
    if (!is_same)
        *status = error_set(build->error, PMIPC_INVALID_ARGUMENT, 0,
                            "%s: the constant '%s' contradicts the sample's shape and dtype", build->message, path);
    return true;
}

pmipc_status ros_encoder_derive_number(struct ros_encoder_build *build, const char *path, double number)
{
    pmipc_cdr_place place;
    uint64_t element = 0;
    pmipc_status status = pmipc_cdr_types_find(build->types, build->message, path, &place, build->error);
    if (status)
        return status;
    if (!ros_encoder_number(place.dtype, number, &element))
        return error_set(build->error, PMIPC_SCHEMA_MISMATCH, 0, "%s: '%s' would be %.17g, which %s cannot hold",
                         build->message, path, number, pmipc_dtype_name(place.dtype));
    if (ros_encoder_is_given(build, path, &element, 1, &status))
        return status;
    return ros_encoder_add_number(build, path, &place, ROS_ENCODER_DERIVED, number);
}

pmipc_status ros_encoder_derive_text(struct ros_encoder_build *build, const char *path, const char *text)
{
    pmipc_cdr_place place;
    pmipc_status status = pmipc_cdr_types_find(build->types, build->message, path, &place, build->error);
    if (status)
        return status;
    if (ros_encoder_is_given(build, path, &(pmipc_cdr_span){text, strlen(text)}, 1, &status))
        return status;
    return ros_encoder_add_texts(build, path, &place, ROS_ENCODER_DERIVED, &text, 1);
}

pmipc_status ros_encoder_add_product(struct ros_encoder_build *build, uint32_t source, uint64_t factor, uint32_t *to)
{
    pmipc_ros_encoder *encoder = build->encoder;
    const pmipc_field *field = &build->schema->fields[source];
    uint64_t most;
    if (__builtin_mul_overflow(factor, encoder->sources[source].max_length, &most) || most > UINT32_MAX)
        return ros_encoder_mismatch(build, source, "fewer than 2^32 elements or bytes");
    *to = (uint32_t)most;
    if (!ros_encoder_is_variable(field))
        return PMIPC_OK;
    struct ros_encoder_product *products = cdr_arena_grow(&encoder->arena, encoder->products, encoder->product_count,
                                                          &build->product_capacity, sizeof *products);
    if (!products)
        return ros_encoder_no_memory(build);
    encoder->products = products;
    products[encoder->product_count++] = (struct ros_encoder_product){source, factor, to};
    return PMIPC_OK;
}

pmipc_status ros_encoder_derive_product(struct ros_encoder_build *build, const char *path, uint32_t source,
                                        uint64_t factor)
{
    pmipc_status status = PMIPC_OK;
    const pmipc_field *field = &build->schema->fields[source];
    if (!ros_encoder_is_variable(field))
        return ros_encoder_derive_number(build, path, (double)factor);
    if (ros_encoder_is_given(build, path, NULL, 0, &status))
        return status;
    uint32_t *number = cdr_arena_allocate(&build->encoder->arena, sizeof *number);
    if (!number)
        return ros_encoder_no_memory(build);
    status = ros_encoder_add_product(build, source, factor, number);
    const struct ros_encoder_feed feed = {
        .source = ROS_ENCODER_NO_SOURCE, .rows_source = ROS_ENCODER_NO_SOURCE, .own = number, .count = 1, .rows = 1};
    return status ? status : ros_encoder_add(build, path, PMIPC_UINT32, ROS_ENCODER_DERIVED, &feed);
}

pmipc_status ros_encoder_derive_column(struct ros_encoder_build *build, const char *path, pmipc_dtype dtype,
                                       const void *data, uint64_t count)
{
    pmipc_status status;
    if (ros_encoder_is_given(build, path, data, count, &status))
        return status;
    const struct ros_encoder_feed feed = {
        .source = ROS_ENCODER_NO_SOURCE, .rows_source = ROS_ENCODER_NO_SOURCE, .own = data, .count = count, .rows = 1};
    return ros_encoder_add(build, path, dtype, ROS_ENCODER_DERIVED, &feed);
}

/* ---- headers ---- */

/* Make room for a stamp of each header. The first is the message's own. */
static pmipc_status ros_encoder_make_stamps(struct ros_encoder_build *build, uint64_t count)
{
    pmipc_ros_encoder *encoder = build->encoder;
    if (count <= encoder->stamp_capacity)
        return PMIPC_OK;
    if (count > UINT32_MAX)
        return error_set(build->error, PMIPC_SCHEMA_MISMATCH, 0,
                         "%s: %llu elements have a header each, at most 2^32 - 1 are allowed", build->message,
                         (unsigned long long)count);
    int32_t *secs = cdr_arena_allocate(&encoder->arena, count * sizeof *secs);
    uint32_t *nanosecs = cdr_arena_allocate(&encoder->arena, count * sizeof *nanosecs);
    if (!secs || !nanosecs)
        return ros_encoder_no_memory(build);
    for (uint32_t i = 0; i < encoder->leaf_count; i++) /* feeds of stamps move with the memory */
        if (encoder->stamp_capacity && encoder->feeds[i].own == encoder->secs)
            encoder->feeds[i].own = secs;
        else if (encoder->stamp_capacity && encoder->feeds[i].own == encoder->nanosecs)
            encoder->feeds[i].own = nanosecs;
    encoder->secs = secs;
    encoder->nanosecs = nanosecs;
    encoder->stamp_capacity = count;
    return PMIPC_OK;
}

static bool ros_encoder_path_has_dtype(struct ros_encoder_build *build, const char *path, pmipc_dtype dtype)
{
    pmipc_cdr_place place;
    return pmipc_cdr_types_find(build->types, build->message, path, &place, NULL) == PMIPC_OK && place.dtype == dtype;
}

/* Add stamps at these paths: `outer` stamps per length of `source`. */
static pmipc_status ros_encoder_add_stamps(struct ros_encoder_build *build, const char *sec, const char *nanosec,
                                           uint32_t source, uint64_t outer)
{
    pmipc_ros_encoder *encoder = build->encoder;
    uint64_t length = source == ROS_ENCODER_NO_SOURCE ? 1 : (uint64_t)encoder->sources[source].max_length;
    if (!ros_encoder_path_has_dtype(build, sec, PMIPC_INT32) ||
        !ros_encoder_path_has_dtype(build, nanosec, PMIPC_UINT32) || ros_encoder_find(build, sec) >= 0 ||
        ros_encoder_find(build, nanosec) >= 0)
        return PMIPC_OK;
    pmipc_status status = ros_encoder_make_stamps(build, outer * length > 1 ? outer * length : 1);
    if (status)
        return status;
    struct ros_encoder_feed feed = {
        .source = source, .rows_source = source, .own = encoder->secs, .count = outer, .rows = 1};
    status = ros_encoder_add(build, sec, PMIPC_INT32, ROS_ENCODER_DERIVED, &feed);
    feed.own = encoder->nanosecs;
    return status ? status : ros_encoder_add(build, nanosec, PMIPC_UINT32, ROS_ENCODER_DERIVED, &feed);
}

pmipc_status ros_encoder_add_stamp(struct ros_encoder_build *build)
{
    return build->header.sec[0]
               ? ros_encoder_add_stamps(build, build->header.sec, build->header.nanosec, ROS_ENCODER_NO_SOURCE, 1)
               : PMIPC_OK;
}

/* Add the headers next to one leaf: "poses[].header" next to "poses[].pose". */
static pmipc_status ros_encoder_add_headers_beside(struct ros_encoder_build *build, uint32_t leaf)
{
    const struct ros_encoder_feed feed = build->encoder->feeds[leaf];
    const char *path = build->leaves[leaf].path, *inner = strstr(path, "[].");
    char sec[ROS_MAX_PATH + 32], nanosec[ROS_MAX_PATH + 32], frame_id[ROS_MAX_PATH + 32];
    if (build->origins[leaf] != ROS_ENCODER_FIELD || !inner || !feed.outer || inner - path > ROS_MAX_PATH)
        return PMIPC_OK;
    int prefix = (int)(inner - path);
    snprintf(sec, sizeof sec, "%.*s[].header.stamp.sec", prefix, path);
    snprintf(nanosec, sizeof nanosec, "%.*s[].header.stamp.nanosec", prefix, path);
    snprintf(frame_id, sizeof frame_id, "%.*s[].header.frame_id", prefix, path);
    pmipc_status status = ros_encoder_add_stamps(build, sec, nanosec, feed.source, feed.outer);
    int32_t own = build->header.frame_id[0] ? ros_encoder_find(build, build->header.frame_id) : -1;
    if (status || own < 0 || ros_encoder_find(build, frame_id) >= 0 ||
        !ros_encoder_path_has_dtype(build, frame_id, PMIPC_CDR_STRING))
        return status;
    const pmipc_cdr_span *frame = build->leaves[own].constant->data;
    return ros_encoder_derive_text(build, frame_id, frame->data);
}

pmipc_status ros_encoder_add_element_headers(struct ros_encoder_build *build)
{
    pmipc_status status = PMIPC_OK;
    uint32_t count = build->encoder->leaf_count; /* the loop adds more leaves */
    for (uint32_t i = 0; i < count && !status; i++)
        status = ros_encoder_add_headers_beside(build, i);
    return status;
}
