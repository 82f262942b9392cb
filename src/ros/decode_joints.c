/* decode_joints.c: values of joints. Joints are found by their names, not by their index in a message.
 *
 * Publishers of one topic may list their joints in any order, and list more of them than a sample has. The index of
 * each joint in the last message is remembered and checked first. If it differs, the joints are searched. */
#include "ros/decode_joints.h"

#include <math.h>
#include <stdlib.h>

#include "os/error.h"
#include "ros/decode_merged.h"

static pmipc_status ros_joints_add(pmipc_ros_decoder *decoder, pmipc_cdr_types *types, struct ros_decoded_field *field,
                                   pmipc_error *error)
{
    (void)types;
    struct ros_joint_decoder *joints = &decoder->joints;
    pmipc_status status = ros_parts_add(decoder, field, ROS_LEAF_SPANS, error);
    if (!status)
        status = ros_intake_add(&decoder->intake, ros_joint_names(decoder->message), PMIPC_CDR_STRING, ROS_LEAF_LIST,
                                ROS_MAX_MESSAGE_NAMES, &joints->names, error);
    /* An expected sample may be stacked. */
    if (!status && field->tensor.is_default && strcmp(field->tensor.parts[0].path, "position") == 0) {
        status =
            ros_intake_add(&decoder->intake, "velocity", PMIPC_FLOAT64, ROS_LEAF_SPAN, 0, &joints->velocity, error);
        if (!status)
            status =
                ros_intake_add(&decoder->intake, "effort", PMIPC_FLOAT64, ROS_LEAF_SPAN, 0, &joints->effort, error);
    }
    return status;
}

pmipc_status ros_joints_select(pmipc_ros_decoder *decoder, const pmipc_ros_decoder_options *options, pmipc_error *error)
{
    struct ros_joint_decoder *joints = &decoder->joints;
    for (uint32_t i = 0; i < decoder->field_count && !options->joints; i++)
        if (decoder->fields[i].tensor.kind == ROS_JOINT_STAMPS)
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0,
                             "%s: joint_stamps needs joints that are selected by name (ros_joints)", decoder->message);
    if (!options->joints)
        return PMIPC_OK;
    if (joints->names == ROS_NO_LEAF || options->joint_count == 0 || options->joint_count > ROS_MAX_JOINTS)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: %s", decoder->message,
                         joints->names == ROS_NO_LEAF ? "joints are selected, but no field holds values of joints"
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
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: the name of joint %u must have 1 to %d bytes",
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

static pmipc_status ros_joints_expect(pmipc_ros_decoder *decoder, struct ros_decoded_field *expected,
                                      const pmipc_schema *sample, const pmipc_field *field, pmipc_error *error)
{
    const struct ros_joint_decoder *joints = &decoder->joints;
    pmipc_status status = ros_expect_dtype(decoder, expected, sample, field, error);
    if (status)
        return status;
    const bool can_stack = expected->tensor.is_default && expected->tensor.ndim == 1;
    const int64_t count = joints->are_selected ? (int64_t)joints->count : -1;
    expected->tensor.is_stacked = can_stack && field->ndim == 2;
    const bool has_rank = field->ndim == expected->tensor.ndim || expected->tensor.is_stacked;
    if (!has_rank || (expected->tensor.is_stacked && field->shape[0] != 3) ||
        (count >= 0 && field->shape[field->ndim - 1] != count))
        return ros_refuse_sample(decoder, sample, field, error, "float64 (%sjoints,)%s%s",
                                 expected->tensor.ndim == 2 ? "rows, " : "", can_stack ? " or (3, joints)" : "",
                                 count >= 0 ? " for the selected joints" : "");
    return PMIPC_OK;
}

void ros_joints_forget(pmipc_ros_decoder *decoder)
{
    struct ros_joint_decoder *joints = &decoder->joints;
    joints->is_known = false;
    if (joints->are_selected)
        return;
    for (uint32_t i = 0; i < joints->count && joints->joints; i++)
        free(joints->joints[i]);
    free(joints->joints);
    free(joints->sources);
    joints->joints = NULL;
    joints->sources = NULL;
    joints->count = 0;
}

static bool ros_is_name(const pmipc_cdr_span *span, const char *name)
{
    return strlen(name) == span->count && memcmp(span->data, name, span->count) == 0;
}

static pmipc_status ros_joints_learn(pmipc_ros_decoder *decoder, const pmipc_cdr_span *names, uint64_t count,
                                     pmipc_error *error)
{
    struct ros_joint_decoder *joints = &decoder->joints;
    if (count > ROS_MAX_JOINTS)
        return ros_refuse(decoder, error, "the message has %llu joints, at most %d are supported",
                          (unsigned long long)count, ROS_MAX_JOINTS);
    joints->joints = calloc(count ? count : 1, sizeof *joints->joints);
    joints->sources = calloc(count ? count : 1, sizeof *joints->sources);
    if (!joints->joints || !joints->sources)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for the names of %llu joints",
                         (unsigned long long)count);
    for (uint32_t i = 0; i < count; i++) {
        if (names[i].count > PMIPC_CDR_MAX_NAME || memchr(names[i].data, 0, names[i].count))
            return ros_refuse(decoder, error,
                              "the name of joint %u has %llu bytes or contains a NUL; at most %d bytes are allowed", i,
                              (unsigned long long)names[i].count, PMIPC_CDR_MAX_NAME);
        joints->joints[i] = strndup(names[i].data, names[i].count);
        if (!joints->joints[i])
            return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for the name of a joint");
        joints->count = i + 1;
    }
    return PMIPC_OK;
}

#define ROS_SHOWN_NAMES 400 /* bytes of a list */

static void ros_show_name(struct ros_text *text, const char *name, uint64_t bytes)
{
    if (!text->is_full)
        ros_text_add(text, "%s%.*s", text->length ? ", " : "", ros_shown(bytes), name);
}

/* Refuse a message whose joints differ, with the names of both and what to do. */
static pmipc_status ros_joints_refuse(const pmipc_ros_decoder *decoder, const pmipc_cdr_span *names, uint64_t count,
                                      const char *problem, pmipc_error *error)
{
    const struct ros_joint_decoder *joints = &decoder->joints;
    char message_text[ROS_SHOWN_NAMES], pool_text[ROS_SHOWN_NAMES];
    struct ros_text message_names = {.bytes = message_text, .capacity = sizeof message_text, .is_fixed = true};
    struct ros_text pool_names = {.bytes = pool_text, .capacity = sizeof pool_text, .is_fixed = true};
    message_text[0] = pool_text[0] = '\0';
    for (uint64_t i = 0; i < count && !message_names.is_full; i++)
        ros_show_name(&message_names, names[i].data, names[i].count);
    for (uint32_t i = 0; i < joints->count && !pool_names.is_full; i++)
        ros_show_name(&pool_names, joints->joints[i], strlen(joints->joints[i]));
    return ros_refuse(
        decoder, error, "%s: the message names [%s%s], the pool holds [%s%s]%s", problem, message_text,
        message_names.is_full ? ", ..." : "", pool_text, pool_names.is_full ? ", ..." : "",
        joints->merges || !ros_joints_can_merge(decoder->message)
            ? ""
            : "; to merge the messages of several publishers into one row, list the joints with ros_joints "
              "(bridge: joints)");
}

/* Find the index of a joint among the names; ROS_NO_JOINT: it is missing. */
static pmipc_status ros_joint_search(const pmipc_ros_decoder *decoder, const char *joint, const pmipc_cdr_span *names,
                                     uint64_t count, uint32_t *source, pmipc_error *error)
{
    *source = ROS_NO_JOINT;
    for (uint32_t i = 0; i < count; i++) {
        if (!ros_is_name(&names[i], joint))
            continue;
        if (*source != ROS_NO_JOINT)
            return ros_refuse(decoder, error, "the message names joint '%s' twice", joint);
        *source = i;
    }
    return PMIPC_OK;
}

static bool ros_joints_have_known_order(const struct ros_joint_decoder *joints, const pmipc_cdr_span *names,
                                        uint64_t count)
{
    if (!joints->is_known || joints->message_count != count)
        return false;
    for (uint32_t i = 0; i < joints->count; i++)
        if (!ros_is_name(&names[joints->sources[i]], joints->joints[i]))
            return false;
    return true;
}

pmipc_status ros_joints_find(pmipc_ros_decoder *decoder, pmipc_error *error)
{
    struct ros_joint_decoder *joints = &decoder->joints;
    const pmipc_cdr_column *column = ros_column(&decoder->intake, joints->names);
    const pmipc_cdr_span *names = column->data;
    if (!decoder->has_learned && !joints->are_selected) {
        ros_joints_forget(decoder);
        pmipc_status status = ros_joints_learn(decoder, names, column->count, error);
        if (status)
            return status;
    }
    if (ros_joints_have_known_order(joints, names, column->count))
        return PMIPC_OK;
    if (joints->count == 0 && column->count)
        return ros_refuse(
            decoder, error,
            "the message names %llu joints, but the first message named none, so joints cannot be matched",
            (unsigned long long)column->count);
    joints->is_known = false;
    joints->is_identity = true; /* so far; names after the last joint do not matter */
    uint32_t missing = 0;
    for (uint32_t i = 0; i < joints->count; i++) {
        pmipc_status status =
            ros_joint_search(decoder, joints->joints[i], names, column->count, &joints->sources[i], error);
        if (status)
            return status;
        joints->is_identity = joints->is_identity && joints->sources[i] == i;
        missing += joints->sources[i] == ROS_NO_JOINT;
    }
    if (missing && (!joints->merges || missing == joints->count))
        return ros_joints_refuse(decoder, names, column->count,
                                 joints->merges ? "no joint of the pool is in the message" : "joints are missing",
                                 error);
    joints->message_count = (uint32_t)column->count;
    joints->is_known = missing == 0; /* a missing joint may be in the next message */
    return PMIPC_OK;
}

/* ---- values ---- */

/* Check that `path` has one value for each name. If the message has no names, all paths must have the same number of
 * values: *joints is that number, 0 before the first path. */
static pmipc_status ros_joints_check_count(const pmipc_ros_decoder *decoder, const char *path, uint64_t count,
                                           uint64_t *joints, pmipc_error *error)
{
    uint32_t names = decoder->joints.message_count;
    if (count == 0 && decoder->joints.merges && ros_joints_have_values(decoder)) {
        *joints = decoder->joints.count;
        return PMIPC_OK;
    }
    if (count == 0)
        return ros_refuse(decoder, error, "%s of the message is empty", path);
    if (names ? count != names : *joints && count != *joints)
        return ros_refuse(decoder, error, "the message has %llu values of %s for %llu joints",
                          (unsigned long long)count, path, (unsigned long long)(names ? names : *joints));
    *joints = names ? decoder->joints.count : count;
    return PMIPC_OK;
}

static pmipc_status ros_joints_measure_stacked(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                               uint64_t *joints, pmipc_error *error)
{
    uint32_t leaves[3];
    const uint32_t rows = ros_joints_leaves(decoder, field, leaves);
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t count = ros_one_span(&decoder->intake, leaves[i]).count;
        pmipc_status status =
            count ? ros_joints_check_count(decoder, decoder->intake.leaves[leaves[i]].path, count, joints, error)
                  : PMIPC_OK;
        if (status)
            return status;
    }
    if (*joints == 0 && decoder->joints.merges && ros_joints_have_values(decoder))
        *joints = decoder->joints.count;
    return *joints ? PMIPC_OK
                   : ros_refuse(decoder, error, "position, velocity and effort of the message are all empty");
}

static pmipc_status ros_joints_measure_rows(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                            uint64_t *joints, pmipc_error *error)
{
    const pmipc_cdr_column *column = ros_column(&decoder->intake, field->leaves[0]);
    const pmipc_cdr_span *rows = column->data;
    *joints = decoder->joints.count;
    for (uint64_t i = 0; i < column->count; i++) {
        pmipc_status status =
            ros_joints_check_count(decoder, field->tensor.parts[0].path, rows[i].count, joints, error);
        if (status) {
            error_append(error, " (points[%llu])", (unsigned long long)i);
            return status;
        }
    }
    return PMIPC_OK;
}

static pmipc_status ros_joints_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                       struct ros_extent *extent, pmipc_error *error)
{
    const struct ros_leaf *leaf = &decoder->intake.leaves[field->leaves[0]];
    uint64_t joints = 0;
    pmipc_status status;
    extent->ndim = 1;
    if (leaf->kind == ROS_LEAF_SPANS) {
        extent->shape[extent->ndim++ - 1] = (int64_t)ros_column(&decoder->intake, field->leaves[0])->count;
        status = ros_joints_measure_rows(decoder, field, &joints, error);
    } else if (field->tensor.is_stacked) {
        extent->shape[extent->ndim++ - 1] = 3;
        status = ros_joints_measure_stacked(decoder, field, &joints, error);
    } else {
        uint64_t count = ros_one_span(&decoder->intake, field->leaves[0]).count;
        status = ros_joints_check_count(decoder, leaf->path, count, &joints, error);
    }
    extent->shape[extent->ndim - 1] = (int64_t)joints;
    return status;
}

/* One value for each joint of the sample; NaN if the message has no values. */
static double *ros_joints_fill_row(const struct ros_joint_decoder *joints, double *to, const pmipc_cdr_span *values,
                                   uint64_t count, bool swapped)
{
    if (values->count == 0) {
        for (uint64_t i = 0; i < count; i++)
            to[i] = (double)NAN;
    } else if (joints->is_identity) {
        pmipc_cdr_copy(to, values->data, count, sizeof *to, swapped);
    } else {
        const uint8_t *from = values->data;
        for (uint64_t i = 0; i < count; i++)
            pmipc_cdr_copy(&to[i], from + joints->sources[i] * sizeof *to, 1, sizeof *to, swapped);
    }
    return to + count;
}

static pmipc_status ros_joints_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data,
                                    pmipc_error *error)
{
    (void)error;
    const struct ros_joint_decoder *joints = &decoder->joints;
    const pmipc_cdr_column *column = ros_column(&decoder->intake, field->leaves[0]);
    bool swapped = column->swapped;
    double *to = data;
    if (joints->merges) {
        ros_merged_fill(decoder, field, data);
        return PMIPC_OK;
    }
    if (decoder->intake.leaves[field->leaves[0]].kind == ROS_LEAF_SPANS) {
        const pmipc_cdr_span *rows = column->data;
        for (uint64_t i = 0; i < column->count; i++)
            to = ros_joints_fill_row(joints, to, &rows[i], joints->count ? joints->count : rows[i].count, swapped);
        return PMIPC_OK;
    }
    uint32_t leaves[3];
    pmipc_cdr_span spans[3];
    uint64_t count = joints->count;
    const uint32_t leaf_count = ros_joints_leaves(decoder, field, leaves);
    for (uint32_t i = 0; i < leaf_count; i++) {
        spans[i] = ros_one_span(&decoder->intake, leaves[i]);
        count = joints->count == 0 && spans[i].count ? spans[i].count : count;
    }
    for (uint32_t i = 0; i < leaf_count; i++)
        to = ros_joints_fill_row(joints, to, &spans[i], count, swapped);
    return PMIPC_OK;
}

const struct ros_decode_kind ros_joints_kind = {.add = ros_joints_add,
                                                .expect = ros_joints_expect,
                                                .measure = ros_joints_measure,
                                                .fill = ros_joints_fill};
