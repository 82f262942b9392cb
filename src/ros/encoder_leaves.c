/* encoder_leaves.c: the leaves of an encoder's encoder that somebody asked for: constants, and fields of the sample. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os/error.h"
#include "ros/encoder.h"

pmipc_status ros_encoder_no_memory(struct ros_encoder_build *build)
{
    return error_set(build->error, PMIPC_NO_MEMORY, 0, "no memory for an encoder of %s", build->message);
}

pmipc_status ros_encoder_mismatch(struct ros_encoder_build *build, uint32_t source, const char *format, ...)
{
    char expected[300], got[400];
    const pmipc_field *field = &build->schema->fields[source];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(expected, sizeof expected, format, arguments);
    va_end(arguments);
    ros_format_field(build->schema, field, got, sizeof got);
    return error_set(build->error, PMIPC_SCHEMA_MISMATCH, 0, "%s%s%s%s: expected %s, got %s", build->message,
                     *field->name ? ": field '" : "", field->name, *field->name ? "'" : "", expected, got);
}

int32_t ros_encoder_find_field(const pmipc_schema *schema, const char *name)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (strcmp(schema->fields[i].name, name) == 0)
            return (int32_t)i;
    return -1;
}

uint64_t ros_encoder_elements(const pmipc_field *field)
{
    uint64_t elements = 1;
    for (uint32_t i = ros_encoder_is_variable(field) ? 1 : 0; i < field->ndim; i++)
        elements *= (uint64_t)field->shape[i];
    return elements;
}

int32_t ros_encoder_find(const struct ros_encoder_build *build, const char *path)
{
    for (uint32_t i = 0; i < build->encoder->leaf_count; i++)
        if (strcmp(build->leaves[i].path, path) == 0)
            return (int32_t)i;
    return -1;
}

static pmipc_status ros_encoder_append(struct ros_encoder_build *build, const pmipc_cdr_leaf *leaf,
                                       enum ros_encoder_origin origin, const struct ros_encoder_feed *feed)
{
    pmipc_ros_encoder *encoder = build->encoder;
    uint32_t count = encoder->leaf_count;
    pmipc_cdr_leaf *leaves =
        cdr_arena_grow(&encoder->arena, build->leaves, count, &build->leaf_capacity, sizeof *leaves);
    struct ros_encoder_feed *feeds =
        cdr_arena_grow(&encoder->arena, encoder->feeds, count, &build->feed_capacity, sizeof *feeds);
    enum ros_encoder_origin *origins =
        cdr_arena_grow(&encoder->arena, build->origins, count, &build->origin_capacity, sizeof *origins);
    char *path = cdr_arena_copy_text(&encoder->arena, leaf->path, strlen(leaf->path));
    if (!leaves || !feeds || !origins || !path)
        return ros_encoder_no_memory(build);
    build->leaves = leaves;
    build->origins = origins;
    encoder->feeds = feeds;
    leaves[count] = *leaf;
    leaves[count].path = path;
    origins[count] = origin;
    feeds[count] = *feed;
    encoder->leaf_count++;
    return PMIPC_OK;
}

pmipc_status ros_encoder_add(struct ros_encoder_build *build, const char *path, pmipc_dtype dtype,
                             enum ros_encoder_origin origin, const struct ros_encoder_feed *feed)
{
    return ros_encoder_append(build, &(pmipc_cdr_leaf){.path = path, .dtype = dtype}, origin, feed);
}

/* ---- constants ---- */

bool ros_encoder_number(pmipc_dtype dtype, double number, void *element)
{
    uint32_t bits = PMIPC_DTYPE_BITS(dtype);
    if (PMIPC_DTYPE_CODE(dtype) == PMIPC_CODE_FLOAT) {
        float narrow = (float)number;
        memcpy(element, bits == 64 ? (void *)&number : (void *)&narrow, bits / 8);
        return bits == 64 || isinf(number) || !isinf(narrow); /* rounded, but not to infinity */
    }
    bool is_signed = PMIPC_DTYPE_CODE(dtype) == PMIPC_CODE_INT;
    double half = (double)(UINT64_C(1) << (bits - 1));
    double limit = dtype == PMIPC_BOOL ? 2 : is_signed ? half : 2 * half;
    /* Written so that NaN fails. */
    if (!(number >= (is_signed ? -half : 0) && number < limit))
        return false;
    uint64_t value = number < 0 ? (uint64_t)(int64_t)number : (uint64_t)number;
    if ((number < 0 ? (double)(int64_t)number : (double)value) != number)
        return false;
    if (bits == 8)
        memcpy(element, &(uint8_t){(uint8_t)value}, 1);
    else if (bits == 16)
        memcpy(element, &(uint16_t){(uint16_t)value}, 2);
    else if (bits == 32)
        memcpy(element, &(uint32_t){(uint32_t)value}, 4);
    else
        memcpy(element, &value, 8);
    return true;
}

/* How many lists of messages a path goes through. */
static uint32_t ros_encoder_loops(const char *path)
{
    uint32_t loops = 0;
    for (const char *at = strstr(path, "[]."); at; at = strstr(at + 1, "[]."))
        loops++;
    return loops;
}

static pmipc_status ros_encoder_append_constant(struct ros_encoder_build *build, const char *path, pmipc_dtype dtype,
                                                enum ros_encoder_origin origin, const void *data, uint64_t count)
{
    pmipc_cdr_column *column = cdr_arena_allocate(&build->encoder->arena, sizeof *column);
    if (!column)
        return ros_encoder_no_memory(build);
    *column = (pmipc_cdr_column){.data = (void *)(uintptr_t)data, .count = count};
    const struct ros_encoder_feed feed = {
        .source = ROS_ENCODER_NO_SOURCE, .rows_source = ROS_ENCODER_NO_SOURCE, .own = data};
    return ros_encoder_append(build, &(pmipc_cdr_leaf){.path = path, .dtype = dtype, .constant = column}, origin,
                              &feed);
}

pmipc_status ros_encoder_add_number(struct ros_encoder_build *build, const char *path, const pmipc_cdr_place *place,
                                    enum ros_encoder_origin origin, double number)
{
    uint64_t *element = cdr_arena_allocate(&build->encoder->arena, sizeof *element);
    if (!element)
        return ros_encoder_no_memory(build);
    if (place->dtype == PMIPC_CDR_MESSAGE || place->ndim != ros_encoder_loops(path))
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0,
                         "%s: the constant '%s' is one number, and that is no one number of the message",
                         build->message, path);
    if (!ros_encoder_number(place->dtype, number, element))
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0,
                         "%s: the constant '%s' is %.17g, which %s does not hold", build->message, path, number,
                         pmipc_dtype_name(place->dtype));
    return ros_encoder_append_constant(build, path, place->dtype, origin, element, 1);
}

pmipc_status ros_encoder_add_texts(struct ros_encoder_build *build, const char *path, const pmipc_cdr_place *place,
                                   enum ros_encoder_origin origin, const char *const *texts, uint32_t count)
{
    bool is_list = place->ndim > ros_encoder_loops(path);
    bool is_column = !is_list && place->ndim == 1 && count != 1;
    pmipc_cdr_span *spans = cdr_arena_allocate(&build->encoder->arena, (count ? count : 1) * sizeof *spans);
    if (!spans)
        return ros_encoder_no_memory(build);
    if (!is_list && !is_column && count != 1)
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0, "%s: the constant '%s' is one string, %u are given",
                         build->message, path, count);
    for (uint32_t i = 0; i < count; i++) {
        if (!texts[i])
            return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0, "%s: a string of the constant '%s' is NULL",
                             build->message, path);
        char *copy = cdr_arena_copy_text(&build->encoder->arena, texts[i], strlen(texts[i]));
        if (!copy)
            return ros_encoder_no_memory(build);
        spans[i] = (pmipc_cdr_span){copy, strlen(texts[i])};
    }
    if (!is_column)
        return ros_encoder_append_constant(build, path, PMIPC_CDR_STRING, origin, spans, count);
    const struct ros_encoder_feed feed = {
        .source = ROS_ENCODER_NO_SOURCE, .rows_source = ROS_ENCODER_NO_SOURCE, .own = spans, .count = count, .rows = 1};
    return ros_encoder_add(build, path, PMIPC_CDR_STRING, origin, &feed);
}

/* Two keys are what metadata call a thing, whatever its path. */
static const char *ros_encoder_key_path(const struct ros_encoder_build *build, const char *key)
{
    const char *names = ros_joint_names(build->message);
    if (strcmp(key, "frame_id") == 0 && build->header.frame_id[0])
        return build->header.frame_id;
    return strcmp(key, "names") == 0 && names ? names : key;
}

pmipc_status ros_encoder_add_constant(struct ros_encoder_build *build, const pmipc_ros_constant *constant)
{
    pmipc_cdr_place place;
    if (!constant->key || (constant->text_count && !constant->texts))
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0,
                         "a constant needs a key, and texts if it counts them");
    const char *path = ros_encoder_key_path(build, constant->key);
    pmipc_status status = pmipc_cdr_types_find(build->types, build->message, path, &place, build->error);
    if (status)
        return status;
    if (ros_encoder_find(build, path) >= 0)
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0, "%s: the constant '%s' is given twice",
                         build->message, path);
    if (place.dtype == PMIPC_CDR_WSTRING)
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0, "%s: '%s' is a wstring, which constants cannot be",
                         build->message, path);
    if ((place.dtype == PMIPC_CDR_STRING) != (constant->texts != NULL))
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0, "%s: the constant '%s' must be %s", build->message,
                         path, constant->texts ? "a number" : "text");
    if (constant->texts)
        return ros_encoder_add_texts(build, path, &place, ROS_ENCODER_CONSTANT, constant->texts, constant->text_count);
    return ros_encoder_add_number(build, path, &place, ROS_ENCODER_CONSTANT, constant->number);
}

/* ---- fields ---- */

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

/* Whether a field's shape is one of the place's: of a fixed place as many elements in any shape; where lists lie in
 * lists, the outer ones are the leading dimensions. Sets the rows that lists in lists are met in. */
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
    if (counts >= 0) { /* ragged: the encoder sees whether the counts are right */
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
    return ros_encoder_mismatch(build, source, "as many joints as there are names, %llu", (unsigned long long)names);
}

/* Whether a path's values are one for each joint, and then whether they are as many as the names. */
static pmipc_status ros_encoder_check_path(struct ros_encoder_build *build, uint32_t source, const char *path,
                                           const struct ros_encoder_feed *feed)
{
    struct ros_tensor tensor;
    pmipc_status status = ros_tensor_find(build->types, build->message, path, &tensor, build->error);
    bool is_told_later = tensor.ndim == 1 && ros_encoder_is_variable(&build->schema->fields[source]);
    if (status || !tensor.is_joints || is_told_later || feed->rows == 0 || feed->rows_source != source)
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
                             : "text, which is not written from samples: give it as a constant");
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
