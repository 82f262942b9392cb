/* encoder_use.c: refuse messages that receivers ignore, when the encoder is created. */
#include "ros/encoder_use.h"

#include <string.h>

#include "os/error.h"

/* robot_state_publisher and MoveIt ignore joints without names. Controllers refuse them. */
static pmipc_status ros_encoder_check_names(struct ros_encoder_build *build)
{
    const char *names = ros_joint_names(build->message);
    if (!names || ros_encoder_find(build, names) >= 0)
        return PMIPC_OK;
    for (uint32_t i = 0; i < build->encoder->leaf_count; i++)
        if (build->origins[i] == ROS_ENCODER_FIELD && ros_path_is_joints(build->message, build->leaves[i].path))
            return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0,
                             "%s: '%s' has no names of joints, and receivers ignore values without names: give the "
                             "constant (metadata) 'names', a list with a name for each joint; an empty list is for "
                             "receivers that go by position",
                             build->message, build->leaves[i].path);
    return PMIPC_OK;
}

/* The most elements that a leaf gives the outermost list of its path; 0: unknown. */
static uint64_t ros_encoder_max_elements(const struct ros_encoder_build *build, uint32_t leaf)
{
    const struct ros_encoder_feed *feed = &build->encoder->feeds[leaf];
    uint64_t most = feed->outer;
    if (feed->source != ROS_ENCODER_NO_SOURCE &&
        __builtin_mul_overflow(most, (uint64_t)build->encoder->sources[feed->source].max_length, &most))
        return UINT64_MAX;
    return most;
}

/* Controllers refuse a trajectory unless each point has a later time than the one before. */
static pmipc_status ros_encoder_check_times(struct ros_encoder_build *build)
{
    static const char points[] = "points[].";
    static const char sec[] = "points[].time_from_start.sec", nanosec[] = "points[].time_from_start.nanosec";
    pmipc_cdr_place place;
    if (pmipc_cdr_types_find(build->types, build->message, sec, &place, NULL) != PMIPC_OK ||
        ros_encoder_find(build, sec) >= 0 || ros_encoder_find(build, nanosec) >= 0)
        return PMIPC_OK;
    for (uint32_t i = 0; i < build->encoder->leaf_count; i++)
        if (build->origins[i] == ROS_ENCODER_FIELD && strncmp(build->leaves[i].path, points, sizeof points - 1) == 0 &&
            ros_encoder_max_elements(build, i) > 1)
            return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0,
                             "%s: the time_from_start of every point would be 0, and controllers refuse such a "
                             "trajectory: give fields for '%s' (int32) and '%s' (uint32), one value for each point",
                             build->message, sec, nanosec);
    return PMIPC_OK;
}

pmipc_status ros_encoder_check_use(struct ros_encoder_build *build)
{
    pmipc_status status = ros_encoder_check_names(build);
    return status ? status : ros_encoder_check_times(build);
}
