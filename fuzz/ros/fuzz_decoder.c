/* fuzz_decoder.c: any bytes as two messages: a decoder learns from the first and reads both.
 *
 * The first byte chooses type, fields and sample, the next two are the length of the first message. Properties:
 *   - what was learned is a schema that a pool can carry, metadata included, and the same message can be read;
 *   - reading writes nothing outside of the fields, which are exactly as long as they are (the sanitizer detects it);
 *   - lengths are within the schema; what is refused is refused with a text that begins with the type's name;
 *   - reading the first message again gives the same bytes, whatever the second one was. */
#include <polymorph_ipc/ros.h>

#include "fuzz.h"

#define MAX_FRAME_BYTES (1u << 22)

#define CLOUD_TEXT                                                                                            \
    "Header header\nuint32 height\nuint32 width\nPointField[] fields\nbool is_bigendian\nuint32 point_step\n" \
    "uint32 row_step\nuint8[] data\nbool is_dense\n===\n"                                                     \
    "MSG: sensor_msgs/PointField\nstring name\nuint32 offset\nuint8 datatype\nuint32 count\n"
#define JOINTS_TEXT "Header header\nstring[] name\nfloat64[] position\nfloat64[] velocity\nfloat64[] effort\n"
#define POSE_TEXT "===\nMSG: geometry_msgs/Pose\nfloat64[3] p\nfloat64[4] q\n"

struct subject {
    const char *type;
    const char *text;
    uint32_t field_count;
    pmipc_ros_field fields[4];
    pmipc_ros_decoder_options options;
    pmipc_dtype dtype; /* of a sample, 0: none is given */
    uint32_t ndim;
    int64_t shape[3];
    pmipc_cdr_types *types;
};

static const char *const joints[] = {"bc", "a"};
static const char *const columns[] = {"z", "x"};

static struct subject subjects[] = {
    {"sensor_msgs/msg/Image",
     "Header header\nuint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\nuint32 step\nuint8[] data\n",
     .field_count = 1, .fields = {{"", NULL}}},
    {"sensor_msgs/msg/PointCloud2", CLOUD_TEXT, .field_count = 1, .fields = {{"", NULL}}},
    {"sensor_msgs/msg/PointCloud2", CLOUD_TEXT, .field_count = 1, .fields = {{"", NULL}}, .dtype = PMIPC_FLOAT32,
     .ndim = 2, .shape = {8, 3}},
    {"sensor_msgs/msg/PointCloud2", CLOUD_TEXT, .field_count = 1, .fields = {{"", NULL}},
     .options = {.point_fields = columns, .point_field_count = 2}},
    {"sensor_msgs/msg/JointState", JOINTS_TEXT, .field_count = 1, .fields = {{"", NULL}}},
    {"sensor_msgs/msg/JointState", JOINTS_TEXT, .field_count = 1, .fields = {{"", NULL}}, .dtype = PMIPC_FLOAT64,
     .ndim = 2, .shape = {3, 2}},
    {"sensor_msgs/msg/JointState", JOINTS_TEXT, .field_count = 2, .fields = {{"q", "position"}, {"dq", "velocity"}},
     .options = {.joints = joints, .joint_count = 2}},
    {"trajectory_msgs/msg/JointTrajectory",
     "Header header\nstring[] joint_names\nP[] points\n===\nMSG: trajectory_msgs/P\nfloat64[] positions\n"
     "float64[] velocities\nfloat64[] accelerations\nfloat64[] effort\nbuiltin_interfaces/Duration time\n",
     .field_count = 2, .fields = {{"q", NULL}, {"n", "points[].velocities#"}}},
    {"std_msgs/msg/Float32MultiArray",
     "L layout\nfloat32[] data\n===\nMSG: std_msgs/L\nD[] dim\nuint32 data_offset\n===\n"
     "MSG: std_msgs/D\nstring label\nuint32 size\nuint32 stride\n",
     .field_count = 1, .fields = {{"", NULL}}, .options = {.fixed_lengths = true}},
    {"nav_msgs/msg/OccupancyGrid",
     "Header header\nI info\nint8[] data\n===\nMSG: nav_msgs/I\nbuiltin_interfaces/Time t\nfloat32 resolution\n"
     "uint32 width\nuint32 height\ngeometry_msgs/Pose origin\n" POSE_TEXT,
     .field_count = 1, .fields = {{"", NULL}}},
    {"nav_msgs/msg/Path",
     "Header header\nS[] poses\n===\nMSG: nav_msgs/S\nHeader header\ngeometry_msgs/Pose pose\n" POSE_TEXT,
     .field_count = 3, .fields = {{"poses", NULL}, {"p", "poses[].pose.p"}, {"sec", "poses[].header.stamp.sec"}}},
    {"fuzz/msg/Table",
     "Row[] rows\nbool[] flags\nfloat32[4] four\n===\nMSG: fuzz/Row\nstring name\nCell[] cells\n===\n"
     "MSG: fuzz/Cell\nint16[] values\nbool set\n",
     .field_count = 4,
     .fields =
         {{"values", "rows[].cells[].values"}, {"set", "rows[].cells[].set"}, {"flags", "flags"}, {"four", "four"}}},
};

#define SUBJECT_COUNT (sizeof subjects / sizeof subjects[0])

static pmipc_ros_decoder *make_reader(struct subject *subject)
{
    pmipc_ros_decoder *decoder;
    if (!subject->types) {
        REQUIRE(pmipc_cdr_types_create(&subject->types, NULL) == PMIPC_OK);
        REQUIRE(pmipc_cdr_types_add(subject->types, subject->type, subject->text, strlen(subject->text), NULL) ==
                PMIPC_OK);
    }
    REQUIRE(pmipc_ros_decoder_create(&decoder, subject->types, subject->type, subject->fields, subject->field_count,
                                     &subject->options, NULL) == PMIPC_OK);
    if (subject->dtype) {
        pmipc_schema sample = pmipc_schema_tensor(subject->dtype, subject->ndim, subject->shape), schema;
        REQUIRE(pmipc_ros_decoder_expect(decoder, &sample, &schema, NULL) == PMIPC_OK);
    }
    return decoder;
}

static void require_message(const struct subject *subject, pmipc_status status, const pmipc_error *error)
{
    REQUIRE(status == PMIPC_SCHEMA_MISMATCH || status == PMIPC_CORRUPT || status == PMIPC_UNSUPPORTED);
    REQUIRE(error->status == status && strlen(error->text) > strlen(subject->type));
    REQUIRE(strncmp(error->text, subject->type, strlen(subject->type)) == 0);
}

/* Read into memory of exactly the right size. Frees it unless the caller wants it. */
static pmipc_status read_message(const struct subject *subject, pmipc_ros_decoder *decoder, const pmipc_schema *schema,
                                 const uint8_t *bytes, size_t count, pmipc_loan *loan)
{
    pmipc_error error;
    int64_t stamp;
    loan->field_count = schema->field_count;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        size_t field_bytes = pmipc_field_bytes(&schema->fields[i]);
        loan->fields[i].data = require_memory(field_bytes);
        loan->fields[i].length = schema->fields[i].ndim ? schema->fields[i].shape[0] : 1;
        memset(loan->fields[i].data, 0, field_bytes);
    }
    pmipc_status status = pmipc_ros_decoder_decode(decoder, bytes, count, loan, &stamp, &error);
    if (status)
        require_message(subject, status, &error);
    for (uint32_t i = 0; i < schema->field_count && !status; i++) {
        const pmipc_field *field = &schema->fields[i];
        int64_t most = field->ndim ? field->shape[0] : 1;
        bool is_variable = field->flags & PMIPC_FIELD_VARIABLE;
        REQUIRE(!is_variable || (loan->fields[i].length >= 0 && loan->fields[i].length <= most));
    }
    return status;
}

static void release(const pmipc_schema *schema, pmipc_loan *loan)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        free(loan->fields[i].data);
}

static void read_all(const struct subject *subject, pmipc_ros_decoder *decoder, const pmipc_schema *schema,
                     const uint8_t *first, size_t first_bytes, const uint8_t *second, size_t second_bytes)
{
    pmipc_loan once, other, again;
    REQUIRE(read_message(subject, decoder, schema, first, first_bytes, &once) == PMIPC_OK);
    (void)read_message(subject, decoder, schema, second, second_bytes, &other);
    REQUIRE(read_message(subject, decoder, schema, first, first_bytes, &again) == PMIPC_OK);
    for (uint32_t i = 0; i < schema->field_count; i++)
        REQUIRE(memcmp(once.fields[i].data, again.fields[i].data, pmipc_field_bytes(&schema->fields[i])) == 0);
    release(schema, &once);
    release(schema, &other);
    release(schema, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct subject *subject = &subjects[data[0] % SUBJECT_COUNT];
    size_t first_bytes = (size_t)data[1] | (size_t)data[2] << 8;
    first_bytes = first_bytes < size - 3 ? first_bytes : size - 3;
    const size_t second_bytes = size - 3 - first_bytes;
    uint8_t *first = require_memory(first_bytes), *second = require_memory(second_bytes);
    memcpy(first, data + 3, first_bytes);
    memcpy(second, data + 3 + first_bytes, second_bytes);
    pmipc_ros_decoder *decoder = make_reader(subject);
    pmipc_schema schema;
    pmipc_error error;
    pmipc_status status = pmipc_ros_decoder_learn(decoder, first, first_bytes, &schema, &error);
    if (status == PMIPC_OK) {
        uint64_t bytes = 0;
        REQUIRE(pmipc_schema_check(&schema, NULL) == PMIPC_OK);
        REQUIRE(pmipc_ros_decoder_metadata(decoder)[0] == '{');
        for (uint32_t i = 0; i < schema.field_count; i++)
            bytes += pmipc_field_bytes(&schema.fields[i]) < MAX_FRAME_BYTES ? pmipc_field_bytes(&schema.fields[i])
                                                                            : MAX_FRAME_BYTES;
        if (bytes < MAX_FRAME_BYTES)
            read_all(subject, decoder, &schema, first, first_bytes, second, second_bytes);
    } else {
        require_message(subject, status, &error);
        REQUIRE(pmipc_ros_decoder_metadata(decoder)[0] == '\0');
        /* The first message was refused, so the next one counts as the first. */
        status = pmipc_ros_decoder_learn(decoder, second, second_bytes, &schema, &error);
        REQUIRE((status == PMIPC_OK) == (pmipc_ros_decoder_metadata(decoder)[0] == '{'));
    }
    pmipc_ros_decoder_destroy(decoder);
    free(first);
    free(second);
    return 0;
}
