#include "ros/encoder_base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os/error.h"

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

pmipc_status ros_encoder_append(struct ros_encoder_build *build, const pmipc_cdr_leaf *leaf,
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
