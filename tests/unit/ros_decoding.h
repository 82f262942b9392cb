/* ros_decoding.h: messages made with a CDR encoder, and decoders that write into memory of exactly the right size. */
#ifndef PMIPC_TEST_ROS_DECODING_H
#define PMIPC_TEST_ROS_DECODING_H

#include "cdr_messages.h"

#include <polymorph_ipc/ros.h>

#define GEOMETRY_TEXTS                                                                      \
    SEPARATOR "MSG: geometry_msgs/Pose\nPoint position\nQuaternion orientation\n" SEPARATOR \
              "MSG: geometry_msgs/Point\nfloat64 x\nfloat64 y\nfloat64 z\n" SEPARATOR       \
              "MSG: geometry_msgs/Vector3\nfloat64 x\nfloat64 y\nfloat64 z\n" SEPARATOR     \
              "MSG: geometry_msgs/Twist\nVector3 linear\nVector3 angular\n" SEPARATOR       \
              "MSG: geometry_msgs/Quaternion\nfloat64 x 0\nfloat64 y 0\nfloat64 z 0\nfloat64 w 1\n"

#define MULTI_ARRAY_TEXT(type)                                                                  \
    "MultiArrayLayout layout\n" type "[] data\n" SEPARATOR                                      \
    "MSG: std_msgs/MultiArrayLayout\nMultiArrayDimension[] dim\nuint32 data_offset\n" SEPARATOR \
    "MSG: std_msgs/MultiArrayDimension\nstring label\nuint32 size\nuint32 stride\n"

static const struct {
    const char *name;
    const char *text;
} ros_texts[] = {
    {IMAGE, IMAGE_TEXT},
    {CLOUD, CLOUD_TEXT},
    {JOINT_STATE, JOINT_STATE_TEXT},
    {PATH, PATH_TEXT},
    {"sensor_msgs/msg/CompressedImage", "std_msgs/Header header\nstring format\nuint8[] data\n"},
    {"sensor_msgs/msg/Imu",
     "std_msgs/Header header\ngeometry_msgs/Quaternion orientation\nfloat64[9] orientation_covariance\n"
     "geometry_msgs/Vector3 angular_velocity\nfloat64[9] angular_velocity_covariance\n"
     "geometry_msgs/Vector3 linear_acceleration\nfloat64[9] linear_acceleration_covariance\n" GEOMETRY_TEXTS},
    {"sensor_msgs/msg/LaserScan",
     "std_msgs/Header header\nfloat32 angle_min\nfloat32 angle_max\nfloat32 angle_increment\nfloat32 time_increment\n"
     "float32 scan_time\nfloat32 range_min\nfloat32 range_max\nfloat32[] ranges\nfloat32[] intensities\n"},
    {"sensor_msgs/msg/CameraInfo",
     "std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\nfloat64[] d\nfloat64[9] k\n"
     "float64[9] r\nfloat64[12] p\n"},
    {"sensor_msgs/msg/NavSatFix",
     "std_msgs/Header header\nint8 status\nfloat64 latitude\nfloat64 longitude\nfloat64 altitude\n"
     "float64[9] position_covariance\nuint8 position_covariance_type\n"},
    {"trajectory_msgs/msg/JointTrajectory",
     "std_msgs/Header header\nstring[] joint_names\nJointTrajectoryPoint[] points\n" SEPARATOR
     "MSG: trajectory_msgs/JointTrajectoryPoint\nfloat64[] positions\nfloat64[] velocities\nfloat64[] accelerations\n"
     "float64[] effort\nbuiltin_interfaces/Duration time_from_start\n"},
    {"nav_msgs/msg/OccupancyGrid",
     "std_msgs/Header header\nMapMetaData info\nint8[] data\n" SEPARATOR
     "MSG: nav_msgs/MapMetaData\nbuiltin_interfaces/Time map_load_time\nfloat32 resolution\nuint32 width\n"
     "uint32 height\ngeometry_msgs/Pose origin\n" GEOMETRY_TEXTS},
    {"nav_msgs/msg/Odometry",
     "std_msgs/Header header\nstring child_frame_id\nPoseWithCovariance pose\nTwistWithCovariance twist\n" SEPARATOR
     "MSG: nav_msgs/PoseWithCovariance\ngeometry_msgs/Pose pose\nfloat64[36] covariance\n" SEPARATOR
     "MSG: nav_msgs/TwistWithCovariance\ngeometry_msgs/Twist twist\nfloat64[36] covariance\n" GEOMETRY_TEXTS},
    {"geometry_msgs/msg/PoseArray", "std_msgs/Header header\nPose[] poses\n" GEOMETRY_TEXTS},
    {"geometry_msgs/msg/TwistStamped", "std_msgs/Header header\nTwist twist\n" GEOMETRY_TEXTS},
    {"geometry_msgs/msg/PoseWithCovariance", "Pose pose\nfloat64[36] covariance\n" GEOMETRY_TEXTS},
    {"geometry_msgs/msg/Polygon",
     "Point32[] points\n" SEPARATOR "MSG: geometry_msgs/Point32\nfloat32 x\nfloat32 y\nfloat32 z\n"},
    {"std_msgs/msg/Float32MultiArray", MULTI_ARRAY_TEXT("float32")},
    {"std_msgs/msg/ByteMultiArray", MULTI_ARRAY_TEXT("byte")},
    {"std_msgs/msg/Float64", "float64 data\n"},
    {"std_msgs/msg/Bool", "bool data\n"},
    {"std_msgs/msg/String", "string data\n"},
    {"std_msgs/msg/Empty", ""},
    {"tf2_msgs/msg/TFMessage", "float64[] transforms\n"},
    {"test/msg/Rows", "Row[] rows\nbool[] flags\n" SEPARATOR "MSG: test/Row\nstring label\nint16[] values\n"},
    {"test/msg/Force", "builtin_interfaces/Time stamp\nstring label\nfloat32 x\nfloat32[2] rest\n"},
    {"test/msg/Marks", "Mark[] marks\n" SEPARATOR "MSG: test/Mark\nstring label\nbool set\n"},
    {"test/msg/Octets", "Mark[] marks\n" SEPARATOR "MSG: test/Mark\nstring label\nuint8 set\n"},
    {"test/msg/Pair", "Row[2] rows\n" SEPARATOR "MSG: test/Row\nint16[] values\n"},
    {"test/msg/Mixed", "int32 a\nfloat32 b\n"},
    {"test/msg/TwoLists", "float32[] a\nfloat32[] b\n"},
    {"test/msg/Stamped", "float64 value\nstd_msgs/Header meta\n"},
};

typedef struct ros_message {
    uint8_t *data;
    size_t count;
} ros_message;

typedef struct test_decoder {
    pmipc_ros_decoder *decoder;
    pmipc_schema schema;
    pmipc_loan loan;
    pmipc_error error;
    int64_t stamp_ns;
} test_decoder;

static inline pmipc_cdr_types *decoding_types(const char *name)
{
    for (uint32_t i = 0; i < LENGTH(ros_texts); i++)
        if (strcmp(ros_texts[i].name, name) == 0)
            return types_of(name, ros_texts[i].text);
    FAIL("no type %s", name);
}

/* ---- messages ---- */

static inline ros_message encode(const char *name, const pmipc_cdr_leaf *leaves, pmipc_cdr_column *columns,
                                 uint32_t count, uint32_t flags)
{
    pmipc_cdr_types *types = decoding_types(name);
    pmipc_cdr_encoder *encoder;
    pmipc_error error = {0};
    ros_message made = {0};
    if (pmipc_cdr_encoder_create(&encoder, types, name, leaves, count, flags, &error) != PMIPC_OK)
        FAIL("%s", error.text);
    if (pmipc_cdr_encode(encoder, columns, NULL, 0, &made.count, &error) != PMIPC_NO_SPACE)
        FAIL("%s", error.text);
    made.data = malloc(made.count);
    CHECK(made.data != NULL);
    CHECK_OK(pmipc_cdr_encode(encoder, columns, made.data, made.count, &made.count, NULL));
    pmipc_cdr_encoder_destroy(encoder);
    pmipc_cdr_types_destroy(types);
    return made;
}

static inline ros_message hex_message(const char *hex)
{
    message_bytes bytes = from_hex(hex);
    return (ros_message){exact_copy(&bytes, bytes.count), bytes.count};
}

static inline pmipc_cdr_span span_of(const char *text)
{
    return (pmipc_cdr_span){text, strlen(text)};
}

/* ---- decoders ---- */

static inline test_decoder decoding_with(const char *name, const pmipc_ros_field *fields, uint32_t count,
                                         const pmipc_ros_decoder_options *options)
{
    test_decoder made = {0};
    pmipc_cdr_types *types = decoding_types(name);
    if (pmipc_ros_decoder_create(&made.decoder, types, name, fields, count, options, &made.error) != PMIPC_OK)
        FAIL("%s", made.error.text);
    pmipc_cdr_types_destroy(types); /* the decoder keeps what it needs */
    return made;
}

static inline test_decoder decoding_of(const char *name, const char *path)
{
    const pmipc_ros_field field = {.name = "", .path = path};
    return decoding_with(name, &field, 1, NULL);
}

static inline pmipc_status decoding_refused(const char *name, const char *path,
                                            const pmipc_ros_decoder_options *options, pmipc_error *error)
{
    const pmipc_ros_field field = {.name = "", .path = path};
    pmipc_cdr_types *types = decoding_types(name);
    pmipc_ros_decoder *decoder = NULL;
    pmipc_status status = pmipc_ros_decoder_create(&decoder, types, name, &field, 1, options, error);
    CHECK(status != PMIPC_OK && decoder == NULL);
    pmipc_cdr_types_destroy(types);
    return status;
}

static inline pmipc_status decoding_expect(test_decoder *decoding, pmipc_dtype dtype, uint32_t ndim,
                                           const int64_t *shape)
{
    pmipc_schema sample = pmipc_schema_tensor(dtype, ndim, shape);
    return pmipc_ros_decoder_expect(decoding->decoder, &sample, &decoding->schema, &decoding->error);
}

static inline pmipc_status decoding_learn(test_decoder *decoding, const ros_message *message)
{
    pmipc_status status =
        pmipc_ros_decoder_learn(decoding->decoder, message->data, message->count, &decoding->schema, &decoding->error);
    for (uint32_t i = 0; i < decoding->schema.field_count && status == PMIPC_OK; i++) {
        size_t bytes = pmipc_field_bytes(&decoding->schema.fields[i]);
        decoding->loan.fields[i].data = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
        CHECK(decoding->loan.fields[i].data != NULL);
    }
    return status;
}

/* Decode into memory of the size of the field. The bytes after it must not change. */
static inline pmipc_status decoding_decode(test_decoder *decoding, const ros_message *message)
{
    decoding->loan.field_count = decoding->schema.field_count;
    for (uint32_t i = 0; i < decoding->schema.field_count; i++) {
        const pmipc_field *field = &decoding->schema.fields[i];
        size_t bytes = pmipc_field_bytes(field);
        memset(decoding->loan.fields[i].data, 0xee, (bytes + 63) / 64 * 64 + 64);
        decoding->loan.fields[i].length = field->ndim ? field->shape[0] : 1;
    }
    pmipc_status status = pmipc_ros_decoder_decode(decoding->decoder, message->data, message->count, &decoding->loan,
                                                   &decoding->stamp_ns, &decoding->error);
    for (uint32_t i = 0; i < decoding->schema.field_count; i++) {
        const uint8_t *end =
            (const uint8_t *)decoding->loan.fields[i].data + pmipc_field_bytes(&decoding->schema.fields[i]);
        for (uint32_t byte = 0; byte < 64; byte++)
            CHECK_EQ(end[byte], 0xee);
    }
    return status;
}

#define CHECK_LEARNS(decoding, message)                        \
    do {                                                       \
        if (decoding_learn((decoding), (message)) != PMIPC_OK) \
            FAIL("%s", (decoding)->error.text);                \
    } while (0)

#define CHECK_DECODES(decoding, message)                        \
    do {                                                        \
        if (decoding_decode((decoding), (message)) != PMIPC_OK) \
            FAIL("%s", (decoding)->error.text);                 \
    } while (0)

#define CHECK_REFUSES(decoding, message, part)                                       \
    do {                                                                             \
        CHECK_STATUS(decoding_decode((decoding), (message)), PMIPC_SCHEMA_MISMATCH); \
        CHECK_HAS((decoding)->error.text, (part));                                   \
    } while (0)

#define CHECK_SCHEMA(decoding, expected)                                           \
    do {                                                                           \
        char format_text[1024];                                                    \
        pmipc_schema_format(&(decoding)->schema, format_text, sizeof format_text); \
        CHECK_TEXT(format_text, (expected));                                       \
    } while (0)

static inline void decoding_close(test_decoder *decoding)
{
    for (uint32_t i = 0; i < PMIPC_MAX_FIELDS; i++)
        free(decoding->loan.fields[i].data);
    pmipc_ros_decoder_destroy(decoding->decoder);
}

#endif
