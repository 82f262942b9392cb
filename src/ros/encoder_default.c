/* encoder_default.c: default tensors as messages: the numbers, and what else each type needs. */
#include "ros/encoder_default.h"

#include <stdio.h>
#include <string.h>

#include "os/error.h"
#include "ros/encoder_derive.h"
#include "ros/encoder_fields.h"
#include "ros/encoder_planes.h"
#include "ros/images.h"
#include "ros/points.h"

/* The factor of a leading dimension. A fixed length is part of it. */
static uint64_t ros_encoder_lead(const pmipc_field *field, uint64_t factor)
{
    return ros_encoder_is_variable(field) ? factor : factor * (uint64_t)field->shape[0];
}

static const pmipc_cdr_span *ros_encoder_constant_text(const struct ros_encoder_build *build, const char *path)
{
    int32_t leaf = ros_encoder_find(build, path);
    return leaf >= 0 && build->leaves[leaf].constant ? build->leaves[leaf].constant->data : NULL;
}

/* Data are written in this machine's byte order. A constant may have another one, because a decoder's metadata have the
 * byte order of its messages: it is replaced, unless all numbers are single bytes. */
static pmipc_status ros_encoder_add_byte_order(struct ros_encoder_build *build, bool has_order)
{
    static const uint8_t order = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    int32_t given = ros_encoder_find(build, "is_bigendian");
    if (given < 0)
        return ros_encoder_derive_number(build, "is_bigendian", order);
    if (has_order && build->leaves[given].constant)
        memcpy(build->leaves[given].constant->data, &order, sizeof order);
    return PMIPC_OK;
}

/* ---- images ---- */

#define ROS_ENCODER_MAX_CHANNELS 4u /* of an image whose encoding is not given */

/* The encoding of the constant, or the most general one. */
static pmipc_status ros_encoder_find_encoding(struct ros_encoder_build *build, uint32_t source, uint32_t channels,
                                              struct ros_encoding *encoding)
{
    const pmipc_field *field = &build->schema->fields[source];
    const pmipc_cdr_span *given = ros_encoder_constant_text(build, "encoding");
    char name[ROS_MAX_ENCODING + 1];
    if (!given) {
        if (channels > ROS_ENCODER_MAX_CHANNELS)
            return ros_encoder_mismatch(build, source,
                                        "(height, width) or (height, width, 1 to 4 channels). The constant (metadata) "
                                        "'layout' \"CHW\" is for channels in front, the constant 'encoding' for more "
                                        "channels");
        if (!ros_encoding_default(field->dtype, channels, name) || !ros_encoding_find(name, strlen(name), encoding))
            return ros_encoder_mismatch(build, source, "a dtype that an image can have");
        return ros_encoder_derive_text(build, "encoding", name);
    }
    if (!ros_encoding_find(given->data, given->count, encoding))
        return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0, "%s: unknown encoding '%.60s'", build->message,
                         (const char *)given->data);
    if (encoding->dtype == field->dtype && encoding->channels == channels)
        return PMIPC_OK;
    if (encoding->channels == 1)
        return ros_encoder_mismatch(build, source, "%s (height, width) for the encoding '%.60s'",
                                    pmipc_dtype_name(encoding->dtype), (const char *)given->data);
    return ros_encoder_mismatch(build, source, "%s (height, width, %u) for the encoding '%.60s'",
                                pmipc_dtype_name(encoding->dtype), encoding->channels, (const char *)given->data);
}

/* The rows are more than the height if the encoding has planes. */
static pmipc_status ros_encoder_add_height(struct ros_encoder_build *build, uint32_t source,
                                           const struct ros_encoding *encoding)
{
    const pmipc_field *field = &build->schema->fields[source];
    const uint64_t lead = (uint64_t)field->shape[build->is_planar ? 1 : 0];
    uint64_t rows, height = lead * 2 / encoding->half_rows;
    if (encoding->half_rows == 2)
        return ros_encoder_derive_product(build, "height", source, ros_encoder_is_variable(field) ? 1 : lead);
    if (ros_encoder_is_variable(field) || height > UINT32_MAX ||
        !ros_encoding_rows(encoding, (uint32_t)height, &rows) || rows != lead)
        return ros_encoder_mismatch(build, source, "(height * %u / 2, width) of one fixed height for this encoding",
                                    encoding->half_rows);
    return ros_encoder_derive_number(build, "height", (double)height);
}

static pmipc_status ros_encoder_add_image(struct ros_encoder_build *build, uint32_t source)
{
    const pmipc_field *field = &build->schema->fields[source];
    struct ros_encoding encoding;
    if (build->is_planar && (field->ndim != 3 || ros_encoder_is_variable(field)))
        return ros_encoder_mismatch(build, source,
                                    "(channels, height, width) of one fixed shape for the layout \"CHW\"");
    const uint64_t channels = field->ndim == 3 ? (uint64_t)field->shape[build->is_planar ? 0 : 2] : 1;
    const uint64_t width = (uint64_t)field->shape[build->is_planar ? 2 : 1];
    if ((field->ndim != 2 && field->ndim != 3) || channels > UINT32_MAX)
        return ros_encoder_mismatch(build, source, "(height, width) or (height, width, channels)");
    const uint64_t row_bytes = width * channels * field->itemsize;
    pmipc_status status = ros_encoder_find_encoding(build, source, (uint32_t)channels, &encoding);
    if (!status)
        status = ros_encoder_add_height(build, source, &encoding);
    if (!status)
        status = ros_encoder_derive_number(build, "width", (double)width);
    if (!status)
        status = ros_encoder_add_byte_order(build, field->itemsize > 1);
    if (!status)
        status = ros_encoder_derive_number(build, "step", (double)row_bytes);
    if (!status && build->is_planar)
        return ros_encoder_add_planes(build, source);
    return status ? status
                  : ros_encoder_add_part(build, source, "data", PMIPC_UINT8, 0, ros_encoder_lead(field, row_bytes));
}

/* ---- points ---- */

/* The names of the k numbers of points (N, k). */
static pmipc_status ros_encoder_name_columns(struct ros_encoder_build *build, uint32_t source,
                                             struct ros_points *points)
{
    static const char *const usual[] = {"x", "y", "z", "intensity"};
    const pmipc_field *field = &build->schema->fields[source];
    int64_t count = field->shape[field->ndim - 1];
    uint8_t datatype = ros_point_datatype(field->dtype);
    if (!datatype || count < 1 || count > ROS_MAX_POINT_FIELDS)
        return ros_encoder_mismatch(build, source, "structured points, or (N, k) numbers that a PointField can have");
    if (!build->has_point_fields && count != 3 && count != 4)
        return ros_encoder_mismatch(build, source,
                                    "(N, 3) for x, y, z, (N, 4) for x, y, z, intensity, or a constant 'point_fields'");
    if (build->has_point_fields && build->point_field_count != count)
        return ros_encoder_mismatch(build, source, "(N, %u) for the names in 'point_fields'", build->point_field_count);
    memset(points, 0, sizeof *points);
    points->field_count = (uint32_t)count;
    points->point_step = (uint32_t)count * field->itemsize;
    for (uint32_t i = 0; i < points->field_count; i++) {
        struct ros_point_field *one = &points->fields[i];
        const char *name = build->has_point_fields ? build->point_fields[i] : usual[i];
        if (!name || strlen(name) > ROS_MAX_POINT_NAME)
            return error_set(build->error, PMIPC_INVALID_ARGUMENT, 0,
                             "%s: a name in the constant 'point_fields' is NULL or longer than %d bytes",
                             build->message, ROS_MAX_POINT_NAME);
        snprintf(one->name, sizeof one->name, "%s", name);
        one->offset = i * field->itemsize;
        one->count = 1;
        one->datatype = datatype;
    }
    build->has_point_fields = false; /* used */
    return PMIPC_OK;
}

/* The columns of the list of PointFields. */
static pmipc_status ros_encoder_add_point_fields(struct ros_encoder_build *build, const struct ros_points *points)
{
    struct {
        pmipc_cdr_span names[ROS_MAX_POINT_FIELDS];
        uint32_t offsets[ROS_MAX_POINT_FIELDS];
        uint32_t counts[ROS_MAX_POINT_FIELDS];
        uint8_t datatypes[ROS_MAX_POINT_FIELDS];
    } *columns = cdr_arena_allocate(&build->encoder->arena, sizeof *columns);
    if (!columns)
        return ros_encoder_no_memory(build);
    for (uint32_t i = 0; i < points->field_count; i++) {
        const struct ros_point_field *field = &points->fields[i];
        char *name = cdr_arena_copy_text(&build->encoder->arena, field->name, strlen(field->name));
        if (!name)
            return ros_encoder_no_memory(build);
        columns->names[i] = (pmipc_cdr_span){name, strlen(name)};
        columns->offsets[i] = field->offset;
        columns->counts[i] = field->count;
        columns->datatypes[i] = field->datatype;
    }
    uint32_t count = points->field_count;
    pmipc_status status = ros_encoder_derive_column(build, "fields[].name", PMIPC_CDR_STRING, columns->names, count);
    if (!status)
        status = ros_encoder_derive_column(build, "fields[].offset", PMIPC_UINT32, columns->offsets, count);
    if (!status)
        status = ros_encoder_derive_column(build, "fields[].datatype", PMIPC_UINT8, columns->datatypes, count);
    return status ? status : ros_encoder_derive_column(build, "fields[].count", PMIPC_UINT32, columns->counts, count);
}

/* (N) points are one row. (height, width) points are an organized cloud. */
static pmipc_status ros_encoder_add_cloud_shape(struct ros_encoder_build *build, uint32_t source, uint32_t ndim,
                                                uint32_t point_step)
{
    const pmipc_field *field = &build->schema->fields[source];
    if (ndim == 1) {
        pmipc_status status = ros_encoder_derive_number(build, "height", 1);
        if (!status)
            status = ros_encoder_derive_product(build, "width", source, ros_encoder_lead(field, 1));
        return status ? status
                      : ros_encoder_derive_product(build, "row_step", source, ros_encoder_lead(field, point_step));
    }
    pmipc_status status = ros_encoder_derive_product(build, "height", source, ros_encoder_lead(field, 1));
    if (!status)
        status = ros_encoder_derive_number(build, "width", (double)field->shape[1]);
    return status ? status : ros_encoder_derive_number(build, "row_step", (double)field->shape[1] * point_step);
}

static pmipc_status ros_encoder_add_cloud(struct ros_encoder_build *build, uint32_t source)
{
    const pmipc_field *field = &build->schema->fields[source];
    bool is_structured = field->dtype == PMIPC_OPAQUE;
    uint32_t ndim = field->ndim - (is_structured ? 0 : 1); /* wraps around for a plain number */
    struct ros_points points;
    bool has_order = false;
    if (ndim != 1 && ndim != 2)
        return ros_encoder_mismatch(build, source, "structured points (N), or numbers (N, k)");
    pmipc_status status = is_structured ? ros_points_parse(build->schema, field, &points, build->error)
                                        : ros_encoder_name_columns(build, source, &points);
    if (!status)
        status = ros_encoder_add_cloud_shape(build, source, ndim, points.point_step);
    if (!status)
        status = ros_encoder_add_point_fields(build, &points);
    for (uint32_t i = 0; i < points.field_count && !status; i++)
        has_order = has_order || PMIPC_DTYPE_BITS(ros_point_dtype(points.fields[i].datatype)) > 8;
    if (!status)
        status = ros_encoder_add_byte_order(build, has_order);
    if (!status)
        status = ros_encoder_derive_number(build, "point_step", points.point_step);
    if (!status && ros_encoder_find(build, "is_dense") < 0)
        status = ros_encoder_derive_number(build, "is_dense", 0); /* unknown: some points may be NaN */
    if (status)
        return status;
    return ros_encoder_add_part(build, source, "data", PMIPC_UINT8, 0, ros_encoder_elements(field) * field->itemsize);
}

/* ---- arrays with their shape ---- */

/* Sizes, and strides: the product of the sizes of a dimension and all that follow. */
static pmipc_status ros_encoder_add_layout(struct ros_encoder_build *build, uint32_t source)
{
    const pmipc_field *field = &build->schema->fields[source];
    pmipc_status status = PMIPC_OK;
    uint64_t stride = 1;
    uint32_t *sizes = cdr_arena_allocate(&build->encoder->arena, (PMIPC_MAX_NDIM + 1) * sizeof *sizes);
    uint32_t *strides = cdr_arena_allocate(&build->encoder->arena, (PMIPC_MAX_NDIM + 1) * sizeof *strides);
    if (!sizes || !strides)
        return ros_encoder_no_memory(build);
    for (uint32_t i = field->ndim; i-- > 0;) {
        bool is_lead = i == 0 && ros_encoder_is_variable(field);
        uint64_t size = is_lead ? 1 : (uint64_t)field->shape[i];
        stride *= size;
        if (size > UINT32_MAX || stride > UINT32_MAX)
            return ros_encoder_mismatch(build, source, "fewer than 2^32 elements");
        sizes[i] = (uint32_t)size;
        strides[i] = (uint32_t)stride;
        if (is_lead)
            status = ros_encoder_add_product(build, source, 1, &sizes[0]);
        if (is_lead && !status)
            status = ros_encoder_add_product(build, source, stride, &strides[0]);
    }
    if (!status)
        status = ros_encoder_derive_column(build, "layout.dim[].size", PMIPC_UINT32, sizes, field->ndim);
    if (!status)
        status = ros_encoder_derive_column(build, "layout.dim[].stride", PMIPC_UINT32, strides, field->ndim);
    return status;
}

static pmipc_status ros_encoder_add_array(struct ros_encoder_build *build, uint32_t source,
                                          const struct ros_tensor *tensor)
{
    const pmipc_field *field = &build->schema->fields[source];
    if (field->dtype != tensor->dtype)
        return ros_encoder_mismatch(build, source, "%s of any shape", pmipc_dtype_name(tensor->dtype));
    pmipc_status status = ros_encoder_add_layout(build, source);
    return status ? status : ros_encoder_add_part(build, source, "data", tensor->dtype, 0, ros_encoder_elements(field));
}

static pmipc_status ros_encoder_add_grid(struct ros_encoder_build *build, uint32_t source,
                                         const struct ros_tensor *tensor)
{
    const pmipc_field *field = &build->schema->fields[source];
    if (field->dtype != tensor->dtype || field->ndim != 2)
        return ros_encoder_mismatch(build, source, "%s (height, width)", pmipc_dtype_name(tensor->dtype));
    pmipc_status status = ros_encoder_derive_number(build, "info.width", (double)field->shape[1]);
    if (!status)
        status = ros_encoder_derive_product(build, "info.height", source, ros_encoder_lead(field, 1));
    return status ? status : ros_encoder_add_part(build, source, "data", tensor->dtype, 0, ros_encoder_elements(field));
}

/* ---- numbers ---- */

/* JointState: (J) positions, or (3, J) with velocities and efforts. */
static pmipc_status ros_encoder_add_joints(struct ros_encoder_build *build, uint32_t source)
{
    static const char *const paths[] = {"position", "velocity", "effort"};
    const pmipc_field *field = &build->schema->fields[source];
    bool is_stacked = field->ndim == 2;
    if (field->dtype != PMIPC_FLOAT64 || (field->ndim != 1 && !is_stacked) ||
        (is_stacked && (field->shape[0] != 3 || ros_encoder_is_variable(field))))
        return ros_encoder_mismatch(build, source, "float64 (J,), or (3, J) for position, velocity and effort");
    if (!is_stacked)
        return ros_encoder_add_path(build, source, paths[0]);
    uint64_t joints = (uint64_t)field->shape[1];
    pmipc_status status = ros_encoder_check_joints(build, source, joints);
    for (uint32_t i = 0; i < 3 && !status; i++) {
        status = ros_encoder_add_part(build, source, paths[i], PMIPC_FLOAT64, i * joints * sizeof(double), joints);
        if (!status)
            build->encoder->feeds[build->encoder->leaf_count - 1].is_empty_when_nan = true;
    }
    return status;
}

/* The numbers of several paths, one after the other. */
static pmipc_status ros_encoder_add_parts(struct ros_encoder_build *build, uint32_t source,
                                          const struct ros_tensor *tensor)
{
    const pmipc_field *field = &build->schema->fields[source];
    pmipc_status status = PMIPC_OK;
    uint64_t offset = 0;
    if (field->dtype != tensor->dtype || ros_encoder_is_variable(field) ||
        ros_encoder_elements(field) != (uint64_t)tensor->shape[0])
        return ros_encoder_mismatch(build, source, "%s (%lld,)", pmipc_dtype_name(tensor->dtype),
                                    (long long)tensor->shape[0]);
    for (uint32_t i = 0; i < tensor->part_count && !status; i++) {
        const struct ros_part *part = &tensor->parts[i];
        status = ros_encoder_add_part(build, source, part->path, tensor->dtype, offset, part->elements);
        offset += part->elements * field->itemsize;
    }
    return status;
}

pmipc_status ros_encoder_add_default(struct ros_encoder_build *build, uint32_t source)
{
    struct ros_tensor tensor;
    pmipc_status status = ros_tensor_find(build->types, build->message, NULL, &tensor, build->error);
    if (status)
        return status;
    switch (tensor.kind) {
    case ROS_IMAGE:
        return ros_encoder_add_image(build, source);
    case ROS_CLOUD:
        return ros_encoder_add_cloud(build, source);
    case ROS_MULTI_ARRAY:
        return ros_encoder_add_array(build, source, &tensor);
    case ROS_GRID:
        return ros_encoder_add_grid(build, source, &tensor);
    case ROS_JOINTS:
        if (strcmp(tensor.parts[0].path, "position") == 0)
            return ros_encoder_add_joints(build, source);
        break;
    case ROS_NUMBERS:
    case ROS_JOINT_STAMPS:
    case ROS_TEXT:
        break;
    }
    if (tensor.part_count > 1)
        return ros_encoder_add_parts(build, source, &tensor);
    return ros_encoder_add_path(build, source, tensor.parts[0].path);
}
