#include "ros/points.h"

#include <string.h>

#include "os/error.h"
#include "ros/json.h"

/* Indexed by the datatype of a PointField. The formats are numpy's dtype.str. */
static const struct {
    pmipc_dtype dtype;
    const char *little;
    const char *big;
} ros_datatypes[] = {
    {0, "", ""},
    {PMIPC_INT8, "|i1", "|i1"},
    {PMIPC_UINT8, "|u1", "|u1"},
    {PMIPC_INT16, "<i2", ">i2"},
    {PMIPC_UINT16, "<u2", ">u2"},
    {PMIPC_INT32, "<i4", ">i4"},
    {PMIPC_UINT32, "<u4", ">u4"},
    {PMIPC_FLOAT32, "<f4", ">f4"},
    {PMIPC_FLOAT64, "<f8", ">f8"},
};

#define ROS_DATATYPES (sizeof ros_datatypes / sizeof ros_datatypes[0])

static const char *ros_datatype_format(size_t datatype)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ros_datatypes[datatype].little : ros_datatypes[datatype].big;
}

pmipc_dtype ros_point_dtype(uint8_t datatype)
{
    return datatype < ROS_DATATYPES ? ros_datatypes[datatype].dtype : 0;
}

uint8_t ros_point_datatype(pmipc_dtype dtype)
{
    for (uint8_t i = 1; i < ROS_DATATYPES; i++)
        if (ros_datatypes[i].dtype == dtype)
            return i;
    return 0;
}

/* ---- to numpy ---- */

pmipc_status ros_points_check(const struct ros_points *points, pmipc_error *error)
{
    if (points->field_count == 0 || points->point_step == 0)
        return error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "a point has %u fields and %u bytes, both must be at least 1",
                         points->field_count, points->point_step);
    for (uint32_t i = 0; i < points->field_count; i++) {
        const struct ros_point_field *field = &points->fields[i];
        pmipc_dtype dtype = ros_point_dtype(field->datatype);
        if (dtype == 0)
            return error_set(error, PMIPC_SCHEMA_MISMATCH, 0,
                             "the points' field '%s' has datatype %u, valid are 1 to 8", field->name, field->datatype);
        uint64_t end = field->offset + (uint64_t)field->count * PMIPC_DTYPE_BITS(dtype) / 8;
        if (end > points->point_step)
            return error_set(error, PMIPC_SCHEMA_MISMATCH, 0,
                             "the points' field '%s' ends at byte %llu of a point of %u bytes", field->name,
                             (unsigned long long)end, points->point_step);
    }
    return PMIPC_OK;
}

/* The fields of a numpy dtype must have different names. */
static pmipc_status ros_points_check_names(const struct ros_points *points, pmipc_error *error)
{
    for (uint32_t i = 0; i < points->field_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(points->fields[j].name, points->fields[i].name) == 0)
                return error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "two fields of the points are called '%s'",
                                 points->fields[i].name);
    return PMIPC_OK;
}

pmipc_status ros_points_describe(const struct ros_points *points, char text[PMIPC_MAX_DESCR_TEXT + 1], size_t *length,
                                 pmipc_error *error)
{
    pmipc_status status = ros_points_check(points, error);
    if (!status)
        status = ros_points_check_names(points, error);
    if (status)
        return status;
    struct ros_text json = {.bytes = text, .capacity = PMIPC_MAX_DESCR_TEXT + 1, .is_fixed = true};
    ros_text_add(&json, "{\"names\":[");
    for (uint32_t i = 0; i < points->field_count; i++) {
        ros_text_add(&json, "%s", i ? "," : "");
        ros_json_add_string(&json, points->fields[i].name, strlen(points->fields[i].name));
    }
    ros_text_add(&json, "],\"formats\":[");
    for (uint32_t i = 0; i < points->field_count; i++) {
        const struct ros_point_field *field = &points->fields[i];
        const char *format = ros_datatype_format(field->datatype);
        if (field->count == 1)
            ros_text_add(&json, "%s\"%s\"", i ? "," : "", format);
        else
            ros_text_add(&json, "%s{\"base\":\"%s\",\"shape\":[%u]}", i ? "," : "", format, field->count);
    }
    ros_text_add(&json, "],\"offsets\":[");
    for (uint32_t i = 0; i < points->field_count; i++)
        ros_text_add(&json, "%s%u", i ? "," : "", points->fields[i].offset);
    ros_text_add(&json, "],\"itemsize\":%u}", points->point_step);
    *length = json.length;
    if (json.is_not_utf8)
        return error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "the name of a point field is not UTF-8");
    if (json.is_full)
        return error_set(error, PMIPC_SCHEMA_MISMATCH, 0,
                         "the description of the points' fields takes more than %d bytes", PMIPC_MAX_DESCR_TEXT);
    return PMIPC_OK;
}

/* ---- from numpy ---- */

static pmipc_status ros_points_refuse(const pmipc_schema *schema, const pmipc_field *field, const char *why,
                                      pmipc_error *error)
{
    return error_set(error, PMIPC_SCHEMA_MISMATCH, 0, "a PointCloud2 cannot hold points of dtype %.*s: %s",
                     (int)(field->descr_bytes < 600 ? field->descr_bytes : 600), schema->text + field->descr_offset,
                     why);
}

/* "<f4", or {"base":"<f4","shape":[3]} with a shape of one dimension. */
static bool ros_points_parse_format(struct ros_json *json, struct ros_point_field *field)
{
    char format[16];
    bool is_array = ros_json_take(json, "{\"base\":");
    if (json->at < json->end && *json->at != '"')
        return false;
    ros_json_string(json, format, sizeof format);
    field->count = 1;
    if (is_array) {
        ros_json_expect(json, ",\"shape\":[");
        field->count = ros_json_number(json);
        if (!ros_json_take(json, "]}"))
            return false;
    }
    field->datatype = 0;
    for (uint8_t i = 1; i < ROS_DATATYPES; i++)
        if (strcmp(ros_datatype_format(i), format) == 0)
            field->datatype = i;
    return field->datatype != 0 && field->count >= 1;
}

pmipc_status ros_points_parse(const pmipc_schema *schema, const pmipc_field *field, struct ros_points *points,
                              pmipc_error *error)
{
    struct ros_json json = {.at = schema->text + field->descr_offset};
    json.end = json.at + field->descr_bytes;
    memset(points, 0, sizeof *points);
    if (!ros_json_take(&json, "{\"names\":["))
        return ros_points_refuse(schema, field, "it has no fields", error);
    for (bool more = !ros_json_take(&json, "]"); more && !json.is_broken; more = ros_json_take(&json, ",")) {
        if (points->field_count == ROS_MAX_POINT_FIELDS)
            return ros_points_refuse(schema, field, "it has too many fields", error);
        ros_json_string(&json, points->fields[points->field_count++].name, sizeof points->fields[0].name);
    }
    ros_json_expect(&json, points->field_count ? "],\"formats\":[" : ",\"formats\":[");
    for (uint32_t i = 0; i < points->field_count && !json.is_broken; i++) {
        if (i)
            ros_json_expect(&json, ",");
        if (!json.is_broken && !ros_points_parse_format(&json, &points->fields[i]))
            return error_set(error, PMIPC_SCHEMA_MISMATCH, 0,
                             "a PointCloud2 cannot hold the points' field '%s': it must be int8 to uint32, float32 or "
                             "float64 in this machine's byte order, or a list of these",
                             points->fields[i].name);
    }
    ros_json_expect(&json, "],\"offsets\":[");
    for (uint32_t i = 0; i < points->field_count && !json.is_broken; i++) {
        if (i)
            ros_json_expect(&json, ",");
        points->fields[i].offset = ros_json_number(&json);
    }
    ros_json_expect(&json, "],\"itemsize\":");
    points->point_step = ros_json_number(&json);
    if (json.is_broken || points->point_step != field->itemsize)
        return ros_points_refuse(schema, field, "it is not described as numpy describes structured dtypes", error);
    pmipc_status status = ros_points_check(points, error);
    return status ? status : ros_points_check_names(points, error);
}
