/* points.h: the layout of points of a sensor_msgs/PointCloud2, as ROS and as numpy describe it. */
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

/* Datatypes of a PointField are 1 to 8; 0: none. */
pmipc_dtype ros_point_dtype(uint8_t datatype);
uint8_t ros_point_datatype(pmipc_dtype dtype);

/* Check that every field has a valid datatype and is inside the point. The error text does not name the message.
 * Returns: OK; SCHEMA_MISMATCH. */
pmipc_status ros_points_check(const struct ros_points *points, pmipc_error *error);

/* Describe the points as a numpy dtype, with the same bytes as the Python package. Fields may be in any order and
 * overlap. The error text does not name the message. Returns: OK; SCHEMA_MISMATCH (names that are not UTF-8 or repeat,
 * fields outside of a point, a description longer than PMIPC_MAX_DESCR_TEXT). */
pmipc_status ros_points_describe(const struct ros_points *points, char text[PMIPC_MAX_DESCR_TEXT + 1], size_t *length,
                                 pmipc_error *error);

/* Parse the description of a field of a schema. Returns: OK; SCHEMA_MISMATCH (a PointCloud2 cannot have this dtype). */
pmipc_status ros_points_parse(const pmipc_schema *schema, const pmipc_field *field, struct ros_points *points,
                              pmipc_error *error);

#endif
