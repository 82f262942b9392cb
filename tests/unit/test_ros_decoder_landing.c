/* Images that are received in place: which stay in their slot, and which are copied and checked. */
#include "ros_decoding.h"

#include "pools.h"

enum { ROWS = 40, COLUMNS = 50, PIXEL_BYTES = ROWS * COLUMNS * 3 };

static ros_message image_of(const char *frame_id, int32_t sec, uint8_t shade, uint32_t padding)
{
    static uint8_t pixels[PIXEL_BYTES + ROWS * 8];
    const pmipc_cdr_leaf leaves[] = {
        {.path = "header.stamp.sec", .dtype = PMIPC_INT32},
        {.path = "header.frame_id", .dtype = PMIPC_CDR_STRING},
        {.path = "height", .dtype = PMIPC_UINT32},
        {.path = "width", .dtype = PMIPC_UINT32},
        {.path = "encoding", .dtype = PMIPC_CDR_STRING},
        {.path = "step", .dtype = PMIPC_UINT32},
        {.path = "data", .dtype = PMIPC_UINT8},
    };
    pmipc_cdr_span frame = span_of(frame_id), encoding = span_of("rgb8");
    uint32_t height = ROWS, width = COLUMNS, step = COLUMNS * 3 + padding;
    for (uint32_t row = 0; row < ROWS; row++) {
        memset(pixels + row * step, shade, COLUMNS * 3);
        memset(pixels + row * step + COLUMNS * 3, 0xdd, padding);
    }
    pmipc_cdr_column columns[] = {{.data = &sec, .count = 1},
                                  {.data = &frame, .count = 1},
                                  {.data = &height, .count = 1},
                                  {.data = &width, .count = 1},
                                  {.data = &encoding, .count = 1},
                                  {.data = &step, .count = 1},
                                  {.data = pixels, .count = (uint64_t)ROWS * step}};
    return encode(IMAGE, leaves, columns, LENGTH(leaves), 0);
}

typedef struct rig {
    test_decoder decoding;
    pmipc_producer *producer;
    pmipc_stream *stream;
} rig;

/* A pool with a decoder that learned an image, and one sample. */
static rig rig_open(const char *frame_id)
{
    static const pmipc_ros_field plain = {"", NULL};
    const pmipc_ros_decoder_options options = {.any_frame = true}; /* heads that differ */
    rig made = {.decoding = decoding_with(IMAGE, &plain, 1, &options)};
    ros_message first = image_of(frame_id, 1, 1, 0);
    CHECK_LEARNS(&made.decoding, &first);
    made.producer = producer_open("camera", &made.decoding.schema, NULL);
    made.stream = stream_open("camera", NULL);
    CHECK_OK(pmipc_ros_decoder_publish(made.decoding.decoder, made.producer, first.data, first.count, 0, NULL, NULL));
    free(first.data);
    return made;
}

static void rig_close(rig *made)
{
    pmipc_stream_close(made->stream);
    pmipc_producer_close(made->producer);
    decoding_close(&made->decoding);
}

/* Receive a message like a middleware: into the landing if it fits there. */
static bool receive(rig *made, const ros_message *message)
{
    pmipc_ros_landing landing;
    bool in_place;
    pmipc_ros_decoder_land(made->decoding.decoder, made->producer, &landing);
    const void *bytes = message->data;
    if (landing.bytes && message->count <= landing.capacity)
        bytes = memcpy(landing.bytes, message->data, message->count);
    CHECK_OK(pmipc_ros_decoder_publish_landed(made->decoding.decoder, made->producer, &landing, bytes, message->count,
                                              42, NULL, &in_place, &made->decoding.error));
    return in_place;
}

static void check_newest(rig *made, int64_t stamp_ns, uint8_t shade)
{
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(made->stream, &view));
    CHECK_EQ(view.stamp_ns, stamp_ns);
    const uint8_t *pixels = view.fields[0].data;
    for (uint32_t i = 0; i < PIXEL_BYTES; i++)
        CHECK_EQ(pixels[i], shade);
    pmipc_view_release(&view);
}

TEST(image_with_the_same_head_stays_in_place)
{
    rig camera = rig_open("cam");
    for (uint8_t shade = 2; shade < 60; shade++) {
        ros_message message = image_of("cam", shade, shade, 0);
        CHECK(receive(&camera, &message));
        check_newest(&camera, shade * INT64_C(1000000000), shade);
        free(message.data);
    }
    ros_message unstamped = image_of("cam", 0, 7, 0);
    CHECK(receive(&camera, &unstamped));
    check_newest(&camera, 42, 7);
    free(unstamped.data);
    rig_close(&camera);
}

TEST(long_head_uses_the_headroom_and_not_the_slot_before)
{
    rig camera = rig_open("camera_color_optical_frame_of_the_robot_on_the_left");
    uint32_t in_place = 0;
    enum { FRAMES = 60 };
    for (uint8_t shade = 2; shade < FRAMES; shade++) {
        ros_message message = image_of("camera_color_optical_frame_of_the_robot_on_the_left", shade, shade, 0);
        in_place += receive(&camera, &message);
        check_newest(&camera, shade * INT64_C(1000000000), shade);
        pmipc_view history;
        uint32_t count = shade < 10 ? shade : 10;
        CHECK_OK(pmipc_stream_get_window(camera.stream, count, count, &history));
        for (uint32_t k = 0; k < count; k++) {
            const uint8_t *frame = (const uint8_t *)history.fields[0].data + k * history.frame_stride;
            CHECK_EQ(frame[0], shade - count + 1 + k);
            CHECK_EQ(frame[PIXEL_BYTES - 1], shade - count + 1 + k);
        }
        pmipc_view_release(&history);
        free(message.data);
    }
    CHECK_EQ(in_place, FRAMES - 2); /* the pool has not grown, so each slot has headroom */
    rig_close(&camera);
}

TEST(image_with_another_head_is_copied_and_decoded)
{
    rig camera = rig_open("cam");
    ros_message other = image_of("came", 2, 2, 0); /* the same length as the others because of padding */
    CHECK(!receive(&camera, &other));
    check_newest(&camera, 2000000000, 2);
    CHECK(receive(&camera, &other)); /* the next ones are compared with it */
    ros_message shorter = image_of("c", 3, 3, 0);
    CHECK(!receive(&camera, &shorter));
    check_newest(&camera, 3000000000, 3);
    ros_message longer = image_of("a_camera_with_a_name", 4, 4, 0);
    CHECK(!receive(&camera, &longer));
    check_newest(&camera, 4000000000, 4);
    ros_message padded = image_of("a_camera_with_a_name", 5, 5, 8);
    CHECK(!receive(&camera, &padded));
    check_newest(&camera, 5000000000, 5);
    CHECK(!receive(&camera, &longer)); /* no landing after a padded image */
    CHECK_EQ(pmipc_producer_seq(camera.producer), 7);
    free(other.data);
    free(shorter.data);
    free(longer.data);
    free(padded.data);
    rig_close(&camera);
}

TEST(every_byte_of_the_head_except_the_stamp_is_compared)
{
    rig camera = rig_open("cam");
    ros_message message = image_of("cam", 1, 1, 0);
    for (size_t byte = 0; byte < message.count - PIXEL_BYTES; byte++) {
        pmipc_ros_landing landing;
        bool in_place = true;
        CHECK(receive(&camera, &message));
        pmipc_ros_decoder_land(camera.decoding.decoder, camera.producer, &landing);
        CHECK(landing.bytes != NULL && landing.capacity == message.count);
        uint8_t *bytes = memcpy(landing.bytes, message.data, message.count);
        bytes[byte] ^= 0x40;
        pmipc_status status =
            pmipc_ros_decoder_publish_landed(camera.decoding.decoder, camera.producer, &landing, bytes, message.count,
                                             42, NULL, &in_place, &camera.decoding.error);
        CHECK_EQ(in_place, byte >= 4 && byte < 12);
        if (in_place)
            CHECK_EQ(status, PMIPC_OK);
        /* The next message is received in any case. */
        (void)receive(&camera, &message);
    }
    free(message.data);
    rig_close(&camera);
}

TEST(unused_landing_leaves_no_loan)
{
    rig camera = rig_open("cam");
    ros_message message = image_of("cam", 2, 2, 0);
    pmipc_ros_landing landing;
    pmipc_ros_decoder_land(camera.decoding.decoder, camera.producer, &landing);
    CHECK(landing.bytes != NULL);
    pmipc_producer_discard(camera.producer, &landing.loan);
    pmipc_ros_decoder_land(camera.decoding.decoder, camera.producer, &landing);
    CHECK_STATUS(pmipc_ros_decoder_publish_landed(camera.decoding.decoder, camera.producer, &landing, landing.bytes,
                                                  landing.capacity + 1, 0, NULL, NULL, &camera.decoding.error),
                 PMIPC_INVALID_ARGUMENT);
    /* A message that was received elsewhere, although there was a landing. */
    pmipc_ros_decoder_land(camera.decoding.decoder, camera.producer, &landing);
    CHECK_OK(pmipc_ros_decoder_publish_landed(camera.decoding.decoder, camera.producer, &landing, message.data,
                                              message.count, 0, NULL, NULL, &camera.decoding.error));
    check_newest(&camera, 2000000000, 2);
    CHECK(receive(&camera, &message));
    /* During another loan there is no landing, and publishing reports the loan. */
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(camera.producer, &loan));
    pmipc_ros_decoder_land(camera.decoding.decoder, camera.producer, &landing);
    CHECK(landing.bytes == NULL);
    CHECK_STATUS(pmipc_ros_decoder_publish_landed(camera.decoding.decoder, camera.producer, &landing, message.data,
                                                  message.count, 0, NULL, NULL, &camera.decoding.error),
                 PMIPC_WRONG_STATE);
    pmipc_producer_discard(camera.producer, &loan);
    free(message.data);
    rig_close(&camera);
}

TEST(no_landing_in_a_pool_of_another_schema)
{
    rig camera = rig_open("cam");
    pmipc_producer *small = bytes_producer("small", 3, 2);
    pmipc_ros_landing landing;
    pmipc_ros_decoder_land(camera.decoding.decoder, small, &landing);
    CHECK(landing.bytes == NULL);
    pmipc_producer_close(small);
    rig_close(&camera);
}

/* Decode an image whose pixels differ between message and slot. There is no landing after it. */
static void check_no_landing_after(uint8_t is_bigendian, uint32_t flags)
{
    const pmipc_cdr_leaf leaves[] = {
        {.path = "header.stamp.sec", .dtype = PMIPC_INT32},
        {.path = "height", .dtype = PMIPC_UINT32},
        {.path = "width", .dtype = PMIPC_UINT32},
        {.path = "encoding", .dtype = PMIPC_CDR_STRING},
        {.path = "is_bigendian", .dtype = PMIPC_UINT8},
        {.path = "step", .dtype = PMIPC_UINT32},
        {.path = "data", .dtype = PMIPC_UINT8},
    };
    int32_t sec = 5;
    uint32_t height = 2, width = 3, step = 6;
    uint8_t pixels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    pmipc_cdr_span encoding = span_of("mono16");
    pmipc_cdr_column columns[] = {{.data = &sec, .count = 1},
                                  {.data = &height, .count = 1},
                                  {.data = &width, .count = 1},
                                  {.data = &encoding, .count = 1},
                                  {.data = &is_bigendian, .count = 1},
                                  {.data = &step, .count = 1},
                                  {.data = pixels, .count = sizeof pixels}};
    ros_message message = encode(IMAGE, leaves, columns, LENGTH(leaves), flags);
    test_decoder decoding = decoding_of(IMAGE, NULL);
    CHECK_LEARNS(&decoding, &message);
    pmipc_producer *producer = producer_open("mono", &decoding.schema, NULL);
    pmipc_stream *stream = stream_open("mono", NULL);
    for (int i = 0; i < 2; i++) {
        pmipc_ros_landing landing;
        pmipc_view view;
        pmipc_ros_decoder_land(decoding.decoder, producer, &landing);
        CHECK(landing.bytes == NULL);
        CHECK_OK(pmipc_ros_decoder_publish(decoding.decoder, producer, message.data, message.count, 0, NULL, NULL));
        CHECK_OK(pmipc_stream_get_last(stream, &view));
        CHECK_EQ(view.stamp_ns, INT64_C(5000000000));
        CHECK_EQ(((const uint16_t *)view.fields[0].data)[0], is_bigendian ? 0x0102 : 0x0201);
        pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    free(message.data);
    decoding_close(&decoding);
}

TEST(no_landing_after_pixels_of_the_other_byte_order)
{
    check_no_landing_after(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, 0);
}

TEST(no_landing_after_a_message_of_the_other_byte_order)
{
    check_no_landing_after(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, PMIPC_CDR_SWAPPED);
}

TEST(landing_only_after_an_image_that_was_copied_unchanged)
{
    test_decoder joints = decoding_of(JOINT_STATE, NULL);
    ros_message message = hex_message(joint_state_golden);
    CHECK_LEARNS(&joints, &message);
    pmipc_producer *producer = producer_open("joints", &joints.schema, NULL);
    CHECK_OK(pmipc_ros_decoder_publish(joints.decoder, producer, message.data, message.count, 0, NULL, NULL));
    pmipc_ros_landing landing;
    pmipc_ros_decoder_land(joints.decoder, producer, &landing);
    CHECK(landing.bytes == NULL);
    pmipc_producer_close(producer);
    free(message.data);
    decoding_close(&joints);
}
