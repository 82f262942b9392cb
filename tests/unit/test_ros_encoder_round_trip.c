/* A message becomes a sample of a pool, and a view of that sample becomes the same message. */
#include "pools.h"
#include "ros_encoding.h"

/* `how` is what an encoder needs besides the schema. The decoder makes the schema. */
static void check_round_trip(const given *how, const message_bytes *message, const char *metadata)
{
    static const pmipc_ros_field plain = {"", NULL};
    pmipc_cdr_types *types = ros_types_make();
    pmipc_ros_decoder *decoder;
    pmipc_error error;
    given again = *how;
    CHECK_OK(pmipc_ros_decoder_create(&decoder, types, how->message, how->fields ? how->fields : &plain,
                                      how->fields ? how->field_count : 1, NULL, &error));
    if (pmipc_ros_decoder_learn(decoder, message->data, message->count, &again.schema, &error) != PMIPC_OK)
        FAIL("%s", error.text);
    CHECK_TEXT(pmipc_ros_decoder_metadata(decoder), metadata);
    pmipc_producer *producer = producer_open("topic", &again.schema, NULL);
    pmipc_stream *stream = stream_open("topic", NULL);
    CHECK_OK(pmipc_ros_decoder_publish(decoder, producer, message->data, message->count, 0, NULL, &error));
    pmipc_view view;
    pmipc_source sources[PMIPC_MAX_FIELDS];
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    for (uint32_t i = 0; i < view.field_count; i++)
        sources[i] = (pmipc_source){view.fields[i].data, view.fields[i].length};
    check_encoded(&again, sources, view.stamp_ns, message);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    pmipc_ros_decoder_destroy(decoder);
    pmipc_cdr_types_destroy(types);
}

TEST(golden_messages_round_trip_through_a_pool)
{
    message_bytes message = from_hex(joint_state_golden);
    const given joints = {.message = JOINT_STATE, .constants = {TEXT("frame_id", "cam"), TEXT("names", "a", "bc")}};
    check_round_trip(&joints, &message,
                     "{\"frame_id\":\"cam\",\"names\":[\"a\",\"bc\"],\"ros_type\":\"sensor_msgs/msg/JointState\"}");
    message = from_hex(image_golden);
    const given image = {.message = IMAGE,
                         .constants = {TEXT("frame_id", "cam"), TEXT("encoding", "rgb8"), NUMBER("is_bigendian", 0)}};
    check_round_trip(&image, &message,
                     "{\"encoding\":\"rgb8\",\"frame_id\":\"cam\",\"is_bigendian\":false,\"ros_type\":"
                     "\"sensor_msgs/msg/Image\"}");
    message = from_hex(cloud_golden);
    const given cloud = {.message = CLOUD,
                         .constants = {TEXT("frame_id", "cam"), NUMBER("is_bigendian", 0), NUMBER("is_dense", 1)}};
    check_round_trip(&cloud, &message,
                     "{\"frame_id\":\"cam\",\"is_bigendian\":false,\"ros_type\":\"sensor_msgs/msg/PointCloud2\"}");
    message = from_hex("00010000000000000000f03f");
    const given number = {.message = "std_msgs/msg/Float64"};
    check_round_trip(&number, &message, "{\"ros_type\":\"std_msgs/msg/Float64\"}");
}

TEST(messages_named_field_by_field_round_trip_through_a_pool)
{
    static const pmipc_ros_field fields[] = {{"pixels", "data"},
                                             {"h", "height"},
                                             {"w", "width"},
                                             {"order", "is_bigendian"},
                                             {"row", "step"},
                                             {"s", "header.stamp.sec"},
                                             {"ns", "header.stamp.nanosec"}};
    message_bytes message = from_hex(image_golden);
    const given image = {.message = IMAGE,
                         .fields = fields,
                         .field_count = LENGTH(fields),
                         .constants = {TEXT("frame_id", "cam"), TEXT("encoding", "rgb8")}};
    check_round_trip(&image, &message,
                     "{\"encoding\":\"rgb8\",\"frame_id\":\"cam\",\"ros_type\":\"sensor_msgs/msg/Image\"}");
}
