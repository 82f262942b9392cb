/* decoder.c: from serialized messages to samples of a pool. */
#include "ros/decoder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/clock.h"
#include "os/error.h"

pmipc_status ros_refuse(const pmipc_ros_decoder *decoder, pmipc_error *error, const char *format, ...)
{
    char reason[PMIPC_ERROR_TEXT_BYTES];
    if (!error)
        return PMIPC_SCHEMA_MISMATCH;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    return error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "%s: %s", decoder->message, reason);
}

/* Anything but 0 and 1 in a bool is undefined behaviour for those who read it. */
static pmipc_status ros_check_bools(const pmipc_ros_decoder *decoder, const void *bools, uint64_t count,
                                    pmipc_error *error)
{
    const uint8_t *bytes = bools;
    uint8_t seen = 0;
    for (uint64_t i = 0; i < count; i++)
        seen |= bytes[i];
    return seen <= 1
               ? PMIPC_OK
               : error_set(error, PMIPC_CORRUPT, 0, "%s: a bool of the message is neither 0 nor 1", decoder->message);
}

pmipc_status ros_copy(const pmipc_ros_decoder *decoder, void *to, const void *from, uint64_t count, pmipc_dtype dtype,
                      bool swapped, pmipc_error *error)
{
    pmipc_status status = dtype == PMIPC_BOOL ? ros_check_bools(decoder, from, count, error) : PMIPC_OK;
    if (!status)
        pmipc_cdr_copy(to, from, count, PMIPC_DTYPE_BITS(dtype) / 8, swapped);
    return status;
}

/* ---- creating ---- */

static pmipc_status ros_add_text(pmipc_ros_decoder *decoder, pmipc_cdr_types *types, const char *name, uint32_t *leaf,
                                 pmipc_error *error)
{
    pmipc_cdr_field field;
    const char *rest;
    bool found;
    pmipc_status status = ros_field_find(types, decoder->message, name, &field, &rest, &found, error);
    if (status || !found || field.dtype != PMIPC_CDR_STRING || field.is_array || field.is_sequence)
        return status;
    return ros_intake_add(&decoder->intake, name, PMIPC_CDR_STRING, ROS_LEAF_ONE, 0, leaf, error);
}

/* What is taken from every message, whatever the fields are. */
static pmipc_status ros_add_facts(pmipc_ros_decoder *decoder, pmipc_cdr_types *types, pmipc_error *error)
{
    struct ros_header header;
    struct ros_intake *intake = &decoder->intake;
    pmipc_status status = ros_header_find(types, decoder->message, &header, error);
    if (!status)
        status = ros_header_is_first(types, decoder->message, &header, &decoder->begins_with_stamp, error);
    if (!status && header.sec[0])
        status = ros_intake_add(intake, header.sec, PMIPC_INT32, ROS_LEAF_ONE, 0, &decoder->sec, error);
    if (!status && header.nanosec[0])
        status = ros_intake_add(intake, header.nanosec, PMIPC_UINT32, ROS_LEAF_ONE, 0, &decoder->nanosec, error);
    if (!status && header.frame_id[0])
        status = ros_intake_add(intake, header.frame_id, PMIPC_CDR_STRING, ROS_LEAF_ONE, 0, &decoder->frame_id, error);
    if (!status)
        status = ros_add_text(decoder, types, "child_frame_id", &decoder->child_frame_id, error);
    if (!status)
        status = ros_add_text(decoder, types, "encoding", &decoder->encoding, error);
    return status ? status : ros_add_text(decoder, types, "format", &decoder->format, error);
}

static pmipc_status ros_add_field(pmipc_ros_decoder *decoder, pmipc_cdr_types *types, uint32_t index,
                                  const pmipc_ros_field *given, pmipc_error *error)
{
    struct ros_decoded_field *field = &decoder->fields[index];
    if (!given->name || strlen(given->name) > PMIPC_MAX_FIELD_NAME)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "field %u: a name of at most %d bytes", index,
                         PMIPC_MAX_FIELD_NAME);
    memcpy(field->name, given->name, strlen(given->name) + 1);
    if (ros_path_is_stamps(decoder->message, given->path)) {
        ros_stamps_add(field);
        return PMIPC_OK;
    }
    bool is_text;
    pmipc_status status = ros_text_field_add(decoder, types, field, given->path, &is_text, error);
    if (status || is_text)
        return status;
    status = ros_tensor_find(types, decoder->message, given->path, &field->tensor, error);
    if (status)
        return status;
    if (field->tensor.kind == ROS_CLOUD && decoder->cloud.names != ROS_NO_LEAF)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: two fields want the points", decoder->message);
    /* The data of every kind are numbers; most say more of them elsewhere. */
    status = ros_numbers_add(decoder, types, field, error);
    if (status || field->tensor.kind == ROS_NUMBERS)
        return status;
    if (field->tensor.kind == ROS_IMAGE)
        return ros_image_add(decoder, error);
    return field->tensor.kind == ROS_CLOUD ? ros_cloud_add(decoder, error)
                                           : ros_array_add(decoder, field->tensor.kind, error);
}

static pmipc_status ros_take_joints(pmipc_ros_decoder *decoder, const pmipc_ros_decoder_options *options,
                                    pmipc_error *error)
{
    struct ros_joint_decoder *joints = &decoder->joints;
    for (uint32_t i = 0; i < decoder->field_count && !options->joints; i++)
        if (decoder->fields[i].tensor.kind == ROS_JOINT_STAMPS)
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                             "%s: joint_stamps are of joints that were selected by name (ros_joints)",
                             decoder->message);
    if (!options->joints)
        return PMIPC_OK;
    if (joints->names == ROS_NO_LEAF || options->joint_count == 0 || options->joint_count > ROS_MAX_JOINTS)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: %s", decoder->message,
                         joints->names == ROS_NO_LEAF ? "joints were selected, but no field holds values of joints"
                                                      : "1 to 1024 joints can be selected");
    joints->are_selected = true;
    joints->merges = ros_joints_can_merge(decoder->message);
    joints->joints = calloc(options->joint_count, sizeof *joints->joints);
    joints->sources = calloc(options->joint_count, sizeof *joints->sources);
    joints->stamps_ns = calloc(options->joint_count, sizeof *joints->stamps_ns);
    if (!joints->joints || !joints->sources || !joints->stamps_ns)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for %u joints", options->joint_count);
    for (uint32_t i = 0; i < options->joint_count; i++) {
        const char *name = options->joints[i];
        if (!name || !name[0] || strlen(name) > PMIPC_CDR_MAX_NAME)
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: joint %u has no name of 1 to %d bytes",
                             decoder->message, i, PMIPC_CDR_MAX_NAME);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(options->joints[j], name) == 0)
                return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: joint '%s' is selected twice", decoder->message,
                                 name);
        joints->joints[i] = strdup(name);
        if (!joints->joints[i])
            return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for %u joints", options->joint_count);
        joints->count = i + 1;
    }
    return PMIPC_OK;
}

static pmipc_status ros_take_point_fields(pmipc_ros_decoder *decoder, const pmipc_ros_decoder_options *options,
                                          pmipc_error *error)
{
    struct ros_cloud_decoder *cloud = &decoder->cloud;
    if (!options->point_fields)
        return PMIPC_OK;
    if (cloud->names == ROS_NO_LEAF || options->point_field_count == 0 ||
        options->point_field_count > ROS_MAX_POINT_FIELDS)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: %s", decoder->message,
                         cloud->names == ROS_NO_LEAF ? "point_fields were named, but no field holds points"
                                                     : "1 to 64 point_fields can be named");
    cloud->wanted = calloc(options->point_field_count, sizeof *cloud->wanted);
    if (!cloud->wanted)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for %u point_fields", options->point_field_count);
    for (uint32_t i = 0; i < options->point_field_count; i++) {
        const char *name = options->point_fields[i];
        if (!name || strlen(name) > ROS_MAX_POINT_NAME)
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: point_field %u is longer than %d bytes",
                             decoder->message, i, ROS_MAX_POINT_NAME);
        memcpy(cloud->wanted[i], name, strlen(name) + 1);
    }
    cloud->wanted_count = options->point_field_count;
    cloud->is_table = true;
    return PMIPC_OK;
}

static pmipc_ros_decoder *ros_decoder_allocate(const char *message, uint32_t field_count)
{
    pmipc_ros_decoder *decoder = calloc(1, sizeof *decoder + field_count * sizeof decoder->fields[0]);
    if (!decoder)
        return NULL;
    memcpy(decoder->message, message, strlen(message) + 1);
    decoder->field_count = field_count;
    decoder->sec = decoder->nanosec = decoder->frame_id = decoder->child_frame_id = ROS_NO_LEAF;
    decoder->encoding = decoder->format = ROS_NO_LEAF;
    decoder->image.is_bigendian = decoder->cloud.is_bigendian = ROS_NO_LEAF;
    decoder->cloud.names = decoder->joints.names = ROS_NO_LEAF;
    return decoder;
}

pmipc_status pmipc_ros_decoder_create(pmipc_ros_decoder **decoder, pmipc_cdr_types *types, const char *message,
                                      const pmipc_ros_field *fields, uint32_t field_count,
                                      const pmipc_ros_decoder_options *options, pmipc_error *error)
{
    static const pmipc_ros_decoder_options none = {0};
    char full[PMIPC_CDR_MAX_NAME + 1];
    if (!decoder)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "decoder is NULL");
    *decoder = NULL;
    if (!types || !message || !fields || field_count < 1 || field_count > PMIPC_MAX_FIELDS ||
        !ros_name_complete(full, message))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "a decoder needs types, the name of one, and 1 to %d fields",
                         PMIPC_MAX_FIELDS);
    options = options ? options : &none;
    pmipc_ros_decoder *made = ros_decoder_allocate(full, field_count);
    if (!made)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for a decoder of %s", full);
    made->has_fixed_lengths = options->fixed_lengths;
    made->cloud.is_organized = options->organized;
    pmipc_status status = ros_add_facts(made, types, error);
    for (uint32_t i = 0; i < field_count && !status; i++)
        status = ros_add_field(made, types, i, &fields[i], error);
    ros_frames_add(made, options->any_frame);
    if (!status)
        status = ros_take_joints(made, options, error);
    if (!status)
        status = ros_take_point_fields(made, options, error);
    if (!status && options->organized && made->cloud.names == ROS_NO_LEAF)
        status =
            error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: organized was asked for, but no field holds points", full);
    if (!status)
        status = ros_intake_compile(&made->intake, types, full, error);
    if (status)
        pmipc_ros_decoder_destroy(made);
    else
        *decoder = made;
    return status;
}

void pmipc_ros_decoder_destroy(pmipc_ros_decoder *decoder)
{
    if (!decoder)
        return;
    decoder->joints.are_selected = false;
    ros_joints_forget(decoder);
    free(decoder->joints.stamps_ns);
    for (uint32_t i = 0; i < decoder->field_count; i++)
        free(decoder->fields[i].merged);
    ros_frames_forget(decoder);
    free(decoder->cloud.wanted);
    free(decoder->metadata.bytes);
    ros_intake_free(&decoder->intake);
    free(decoder);
}

/* ---- messages ---- */

static pmipc_status ros_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                struct ros_extent *extent, pmipc_error *error)
{
    const pmipc_dtype dtype = field->tensor.dtype;
    *extent = (struct ros_extent){.dtype = dtype, .itemsize = PMIPC_DTYPE_BITS(dtype) / 8};
    switch (field->tensor.kind) {
    case ROS_IMAGE:
        return ros_image_measure(decoder, field, extent, error);
    case ROS_CLOUD:
        return ros_cloud_measure(decoder, field, extent, error);
    case ROS_MULTI_ARRAY:
    case ROS_GRID:
        return ros_array_measure(decoder, field, extent, error);
    case ROS_JOINT_STAMPS:
        ros_stamps_measure(decoder, extent);
        return PMIPC_OK;
    case ROS_TEXT:
        return ros_text_measure(decoder, field, extent, error);
    case ROS_NUMBERS:
        break;
    }
    return ros_numbers_measure(decoder, field, extent, error);
}

static pmipc_status ros_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data,
                             pmipc_error *error)
{
    switch (field->tensor.kind) {
    case ROS_IMAGE:
        return ros_image_fill(decoder, field, data, error);
    case ROS_CLOUD:
        return ros_cloud_fill(decoder, field, data, error);
    case ROS_MULTI_ARRAY:
    case ROS_GRID:
        return ros_array_fill(decoder, field, data, error);
    case ROS_JOINT_STAMPS:
        ros_stamps_fill(decoder, data);
        return PMIPC_OK;
    case ROS_TEXT:
        ros_text_fill(decoder, field, data);
        return PMIPC_OK;
    case ROS_NUMBERS:
        break;
    }
    return ros_numbers_fill(decoder, field, data, error);
}

/* Point the leaves that are copied while decoding at a frame, or at nothing. */
static void ros_direct(pmipc_ros_decoder *decoder, const pmipc_loan *loan)
{
    for (uint32_t i = 0; i < decoder->field_count; i++) {
        const struct ros_decoded_field *field = &decoder->fields[i];
        if (field->tensor.kind != ROS_NUMBERS || decoder->intake.leaves[field->leaves[0]].kind != ROS_LEAF_DIRECT)
            continue;
        uint64_t capacity = pmipc_field_bytes(&decoder->schema.fields[i]) / (PMIPC_DTYPE_BITS(field->tensor.dtype) / 8);
        ros_intake_direct(&decoder->intake, field->leaves[0], loan ? loan->fields[i].data : NULL, loan ? capacity : 0);
    }
}

static pmipc_status ros_decode(pmipc_ros_decoder *decoder, const void *bytes, size_t byte_count, const pmipc_loan *loan,
                               pmipc_error *error)
{
    ros_direct(decoder, loan);
    pmipc_status status = ros_intake_decode(&decoder->intake, decoder->message, bytes, byte_count, error);
    if (!status && decoder->joints.names != ROS_NO_LEAF)
        status = ros_joints_find(decoder, error);
    return status;
}

/* While learning nothing is copied, so nobody has looked into the bools yet: what is learned from must be readable. */
static pmipc_status ros_check_learned_bools(pmipc_ros_decoder *decoder, const void *bytes, size_t byte_count,
                                            pmipc_error *error)
{
    pmipc_status status = PMIPC_OK;
    for (uint32_t i = 0; i < decoder->field_count && !status; i++) {
        const uint32_t leaf = decoder->fields[i].leaves[0];
        if (decoder->fields[i].tensor.dtype != PMIPC_BOOL)
            continue;
        for (uint32_t p = 0; p < decoder->fields[i].tensor.part_count && !status; p++) {
            const uint32_t part = decoder->fields[i].leaves[p];
            const pmipc_cdr_span span = ros_one_span(&decoder->intake, part);
            if (decoder->intake.leaves[part].kind == ROS_LEAF_SPAN)
                status = ros_check_bools(decoder, span.data, span.count, error);
        }
        const uint64_t count = ros_column(&decoder->intake, leaf)->count;
        if (status || decoder->intake.leaves[leaf].kind != ROS_LEAF_DIRECT || count == 0)
            continue;
        void *scratch = malloc(count);
        if (!scratch)
            return error_set(error, PMIPC_NO_MEMORY, 0, "no memory to learn from a %s", decoder->message);
        ros_intake_direct(&decoder->intake, leaf, scratch, count);
        status = ros_intake_decode(&decoder->intake, decoder->message, bytes, byte_count, error);
        ros_intake_direct(&decoder->intake, leaf, NULL, 0);
        free(scratch);
    }
    return status;
}

static pmipc_status ros_learn(pmipc_ros_decoder *decoder, const void *bytes, size_t byte_count, pmipc_error *error)
{
    struct ros_extent extents[PMIPC_MAX_FIELDS];
    int64_t length;
    pmipc_status status = ros_decode(decoder, bytes, byte_count, NULL, error);
    for (uint32_t i = 0; i < decoder->field_count && !status; i++) {
        status = ros_measure(decoder, &decoder->fields[i], &extents[i], error);
        if (!status && decoder->is_expecting)
            status = ros_fit(decoder, i, &extents[i], &length, error);
    }
    if (!status)
        status = ros_check_learned_bools(decoder, bytes, byte_count, error);
    if (!status && !decoder->is_expecting)
        status = ros_schema_of(decoder, extents, &decoder->schema, error);
    if (!status)
        status = ros_frames_learn(decoder, error);
    return status ? status : ros_metadata_write(decoder, error);
}

pmipc_status pmipc_ros_decoder_learn(pmipc_ros_decoder *decoder, const void *bytes, size_t byte_count,
                                     pmipc_schema *schema, pmipc_error *error)
{
    if (!decoder || (!bytes && byte_count))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "decoder and bytes must not be NULL");
    if (decoder->has_learned)
        return error_set(error, PMIPC_WRONG_STATE, 0, "%s: a message was learned already", decoder->message);
    pmipc_status status = ros_learn(decoder, bytes, byte_count, error);
    if (status) {
        ros_joints_forget(decoder);
        return status;
    }
    decoder->has_learned = true;
    if (schema)
        *schema = decoder->schema;
    return PMIPC_OK;
}

const char *pmipc_ros_decoder_metadata(const pmipc_ros_decoder *decoder)
{
    return decoder->has_learned ? decoder->metadata.bytes : "";
}

int64_t ros_stamp(const pmipc_ros_decoder *decoder)
{
    if (decoder->sec == ROS_NO_LEAF)
        return 0;
    return decoder->intake.leaves[decoder->sec].one.i32 * INT64_C(1000000000) +
           ros_one_u32(&decoder->intake, decoder->nanosec);
}

/* Decode and measure. *lacks_room, which may be NULL: nothing else is the matter but that a variable field is longer
 * than the pool has room for; where it is NULL that is refused. */
static pmipc_status ros_take_in(pmipc_ros_decoder *decoder, const void *bytes, size_t byte_count,
                                const pmipc_loan *loan, int64_t *lengths, bool *lacks_room, pmipc_error *error)
{
    pmipc_status status = ros_decode(decoder, bytes, byte_count, loan, error);
    bool has_room = true;
    if (!status)
        status = ros_frames_check(decoder, error);
    for (uint32_t i = 0; i < decoder->field_count && !status; i++) {
        struct ros_extent extent;
        status = ros_measure(decoder, &decoder->fields[i], &extent, error);
        if (!status)
            status = ros_fit(decoder, i, &extent, &lengths[i], error);
        if (status || ros_check_room(decoder, i, lengths[i], lacks_room ? NULL : error) == PMIPC_OK)
            continue;
        has_room = false;
        status = lacks_room ? PMIPC_OK : PMIPC_SCHEMA_MISMATCH;
    }
    if (lacks_room)
        *lacks_room = !has_room;
    return status;
}

static pmipc_status ros_put(pmipc_ros_decoder *decoder, const void *bytes, size_t byte_count, const int64_t *lengths,
                            pmipc_loan *loan, int64_t *stamp_ns, pmipc_error *error)
{
    /* All of the message is known to fit: a refused one changes no joint. */
    pmipc_status status = decoder->joints.merges ? ros_joints_merge(decoder, error) : PMIPC_OK;
    for (uint32_t i = 0; i < decoder->field_count && !status; i++) {
        loan->fields[i].length = lengths[i];
        status = ros_fill(decoder, &decoder->fields[i], loan->fields[i].data, error);
    }
    if (status)
        return status;
    if (stamp_ns)
        *stamp_ns = ros_stamp(decoder);
    ros_head_learn(decoder, bytes, byte_count);
    return PMIPC_OK;
}

pmipc_status pmipc_ros_decoder_decode(pmipc_ros_decoder *decoder, const void *bytes, size_t byte_count,
                                      pmipc_loan *loan, int64_t *stamp_ns, pmipc_error *error)
{
    int64_t lengths[PMIPC_MAX_FIELDS];
    if (!decoder || !loan || (!bytes && byte_count))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "decoder, bytes and loan must not be NULL");
    if (!decoder->has_learned)
        return error_set(error, PMIPC_WRONG_STATE, 0, "%s: no message was learned yet", decoder->message);
    if (loan->field_count != decoder->field_count)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: the loan has %u fields, the decoder %u",
                         decoder->message, loan->field_count, decoder->field_count);
    pmipc_status status = ros_take_in(decoder, bytes, byte_count, loan, lengths, NULL, error);
    return status ? status : ros_put(decoder, bytes, byte_count, lengths, loan, stamp_ns, error);
}

pmipc_status ros_check_producer(pmipc_ros_decoder *decoder, const pmipc_producer *producer, pmipc_error *error)
{
    const uint64_t incarnation = pmipc_producer_incarnation(producer);
    if (decoder->checked == producer && decoder->checked_incarnation == incarnation)
        return PMIPC_OK;
    const pmipc_schema *schema = pmipc_producer_schema(producer);
    pmipc_status status = pmipc_schema_compatible(&decoder->schema, schema, error);
    if (status)
        return status;
    decoder->schema = *schema;
    decoder->checked = producer;
    decoder->checked_incarnation = incarnation;
    return PMIPC_OK;
}

/* A slot for the message, decoded and measured: of a larger pool, when the one so far has no room for it. The loan is
 * out on OK only. */
static pmipc_status ros_loan(pmipc_ros_decoder *decoder, pmipc_producer *producer, const void *bytes, size_t byte_count,
                             int64_t *lengths, pmipc_loan *loan, pmipc_error *error)
{
    bool lacks_room = false;
    for (int turn = 0; turn < 2; turn++) {
        pmipc_status status = ros_check_producer(decoder, producer, error);
        if (status)
            return status;
        status = pmipc_producer_loan(producer, loan);
        if (status) {
            pmipc_producer_last_error(producer, error);
            return status;
        }
        status = ros_take_in(decoder, bytes, byte_count, loan, lengths, turn ? NULL : &lacks_room, error);
        if (!status && !lacks_room)
            return PMIPC_OK;
        pmipc_producer_discard(producer, loan);
        if (status)
            return status;
        lacks_room = false;
        status = pmipc_producer_reserve(producer, lengths, decoder->field_count);
        if (status) {
            pmipc_producer_last_error(producer, error);
            return status;
        }
    }
    return error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "%s: the message changes while it is read", decoder->message);
}

pmipc_status pmipc_ros_decoder_publish(pmipc_ros_decoder *decoder, pmipc_producer *producer, const void *bytes,
                                       size_t byte_count, int64_t fallback_stamp_ns, uint64_t *seq, pmipc_error *error)
{
    int64_t lengths[PMIPC_MAX_FIELDS];
    if (!decoder || !producer)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "decoder and producer must not be NULL");
    if (!decoder->has_learned)
        return error_set(error, PMIPC_WRONG_STATE, 0, "%s: no message was learned yet", decoder->message);
    pmipc_loan loan;
    pmipc_status status = ros_loan(decoder, producer, bytes, byte_count, lengths, &loan, error);
    if (status)
        return status;
    int64_t stamp_ns = 0;
    decoder->fallback_stamp_ns = fallback_stamp_ns == PMIPC_STAMP_NOW ? clock_realtime_ns() : fallback_stamp_ns;
    status = ros_put(decoder, bytes, byte_count, lengths, &loan, &stamp_ns, error);
    if (status) {
        pmipc_producer_discard(producer, &loan);
        return status;
    }
    status = pmipc_producer_commit(producer, &loan, stamp_ns ? stamp_ns : decoder->fallback_stamp_ns);
    if (status) {
        pmipc_producer_last_error(producer, error);
        pmipc_producer_discard(producer, &loan);
    } else if (seq) {
        *seq = loan.seq;
    }
    return status;
}
