/* ros_encoding.h: message types, encoders and expected bytes for the tests of pmipc_ros_encoder. */
#ifndef PMIPC_TEST_ROS_ENCODING_H
#define PMIPC_TEST_ROS_ENCODING_H

#include "cdr_messages.h"

#include <math.h>
#include <polymorph_ipc/ros.h>

/* ---- types ---- */

static const char *const ros_types[][2] = {
    {IMAGE, IMAGE_TEXT},
    {JOINT_STATE, JOINT_STATE_TEXT},
    {CLOUD, CLOUD_TEXT},
    {PATH, PATH_TEXT},
    {"sensor_msgs/msg/CompressedImage", "std_msgs/Header header\nstring format\nuint8[] data\n"},
    {"sensor_msgs/msg/LaserScan",
     "std_msgs/Header header\nfloat32 angle_min\nfloat32 angle_max\nfloat32 angle_increment\nfloat32 time_increment\n"
     "float32 scan_time\nfloat32 range_min\nfloat32 range_max\nfloat32[] ranges\nfloat32[] intensities\n"},
    {"sensor_msgs/msg/Imu", "std_msgs/Header header\ngeometry_msgs/Quaternion orientation\n"
                            "float64[9] orientation_covariance\ngeometry_msgs/Vector3 angular_velocity\n"
                            "float64[9] angular_velocity_covariance\ngeometry_msgs/Vector3 linear_acceleration\n"
                            "float64[9] linear_acceleration_covariance\n"},
    {"sensor_msgs/msg/Joy", "std_msgs/Header header\nfloat32[] axes\nint32[] buttons\n"},
    {"sensor_msgs/msg/Range", "std_msgs/Header header\nuint8 radiation_type\nfloat32 field_of_view\nfloat32 min_range\n"
                              "float32 max_range\nfloat32 range\nfloat32 variance\n"},
    {"sensor_msgs/msg/NavSatStatus", "int8 status -2\nuint16 service 0\n"},
    {"sensor_msgs/msg/NavSatFix",
     "std_msgs/Header header\nNavSatStatus status\nfloat64 latitude\nfloat64 longitude\nfloat64 altitude\n"
     "float64[9] position_covariance\nuint8 position_covariance_type\n"},
    {"sensor_msgs/msg/Temperature", "std_msgs/Header header\nfloat64 temperature\nfloat64 variance\n"},
    {"sensor_msgs/msg/RegionOfInterest",
     "uint32 x_offset\nuint32 y_offset\nuint32 height\nuint32 width\nbool do_rectify\n"},
    {"sensor_msgs/msg/CameraInfo",
     "std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\nfloat64[] d\nfloat64[9] k\n"
     "float64[9] r\nfloat64[12] p\nuint32 binning_x\nuint32 binning_y\nRegionOfInterest roi\n"},
    {"std_msgs/msg/Float64", "float64 data\n"},
    {"std_msgs/msg/Bool", "bool data\n"},
    {"std_msgs/msg/MultiArrayDimension", "string label\nuint32 size\nuint32 stride\n"},
    {"std_msgs/msg/MultiArrayLayout", "MultiArrayDimension[] dim\nuint32 data_offset\n"},
    {"std_msgs/msg/Float32MultiArray", "MultiArrayLayout layout\nfloat32[] data\n"},
    {"geometry_msgs/msg/Vector3", "float64 x\nfloat64 y\nfloat64 z\n"},
    {"geometry_msgs/msg/Point32", "float32 x\nfloat32 y\nfloat32 z\n"},
    {"geometry_msgs/msg/Twist", "Vector3 linear\nVector3 angular\n"},
    {"geometry_msgs/msg/TwistStamped", "std_msgs/Header header\nTwist twist\n"},
    {"geometry_msgs/msg/PoseArray", "std_msgs/Header header\nPose[] poses\n"},
    {"geometry_msgs/msg/Polygon", "Point32[] points\n"},
    {"geometry_msgs/msg/PolygonStamped", "std_msgs/Header header\nPolygon polygon\n"},
    {"geometry_msgs/msg/PoseWithCovariance", "Pose pose\nfloat64[36] covariance\n"},
    {"geometry_msgs/msg/TwistWithCovariance", "Twist twist\nfloat64[36] covariance\n"},
    {"nav_msgs/msg/Odometry", "std_msgs/Header header\nstring child_frame_id\ngeometry_msgs/PoseWithCovariance pose\n"
                              "geometry_msgs/TwistWithCovariance twist\n"},
    {"nav_msgs/msg/MapMetaData", "builtin_interfaces/Time map_load_time\nfloat32 resolution\nuint32 width\n"
                                 "uint32 height\ngeometry_msgs/Pose origin\n"},
    {"nav_msgs/msg/OccupancyGrid", "std_msgs/Header header\nMapMetaData info\nint8[] data\n"},
    {"trajectory_msgs/msg/JointTrajectoryPoint",
     "float64[] positions\nfloat64[] velocities\nfloat64[] accelerations\nfloat64[] effort\n"
     "builtin_interfaces/Duration time_from_start\n"},
    {"trajectory_msgs/msg/JointTrajectory",
     "std_msgs/Header header\nstring[] joint_names\nJointTrajectoryPoint[] points\n"},
    {"geometry_msgs/msg/Transform", "Vector3 translation\nQuaternion rotation\n"},
    {"geometry_msgs/msg/TransformStamped", "std_msgs/Header header\nstring child_frame_id\nTransform transform\n"},
    {"tf2_msgs/msg/TFMessage", "geometry_msgs/TransformStamped[] transforms\n"},
    {"test/msg/Mine", "std_msgs/Header head\nuint8[<=4] few\nfloat32[2] pair\nint16 level\nuint64 big\nstring<=3 tag\n"
                      "bool on\nstring[<=2] words\nItem[] items\n"},
    {"test/msg/Lists", "std_msgs/Header head\nItem[] few\nItem[2] two\nItem[] many\n"},
    {"test/msg/Item", "std_msgs/Header header\nint32 number\nfloat32[] values\nwstring wide\n"},
};

static inline pmipc_cdr_types *ros_types_make(void)
{
    pmipc_cdr_types *types;
    pmipc_error error;
    CHECK_OK(pmipc_cdr_types_create(&types, &error));
    for (size_t i = 0; i < LENGTH(ros_types); i++)
        if (pmipc_cdr_types_add(types, ros_types[i][0], ros_types[i][1], strlen(ros_types[i][1]), &error) != PMIPC_OK)
            FAIL("%s", error.text);
    return types;
}

/* ---- schemas and constants ---- */

#define SHAPE(...)                                                                    \
    (uint32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) \
    {                                                                                 \
        __VA_ARGS__                                                                   \
    }

static inline pmipc_schema variable_tensor(pmipc_dtype dtype, uint32_t ndim, const int64_t *shape)
{
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "", dtype, ndim, shape, PMIPC_FIELD_VARIABLE, NULL));
    return schema;
}

#define TEXT(name, ...)                                             \
    {                                                               \
        .key = (name), .texts = (const char *const[]){__VA_ARGS__}, \
        .text_count = LENGTH(((const char *const[]){__VA_ARGS__}))  \
    }
#define NUMBER(name, value)              \
    {                                    \
        .key = (name), .number = (value) \
    }

/* For receivers that go by position. */
#define NO_NAMES                                       \
    {                                                  \
        .key = "names", .texts = (const char *const[]) \
        {                                              \
            NULL                                       \
        }                                              \
    }

/* ---- encoders, whose types are destroyed at once ---- */

typedef struct given {
    const char *message;
    pmipc_schema schema;
    const pmipc_ros_field *fields;
    uint32_t field_count;
    pmipc_ros_constant constants[8];
} given;

static inline pmipc_status try_encoder(pmipc_ros_encoder **encoder, const given *how, pmipc_error *error)
{
    pmipc_cdr_types *types = ros_types_make();
    uint32_t constants = 0;
    while (constants < LENGTH(how->constants) && how->constants[constants].key)
        constants++;
    pmipc_status status = pmipc_ros_encoder_create(encoder, types, how->message, &how->schema, how->fields,
                                                   how->field_count, how->constants, constants, error);
    pmipc_cdr_types_destroy(types);
    CHECK((status == PMIPC_OK) == (*encoder != NULL));
    return status;
}

static inline pmipc_ros_encoder *ros_encoder_of(const given *how)
{
    pmipc_ros_encoder *encoder;
    pmipc_error error;
    if (try_encoder(&encoder, how, &error) != PMIPC_OK)
        FAIL("%s", error.text);
    return encoder;
}

static inline void check_no_encoder(const given *how, pmipc_status expected, const char *words)
{
    pmipc_ros_encoder *encoder;
    pmipc_error error;
    pmipc_status status = try_encoder(&encoder, how, &error);
    if (status != expected)
        FAIL("%s instead of %s: %s", pmipc_status_name(status), pmipc_status_name(expected), status ? error.text : "");
    CHECK_EQ(error.status, expected);
    CHECK_HAS(error.text, words);
}

/* The stamp of the golden messages. */
#define GOLDEN_STAMP INT64_C(1000000002)

/* Ask for the size, and encode into a buffer of exactly that size. */
static inline message_bytes encode_message(pmipc_ros_encoder *encoder, const pmipc_source *sources, int64_t stamp_ns)
{
    message_bytes message;
    size_t bytes = 0;
    pmipc_error error;
    pmipc_status status = pmipc_ros_encoder_encode(encoder, sources, stamp_ns, NULL, 0, &message.count, &error);
    if (status != PMIPC_NO_SPACE)
        FAIL("%s: %s", pmipc_status_name(status), status ? error.text : "");
    CHECK(message.count <= sizeof message.data);
    uint8_t *buffer = malloc(message.count);
    memset(buffer, 0xee, message.count);
    if (pmipc_ros_encoder_encode(encoder, sources, stamp_ns, buffer, message.count, &bytes, &error) != PMIPC_OK)
        FAIL("%s", error.text);
    CHECK_EQ(bytes, message.count);
    memcpy(message.data, buffer, bytes);
    free(buffer);
    return message;
}

static inline void check_not_encoded(pmipc_ros_encoder *encoder, const pmipc_source *sources, int64_t stamp_ns,
                                     const char *words)
{
    uint8_t buffer[512];
    size_t bytes;
    pmipc_error error;
    CHECK_STATUS(pmipc_ros_encoder_encode(encoder, sources, stamp_ns, buffer, sizeof buffer, &bytes, &error),
                 PMIPC_SCHEMA_MISMATCH);
    CHECK_EQ(error.status, PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(error.text, words);
    CHECK_STATUS(pmipc_ros_encoder_encode(encoder, sources, stamp_ns, buffer, sizeof buffer, &bytes, NULL),
                 PMIPC_SCHEMA_MISMATCH);
}

/* ---- expected bytes, field by field ---- */

typedef struct wire {
    message_bytes bytes;
} wire;

static inline void wire_put(wire *to, const void *items, size_t count, size_t item_bytes)
{
    while (count && (to->bytes.count - 4) % item_bytes)
        to->bytes.data[to->bytes.count++] = 0;
    CHECK(to->bytes.count + count * item_bytes <= sizeof to->bytes.data);
    memcpy(to->bytes.data + to->bytes.count, items, count * item_bytes);
    to->bytes.count += count * item_bytes;
}

static inline wire wire_start(void)
{
    return (wire){{.data = {0, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__}, .count = 4}};
}

static inline void wire_u32(wire *to, uint32_t value)
{
    wire_put(to, &value, 1, 4);
}

static inline void wire_f32(wire *to, float value)
{
    wire_put(to, &value, 1, 4);
}

static inline void wire_f64s(wire *to, const double *values, size_t count)
{
    wire_put(to, values, count, 8);
}

static inline void wire_zeros(wire *to, size_t count, size_t item_bytes)
{
    static const uint8_t zeros[36 * 8];
    wire_put(to, zeros, count, item_bytes);
}

static inline void wire_text(wire *to, const char *text)
{
    wire_u32(to, (uint32_t)strlen(text) + 1);
    wire_put(to, text, strlen(text) + 1, 1);
}

static inline void wire_header(wire *to, uint32_t sec, uint32_t nanosec, const char *frame)
{
    wire_u32(to, sec);
    wire_u32(to, nanosec);
    wire_text(to, frame);
}

static inline void check_same(const message_bytes *got, const message_bytes *expected)
{
    for (size_t i = 0; i < got->count && i < expected->count; i++)
        if (got->data[i] != expected->data[i])
            FAIL("byte %zu is 0x%02x, not 0x%02x", i, got->data[i], expected->data[i]);
    CHECK_EQ(got->count, expected->count);
}

/* Create an encoder, encode one sample, and destroy it. */
static inline void check_encoded(const given *how, const pmipc_source *sources, int64_t stamp_ns,
                                 const message_bytes *expected)
{
    pmipc_ros_encoder *encoder = ros_encoder_of(how);
    message_bytes message = encode_message(encoder, sources, stamp_ns);
    check_same(&message, expected);
    pmipc_ros_encoder_destroy(encoder);
}

#endif
