/* decode_cloud.c: sensor_msgs/PointCloud2, as an array of whole points or as a table of some of their numbers. */
#include "ros/decode_cloud.h"

#include <stdlib.h>

#include "os/error.h"
#include "ros/decode_cloud_layout.h"

static pmipc_status ros_cloud_add(pmipc_ros_decoder *decoder, pmipc_cdr_types *types, struct ros_decoded_field *field,
                                  pmipc_error *error)
{
    (void)types;
    struct ros_cloud_decoder *cloud = &decoder->cloud;
    const struct {
        const char *path;
        pmipc_dtype dtype;
        enum ros_leaf_kind kind;
        uint32_t *leaf;
    } wanted[] = {
        {"height", PMIPC_UINT32, ROS_LEAF_ONE, &cloud->height},
        {"width", PMIPC_UINT32, ROS_LEAF_ONE, &cloud->width},
        {"is_bigendian", PMIPC_BOOL, ROS_LEAF_ONE, &cloud->is_bigendian},
        {"point_step", PMIPC_UINT32, ROS_LEAF_ONE, &cloud->point_step},
        {"row_step", PMIPC_UINT32, ROS_LEAF_ONE, &cloud->row_step},
        {"fields[].name", PMIPC_CDR_STRING, ROS_LEAF_LIST, &cloud->names},
        {"fields[].offset", PMIPC_UINT32, ROS_LEAF_LIST, &cloud->offsets},
        {"fields[].datatype", PMIPC_UINT8, ROS_LEAF_LIST, &cloud->datatypes},
        {"fields[].count", PMIPC_UINT32, ROS_LEAF_LIST, &cloud->counts},
    };
    if (cloud->names != ROS_NO_LEAF)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: two fields hold the points, only one can",
                         decoder->message);
    pmipc_status status = ros_parts_add(decoder, field, ROS_LEAF_DIRECT, error);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0] && !status; i++)
        status = ros_intake_add(&decoder->intake, wanted[i].path, wanted[i].dtype, wanted[i].kind,
                                wanted[i].kind == ROS_LEAF_LIST ? ROS_MAX_POINT_FIELDS : 0, wanted[i].leaf, error);
    return status;
}

pmipc_status ros_cloud_select(pmipc_ros_decoder *decoder, const pmipc_ros_decoder_options *options, pmipc_error *error)
{
    struct ros_cloud_decoder *cloud = &decoder->cloud;
    if (!options->point_fields)
        return PMIPC_OK;
    if (cloud->names == ROS_NO_LEAF || options->point_field_count == 0 ||
        options->point_field_count > ROS_MAX_POINT_FIELDS)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: %s", decoder->message,
                         cloud->names == ROS_NO_LEAF ? "point_fields is given, but no field holds points"
                                                     : "point_fields must have 1 to 64 names");
    cloud->wanted = calloc(options->point_field_count, sizeof *cloud->wanted);
    if (!cloud->wanted)
        return error_set(error, PMIPC_NO_MEMORY, 0, "no memory for %u point_fields", options->point_field_count);
    for (uint32_t i = 0; i < options->point_field_count; i++) {
        const char *name = options->point_fields[i];
        if (!name || strlen(name) > ROS_MAX_POINT_NAME)
            return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: point_fields[%u] is NULL or longer than %d bytes",
                             decoder->message, i, ROS_MAX_POINT_NAME);
        memcpy(cloud->wanted[i], name, strlen(name) + 1);
    }
    cloud->wanted_count = options->point_field_count;
    cloud->is_table = true;
    return PMIPC_OK;
}

static pmipc_status ros_cloud_expect(pmipc_ros_decoder *decoder, struct ros_decoded_field *expected,
                                     const pmipc_schema *sample, const pmipc_field *field, pmipc_error *error)
{
    (void)expected;
    struct ros_cloud_decoder *cloud = &decoder->cloud;
    cloud->is_table = field->dtype != PMIPC_OPAQUE;
    const uint32_t flat_ndim = cloud->is_table ? 2 : 1;
    cloud->is_organized = cloud->is_organized || field->ndim == flat_ndim + 1;
    if (field->ndim != flat_ndim + cloud->is_organized || (cloud->is_table && !ros_point_datatype(field->dtype)) ||
        (!cloud->is_table && cloud->wanted_count))
        return ros_refuse_sample(decoder, sample, field, error, "%s(%s, k) of a dtype that a PointField can have",
                                 cloud->wanted_count   ? ""
                                 : cloud->is_organized ? "structured points (height, width), or "
                                                       : "structured points (N), or ",
                                 cloud->is_organized ? "height, width" : "N");
    const int64_t columns = field->shape[field->ndim - 1];
    cloud->dtype = field->dtype;
    cloud->columns = !cloud->is_table ? 0 : columns > UINT32_MAX ? UINT32_MAX : (uint32_t)columns;
    pmipc_error reason;
    if (!cloud->is_table && ros_points_parse(sample, field, &cloud->points, &reason))
        return ros_refuse(decoder, error, "%s", reason.text);
    return PMIPC_OK;
}

/* ---- measuring ---- */

struct ros_cloud_rows {
    const uint8_t *data;
    uint64_t rows;
    uint64_t row_points;
    uint64_t row_step;
};

static pmipc_status ros_cloud_rows(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                   struct ros_cloud_rows *rows, pmipc_error *error)
{
    const pmipc_cdr_span data = ros_one_span(&decoder->intake, field->leaves[0]);
    const uint64_t point_step = ros_one_u32(&decoder->intake, decoder->cloud.point_step);
    rows->data = data.data;
    rows->rows = ros_one_u32(&decoder->intake, decoder->cloud.height);
    rows->row_points = ros_one_u32(&decoder->intake, decoder->cloud.width);
    rows->row_step = ros_one_u32(&decoder->intake, decoder->cloud.row_step);
    const uint64_t points = rows->rows * rows->row_points;
    if (points == 0)
        return PMIPC_OK;
    if (point_step == 0 || points > data.count / point_step)
        return ros_refuse(decoder, error, "%llu x %llu points of %llu bytes do not fit into %llu bytes of data",
                          (unsigned long long)rows->row_points, (unsigned long long)rows->rows,
                          (unsigned long long)point_step, (unsigned long long)data.count);
    /* From here on no product exceeds 64 bits: data.count is less than 2^32. */
    const uint64_t row_bytes = rows->row_points * point_step;
    bool is_packed = data.count == points * point_step || rows->row_step == 0 || rows->rows == 1;
    bool is_step_valid = rows->row_step >= row_bytes && data.count >= rows->row_step * (rows->rows - 1) + row_bytes;
    if (!is_step_valid && !is_packed)
        return ros_refuse(
            decoder, error,
            "the points' row_step is %llu bytes; with it, %llu rows of %llu bytes do not fit into %llu bytes of data",
            (unsigned long long)rows->row_step, (unsigned long long)rows->rows, (unsigned long long)row_bytes,
            (unsigned long long)data.count);
    if (!is_step_valid)
        rows->row_step = row_bytes;
    return PMIPC_OK;
}

static pmipc_status ros_cloud_measure(pmipc_ros_decoder *decoder, const struct ros_decoded_field *field,
                                      struct ros_extent *extent, pmipc_error *error)
{
    struct ros_cloud_decoder *cloud = &decoder->cloud;
    struct ros_cloud_rows rows;
    const bool is_empty =
        ros_one_u32(&decoder->intake, cloud->height) == 0 || ros_one_u32(&decoder->intake, cloud->width) == 0;
    const bool has_fields = ros_column(&decoder->intake, cloud->names)->count != 0;
    pmipc_status status = PMIPC_OK;
    /* After the first message, an empty cloud may have no fields. */
    bool has_no_layout = is_empty && !has_fields && decoder->has_learned;
    bool is_known =
        (decoder->has_learned || (decoder->is_expecting && !cloud->is_table)) && ros_cloud_has_known_layout(decoder);
    if (!has_no_layout && !is_known)
        status = ros_cloud_adopt_layout(decoder, error);
    if (!status)
        status = ros_cloud_rows(decoder, field, &rows, error);
    if (status)
        return status;
    extent->dtype = cloud->is_table ? cloud->dtype : PMIPC_OPAQUE;
    extent->itemsize = cloud->is_table ? PMIPC_DTYPE_BITS(cloud->dtype) / 8 : cloud->points.point_step;
    extent->ndim = 0;
    if (cloud->is_organized) {
        extent->shape[extent->ndim++] = (int64_t)rows.rows;
        extent->shape[extent->ndim++] = (int64_t)rows.row_points;
    } else {
        extent->shape[extent->ndim++] = (int64_t)(rows.rows * rows.row_points);
    }
    if (cloud->is_table)
        extent->shape[extent->ndim++] = cloud->columns;
    return PMIPC_OK;
}

/* ---- filling ---- */

/* Copy `bytes` bytes of every point. The usual sizes are constants, so that the copies are loads and stores. */
static void ros_gather(uint8_t *to, size_t to_step, const uint8_t *from, size_t from_step, size_t bytes, uint64_t count)
{
#define ROS_GATHER(size)                 \
    for (uint64_t i = 0; i < count; i++) \
    memcpy(to + i * to_step, from + i * from_step, size)
    if (bytes == 4)
        ROS_GATHER(4);
    else if (bytes == 8)
        ROS_GATHER(8);
    else if (bytes == 12)
        ROS_GATHER(12);
    else if (bytes == 16)
        ROS_GATHER(16);
    else
        ROS_GATHER(bytes);
#undef ROS_GATHER
}

static void ros_table_fill(const struct ros_cloud_decoder *cloud, uint8_t *to, const uint8_t *from, uint64_t count,
                           bool swapped)
{
    const uint32_t item_bytes = PMIPC_DTYPE_BITS(cloud->dtype) / 8;
    const size_t to_step = (size_t)cloud->columns * item_bytes;
    for (uint32_t r = 0; r < cloud->run_count; r++) {
        const struct ros_point_run *run = &cloud->runs[r];
        const size_t bytes = (size_t)run->count * item_bytes;
        if (!swapped)
            ros_gather(to, to_step, from + run->offset, cloud->points.point_step, bytes, count);
        for (uint64_t i = 0; i < count && swapped; i++)
            pmipc_cdr_copy(to + i * to_step, from + i * cloud->points.point_step + run->offset, run->count, item_bytes,
                           true);
        to += bytes;
    }
}

static void ros_points_fill(const struct ros_cloud_decoder *cloud, uint8_t *to, const uint8_t *from, uint64_t count,
                            bool swapped)
{
    const struct ros_points *points = &cloud->points;
    memcpy(to, from, count * points->point_step);
    if (!swapped)
        return;
    /* Read from the message each time, because fields may overlap. */
    for (uint32_t f = 0; f < points->field_count; f++) {
        const struct ros_point_field *field = &points->fields[f];
        const uint32_t item_bytes = PMIPC_DTYPE_BITS(ros_point_dtype(field->datatype)) / 8;
        for (uint64_t i = 0; i < count; i++) {
            size_t at = i * points->point_step + field->offset;
            pmipc_cdr_copy(to + at, from + at, field->count, item_bytes, true);
        }
    }
}

static pmipc_status ros_cloud_fill(const pmipc_ros_decoder *decoder, const struct ros_decoded_field *field, void *data,
                                   pmipc_error *error)
{
    const struct ros_cloud_decoder *cloud = &decoder->cloud;
    struct ros_cloud_rows rows;
    pmipc_status status = ros_cloud_rows(decoder, field, &rows, error);
    if (status || rows.rows * rows.row_points == 0)
        return status;
    const bool is_big = decoder->intake.leaves[cloud->is_bigendian].one.u8 != 0;
    const bool swapped = is_big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    uint64_t count = rows.row_points;
    if (rows.rows == 1 || rows.row_step == count * cloud->points.point_step) {
        count *= rows.rows;
        rows.rows = 1;
    }
    uint64_t row_bytes =
        count * (cloud->is_table ? cloud->columns * (PMIPC_DTYPE_BITS(cloud->dtype) / 8) : cloud->points.point_step);
    for (uint64_t row = 0; row < rows.rows; row++) {
        uint8_t *to = (uint8_t *)data + row * row_bytes;
        const uint8_t *from = rows.data + row * rows.row_step;
        if (cloud->is_table)
            ros_table_fill(cloud, to, from, count, swapped);
        else
            ros_points_fill(cloud, to, from, count, swapped);
    }
    return PMIPC_OK;
}

const struct ros_decode_kind ros_cloud_kind = {.add = ros_cloud_add,
                                               .expect = ros_cloud_expect,
                                               .measure = ros_cloud_measure,
                                               .fill = ros_cloud_fill};
