/* encoder_constants.c: values that are the same in every message. */
#include "ros/encoder_constants.h"

#include <math.h>
#include <string.h>

#include "os/error.h"

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
    /* The comparison is false for NaN. */
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

/* The number of lists of messages on a path. */
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
                         "%s: the constant '%s' is a number, but that path is not a single number of the message",
                         build->message, path);
    if (!ros_encoder_number(place->dtype, number, element))
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0,
                         "%s: the constant '%s' is %.17g, which %s cannot hold", build->message, path, number,
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
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0,
                         "%s: the constant '%s' must be one string, %u are given", build->message, path, count);
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

/* The path of a key. The keys frame_id and names stand for paths that depend on the message type. */
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
                         "a constant must have a key, and texts if text_count is not 0");
    const char *path = ros_encoder_key_path(build, constant->key);
    pmipc_status status = pmipc_cdr_types_find(build->types, build->message, path, &place, build->error);
    if (status)
        return status;
    if (ros_encoder_find(build, path) >= 0)
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0, "%s: the constant '%s' is given twice",
                         build->message, path);
    if (place.dtype == PMIPC_CDR_WSTRING)
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0, "%s: '%s' is a wstring, which a constant cannot set",
                         build->message, path);
    if ((place.dtype == PMIPC_CDR_STRING) != (constant->texts != NULL))
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0, "%s: the constant '%s' must be %s", build->message,
                         path, constant->texts ? "a number" : "text");
    if (constant->texts)
        return ros_encoder_add_texts(build, path, &place, ROS_ENCODER_CONSTANT, constant->texts, constant->text_count);
    return ros_encoder_add_number(build, path, &place, ROS_ENCODER_CONSTANT, constant->number);
}
