/* encoder_fields.c: fields of the sample, each at a path of the message. */
#include "ros/encoder_fields.h"

#include <stdio.h>
#include <string.h>

#include "os/error.h"

pmipc_status ros_encoder_add_part(struct ros_encoder_build *build, uint32_t source, const char *path, pmipc_dtype dtype,
                                  uint64_t offset, uint64_t count)
{
    const struct ros_encoder_feed feed = {.source = source,
                                          .rows_source = source,
                                          .offset = offset,
                                          .count = count,
                                          .rows = 1,
                                          .is_bool = dtype == PMIPC_BOOL};
    build->encoder->sources[source].is_used = true;
    return ros_encoder_add(build, path, dtype, ROS_ENCODER_FIELD, &feed);
}

/* "float64 (n, 7)". */
static const char *ros_encoder_describe_place(const pmipc_cdr_place *place, char *text, size_t text_bytes)
{
    size_t used = (size_t)snprintf(text, text_bytes, "%s (", pmipc_dtype_name(place->dtype));
    for (uint32_t i = 0; i < place->ndim && used < text_bytes; i++)
        used += (size_t)(place->shape[i] < 0 ? snprintf(text + used, text_bytes - used, "%sn", i ? ", " : "")
                                             : snprintf(text + used, text_bytes - used, "%s%lld", i ? ", " : "",
                                                        (long long)place->shape[i]));
    if (used < text_bytes)
        snprintf(text + used, text_bytes - used, place->ndim == 1 ? ",)" : ")");
    return text;
}

/* The field of the sample that has the lengths of this path's sequences, or -1. */
static int32_t ros_encoder_find_counts(const struct ros_encoder_build *build, const char *path)
{
    size_t length = strlen(path);
    for (uint32_t i = 0; i < build->field_count; i++) {
        const pmipc_ros_field *field = &build->fields[i];
        if (field->name && field->path && strncmp(field->path, path, length) == 0 &&
            strcmp(field->path + length, "#") == 0)
            return ros_encoder_find_field(build->schema, field->name);
    }
    return -1;
}

/* Whether a field's shape fits the place, and how many rows it has. A place of fixed length takes the same number of
 * elements in any shape. For lists within lists, the outer lists are the leading dimensions. */
static bool ros_encoder_fits(const struct ros_encoder_build *build, const pmipc_field *field, const char *path,
                             const pmipc_cdr_place *place, struct ros_encoder_feed *feed)
{
    uint64_t inner = 1;
    uint32_t lead = UINT32_MAX; /* the last dimension that each message decides */
    bool is_variable = ros_encoder_is_variable(field);
    for (uint32_t i = 0; i < place->ndim; i++) {
        if (place->shape[i] < 0)
            lead = i;
        else
            inner *= (uint64_t)place->shape[i];
    }
    feed->count = ros_encoder_elements(field);
    feed->rows = 1;
    feed->outer = place->ndim && place->shape[0] >= 0 ? (uint64_t)place->shape[0] : 0;
    if (lead == UINT32_MAX)
        return !is_variable && feed->count == inner;
    int32_t counts = ros_encoder_find_counts(build, path);
    if (counts >= 0) { /* rows of different lengths: encoding checks the counts */
        feed->rows_source = (uint32_t)counts;
        feed->rows = ros_encoder_elements(&build->schema->fields[counts]);
        return true;
    }
    if (lead == 0) {
        if (feed->count % inner == 0)
            feed->outer = feed->count / inner;
        return is_variable ||
               (feed->outer * inner == feed->count && (!place->bounds[0] || feed->outer <= place->bounds[0]));
    }
    if (field->ndim <= lead || (is_variable && place->shape[0] >= 0))
        return false;
    for (uint32_t i = 0; i < lead; i++) {
        if (place->shape[i] >= 0 && place->shape[i] != field->shape[i])
            return false;
        if (i > 0 || !is_variable)
            feed->rows *= (uint64_t)field->shape[i];
    }
    if (place->shape[0] < 0)
        feed->outer = is_variable ? 1 : (uint64_t)field->shape[0];
    return true;
}

pmipc_status ros_encoder_check_joints(struct ros_encoder_build *build, uint32_t source, uint64_t joints)
{
    const char *path = ros_joint_names(build->message);
    int32_t leaf = path ? ros_encoder_find(build, path) : -1;
    uint64_t names = leaf >= 0 ? build->leaves[leaf].constant->count : 0;
    if (names == 0 || names == joints)
        return PMIPC_OK;
    return ros_encoder_mismatch(build, source, "%llu joints, one for each name", (unsigned long long)names);
}

/* If a path has one value for each joint, check them against the number of names. */
static pmipc_status ros_encoder_check_path(struct ros_encoder_build *build, uint32_t source, const char *path,
                                           const struct ros_encoder_feed *feed)
{
    struct ros_tensor tensor;
    pmipc_status status = ros_tensor_find(build->types, build->message, path, &tensor, build->error);
    bool is_checked_later = tensor.ndim == 1 && ros_encoder_is_variable(&build->schema->fields[source]);
    if (status || tensor.kind != ROS_JOINTS || is_checked_later || feed->rows == 0 || feed->rows_source != source)
        return status;
    return ros_encoder_check_joints(build, source, feed->count / feed->rows);
}

pmipc_status ros_encoder_add_path(struct ros_encoder_build *build, uint32_t source, const char *path)
{
    char expected[160];
    pmipc_cdr_place place;
    const pmipc_field *field = &build->schema->fields[source];
    pmipc_status status = pmipc_cdr_types_find(build->types, build->message, path, &place, build->error);
    if (status)
        return status;
    if (place.dtype == PMIPC_CDR_STRING || place.dtype == PMIPC_CDR_WSTRING || place.dtype == PMIPC_CDR_MESSAGE)
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0, "%s: '%s' is %s", build->message, path,
                         place.dtype == PMIPC_CDR_MESSAGE
                             ? "a message with fields of several dtypes: name one of them"
                             : "a string, which a field of a sample cannot give: give it as a constant");
    struct ros_encoder_feed feed = {.source = source, .rows_source = source, .is_bool = place.dtype == PMIPC_BOOL};
    if (field->dtype != place.dtype || !ros_encoder_fits(build, field, path, &place, &feed))
        return ros_encoder_mismatch(build, source, "%s for '%s'",
                                    ros_encoder_describe_place(&place, expected, sizeof expected), path);
    if (ros_encoder_find(build, path) >= 0)
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0, "%s: '%s' is given twice", build->message, path);
    status = *path ? ros_encoder_check_path(build, source, path, &feed) : PMIPC_OK;
    if (status)
        return status;
    build->encoder->sources[source].is_used = true;
    return ros_encoder_add(build, path, place.dtype, ROS_ENCODER_FIELD, &feed);
}
