/* Encoding and decoding ROS messages in a control loop: no system call and no allocation. */
#include "loop_watch.h"
#include "pools.h"
#include "ros_decoding.h"
#include "ros_encoding.h"

#include <sys/syscall.h>

/* Encode constants, parts of fields, variable lengths with products, and a stamp for each element. */
static void encodes_messages(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    static const uint8_t pixels[16 * 8 * 3];
    static const double poses[16 * 7];
    static uint8_t buffer[4096];
    const given image = {.message = IMAGE, .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(16, 8, 3))};
    const given path = {.message = PATH, .schema = variable_tensor(PMIPC_FLOAT64, SHAPE(16, 7))};
    const given joints = {
        .message = JOINT_STATE, .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(3, 7)), .constants = {NO_NAMES}};
    const given cloud = {.message = CLOUD, .schema = variable_tensor(PMIPC_FLOAT32, SHAPE(16, 3))};
    pmipc_ros_encoder *encoders[] = {ros_encoder_of(&image), ros_encoder_of(&path), ros_encoder_of(&joints),
                                     ros_encoder_of(&cloud)};
    const void *data[] = {pixels, poses, poses, poses};
    pmipc_error error;
    loop_begin(SYS_write);
    for (int i = 0; i < 2000; i++) {
        size_t bytes;
        const pmipc_source source = {data[i % 4], i % 17};
        CHECK_OK(pmipc_ros_encoder_encode(encoders[i % 4], &source, i, buffer, sizeof buffer, &bytes, &error));
        CHECK_STATUS(pmipc_ros_encoder_encode(encoders[i % 4], &source, -1, buffer, sizeof buffer, &bytes, &error),
                     PMIPC_SCHEMA_MISMATCH);
        CHECK_STATUS(pmipc_ros_encoder_encode(encoders[i % 4], &source, i, buffer, 5, &bytes, &error), PMIPC_NO_SPACE);
    }
    loop_end();
}

/* Decode padded rows, joints in two orders, tables, and numbers that are copied while decoding. */
static void decodes_messages(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    const pmipc_cdr_leaf pose = {.path = "poses[].pose", .dtype = PMIPC_FLOAT64};
    static double poses[7 * 3];
    pmipc_cdr_column column = {.data = poses, .count = 21, .rows = 3};
    const int64_t table[] = {8, 1}, stacked[] = {3, 2};
    test_decoder decodings[] = {decoding_of(IMAGE, NULL), decoding_of(JOINT_STATE, NULL), decoding_of(CLOUD, NULL),
                                decoding_of(PATH, NULL), decoding_of(IMAGE, "data")};
    ros_message messages[] = {hex_message(image_golden), hex_message(joint_state_golden), hex_message(cloud_golden),
                              encode(PATH, &pose, &column, 1, 0), hex_message(image_golden)};
    CHECK_OK(decoding_expect(&decodings[1], PMIPC_FLOAT64, 2, stacked));
    CHECK_OK(decoding_expect(&decodings[2], PMIPC_FLOAT32, 2, table));
    for (int i = 0; i < 5; i++)
        CHECK_LEARNS(&decodings[i], &messages[i]);
    loop_begin(SYS_write);
    for (int i = 0; i < 2000; i++) {
        test_decoder *decoding = &decodings[i % 5];
        ros_message *message = &messages[i % 5];
        CHECK_OK(decoding_decode(decoding, message));
        message->count -= 1;
        CHECK_STATUS(decoding_decode(decoding, message), PMIPC_CORRUPT);
        message->count += 1;
        if (i % 5 != 1)
            continue;
        message->data[28] ^= 1; /* the name of a joint changes and changes back */
        CHECK_STATUS(decoding_decode(decoding, message), PMIPC_SCHEMA_MISMATCH);
        message->data[28] ^= 1;
    }
    loop_end();
}

TEST_WITH(encoding_ros_messages_makes_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(encodes_messages);
}

TEST_WITH(decoding_ros_messages_makes_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(decodes_messages);
}
