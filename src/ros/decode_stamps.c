/* decode_stamps.c: the field of the path "joint_stamps": the stamp of each joint's last message. */
#include "ros/decode_stamps.h"

bool ros_stamps_find(const char *message, const char *path, struct ros_tensor *tensor)
{
    if (!path || strcmp(path, "joint_stamps") != 0 || !ros_joints_can_merge(message))
        return false;
    *tensor = (struct ros_tensor){.kind = ROS_JOINT_STAMPS, .dtype = PMIPC_INT64, .ndim = 1, .shape = {-1}};
    return true;
}

static pmipc_status ros_stamps_add(pmipc_ros_decoder *decoder, pmipc_cdr_types *types, struct ros_decoded_field *field,
                                   pmipc_error *error)
{
    (void)decoder, (void)types, (void)field, (void)error; /* the decoder keeps the stamps, they need no leaf */
    return PMIPC_OK;
}

static pmipc_status ros_stamps_expect(pmipc_ros_decoder *decoder, struct ros_decoded_field *expected,
                                      const pmipc_schema *sample, const pmipc_field *field, pmipc_error *error)
{
    pmipc_status status = ros_expect_dtype(decoder, expected, sample, field, error);
    if (!status && (field->ndim != 1 || field->shape[0] != (int64_t)decoder->joints.count))
        return ros_refuse_sample(decoder, sample, field, error, "int64 (joints,) for the selected joints");
    return status;
}

static pmipc_status ros_stamps_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                       struct ros_extent *extent, pmipc_error *error)
{
    (void)field, (void)error;
    extent->ndim = 1;
    extent->shape[0] = decoder->joints.count;
    return PMIPC_OK;
}

static pmipc_status ros_stamps_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data,
                                    pmipc_error *error)
{
    (void)field, (void)error;
    memcpy(data, decoder->joints.stamps_ns, decoder->joints.count * sizeof *decoder->joints.stamps_ns);
    return PMIPC_OK;
}

const struct ros_decode_kind ros_stamps_kind = {.add = ros_stamps_add,
                                                .expect = ros_stamps_expect,
                                                .measure = ros_stamps_measure,
                                                .fill = ros_stamps_fill};

const int64_t *pmipc_ros_decoder_joint_stamps(const pmipc_ros_decoder *decoder, uint32_t *count)
{
    *count = decoder->joints.merges ? decoder->joints.count : 0;
    return decoder->joints.merges ? decoder->joints.stamps_ns : NULL;
}
