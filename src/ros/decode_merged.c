/* decode_merged.c: joints of several publishers, merged into one row of the last value of each.
 *
 * For example, a robot's arm and gripper have different drivers that publish on one topic. If joints are selected by
 * name, a message changes the joints that it names. The others keep their last value, NaN before the first. */
#include "ros/decode_merged.h"

#include <math.h>
#include <stdlib.h>

#include "os/error.h"

uint32_t ros_joints_leaves(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                           uint32_t leaves[ROS_JOINT_ROWS])
{
    leaves[0] = field->leaves[0];
    leaves[1] = decoder->joints.velocity;
    leaves[2] = decoder->joints.effort;
    return field->tensor.is_stacked ? ROS_JOINT_ROWS : 1;
}

static bool ros_holds_values(const struct ros_decoded_field *field)
{
    return field->tensor.kind == ROS_JOINTS;
}

bool ros_joints_have_values(const pmipc_ros_decoder *decoder)
{
    for (uint32_t i = 0; i < decoder->field_count; i++) {
        uint32_t leaves[ROS_JOINT_ROWS];
        const uint32_t rows =
            ros_holds_values(&decoder->fields[i]) ? ros_joints_leaves(decoder, &decoder->fields[i], leaves) : 0;
        for (uint32_t row = 0; row < rows; row++)
            if (ros_one_span(&decoder->intake, leaves[row]).count)
                return true;
    }
    return false;
}

/* Memory for the last values, all NaN. */
static double *ros_merged_allocate(uint64_t count)
{
    double *merged = malloc((count ? count : 1) * sizeof *merged);
    for (uint64_t i = 0; merged && i < count; i++)
        merged[i] = (double)NAN;
    return merged;
}

static void ros_merge_row(const struct ros_joint_decoder *joints, double *to, const pmipc_cdr_span *values,
                          bool swapped)
{
    const uint8_t *from = values->data;
    for (uint32_t i = 0; i < joints->count; i++) {
        if (joints->sources[i] == ROS_NO_JOINT)
            continue;
        if (values->count)
            pmipc_cdr_copy(&to[i], from + joints->sources[i] * sizeof *to, 1, sizeof *to, swapped);
        else
            to[i] = (double)NAN; /* the message names the joint but has no values of this kind */
    }
}

pmipc_status ros_joints_merge(pmipc_ros_decoder *decoder, pmipc_error *error)
{
    struct ros_joint_decoder *joints = &decoder->joints;
    for (uint32_t i = 0; i < decoder->field_count; i++) {
        struct ros_decoded_field *field = &decoder->fields[i];
        uint32_t leaves[ROS_JOINT_ROWS];
        if (!ros_holds_values(field))
            continue;
        const uint32_t rows = ros_joints_leaves(decoder, field, leaves);
        if (!field->merged)
            field->merged = ros_merged_allocate((uint64_t)rows * joints->count);
        if (!field->merged)
            return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for the values of %u joints", joints->count);
        for (uint32_t row = 0; row < rows; row++) {
            const pmipc_cdr_span values = ros_one_span(&decoder->intake, leaves[row]);
            ros_merge_row(joints, field->merged + (uint64_t)row * joints->count, &values,
                          ros_column(&decoder->intake, leaves[row])->swapped);
        }
    }
    const int64_t stamp_ns = ros_stamp(decoder) ? ros_stamp(decoder) : decoder->fallback_stamp_ns;
    for (uint32_t i = 0; i < joints->count; i++)
        if (joints->sources[i] != ROS_NO_JOINT)
            joints->stamps_ns[i] = stamp_ns;
    return PMIPC_OK;
}

void ros_merged_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data)
{
    const uint64_t rows = field->tensor.is_stacked ? ROS_JOINT_ROWS : 1;
    memcpy(data, field->merged, rows * decoder->joints.count * sizeof *field->merged);
}
