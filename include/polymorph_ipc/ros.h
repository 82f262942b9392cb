/* ros.h: ROS 2 messages as samples of a pool, and samples of a pool as messages.
 *
 * cdr.h knows how messages lie in bytes; this knows what they mean: that an Image is (height, width, channels) by its
 * encoding, a PointCloud2 an array of points, a JointState a vector in the order of its joints' names. A decoder turns
 * serialized messages into samples, straight into a loaned frame; an encoder turns samples into serialized messages.
 * Neither knows of any middleware: bytes come from and go to rclpy, rcl, DDS or a bag.
 *
 * What becomes of a message, field by field of the pool (pmipc_ros_field):
 *
 *   path "a.b"    what cdr.h's path leads to, as it lies there
 *                 a string: uint8 (n), its bytes as UTF-8, variable; or with a sample of one of numpy's fixed texts,
 * "|S<n>" or "<U<n>" in this machine's byte order, filled up with NULs. A text that does not fit is refused, never cut
 *   no path       the type's default tensor:
 *
 *   sensor_msgs/Image                      by encoding: uint8 (H, W, 3) for rgb8 and bgr8, uint16 (H, W) for mono16,
 * float32 (H, W) for 32FC1, ...; yuv422: uint8 (H, W, 2); nv12, nv21: uint8 (H * 3/2, W); nv24: uint8 (H * 3, W); an
 * encoding that nobody knows is refused sensor_msgs/CompressedImage            uint8 (n) sensor_msgs/PointCloud2
 * structured points (N); with a sample of float32 (or whatever the point fields are) (N, k): the fields x, y, z and
 * further ones in their order, or those that `point_fields` names sensor_msgs/JointState                 float64
 * position (J); with a sample (3, J): position, velocity, effort, rows that a message leaves empty are NaN
 *   sensor_msgs/LaserScan, Joy             float32 ranges (N); float32 axes (N)
 *   sensor_msgs/Imu                        float64 (10): orientation x y z w, angular velocity, linear acceleration
 *   sensor_msgs/CameraInfo                 float64 k (3, 3)
 *   sensor_msgs/MagneticField, NavSatFix   float64 (3): the field; latitude, longitude, altitude
 *   sensor_msgs/Range, FluidPressure, Temperature, RelativeHumidity, Illuminance     range, fluid_pressure, ... ()
 *   std_msgs/...MultiArray                 data, in the shape that layout says (n when it says none)
 *   std_msgs/Float64, Int32, Bool, ...     ()
 *   geometry_msgs/Point, Pose, Twist, ...  float64 (3), (7), (6); Stamped and WithCovariance ones the same
 *   geometry_msgs/PoseArray, nav_msgs/Path float64 (N, 7)
 *   geometry_msgs/Polygon(Stamped)         float32 (N, 3)
 *   nav_msgs/Odometry                      float64 (13): pose, twist
 *   nav_msgs/OccupancyGrid                 int8 (height, width)
 *   trajectory_msgs/JointTrajectory        float64 positions (T, J)
 *   tf2_msgs/TFMessage                     refused: without frame names it means nothing
 *   any other                              all its numbers when they are of one dtype, headers left out; else a path
 * must be given
 *
 * Sequences are variable: each message has its own leading length, and a message that is longer than the pool has room
 * for makes the pool larger (pmipc_producer_reserve). Images, grids, organized clouds and values of joints are not:
 * their shape is the pool's. Nothing is converted: not dtypes, not encodings; only bytes are put into this machine's
 * order. What does not fit is SCHEMA_MISMATCH in words. Fields of points that are called "_" or "" are padding and are
 * left out.
 *
 * Values of joints (JointState's and JointTrajectory's, by default or by path) go by the joints' names: each message is
 * put into the order of the sample. One value for each name, or the message is refused; so is one that lacks a joint,
 * or names one twice, and one that leaves a field's values empty (but for rows of (3, J)).
 *
 * JointStates whose joints were selected (pmipc_ros_decoder_options) may come from several publishers, each with some
 * of the joints: a sample has the last value of each, NaN until it is heard, and of a joint whose message leaves that
 * list empty. A message that names none of them is refused. A field of the path "joint_stamps", int64 (J), holds the
 * stamp of each joint's last message, ns since the epoch, 0 before the first.
 *
 * Messages are untrusted. At most 1024 joints are read (out of 4096 names), 64 fields of a point, and 65536 sequences
 * within sequences.
 *
 * Threads: one at a time for each decoder and each encoder. */
#ifndef PMIPC_ROS_H
#define PMIPC_ROS_H

#include "cdr.h"
#include "producer.h"

PMIPC_BEGIN_DECLS

/** One field of the pool, and what of the message it holds. */
typedef struct pmipc_ros_field {
    const char *name; /* "" for the one field of a plain tensor */
    const char *path; /* as in cdr.h; NULL or "": the default tensor */
} pmipc_ros_field;

/** Options of a decoder. All zero is the default. Texts are copied. */
typedef struct pmipc_ros_decoder_options {
    const char *const *joints; /* JointState, JointTrajectory: which joints, in which order; NULL: the first message's.
                                  JointStates may then name some of them: see below */
    uint32_t joint_count;
    const char *const *point_fields; /* PointCloud2 as (N, k): which fields; NULL: x, y, z, ... */
    uint32_t point_field_count;
    bool any_frame;     /* messages may differ in frame_id and child_frame_id, which metadata do not say then;
                           false: those of other frames than the first message's are refused */
    bool fixed_lengths; /* sequences have the length of the sample, or of the first message, in every message */
    bool organized;     /* PointCloud2: (height, width) points, (height, width, k) numbers */
} pmipc_ros_decoder_options;

/* ---- messages to samples ---- */

typedef struct pmipc_ros_decoder pmipc_ros_decoder;

/** Compile the reading of messages of type `message` ("sensor_msgs/msg/Image") into samples with these fields. One
 * field named "" makes a plain tensor. Returns: OK, INVALID_ARGUMENT (no such type or path, says which there are; a
 * type without a default tensor; joints or point_fields that the type does not have), UNSUPPORTED (TFMessage),
 * NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_decoder_create(pmipc_ros_decoder **decoder, pmipc_cdr_types *types,
                                                               const char *message, const pmipc_ros_field *fields,
                                                               uint32_t field_count,
                                                               const pmipc_ros_decoder_options *options,
                                                               pmipc_error *error);
PMIPC_API void pmipc_ros_decoder_destroy(pmipc_ros_decoder *decoder);

/** Say what samples are to look like, before the first message: `sample` has the fields' names, in order, with dtype
 * and shape. `*schema` becomes the pool's: the same, with variable fields marked (their first dimension is the room at
 * first). A PointCloud2's (height, width) or (height, width, k) keeps the cloud organized. Fixed arrays and sequences
 * of numbers may have any shape of as many elements; images (but (H, W, 1) is (H, W)), grids, multi-arrays that say
 * their shape, points, joints and sequences within sequences only their own. Returns: OK; SCHEMA_MISMATCH (no message
 * of this type can ever fit: expected and got); INVALID_ARGUMENT (names); WRONG_STATE (a message was learned already).
 */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_decoder_expect(pmipc_ros_decoder *decoder, const pmipc_schema *sample,
                                                               pmipc_schema *schema, pmipc_error *error);

/** Learn from the first message what later ones must agree with: frame_id and child_frame_id (unless `any_frame`, or a
 * field holds them), encoding, joint names and their order, the points' layout; and, when nothing was expected, the
 * schema, in which variable fields have room for twice the rows of this message (if these take 16 MiB or less), for
 * 1024 at least (if these take 1 MiB or less). `*schema` (may be NULL) is the pool's; pmipc_ros_decoder_metadata is
 * what the pool should say of itself. What was learned can be read. Returns: OK; SCHEMA_MISMATCH, CORRUPT, UNSUPPORTED
 * (nothing learned: try the next message); WRONG_STATE (a message was learned already); NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_decoder_learn(pmipc_ros_decoder *decoder, const void *bytes,
                                                              size_t byte_count, pmipc_schema *schema,
                                                              pmipc_error *error);

/** A JSON object, keys sorted, no spaces: "ros_type"; what the learned message says, of "frame_id", "child_frame_id",
 *  "encoding", "format", "names" (of joints, in the sample's order), "point_fields" (of (N, k) points), and
 * "is_bigendian" (true or false: how it travelled; samples are in this machine's order) where the message has them.
 * What is no UTF-8, or longer than 1024 bytes, or what a field of the samples holds, is left out. "" before anything
 * was learned. The decoder's, until it is destroyed. */
PMIPC_API const char *pmipc_ros_decoder_metadata(const pmipc_ros_decoder *decoder);

/** The stamps of the joints' last messages, in the sample's order, ns since the epoch; 0: not heard yet. NULL, and a
 * count of 0, unless joints of a JointState were selected. The decoder's, until it is destroyed. Threads: the
 * decoder's. */
PMIPC_API const int64_t *pmipc_ros_decoder_joint_stamps(const pmipc_ros_decoder *decoder, uint32_t *count);

/** Fill a loaned frame of a pool with the learned schema. `stamp_ns` (may be NULL): the header's stamp, ns since the
 * epoch; 0 when the message has none or its is zero. The loan's lengths are set. On failure the frame is to be
 * discarded. Progress: no system call; no allocation but when a message has a longer list of names than any before.
 *  Returns: OK; SCHEMA_MISMATCH (says what the message has and what the pool takes); CORRUPT; UNSUPPORTED; WRONG_STATE
 *  (nothing learned yet); NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_decoder_decode(pmipc_ros_decoder *decoder, const void *bytes,
                                                               size_t byte_count, pmipc_loan *loan, int64_t *stamp_ns,
                                                               pmipc_error *error);

/** Loan, read, commit; discards when it fails. A message without a stamp gets `fallback_stamp_ns`. `seq` may be NULL.
 *  Returns: as pmipc_ros_decoder_decode and pmipc_producer_publish, with the message in `error` in both cases; also
 *  SCHEMA_MISMATCH when the pool's schema is not the learned one. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_decoder_publish(pmipc_ros_decoder *decoder, pmipc_producer *producer,
                                                                const void *bytes, size_t byte_count,
                                                                int64_t fallback_stamp_ns, uint64_t *seq,
                                                                pmipc_error *error);

/** Memory that a whole message can be received into, so that its largest part lies where the sample wants it. */
typedef struct pmipc_ros_landing {
    void *bytes; /* NULL: nowhere; receive the message anywhere else */
    size_t capacity;
    pmipc_loan loan; /* out while `bytes` is not NULL */
} pmipc_ros_landing;

/** Offer memory to receive the next message in. There is some when the last message was an image that went into its
 * frame unchanged: the frame itself, so placed that the pixels of another such message need no copy. Go on with
 *  pmipc_ros_decoder_publish_landed, or, when no message comes, with pmipc_producer_discard(producer, &landing->loan).
 *  Progress: no system call, no allocation, but those of pmipc_producer_loan. Never fails. */
PMIPC_API void pmipc_ros_decoder_land(pmipc_ros_decoder *decoder, pmipc_producer *producer, pmipc_ros_landing *landing);

/** Publish a message that was received at `landing->bytes`, or, because it was too long or there was no such place, at
 *  other `bytes`. The landing is used up in any case. One that is not like the last (another frame_id, padded rows) is
 *  copied out and read as any other. `in_place` (may be NULL): whether nothing had to be copied.
 *  Returns: as pmipc_ros_decoder_publish. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_decoder_publish_landed(
    pmipc_ros_decoder *decoder, pmipc_producer *producer, pmipc_ros_landing *landing, const void *bytes,
    size_t byte_count, int64_t fallback_stamp_ns, uint64_t *seq, bool *in_place, pmipc_error *error);

/* ---- samples to messages ---- */

typedef struct pmipc_ros_encoder pmipc_ros_encoder;

/** Something of every message that samples do not hold. `key`: "frame_id", "child_frame_id", "encoding", "format",
 * "names", "point_fields", "is_bigendian" as in the metadata, or a path to a string or number of the message; where the
 * path goes through a list of messages ("items[].level"), all of them have it. What follows from samples (height, step)
 * may be said too, if it is the same; only is_bigendian is this machine's whatever a constant says, unless all numbers
 * are single bytes. "layout" says how images of the samples lie: "HWC" (height, width, channels), or "CHW", which is
 * turned into that for each message. */
typedef struct pmipc_ros_constant {
    const char *key;
    const char *const *texts; /* of a list of strings all (not NULL, even if there are none); of a string one, or one
                                 for each message of a list ("layout.dim[].label"); NULL for numbers */
    uint32_t text_count;
    double
        number; /* of a number, when `texts` is NULL: an integer that the field's dtype holds; rounded to a float's */
} pmipc_ros_constant;

/** Compile the writing of samples of `schema` as messages of type `message`. `fields` as of a decoder, in any order and
 *  not necessarily all of the schema's; or NULL: default tensors for a plain schema, and for a dict the paths that its
 *  fields' names are. What no field and no constant gives is the message type's default, but:
 *    headers           the sample's stamp; those of a list's elements (Path) are the message's own
 *    Image             encoding: the one of this dtype and shape that means least: mono8, rgb8, rgba8, mono16, rgb16,
 * rgba16, else 32FC1 and the like; more than 4 channels need the constant; step without padding PointCloud2       (N)
 * points or (N, k) numbers are one row, (height, width) and (height, width, k) an organized cloud; k numbers are x, y,
 * z (and intensity) when "point_fields" does not say; is_dense: false JointState        rows of (3, J) in which all is
 * NaN are empty lists MultiArray        layout: sizes and strides of the sample's shape What all usual receivers would
 * leave out is refused: values of joints without the constant "names" (an empty list is for receivers that go by
 * position), and trajectories of several points without times ("points[].time_from_start.sec" and
 *  "...nanosec", as fields or constants).
 *  Paths that lead into lists in lists ("points[].positions") take these in the leading dimensions, or, with a field
 * for the lengths ("points[].positions#"), one after the other. Returns: OK; INVALID_ARGUMENT (types, paths,
 * constants); SCHEMA_MISMATCH (the schema cannot be such a message: expected and got); UNSUPPORTED; NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_encoder_create(pmipc_ros_encoder **encoder, pmipc_cdr_types *types,
                                                               const char *message, const pmipc_schema *schema,
                                                               const pmipc_ros_field *fields, uint32_t field_count,
                                                               const pmipc_ros_constant *constants,
                                                               uint32_t constant_count, pmipc_error *error);
PMIPC_API void pmipc_ros_encoder_destroy(pmipc_ros_encoder *encoder);

/** Write one sample as a serialized message (XCDR1, this machine's byte order, header included). `sources`: one per
 * field of the schema (a view's fields have the same members). `byte_count`: the message's length, also with NO_SPACE,
 * when nothing of use is in the buffer; buffer NULL and capacity 0 is the way to ask for it. `stamp_ns`: since the
 * epoch, not looked at when the message has no stamp. Progress: no allocation, no system call; the data are copied
 * once. Returns: OK; NO_SPACE; SCHEMA_MISMATCH (a length, a bound of the message type, a stamp before 1970 or after
 * 2038, a bool that is neither 0 nor 1); INVALID_ARGUMENT (NULL). */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_ros_encoder_encode(pmipc_ros_encoder *encoder, const pmipc_source *sources,
                                                               int64_t stamp_ns, void *buffer, size_t capacity,
                                                               size_t *byte_count, pmipc_error *error);

PMIPC_END_DECLS

#endif
