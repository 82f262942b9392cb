/* ros.h: ROS 2 messages as samples of a pool, and samples of a pool as messages.
 *
 * cdr.h handles the bytes of a message. This header handles its meaning: an Image is (height, width, channels) by its
 * encoding, a PointCloud2 is an array of points, a JointState is a vector in the order of its joints' names.
 *
 * - A decoder turns serialized messages into samples, directly in a loaned frame.
 * - An encoder turns samples into serialized messages.
 *
 * Neither depends on a middleware. The bytes can come from, or go to, rclpy, rcl, DDS or a bag.
 *
 * Fields. Each field of the pool (pmipc_ros_field) holds one part of the message:
 *
 *   path            the field holds
 *   "a.b"           numbers: what the path leads to (see cdr.h), with its dtype and shape
 *   "a.b"           a string: uint8 (n), its UTF-8 bytes, variable. If the expected sample is one of numpy's texts of
 *                   a fixed length, "|S<n>" or "<U<n>" (in this machine's byte order): that text, padded with NULs. A
 *                   string that does not fit is refused, never cut
 *   "joint_stamps"  the stamps of joints: see below
 *   NULL or ""      the default tensor of the message type:
 *
 *   message type                              default tensor
 *   sensor_msgs/Image                         by encoding, see below
 *   sensor_msgs/CompressedImage               uint8 (n)
 *   sensor_msgs/PointCloud2                   structured points (N). If the expected sample has the dtype of the
 *                                             point fields: (N, k), the fields x, y, z and then the others of this
 *                                             dtype, or the fields of the option point_fields
 *   sensor_msgs/JointState                    float64 position (J). If the expected sample is (3, J): position,
 *                                             velocity, effort; NaN in rows that the message leaves empty
 *   sensor_msgs/LaserScan                     float32 ranges (N)
 *   sensor_msgs/Joy                           float32 axes (N)
 *   sensor_msgs/Imu                           float64 (10): orientation x y z w, angular velocity, linear
 *                                             acceleration
 *   sensor_msgs/CameraInfo                    float64 k (3, 3)
 *   sensor_msgs/MagneticField                 float64 (3)
 *   sensor_msgs/NavSatFix                     float64 (3): latitude, longitude, altitude
 *   sensor_msgs/Range, FluidPressure, Temperature, RelativeHumidity, Illuminance
 *                                             (): range, fluid_pressure, temperature, relative_humidity, illuminance
 *   std_msgs/Float64, Int32, Bool, ...        ()
 *   std_msgs/...MultiArray                    data, in the shape of its layout; (n) if the layout is empty
 *   geometry_msgs/Point, Pose, Twist, ...     float64 (3), (7), (6), also Stamped and WithCovariance
 *   geometry_msgs/PoseArray, nav_msgs/Path    float64 (N, 7)
 *   geometry_msgs/Polygon, PolygonStamped     float32 (N, 3)
 *   nav_msgs/Odometry                         float64 (13): pose, twist
 *   nav_msgs/OccupancyGrid                    int8 (height, width)
 *   trajectory_msgs/JointTrajectory           float64 positions (T, J)
 *   tf2_msgs/TFMessage                        refused: a transform needs the names of its frames
 *   any other type                            all its numbers except headers and stamps, if they have one dtype and
 *                                             form one tensor; otherwise a path is required
 *
 *   encoding of an Image                      default tensor
 *   rgb8, bgr8                                uint8 (H, W, 3)
 *   mono8, mono16                             uint8 (H, W), uint16 (H, W)
 *   32FC1 and others of that form             float32 (H, W) and so on
 *   yuv422                                    uint8 (H, W, 2)
 *   nv12, nv21                                uint8 (H * 3/2, W)
 *   nv24                                      uint8 (H * 3, W)
 *   unknown ones                              refused
 *
 * Rules for all fields:
 * - Sequences are variable: each message has its own leading length. A message that is longer than the pool has room
 *   for makes the pool larger (pmipc_producer_reserve).
 * - Images, grids, organized clouds and values of joints are not variable. Their shape is the pool's.
 * - Dtypes and encodings are never converted. Numbers are put into this machine's byte order.
 * - A message that does not fit is refused with PMIPC_SCHEMA_MISMATCH and a text that tells why.
 * - Point fields named "_" or "" are padding and are left out.
 *
 * Values of joints (of JointState and JointTrajectory, by default or by path) are put into the order of the sample's
 * joint names. A message is refused if
 * - it lacks a joint of the sample (except when joints merge, below),
 * - it names a joint twice,
 * - it does not have one value for each name, or
 * - it leaves the values of a field empty (except rows of (3, J)).
 *
 * Joints that merge: if the joints of a JointState are selected (pmipc_ros_decoder_options), several publishers may
 * each send some of them.
 * - A sample has the last value of each joint, NaN before the first.
 * - The value becomes NaN if the joint's message leaves that list empty.
 * - A message that names none of the joints is refused.
 * - A field of the path "joint_stamps", int64 (J), holds the stamp of each joint's last message in ns since the
 *   epoch, 0 before the first.
 *
 * Messages are untrusted. The limits are 1024 joints, 4096 names in a message, 64 fields of a point, and 65536
 * sequences within sequences.
 *
 * Threads: one at a time for each decoder and each encoder. Functions that take an `error` accept NULL for it. */
#ifndef PMIPC_ROS_H
#define PMIPC_ROS_H

#include "cdr.h"
#include "producer.h"

PMIPC_BEGIN_DECLS

/** One field of the pool, and the part of the message that it holds. */
typedef struct pmipc_ros_field {
    const char *name; /* "" for the one field of a plain tensor */
    const char *path; /* as in cdr.h; NULL or "": the default tensor */
} pmipc_ros_field;

/** Options of a decoder. All zero is the default. Texts are copied. */
typedef struct pmipc_ros_decoder_options {
    const char *const *joints; /* JointState, JointTrajectory: the joints of a sample, in order; NULL: those of the
                                  first message. Selected joints of a JointState merge, see above */
    uint32_t joint_count;
    const char *const *point_fields; /* PointCloud2 as (N, k): the fields, in order; NULL: x, y, z, ... */
    uint32_t point_field_count;
    bool any_frame;     /* messages may differ in frame_id and child_frame_id, and the metadata do not have them. False:
                           a message with other frames than the first one's is refused */
    bool fixed_lengths; /* every message has the sequence lengths of the expected sample or of the first message */
    bool organized;     /* PointCloud2: (height, width) points, or (height, width, k) numbers */
} pmipc_ros_decoder_options;

/* ---- messages to samples ---- */

typedef struct pmipc_ros_decoder pmipc_ros_decoder;

/** Compile a decoder of messages of type `message` ("sensor_msgs/msg/Image") into samples with these fields.
 * One field named "" makes a plain tensor. `options` may be NULL.
 * Ownership: `*decoder` is the caller's until pmipc_ros_decoder_destroy; fields and options are copied.
 * Threads: one at a time for each set of types.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL; the type or a path does not exist (`error` lists what exists); the
 *   type has no default tensor; or an option does not apply to the type
 * - PMIPC_SCHEMA_MISMATCH: the type has the name of a standard type, but other fields
 * - PMIPC_UNSUPPORTED: TFMessage
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_decoder_create(pmipc_ros_decoder **decoder, pmipc_cdr_types *types,
                                                               const char *message, const pmipc_ros_field *fields,
                                                               uint32_t field_count,
                                                               const pmipc_ros_decoder_options *options,
                                                               pmipc_error *error);

/** Destroy a decoder. NULL is allowed. */
PMIPC_API void pmipc_ros_decoder_destroy(pmipc_ros_decoder *decoder);

/** Set the dtypes and shapes of samples before the first message.
 * `sample` has the decoder's fields, in order. `*schema` is set to the schema of the pool: that of the sample, with
 * variable fields marked. The first dimension of a variable field is the room that it has at first.
 *
 *   field                                            shapes that `sample` may have
 *   fixed arrays, sequences of numbers               any shape with the same elements
 *   images                                           the natural one; (H, W, 1) for (H, W)
 *   points of a PointCloud2                          (N), or (height, width) to keep the cloud organized
 *   numbers of a PointCloud2                         (N, k), or (height, width, k) to keep the cloud organized
 *   grids, multi-arrays with a layout, joints, sequences within sequences
 *                                                    the natural one
 *
 * Returns:
 * - PMIPC_OK
 * - PMIPC_SCHEMA_MISMATCH: no message of this type can fit; `error` tells what is expected
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL, the fields have other names, or the schema is not valid
 * - PMIPC_WRONG_STATE: a message was already learned */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_decoder_expect(pmipc_ros_decoder *decoder, const pmipc_schema *sample,
                                                               pmipc_schema *schema, pmipc_error *error);

/** Learn from the first message what later ones must agree with.
 * That is:
 * - frame_id and child_frame_id, unless `any_frame` is set or a field holds them
 * - the encoding of an image
 * - the names of joints and their order
 * - the layout of points
 * - the schema, unless a sample is expected. A variable field gets room for twice the rows of this message, if these
 *   take at most 16 MiB, and for at least 1024 rows, if these take at most 1 MiB.
 *
 * `*schema` (may be NULL) is set to the schema of the pool. pmipc_ros_decoder_metadata returns the pool's metadata.
 * The message that was learned can also be decoded.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_SCHEMA_MISMATCH: the message cannot be a sample, or does not fit the expected one. Nothing is learned: try
 *   the next message
 * - PMIPC_CORRUPT: not a message of this type. Nothing is learned
 * - PMIPC_UNSUPPORTED: as pmipc_cdr_decode. Nothing is learned
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL
 * - PMIPC_WRONG_STATE: a message was already learned
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_decoder_learn(pmipc_ros_decoder *decoder, const void *bytes,
                                                              size_t byte_count, pmipc_schema *schema,
                                                              pmipc_error *error);

/** The metadata of a pool of these messages: a JSON object with sorted keys and no spaces. "" before a message is
 * learned.
 *
 *   key                       value
 *   ros_type                  the message type
 *   frame_id, child_frame_id, encoding, format
 *                             of the learned message, if it has them
 *   names                     of joints, in the sample's order
 *   point_fields              the columns of (N, k) points
 *   is_bigendian              true or false: the byte order of the message. Samples are in this machine's
 *
 * A string is left out if it is not UTF-8, if it is longer than 1024 bytes, or if a field of the samples holds it.
 * Ownership: the decoder's, until it is destroyed. Threads: the decoder's. */
PMIPC_API const char *pmipc_ros_decoder_metadata(const pmipc_ros_decoder *decoder);

/** The stamp of each joint's last message, in the sample's order: ns since the epoch, 0 before the first.
 * NULL, and `*count` 0, unless joints of a JointState were selected.
 * Ownership: the decoder's, until it is destroyed. Threads: the decoder's. */
PMIPC_API const int64_t *pmipc_ros_decoder_joint_stamps(const pmipc_ros_decoder *decoder, uint32_t *count);

/** Decode a message into a loaned frame of a pool that has the learned schema.
 * The lengths of the loan are set. `*stamp_ns` (may be NULL) is set to the stamp of the message's header in ns since
 * the epoch, 0 if the message has none. After a failure, discard the frame.
 * Threads: the decoder's. Progress: no system call. No allocation, except when a message has a longer list of names
 * than all before it.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_SCHEMA_MISMATCH: the message does not fit; `error` tells what it has and what the pool takes
 * - PMIPC_CORRUPT: not a message of this type
 * - PMIPC_UNSUPPORTED: as pmipc_cdr_decode
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL, or the loan has another number of fields
 * - PMIPC_WRONG_STATE: no message was learned yet
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_decoder_decode(pmipc_ros_decoder *decoder, const void *bytes,
                                                               size_t byte_count, pmipc_loan *loan, int64_t *stamp_ns,
                                                               pmipc_error *error);

/** Loan a frame, decode a message into it, and commit it. A failure discards the frame.
 * A message without a stamp gets `fallback_stamp_ns`. `seq` may be NULL. If the message is longer than the pool has
 * room for, the pool becomes larger (pmipc_producer_reserve).
 * Threads: those of decoder and producer. Progress: as pmipc_ros_decoder_decode and pmipc_producer_publish.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_SCHEMA_MISMATCH: the message does not fit, the pool does not have the learned schema, or the message is too
 *   long for a pool that must not become larger (no_growth, fixed_capacity)
 * - PMIPC_CORRUPT: not a message of this type
 * - PMIPC_UNSUPPORTED: as pmipc_cdr_decode
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL
 * - PMIPC_WRONG_STATE: no message was learned yet, or the producer has a loan
 * - PMIPC_FULL, PMIPC_LOST, PMIPC_CLOSED, PMIPC_FORKED: as pmipc_producer_publish
 * - PMIPC_NO_SPACE, PMIPC_PERMISSION, PMIPC_SYSTEM: the larger pool, or a removed one, cannot be made
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_decoder_publish(pmipc_ros_decoder *decoder, pmipc_producer *producer,
                                                                const void *bytes, size_t byte_count,
                                                                int64_t fallback_stamp_ns, uint64_t *seq,
                                                                pmipc_error *error);

/** Memory for receiving one whole message, so that its largest part is where the sample needs it. */
typedef struct pmipc_ros_landing {
    void *bytes; /* NULL: no memory; receive the message elsewhere */
    size_t capacity;
    pmipc_loan loan; /* valid while `bytes` is not NULL */
} pmipc_ros_landing;

/** Offer memory for receiving the next message.
 * There is memory if the last message was an image whose pixels were copied unchanged. It is in a loaned frame,
 * placed so that the pixels of another such message need no copy. Continue with pmipc_ros_decoder_publish_landed or,
 * if no message arrives, with pmipc_producer_discard(producer, &landing->loan). It never fails; without memory
 * `bytes` is NULL.
 * Threads: those of decoder and producer. Progress: as pmipc_producer_loan. */
PMIPC_API void pmipc_ros_decoder_land(pmipc_ros_decoder *decoder, pmipc_producer *producer, pmipc_ros_landing *landing);

/** Publish a message that was received at `landing->bytes`, or elsewhere.
 * `bytes` is `landing->bytes`, or another place if the message was too long or there was no memory. The landing is
 * used up in any case. A message that differs from the last one in more than stamp and pixels (another frame_id,
 * padded rows) is copied and decoded as by pmipc_ros_decoder_publish. `*in_place` (may be NULL) tells whether nothing
 * was copied.
 * Threads: those of decoder and producer. Progress: as pmipc_ros_decoder_publish, plus an allocation for the copy.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_SCHEMA_MISMATCH, PMIPC_CORRUPT, PMIPC_UNSUPPORTED, PMIPC_WRONG_STATE, PMIPC_FULL, PMIPC_LOST, PMIPC_CLOSED,
 *   PMIPC_FORKED, PMIPC_NO_SPACE, PMIPC_PERMISSION, PMIPC_SYSTEM: as pmipc_ros_decoder_publish
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL, or `byte_count` is greater than the landing's capacity
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_decoder_publish_landed(
    pmipc_ros_decoder *decoder, pmipc_producer *producer, pmipc_ros_landing *landing, const void *bytes,
    size_t byte_count, int64_t fallback_stamp_ns, uint64_t *seq, bool *in_place, pmipc_error *error);

/* ---- samples to messages ---- */

typedef struct pmipc_ros_encoder pmipc_ros_encoder;

/** A value that every message has and samples do not hold.
 *
 *   key                                   value
 *   frame_id, child_frame_id, encoding, format, names, point_fields, is_bigendian
 *                                         as in the metadata of a decoder
 *   layout                                how images are stored in samples: "HWC" (height, width, channels), or
 *                                         "CHW", which is converted to "HWC" for each message
 *   a path                                a string or number of the message. If the path goes through a list of
 *                                         messages ("items[].level"), all elements get the value
 *
 * A constant may also give what follows from the sample (height, step), if it is the same value. is_bigendian is
 * replaced by this machine's byte order, unless all numbers are single bytes. */
typedef struct pmipc_ros_constant {
    const char *key;
    const char *const *texts; /* a list of strings: all of them (not NULL, even for none). A string: one, or one for
                                 each element of a list of messages ("layout.dim[].label"). A number: NULL */
    uint32_t text_count;
    double number; /* if `texts` is NULL: an integer that the field's dtype holds exactly; for floats it is rounded */
} pmipc_ros_constant;

/** Compile an encoder of samples of `schema` as messages of type `message`.
 * `fields` are as of a decoder, in any order, and need not be all of the schema's. NULL stands for the default tensor
 * if the schema is a plain tensor, else for fields whose names are their paths.
 *
 * What no field and no constant gives is derived, or has the default of the message type:
 *
 *   derived                    value
 *   header                     the sample's stamp
 *   headers of a list          the message's stamp and frame_id (Path)
 *   Image: encoding            the most general one of the dtype and shape: mono8, rgb8, rgba8, mono16, rgb16,
 *                              rgba16, otherwise 32FC1 and others of that form. More than 4 channels need the
 *                              constant
 *   Image: step                without padding
 *   PointCloud2: height, width
 *                              one row for (N) points and (N, k) numbers; an organized cloud for (height, width) and
 *                              (height, width, k)
 *   PointCloud2: fields        of (N, k) numbers without the constant "point_fields": x, y, z, and intensity
 *   PointCloud2: is_dense      false
 *   JointState                 a row of (3, J) that is all NaN becomes an empty list
 *   MultiArray: layout         sizes and strides of the sample's shape
 *
 * Messages that receivers ignore are refused:
 * - values of joints without the constant "names" (an empty list is for receivers that go by position)
 * - trajectories of several points without times: "points[].time_from_start.sec" and
 *   "points[].time_from_start.nanosec", as fields or constants
 *
 * A path into lists within lists ("points[].positions") takes the outer lists from the leading dimensions. With a
 * field for the lengths ("points[].positions#") it takes them one after the other.
 *
 * Ownership: `*encoder` is the caller's until pmipc_ros_encoder_destroy; all arguments are copied.
 * Threads: one at a time for each set of types.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL; the type, a path or a constant is not valid; or receivers would ignore
 *   the messages
 * - PMIPC_SCHEMA_MISMATCH: the schema cannot be such a message; `error` tells what is expected
 * - PMIPC_UNSUPPORTED: TFMessage
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_encoder_create(pmipc_ros_encoder **encoder, pmipc_cdr_types *types,
                                                               const char *message, const pmipc_schema *schema,
                                                               const pmipc_ros_field *fields, uint32_t field_count,
                                                               const pmipc_ros_constant *constants,
                                                               uint32_t constant_count, pmipc_error *error);

/** Destroy an encoder. NULL is allowed. */
PMIPC_API void pmipc_ros_encoder_destroy(pmipc_ros_encoder *encoder);

/** Encode one sample as a serialized message: XCDR1 in this machine's byte order, including the header.
 * `sources` has one entry for each field of the schema (the fields of a view have the same members). `stamp_ns` is in
 * ns since the epoch, and ignored if the message has no stamp. `*byte_count` is set to the message's length on
 * PMIPC_OK and PMIPC_NO_SPACE. To ask for the length, pass buffer NULL and capacity 0.
 * Threads: the encoder's. Progress: no allocation, no system call; the data are copied once.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_NO_SPACE: `capacity` is less than the message's length; the contents of `buffer` are undefined
 * - PMIPC_SCHEMA_MISMATCH: a length or a bound of the message type is exceeded, the stamp is before 1970 or after
 *   2038, or a bool is neither 0 nor 1
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_encoder_encode(pmipc_ros_encoder *encoder, const pmipc_source *sources,
                                                               int64_t stamp_ns, void *buffer, size_t capacity,
                                                               size_t *byte_count, pmipc_error *error);

PMIPC_END_DECLS

#endif
