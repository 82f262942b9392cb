/* points.h: how the points of a sensor_msgs/PointCloud2 lie, as ROS says it and as numpy does. */
#ifndef ROS_POINTS_H
#define ROS_POINTS_H

#include "polymorph_ipc/schema.h"

#define ROS_MAX_POINT_FIELDS 64
#define ROS_MAX_POINT_NAME 63 /* bytes, without the NUL */

struct ros_point_field {
    char name[ROS_MAX_POINT_NAME + 1];
    uint32_t offset;
    uint32_t count; /* 1 or more */
    uint8_t datatype;
};

struct ros_points {
    uint32_t point_step;
    uint32_t field_count;
    struct ros_point_field fields[ROS_MAX_POINT_FIELDS];
};

/* PointField's datatypes 1 to 8; 0: no such. */
pmipc_dtype ros_point_dtype(uint8_t datatype);
uint8_t ros_point_datatype(pmipc_dtype dtype);

/* Whether such points can be: fields with datatypes that there are, within the point. The message says only what is
 * wrong, not of what. Returns: OK; SCHEMA_MISMATCH. */
pmipc_status ros_points_check(const struct ros_points *points, pmipc_error *error);

/* The description of a numpy dtype as the Python package writes it, byte by byte. Fields may lie in any order and
 * overlap. Returns: OK; SCHEMA_MISMATCH (names that are no text or the same, fields outside of a point, longer than
 * PMIPC_MAX_DESCR_TEXT); the message says only what is wrong, not of what. */
pmipc_status ros_points_describe(const struct ros_points *points, char text[PMIPC_MAX_DESCR_TEXT + 1], size_t *length,
                                 pmipc_error *error);

/* The other way: from a field of a schema. Returns: OK; SCHEMA_MISMATCH (a dtype that no PointCloud2 has: says why). */
pmipc_status ros_points_parse(const pmipc_schema *schema, const pmipc_field *field, struct ros_points *points,
                              pmipc_error *error);

#endif
