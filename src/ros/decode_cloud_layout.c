/* decode_cloud_layout.c: the layout of points. Most messages have that of the last one, which is checked first. */
#include "ros/decode_cloud_layout.h"

/* PointField i of the message. Some drivers write a count of 0 for 1. */
static struct ros_point_field ros_cloud_field(const pmipc_ros_decoder *decoder, uint32_t i, pmipc_cdr_span *name)
{
    const struct ros_cloud_decoder *cloud = &decoder->cloud;
    const uint32_t *offsets = ros_column(&decoder->intake, cloud->offsets)->data;
    const uint32_t *counts = ros_column(&decoder->intake, cloud->counts)->data;
    const uint8_t *datatypes = ros_column(&decoder->intake, cloud->datatypes)->data;
    *name = ((const pmipc_cdr_span *)ros_column(&decoder->intake, cloud->names)->data)[i];
    return (struct ros_point_field){.offset = offsets[i], .count = counts[i] ? counts[i] : 1, .datatype = datatypes[i]};
}

/* PCL pads points with fields named "_". Others leave the name empty. */
static bool ros_is_padding(pmipc_cdr_span name)
{
    return name.count == 0 || (name.count == 1 && *(const char *)name.data == '_');
}

bool ros_cloud_has_known_layout(const pmipc_ros_decoder *decoder)
{
    const struct ros_points *points = &decoder->cloud.points;
    const uint64_t count = ros_column(&decoder->intake, decoder->cloud.names)->count;
    uint32_t found = 0;
    if (points->point_step != ros_one_u32(&decoder->intake, decoder->cloud.point_step))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        pmipc_cdr_span name;
        struct ros_point_field field = ros_cloud_field(decoder, i, &name);
        if (ros_is_padding(name))
            continue;
        if (found == points->field_count)
            return false;
        const struct ros_point_field *known = &points->fields[found++];
        if (field.offset != known->offset || field.count != known->count || field.datatype != known->datatype ||
            strlen(known->name) != name.count || memcmp(known->name, name.data, name.count) != 0)
            return false;
    }
    return found == points->field_count;
}

static pmipc_status ros_cloud_layout(const pmipc_ros_decoder *decoder, struct ros_points *points, pmipc_error *error)
{
    memset(points, 0, sizeof *points);
    points->point_step = ros_one_u32(&decoder->intake, decoder->cloud.point_step);
    const uint32_t count = (uint32_t)ros_column(&decoder->intake, decoder->cloud.names)->count;
    for (uint32_t i = 0; i < count; i++) {
        pmipc_cdr_span name;
        struct ros_point_field *field = &points->fields[points->field_count];
        *field = ros_cloud_field(decoder, i, &name);
        if (ros_is_padding(name))
            continue;
        if (name.count > ROS_MAX_POINT_NAME || memchr(name.data, 0, name.count))
            return ros_refuse(
                decoder, error,
                "the name of point field %u has %llu bytes or contains a NUL; at most %d bytes are allowed", i,
                (unsigned long long)name.count, ROS_MAX_POINT_NAME);
        memcpy(field->name, name.data, name.count);
        points->field_count++;
    }
    pmipc_error reason;
    return ros_points_check(points, &reason) ? ros_refuse(decoder, error, "%s", reason.text) : PMIPC_OK;
}

/* ---- tables ---- */

static const struct ros_point_field *ros_point_find(const struct ros_points *points, const char *name)
{
    for (uint32_t i = 0; i < points->field_count; i++)
        if (strcmp(points->fields[i].name, name) == 0)
            return &points->fields[i];
    return NULL;
}

/* The names of fields that are not picked may repeat. */
static pmipc_status ros_check_picked(const pmipc_ros_decoder *decoder, const struct ros_points *points,
                                     const struct ros_points *picked, pmipc_error *error)
{
    for (uint32_t i = 0; i < picked->field_count; i++) {
        uint32_t count = 0;
        for (uint32_t j = 0; j < points->field_count; j++)
            count += strcmp(points->fields[j].name, picked->fields[i].name) == 0;
        if (count > 1)
            return ros_refuse(decoder, error, "%u fields of the points are called '%s'", count, picked->fields[i].name);
    }
    return PMIPC_OK;
}

static uint32_t ros_picked_columns(const struct ros_points *picked)
{
    uint64_t columns = 0;
    for (uint32_t i = 0; i < picked->field_count; i++)
        columns += picked->fields[i].count;
    return columns > UINT32_MAX ? UINT32_MAX : (uint32_t)columns;
}

/* Find the picked fields by name in the new layout. */
static pmipc_status ros_cloud_pick_again(const pmipc_ros_decoder *decoder, const struct ros_points *points,
                                         struct ros_points *picked, pmipc_error *error)
{
    for (uint32_t i = 0; i < picked->field_count; i++) {
        const struct ros_point_field *found = ros_point_find(points, picked->fields[i].name);
        if (!found)
            return ros_refuse(decoder, error, "the points have no field '%s', which the pool takes",
                              picked->fields[i].name);
        if (found->datatype != picked->fields[i].datatype || found->count != picked->fields[i].count)
            return ros_refuse(decoder, error, "the points' field '%s' is %u of %s, the pool takes %u of %s",
                              found->name, found->count, pmipc_dtype_name(ros_point_dtype(found->datatype)),
                              picked->fields[i].count, pmipc_dtype_name(ros_point_dtype(picked->fields[i].datatype)));
        picked->fields[i].offset = found->offset;
    }
    return PMIPC_OK;
}

static pmipc_status ros_cloud_pick_wanted(const pmipc_ros_decoder *decoder, const struct ros_points *points,
                                          pmipc_dtype *dtype, struct ros_points *picked, pmipc_error *error)
{
    for (uint32_t i = 0; i < decoder->cloud.wanted_count; i++) {
        const struct ros_point_field *found = ros_point_find(points, decoder->cloud.wanted[i]);
        if (!found)
            return ros_refuse(decoder, error, "the points have no field '%s'", decoder->cloud.wanted[i]);
        if (*dtype == 0)
            *dtype = ros_point_dtype(found->datatype);
        if (ros_point_dtype(found->datatype) != *dtype)
            return ros_refuse(decoder, error, "the points' field '%s' is %s, not %s: nothing is converted", found->name,
                              pmipc_dtype_name(ros_point_dtype(found->datatype)), pmipc_dtype_name(*dtype));
        picked->fields[picked->field_count++] = *found;
    }
    return PMIPC_OK;
}

/* x, y, z, and then the other fields of this dtype, up to `columns` numbers. */
static void ros_cloud_pick_default(const struct ros_points *points, pmipc_dtype dtype, uint32_t columns,
                                   struct ros_points *picked)
{
    static const char *const first[] = {"x", "y", "z"};
    for (uint32_t i = 0; i < 3 + points->field_count; i++) {
        const struct ros_point_field *field = i < 3 ? ros_point_find(points, first[i]) : &points->fields[i - 3];
        if (!field || ros_point_dtype(field->datatype) != dtype || ros_picked_columns(picked) >= columns ||
            ros_point_find(picked, field->name))
            continue;
        picked->fields[picked->field_count++] = *field;
    }
}

/* Join adjacent fields into runs, which are copied together. */
static void ros_cloud_set_runs(struct ros_cloud_decoder *cloud)
{
    uint32_t item_bytes = PMIPC_DTYPE_BITS(cloud->dtype) / 8;
    cloud->run_count = 0;
    for (uint32_t i = 0; i < cloud->picked.field_count; i++) {
        const struct ros_point_field *field = &cloud->picked.fields[i];
        struct ros_point_run *last = cloud->run_count ? &cloud->runs[cloud->run_count - 1] : NULL;
        if (last && last->offset + (uint64_t)last->count * item_bytes == field->offset)
            last->count += field->count;
        else
            cloud->runs[cloud->run_count++] = (struct ros_point_run){field->offset, field->count};
    }
}

static pmipc_status ros_cloud_pick(pmipc_ros_decoder *decoder, const struct ros_points *points, pmipc_error *error)
{
    struct ros_cloud_decoder *cloud = &decoder->cloud;
    struct ros_points picked = decoder->has_learned ? cloud->picked : (struct ros_points){0};
    pmipc_dtype dtype = decoder->has_learned || decoder->is_expecting ? cloud->dtype : 0;
    uint32_t columns = cloud->columns;
    pmipc_status status = PMIPC_OK;
    if (decoder->has_learned)
        status = ros_cloud_pick_again(decoder, points, &picked, error);
    else if (cloud->wanted_count)
        status = ros_cloud_pick_wanted(decoder, points, &dtype, &picked, error);
    else
        ros_cloud_pick_default(points, dtype, columns, &picked);
    if (!status)
        status = ros_check_picked(decoder, points, &picked, error);
    if (status)
        return status;
    uint32_t found = ros_picked_columns(&picked);
    if ((decoder->has_learned || decoder->is_expecting) && found != columns)
        return ros_refuse(decoder, error, "the message has %u numbers of %s per point%s, the pool takes %u", found,
                          pmipc_dtype_name(dtype), cloud->wanted_count ? " in these fields" : "", columns);
    cloud->picked = picked;
    cloud->dtype = dtype;
    cloud->columns = found;
    ros_cloud_set_runs(cloud);
    return PMIPC_OK;
}

static pmipc_status ros_cloud_refuse_layout(const pmipc_ros_decoder *decoder, const struct ros_points *points,
                                            pmipc_error *error)
{
    char got[PMIPC_MAX_DESCR_TEXT + 1] = "", expected[PMIPC_MAX_DESCR_TEXT + 1] = "";
    size_t length;
    if (!error || ros_points_describe(points, got, &length, error) ||
        ros_points_describe(&decoder->cloud.points, expected, &length, error))
        return ros_refuse(decoder, error, "the points have another layout than the pool's");
    return ros_refuse(decoder, error, "the points are %.600s, the pool's are %.600s", got, expected);
}

pmipc_status ros_cloud_adopt_layout(pmipc_ros_decoder *decoder, pmipc_error *error)
{
    struct ros_cloud_decoder *cloud = &decoder->cloud;
    struct ros_points points;
    pmipc_status status = ros_cloud_layout(decoder, &points, error);
    if (status)
        return status;
    if (cloud->is_table)
        status = ros_cloud_pick(decoder, &points, error);
    else if (decoder->has_learned || decoder->is_expecting)
        status = ros_cloud_refuse_layout(decoder, &points, error);
    if (!status)
        cloud->points = points;
    return status;
}
