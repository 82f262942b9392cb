/* decoder.c: the public functions of a decoder, and the steps of a message: decode, measure, fill. */
#include "ros/decoder.h"

#include <stdlib.h>

#include "os/clock.h"
#include "os/error.h"
#include "ros/decode_array.h"
#include "ros/decode_cloud.h"
#include "ros/decode_frames.h"
#include "ros/decode_head.h"
#include "ros/decode_image.h"
#include "ros/decode_joints.h"
#include "ros/decode_merged.h"
#include "ros/decode_metadata.h"
#include "ros/decode_numbers.h"
#include "ros/decode_schema.h"
#include "ros/decode_stamps.h"
#include "ros/decode_text.h"

static const struct ros_decode_kind *const ros_decode_kinds[] = {
    [ROS_NUMBERS] = &ros_numbers_kind,     [ROS_JOINTS] = &ros_joints_kind,     [ROS_IMAGE] = &ros_image_kind,
    [ROS_CLOUD] = &ros_cloud_kind,         [ROS_MULTI_ARRAY] = &ros_array_kind, [ROS_GRID] = &ros_array_kind,
    [ROS_JOINT_STAMPS] = &ros_stamps_kind, [ROS_TEXT] = &ros_text_kind,
};

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

/* Add the leaves that every message type needs, independent of the fields. */
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
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "field %u must have a name of at most %d bytes", index,
                         PMIPC_MAX_FIELD_NAME);
    memcpy(field->name, given->name, strlen(given->name) + 1);
    if (!ros_stamps_find(decoder->message, given->path, &field->tensor) &&
        !ros_text_find(types, decoder->message, given->path, &field->tensor)) {
        pmipc_status status = ros_tensor_find(types, decoder->message, given->path, &field->tensor, error);
        if (status)
            return status;
    }
    field->kind = ros_decode_kinds[field->tensor.kind];
    return field->kind->add(decoder, types, field, error);
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
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "a decoder needs types, a message type, and 1 to %d fields",
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
        status = ros_joints_select(made, options, error);
    if (!status)
        status = ros_cloud_select(made, options, error);
    if (!status && options->organized && made->cloud.names == ROS_NO_LEAF)
        status = error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: organized is set, but no field holds points", full);
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
    return field->kind->measure(decoder, field, extent, error);
}

/* Set where decoding copies numbers of direct leaves: into the loaned frame, or nowhere. */
static void ros_set_direct(pmipc_ros_decoder *decoder, const pmipc_loan *loan)
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
    ros_set_direct(decoder, loan);
    pmipc_status status = ros_intake_decode(&decoder->intake, decoder->message, bytes, byte_count, error);
    if (!status && decoder->joints.names != ROS_NO_LEAF)
        status = ros_joints_find(decoder, error);
    return status;
}

/* Learning copies nothing, so bools are not checked yet. A message that is learned must also be decodable. */
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
        return error_set(error, PMIPC_WRONG_STATE, 0, "%s: a message was already learned", decoder->message);
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

/* Decode and measure. A variable field that is longer than the pool has room for sets *lacks_room, and is refused if
 * `lacks_room` is NULL. */
static pmipc_status ros_decode_and_measure(pmipc_ros_decoder *decoder, const void *bytes, size_t byte_count,
                                           const pmipc_loan *loan, int64_t *lengths, bool *lacks_room,
                                           pmipc_error *error)
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

static pmipc_status ros_fill_loan(pmipc_ros_decoder *decoder, const void *bytes, size_t byte_count,
                                  const int64_t *lengths, pmipc_loan *loan, int64_t *stamp_ns, pmipc_error *error)
{
    /* The message was checked completely, so a refused message changes no joint. */
    pmipc_status status = decoder->joints.merges ? ros_joints_merge(decoder, error) : PMIPC_OK;
    for (uint32_t i = 0; i < decoder->field_count && !status; i++) {
        loan->fields[i].length = lengths[i];
        status = decoder->fields[i].kind->fill(decoder, &decoder->fields[i], loan->fields[i].data, error);
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
        return error_set(error, PMIPC_WRONG_STATE, 0,
                         "%s: no message was learned yet: call pmipc_ros_decoder_learn first", decoder->message);
    if (loan->field_count != decoder->field_count)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: the loan has %u fields, the decoder has %u",
                         decoder->message, loan->field_count, decoder->field_count);
    pmipc_status status = ros_decode_and_measure(decoder, bytes, byte_count, loan, lengths, NULL, error);
    return status ? status : ros_fill_loan(decoder, bytes, byte_count, lengths, loan, stamp_ns, error);
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

/* Loan a slot, and decode and measure the message. If the pool has no room for it, do so in a larger pool. After a
 * failure the loan is discarded. */
static pmipc_status ros_loan(pmipc_ros_decoder *decoder, pmipc_producer *producer, const void *bytes, size_t byte_count,
                             int64_t *lengths, pmipc_loan *loan, pmipc_error *error)
{
    bool lacks_room = false;
    for (int attempt = 0; attempt < 2; attempt++) {
        pmipc_status status = ros_check_producer(decoder, producer, error);
        if (status)
            return status;
        status = pmipc_producer_loan(producer, loan);
        if (status) {
            pmipc_producer_last_error(producer, error);
            return status;
        }
        status = ros_decode_and_measure(decoder, bytes, byte_count, loan, lengths, attempt ? NULL : &lacks_room, error);
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
    return error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "%s: the message changed while it was decoded", decoder->message);
}

pmipc_status pmipc_ros_decoder_publish(pmipc_ros_decoder *decoder, pmipc_producer *producer, const void *bytes,
                                       size_t byte_count, int64_t fallback_stamp_ns, uint64_t *seq, pmipc_error *error)
{
    int64_t lengths[PMIPC_MAX_FIELDS];
    if (!decoder || !producer)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "decoder and producer must not be NULL");
    if (!decoder->has_learned)
        return error_set(error, PMIPC_WRONG_STATE, 0,
                         "%s: no message was learned yet: call pmipc_ros_decoder_learn first", decoder->message);
    pmipc_loan loan;
    pmipc_status status = ros_loan(decoder, producer, bytes, byte_count, lengths, &loan, error);
    if (status)
        return status;
    int64_t stamp_ns = 0;
    decoder->fallback_stamp_ns = fallback_stamp_ns == PMIPC_STAMP_NOW ? clock_realtime_ns() : fallback_stamp_ns;
    status = ros_fill_loan(decoder, bytes, byte_count, lengths, &loan, &stamp_ns, error);
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
