/* cdr_messages.h: message types and golden messages for the tests of src/cdr.
 *
 * Two independent codecs made the golden bytes. Fast CDR 2.3.3 made `cdr2_golden`. */
#ifndef PMIPC_TEST_CDR_MESSAGES_H
#define PMIPC_TEST_CDR_MESSAGES_H

#include "test.h"

#include <polymorph_ipc/cdr.h>

#define SEPARATOR "================================================================================\n"

#define JOINT_STATE "sensor_msgs/msg/JointState"
#define JOINT_STATE_TEXT                                                                          \
    "# The state of joints.\nstd_msgs/Header header\n\nstring[] name\nfloat64[] position # rad\n" \
    "float64[] velocity\nfloat64[] effort\n"

#define IMAGE "sensor_msgs/msg/Image"
#define IMAGE_TEXT                                                                                                \
    "std_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\nuint32 step\n"     \
    "uint8[] data\n" SEPARATOR "MSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n" SEPARATOR \
    "MSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n"

#define CLOUD "sensor_msgs/msg/PointCloud2"
#define CLOUD_TEXT                                                                                                     \
    "std_msgs/Header header\nuint32 height\nuint32 width\nPointField[] fields\nbool is_bigendian\nuint32 point_step\n" \
    "uint32 row_step\nuint8[] data\nbool is_dense\n" SEPARATOR "MSG: sensor_msgs/PointField\nuint8 INT8=1\n"           \
    "uint8 FLOAT32 = 7 # a constant\nstring name\nuint32 offset\nuint8 datatype\nuint32 count\n"

#define PATH "nav_msgs/msg/Path"
#define PATH_TEXT                                                                   \
    "std_msgs/Header header\ngeometry_msgs/PoseStamped[] poses\n" SEPARATOR         \
    "MSG: geometry_msgs/PoseStamped\nstd_msgs/Header header\nPose pose\n" SEPARATOR \
    "MSG: geometry_msgs/Pose\nPoint position\nQuaternion orientation\n" SEPARATOR   \
    "MSG: geometry_msgs/Point\nfloat64 x\nfloat64 y\nfloat64 z\n" SEPARATOR         \
    "MSG: geometry_msgs/Quaternion\nfloat64 x 0\nfloat64 y 0\nfloat64 z 0\nfloat64 w 1\n"

/* The fields of Fast CDR's example: strings, numbers, messages, and lists of them, also empty ones. */
#define CDR2_TYPE "test/msg/Collections"
#define CDR2_TYPE_TEXT                                                                                            \
    "int32 a\nuint32 b\nstring c\nstring[] names\nfloat64[] numbers\nfloat64[] none\nPair[] pairs\nPair[2] two\n" \
    "string[1] one\nPair[] no_pairs\nbool[] bools\nstring[] no_names\nuint8 last\n" SEPARATOR                     \
    "MSG: test/Pair\nuint8 a\nfloat64 b\n"

/* H = sec 1, nanosec 2, "cam". JointState: H, ["a", "bc"], [1, 2], [], []. */
static const char joint_state_golden[] =
    "0001000001000000020000000400000063616d00020000000200000061000000030000006263000002000000000000000000f03f0000000000"
    "0000400000000000000000";
/* Image: H, 1x2, "rgb8", little endian, step 6, 1 to 6. */
static const char image_golden[] =
    "0001000001000000020000000400000063616d0001000000020000000500000072676238000000000600"
    "000006000000010203040506";
/* PointCloud2: H, 1x1, one field x at 0 of type 7, steps 4 and 4, one float 1, dense. */
static const char cloud_golden[] =
    "0001000001000000020000000400000063616d000100000001000000010000000200000078000000000000000700000001000000000000000400"
    "000004000000040000000000803f01";
static const char cdr2_golden[] =
    "0007000001000000020000000400000063616d001300000002000000020000006100eeee03000000626300ee02000000000000000000f03f00"
    "00000000000040000000001c0000000200000007eeeeee000000000000f83f08eeeeee00000000000004401800000009eeeeee000000000000"
    "0c4001eeeeee000000000000124006000000020000007800eeee0400000000000000020000000100eeee040000000000000003";

typedef struct message_bytes {
    uint8_t data[1024];
    size_t count;
} message_bytes;

static inline message_bytes from_hex(const char *hex)
{
    message_bytes bytes = {.count = strlen(hex) / 2};
    CHECK(bytes.count <= sizeof bytes.data);
    for (size_t i = 0; i < bytes.count; i++) {
        unsigned value;
        CHECK_EQ(sscanf(hex + 2 * i, "%2x", &value), 1);
        bytes.data[i] = (uint8_t)value;
    }
    return bytes;
}

/* A copy in memory of exactly its size, so that a sanitizer reports every read past its end. */
static inline uint8_t *exact_copy(const message_bytes *bytes, size_t count)
{
    uint8_t *copy = malloc(count ? count : 1);
    CHECK(copy != NULL);
    memcpy(copy, bytes->data, count);
    return copy;
}

static inline pmipc_cdr_types *types_of(const char *name, const char *text)
{
    pmipc_cdr_types *types;
    pmipc_error error;
    CHECK_OK(pmipc_cdr_types_create(&types, &error));
    if (pmipc_cdr_types_add(types, name, text, strlen(text), &error) != PMIPC_OK)
        FAIL("%s", error.text);
    return types;
}

/* The types are destroyed at once, because a decoder keeps what it needs. */
static inline pmipc_cdr_decoder *decoder_of(const char *name, const char *text, const pmipc_cdr_leaf *leaves,
                                            uint32_t leaf_count)
{
    pmipc_cdr_types *types = types_of(name, text);
    pmipc_cdr_decoder *decoder;
    pmipc_error error;
    if (pmipc_cdr_decoder_create(&decoder, types, name, leaves, leaf_count, &error) != PMIPC_OK)
        FAIL("%s", error.text);
    pmipc_cdr_types_destroy(types);
    return decoder;
}

static inline pmipc_cdr_encoder *encoder_of(const char *name, const char *text, const pmipc_cdr_leaf *leaves,
                                            uint32_t leaf_count, uint32_t flags)
{
    pmipc_cdr_types *types = types_of(name, text);
    pmipc_cdr_encoder *encoder;
    pmipc_error error;
    if (pmipc_cdr_encoder_create(&encoder, types, name, leaves, leaf_count, flags, &error) != PMIPC_OK)
        FAIL("%s", error.text);
    pmipc_cdr_types_destroy(types);
    return encoder;
}

#define CHECK_SPAN(span, text)                \
    do {                                      \
        CHECK_EQ((span).count, strlen(text)); \
        CHECK_TEXT((span).data, (text));      \
    } while (0)

#define LENGTH(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

#endif
