/* encoder.c: build an encoder; encode a sample in one pass over the feeds and one run of the CDR encoder. */
#include <stdlib.h>
#include <string.h>

#include "cdr/primitives.h"
#include "os/error.h"
#include "ros/encoder_constants.h"
#include "ros/encoder_default.h"
#include "ros/encoder_derive.h"
#include "ros/encoder_fields.h"
#include "ros/encoder_planes.h"
#include "ros/encoder_use.h"

#define ROS_ENCODER_NS_PER_S INT64_C(1000000000)

/* ---- building ---- */

static pmipc_status ros_encoder_take_schema(struct ros_encoder_build *build)
{
    pmipc_ros_encoder *encoder = build->encoder;
    pmipc_status status = pmipc_schema_check(build->schema, build->error);
    if (status)
        return status;
    encoder->source_count = build->schema->field_count;
    for (uint32_t i = 0; i < encoder->source_count; i++) {
        const pmipc_field *field = &build->schema->fields[i];
        struct ros_encoder_source *source = &encoder->sources[i];
        memcpy(source->name, field->name, sizeof source->name);
        source->is_variable = ros_encoder_is_variable(field);
        source->max_length = source->is_variable ? field->shape[0] : 1;
        source->length_bytes = ros_encoder_elements(field) * field->itemsize;
    }
    return PMIPC_OK;
}

/* Fields with paths are added before default tensors, so that their values are not derived from a shape. */
static pmipc_status ros_encoder_add_fields(struct ros_encoder_build *build, bool have_paths)
{
    for (uint32_t i = 0; i < build->field_count; i++) {
        const pmipc_ros_field *field = &build->fields[i];
        bool has_path = field->path && *field->path;
        int32_t source = field->name ? ros_encoder_find_field(build->schema, field->name) : -1;
        if (source < 0)
            return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0, "%s: the sample has no field '%.100s'",
                             build->message, field->name ? field->name : "(NULL)");
        if (has_path != have_paths)
            continue;
        pmipc_status status = has_path ? ros_encoder_add_path(build, (uint32_t)source, field->path)
                                       : ros_encoder_add_default(build, (uint32_t)source);
        if (status)
            return status;
    }
    return PMIPC_OK;
}

/* 'layout' is about the samples and is not a field of the message. */
static pmipc_status ros_encoder_take_layout(struct ros_encoder_build *build, const pmipc_ros_constant *constant)
{
    const char *layout = constant->text_count == 1 && constant->texts ? constant->texts[0] : NULL;
    build->is_planar = layout && strcmp(layout, "CHW") == 0;
    if (build->is_planar || (layout && strcmp(layout, "HWC") == 0))
        return PMIPC_OK;
    return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0,
                     "%s: the constant 'layout' must be \"HWC\" or \"CHW\", not '%.60s'", build->message,
                     layout ? layout : "");
}

static pmipc_status ros_encoder_add_constants(struct ros_encoder_build *build, const pmipc_ros_constant *constants,
                                              uint32_t count)
{
    pmipc_status status = PMIPC_OK;
    for (uint32_t i = 0; i < count && !status; i++) {
        const pmipc_ros_constant *constant = &constants[i];
        if (constant->key && strcmp(constant->key, "point_fields") == 0) {
            build->point_fields = constant->texts;
            build->point_field_count = constant->text_count;
            build->has_point_fields = true;
        } else if (constant->key && strcmp(constant->key, "layout") == 0 && ros_is_image(build->message)) {
            status = ros_encoder_take_layout(build, constant);
        } else {
            status = ros_encoder_add_constant(build, constant);
        }
    }
    return status;
}

static uint64_t ros_encoder_length(uint32_t source, const uint64_t *lengths)
{
    return source == ROS_ENCODER_NO_SOURCE ? 1 : lengths[source];
}

/* Point the columns at the sources. `lengths` has the leading length of variable sources, 1 for others. */
static void ros_encoder_feed(const pmipc_ros_encoder *encoder, const pmipc_source *sources, const uint64_t *lengths)
{
    for (uint32_t i = 0; i < encoder->leaf_count; i++) {
        const struct ros_encoder_feed *feed = &encoder->feeds[i];
        pmipc_cdr_column *column = &encoder->columns[i];
        const void *data = feed->own;
        if (!data && feed->source != ROS_ENCODER_NO_SOURCE && sources[feed->source].data)
            data = (const uint8_t *)sources[feed->source].data + feed->offset;
        column->data = (void *)(uintptr_t)data; /* encoding does not write it */
        column->count = feed->count * ros_encoder_length(feed->source, lengths);
        column->rows = feed->rows * ros_encoder_length(feed->rows_source, lengths);
    }
}

/* Run the CDR encoder. What it calls an invalid argument is a sample whose lengths do not fit. */
static pmipc_status ros_encoder_encode(const pmipc_ros_encoder *encoder, void *buffer, size_t capacity,
                                       size_t *byte_count, pmipc_error *error)
{
    pmipc_status status = pmipc_cdr_encode(encoder->cdr, encoder->columns, buffer, capacity, byte_count, error);
    if (status != PMIPC_INVALID_ARGUMENT)
        return status;
    if (error)
        error->status = PMIPC_SCHEMA_MISMATCH;
    return PMIPC_SCHEMA_MISMATCH;
}

/* Check that samples of this schema are messages: bounds of lists, lists of equal lengths. Without a buffer the encoder
 * counts and does not read elements, so no data are needed. */
static pmipc_status ros_encoder_try(struct ros_encoder_build *build)
{
    static const uint64_t nothing;
    pmipc_ros_encoder *encoder = build->encoder;
    pmipc_source sources[PMIPC_MAX_FIELDS];
    uint64_t lengths[PMIPC_MAX_FIELDS];
    size_t byte_count;
    for (uint32_t i = 0; i < encoder->leaf_count; i++) {
        size_t length = strlen(build->leaves[i].path);
        if (length && build->leaves[i].path[length - 1] == '#' && !build->leaves[i].constant)
            return PMIPC_OK;
    }
    for (uint32_t i = 0; i < encoder->source_count; i++) {
        sources[i] = (pmipc_source){.data = &nothing};
        lengths[i] = encoder->sources[i].is_variable ? 0 : 1;
    }
    ros_encoder_feed(encoder, sources, lengths);
    pmipc_status status = ros_encoder_encode(encoder, NULL, 0, &byte_count, build->error);
    return status == PMIPC_NO_SPACE ? PMIPC_OK : status;
}

/* Check the constants alone: bounds of strings and lists. */
static pmipc_status ros_encoder_check_constants(struct ros_encoder_build *build)
{
    pmipc_cdr_encoder *encoder;
    size_t byte_count;
    pmipc_status status = pmipc_cdr_encoder_create(&encoder, build->types, build->message, build->leaves,
                                                   build->encoder->leaf_count, 0, build->error);
    if (status)
        return status;
    pmipc_cdr_column *columns = calloc(build->encoder->leaf_count + 1, sizeof *columns);
    for (uint32_t i = 0; columns && i < build->encoder->leaf_count; i++) {
        const struct ros_encoder_feed *feed = &build->encoder->feeds[i];
        columns[i] = (pmipc_cdr_column){.data = (void *)(uintptr_t)feed->own, .count = feed->count, .rows = feed->rows};
    }
    status = columns ? pmipc_cdr_encode(encoder, columns, NULL, 0, &byte_count, build->error) : PMIPC_NO_MEMORY;
    free(columns);
    pmipc_cdr_encoder_destroy(encoder);
    return status == PMIPC_NO_SPACE ? PMIPC_OK : status == PMIPC_NO_MEMORY ? ros_encoder_no_memory(build) : status;
}

static pmipc_status ros_encoder_build(struct ros_encoder_build *build, const pmipc_ros_constant *constants,
                                      uint32_t constant_count)
{
    pmipc_ros_encoder *encoder = build->encoder;
    pmipc_status status = ros_encoder_take_schema(build);
    if (!status)
        status = ros_header_find(build->types, build->message, &build->header, build->error);
    if (!status)
        status = ros_encoder_add_constants(build, constants, constant_count);
    if (!status)
        status = ros_encoder_check_constants(build);
    if (!status)
        status = ros_encoder_add_fields(build, true);
    if (!status)
        status = ros_encoder_add_fields(build, false);
    if (!status && build->has_point_fields)
        status = error_set(build->error, PMIPC_INVALID_ARGUMENT, 0,
                           "%s: the constant 'point_fields' needs points given as (N, k)", build->message);
    if (!status && build->is_planar && !encoder->planes.interleaved)
        status = error_set(build->error, PMIPC_INVALID_ARGUMENT, 0,
                           "%s: the constant 'layout' needs an image given as a field without a path", build->message);
    if (!status)
        status = ros_encoder_check_use(build);
    if (!status)
        status = ros_encoder_add_element_headers(build);
    if (!status)
        status = ros_encoder_add_stamp(build);
    if (!status)
        status = pmipc_cdr_encoder_create(&encoder->cdr, build->types, build->message, build->leaves,
                                          encoder->leaf_count, 0, build->error);
    if (status)
        return status;
    encoder->columns = cdr_arena_allocate(&encoder->arena, encoder->leaf_count * sizeof *encoder->columns);
    if (!encoder->columns)
        return ros_encoder_no_memory(build);
    return ros_encoder_try(build);
}

pmipc_status pmipc_ros_encoder_create(pmipc_ros_encoder **encoder, pmipc_cdr_types *types, const char *message,
                                      const pmipc_schema *schema, const pmipc_ros_field *fields, uint32_t field_count,
                                      const pmipc_ros_constant *constants, uint32_t constant_count, pmipc_error *error)
{
    pmipc_ros_field own[PMIPC_MAX_FIELDS];
    char full_name[PMIPC_CDR_MAX_NAME + 1];
    if (!encoder || !types || !message || !schema || (constant_count && !constants))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                         "encoder, types, message, schema and constants must not be NULL");
    *encoder = NULL;
    if (!ros_name_complete(full_name, message))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "'%.100s...' is too long for a message type", message);
    struct ros_encoder_build build = {.types = types,
                                      .message = full_name,
                                      .schema = schema,
                                      .fields = fields,
                                      .field_count = field_count,
                                      .error = error};
    if (!fields) { /* a plain tensor, or a dict whose field names are paths */
        for (uint32_t i = 0; i < schema->field_count && i < PMIPC_MAX_FIELDS; i++)
            own[i] = (pmipc_ros_field){schema->fields[i].name, schema->fields[i].name};
        build.fields = own;
        build.field_count = schema->field_count < PMIPC_MAX_FIELDS ? schema->field_count : PMIPC_MAX_FIELDS;
    }
    build.encoder = calloc(1, sizeof *build.encoder);
    if (!build.encoder)
        return ros_encoder_no_memory(&build);
    pmipc_status status = ros_encoder_build(&build, constants, constant_count);
    if (status) {
        pmipc_ros_encoder_destroy(build.encoder);
        return status;
    }
    *encoder = build.encoder;
    return PMIPC_OK;
}

void pmipc_ros_encoder_destroy(pmipc_ros_encoder *encoder)
{
    if (!encoder)
        return;
    pmipc_cdr_encoder_destroy(encoder->cdr);
    cdr_arena_free(&encoder->arena);
    free(encoder);
}

/* ---- encoding ---- */

static pmipc_status ros_encoder_take_lengths(const pmipc_ros_encoder *encoder, const pmipc_source *sources,
                                             uint64_t *lengths, pmipc_error *error)
{
    for (uint32_t i = 0; i < encoder->source_count; i++) {
        const struct ros_encoder_source *source = &encoder->sources[i];
        int64_t length = source->is_variable ? sources[i].length : 1;
        lengths[i] = (uint64_t)length;
        if (!source->is_used)
            continue;
        if (length < 0 || length > source->max_length)
            return error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "field '%s' has length %lld, 0 to %lld are allowed",
                             source->name, (long long)length, (long long)source->max_length);
        if (!sources[i].data && length && source->length_bytes)
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "field '%s': data is NULL", source->name);
    }
    return PMIPC_OK;
}

static pmipc_status ros_encoder_set_stamps(const pmipc_ros_encoder *encoder, int64_t stamp_ns, const uint64_t *lengths,
                                           pmipc_error *error)
{
    if (!encoder->secs)
        return PMIPC_OK;
    if (stamp_ns < 0 || stamp_ns / ROS_ENCODER_NS_PER_S > INT32_MAX)
        return error_set(error, PMIPC_SCHEMA_MISMATCH, 0,
                         "the stamp %lld ns does not fit into a message, which holds 0 (1970) to %lld (2038)",
                         (long long)stamp_ns, (long long)(INT32_MAX * ROS_ENCODER_NS_PER_S + ROS_ENCODER_NS_PER_S - 1));
    uint64_t count = 1;
    for (uint32_t i = 0; i < encoder->leaf_count; i++) {
        const struct ros_encoder_feed *feed = &encoder->feeds[i];
        uint64_t stamps = feed->own == encoder->secs ? feed->count * ros_encoder_length(feed->source, lengths) : 0;
        count = stamps > count ? stamps : count;
    }
    int32_t sec = (int32_t)(stamp_ns / ROS_ENCODER_NS_PER_S);
    uint32_t nanosec = (uint32_t)(stamp_ns % ROS_ENCODER_NS_PER_S);
    for (uint64_t i = 0; i < count; i++) {
        encoder->secs[i] = sec;
        encoder->nanosecs[i] = nanosec;
    }
    return PMIPC_OK;
}

static bool ros_encoder_is_all_nan(const pmipc_cdr_column *column)
{
    for (uint64_t i = 0; i < column->count; i++) {
        double number;
        memcpy(&number, (const uint8_t *)column->data + i * sizeof number, sizeof number);
        if (number == number)
            return false;
    }
    return true;
}

/* Check the elements. A row that is all NaN becomes an empty list (ros.h: JointState), and bools must be 0 or 1. */
static pmipc_status ros_encoder_check_data(const pmipc_ros_encoder *encoder, pmipc_error *error)
{
    for (uint32_t i = 0; i < encoder->leaf_count; i++) {
        const struct ros_encoder_feed *feed = &encoder->feeds[i];
        pmipc_cdr_column *column = &encoder->columns[i];
        if (feed->is_empty_when_nan && ros_encoder_is_all_nan(column))
            column->count = 0;
        if (feed->is_bool && column->count && cdr_find_invalid_bool(column->data, column->count) != column->count)
            return error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "field '%s' has a bool that is neither 0 nor 1",
                             encoder->sources[feed->source].name);
    }
    return PMIPC_OK;
}

pmipc_status pmipc_ros_encoder_encode(pmipc_ros_encoder *encoder, const pmipc_source *sources, int64_t stamp_ns,
                                      void *buffer, size_t capacity, size_t *byte_count, pmipc_error *error)
{
    uint64_t lengths[PMIPC_MAX_FIELDS];
    if (!encoder || !sources || !byte_count || (capacity && !buffer))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "encoder, sources, buffer and byte_count must not be NULL");
    pmipc_status status = ros_encoder_take_lengths(encoder, sources, lengths, error);
    if (!status)
        status = ros_encoder_set_stamps(encoder, stamp_ns, lengths, error);
    if (status)
        return status;
    for (uint32_t i = 0; i < encoder->product_count; i++) {
        const struct ros_encoder_product *product = &encoder->products[i];
        *product->to = (uint32_t)(lengths[product->source] * product->factor);
    }
    ros_encoder_feed(encoder, sources, lengths);
    if (encoder->planes.interleaved && capacity)
        ros_encoder_interleave(&encoder->planes, sources);
    status = ros_encoder_check_data(encoder, error);
    return status ? status : ros_encoder_encode(encoder, buffer, capacity, byte_count, error);
}
