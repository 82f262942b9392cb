/* cdr.h: ROS 2 messages as the bytes that travel (CDR): fields read out of them and messages written, without a message
 * object ever being built.
 *
 * 1. Describe the types in ROS's own notation, .msg text: pmipc_cdr_types_add.
 * 2. Compile a decoder or an encoder for the fields of interest, each named by its path:
 *        header.stamp.sec         a field of a nested message
 *        position                 a sequence or an array
 *        pose.pose                a message whose fields are all of one dtype: a Pose is 7 float64
 *        poses                    many of those: (N, 7) float64
 *        poses[].pose.position    a field of every element
 *        fields[].name            strings
 *        points#                  how many elements a sequence has, uint32; points[].positions# has one per element
 *        (empty)                  the whole message, when all its fields are of one dtype
 * 3. Run it on any number of messages. Values go in and out by columns: all that a path names, in message order, one
 *    after the other.
 *
 * Messages are untrusted: every count is checked before it is used, what is wrong is told with the path of the field
 * ("sensor_msgs/msg/PointCloud2: data: count 4000000 needs 4000000 bytes, 73 are left (at byte 61)"), a whole message
 * is always walked, and a run takes time in proportion to the message's bytes and no memory. Read: plain CDR of both
 * byte orders (XCDR1, and XCDR2 with its alignment of 4); bytes behind the message are ignored. Written: XCDR1.
 *
 * Threads: one at a time for a pmipc_cdr_types and for the calls that compile from it. Decoders and encoders are
 * immutable: any number of threads may run one, each with columns of its own. */
#ifndef PMIPC_CDR_H
#define PMIPC_CDR_H

#include "schema.h"

PMIPC_BEGIN_DECLS

/** What a field is made of beside the primitive dtypes (PMIPC_BOOL to PMIPC_FLOAT64; byte and char are PMIPC_UINT8). */
#define PMIPC_CDR_MESSAGE PMIPC_DTYPE(0x80, 0)
#define PMIPC_CDR_STRING PMIPC_DTYPE(0x80, 8)   /* bytes, meant to be UTF-8, not checked */
#define PMIPC_CDR_WSTRING PMIPC_DTYPE(0x80, 32) /* UTF-16 units of 4 bytes each */

#define PMIPC_CDR_MAX_DEPTH 32 /* messages within messages */
#define PMIPC_CDR_MAX_NAME 255 /* bytes of a type's or field's name, without the NUL */

/* ---- type descriptions ---- */

typedef struct pmipc_cdr_types pmipc_cdr_types;

/** An empty set of message types. Returns: OK, NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_types_create(pmipc_cdr_types **types, pmipc_error *error);

/** Add the message type `name` ("sensor_msgs/msg/Imu", or "sensor_msgs/Imu") that `text` describes in .msg notation:
 *  constants, defaults, comments, bounds, names relative to the package. Types it refers to may follow in the same
 * text, each behind a line of '=' and a line "MSG: package/Name" (a ros2msg schema of MCAP), or be added by other
 * calls, before or after. Time, Duration and std_msgs/Header are known. After a failure the set can only be destroyed.
 *  Returns: OK, INVALID_ARGUMENT (with the line and the reason; also for a type that was added before), NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_types_add(pmipc_cdr_types *types, const char *name, const char *text,
                                                          size_t text_bytes, pmipc_error *error);

/** Forget the set; decoders and encoders made from it keep what they need. NULL is allowed. */
PMIPC_API void pmipc_cdr_types_destroy(pmipc_cdr_types *types);

typedef struct pmipc_cdr_field {
    const char *name;      /* these two belong to the types */
    const char *type_name; /* "float64", "string", "geometry_msgs/msg/Pose" */
    pmipc_dtype dtype;     /* a primitive, PMIPC_CDR_STRING, PMIPC_CDR_WSTRING or PMIPC_CDR_MESSAGE */
    bool is_array;         /* of `length` elements */
    bool is_sequence;      /* of at most `length` elements; 0: unbounded */
    uint32_t length;
    uint32_t text_bound; /* strings: at most so many characters; 0: unbounded */
} pmipc_cdr_field;

/** The fields of `message`, up to `capacity` of them; `count` says how many there are. An empty message has one, as on
 *  the wire: uint8 structure_needs_at_least_one_member. Returns: OK, INVALID_ARGUMENT (no such type, or one it needs is
 *  missing, contains itself, or is too large), NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_types_fields(pmipc_cdr_types *types, const char *message,
                                                             pmipc_cdr_field *fields, uint32_t capacity,
                                                             uint32_t *count, pmipc_error *error);

/** What a path leads to: elements of `dtype` in this shape, -1 for lengths that each message decides (`bounds`: their
 *  limit, 0 for none). "poses" of a PoseArray: float64 (-1, 7). */
typedef struct pmipc_cdr_place {
    pmipc_dtype dtype; /* PMIPC_CDR_MESSAGE: fields of several dtypes, which no column can hold */
    uint32_t ndim;
    int64_t shape[PMIPC_MAX_NDIM];
    uint32_t bounds[PMIPC_MAX_NDIM];
} pmipc_cdr_place;

/** Look a path up. Returns: OK, INVALID_ARGUMENT (no such field: says which there are), NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_types_find(pmipc_cdr_types *types, const char *message,
                                                           const char *path, pmipc_cdr_place *place,
                                                           pmipc_error *error);

/* ---- columns ---- */

/** Elements within a message, or a string. A string read from a message is followed by a NUL. */
typedef struct pmipc_cdr_span {
    const void *data; /* not aligned; may be NULL when count is 0 */
    uint64_t count;   /* elements; of a string bytes, of a wstring units */
} pmipc_cdr_span;

enum {
    PMIPC_CDR_SPANS = 1u /* numbers as spans: pointers into the message, one each time the path is met */
};

/** One path of interest. */
typedef struct pmipc_cdr_leaf {
    const char *path;
    pmipc_dtype dtype;                       /* must be the field's own: nothing is converted */
    uint32_t flags;                          /* PMIPC_CDR_SPANS; strings are always spans */
    const struct pmipc_cdr_column *constant; /* encoders: the same value wherever the path is met (data, count; copied),
                                                instead of a column of each message; else NULL */
} pmipc_cdr_leaf;

/** The values of one leaf in one message. */
typedef struct pmipc_cdr_column {
    void *data;        /* elements in native byte order, or pmipc_cdr_span. Decoding: written; NULL: only
                          counted. Encoding: read */
    uint64_t capacity; /* decoding: elements (or spans) that `data` has room for */
    uint64_t count;    /* elements (or spans) in all: decoding sets it, encoding needs it */
    uint64_t rows;     /* times the path was met: decoding sets it; encoding needs it for a sequence or array
                          inside one other, unless there are spans or a '#' leaf that say how long each is */
    uint64_t used;     /* encoding sets it: elements (or spans) that were written */
    bool ragged;       /* decoding sets it: rows of different lengths (not for spans) */
    bool swapped;      /* decoding sets it: the message, and so every span, has the other byte order */
} pmipc_cdr_column;

/** Copy elements of 1, 2, 4 or 8 bytes out of a span, into native byte order. */
PMIPC_API void pmipc_cdr_copy(void *to, const void *from, uint64_t count, uint32_t item_bytes, bool swapped);

/* ---- reading ---- */

typedef struct pmipc_cdr_decoder pmipc_cdr_decoder;

/** Compile the reading of `leaves` (0 or more) from messages of type `message`. No path may lie within another's.
 *  Returns: OK, INVALID_ARGUMENT (types or paths), SCHEMA_MISMATCH (a leaf's dtype is not the field's), NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_decoder_create(pmipc_cdr_decoder **decoder, pmipc_cdr_types *types,
                                                               const char *message, const pmipc_cdr_leaf *leaves,
                                                               uint32_t leaf_count, pmipc_error *error);
PMIPC_API void pmipc_cdr_decoder_destroy(pmipc_cdr_decoder *decoder);

/** Read one serialized message, its 4-byte header included, into `columns`, one per leaf. Spans point into `bytes`.
 *  Threads: any. Progress: no allocation, no system call. After a failure the columns hold nothing of use; but with
 *  SCHEMA_MISMATCH every `count` is complete, and so is every column that had room. A bool that is neither 0 nor 1 is
 *  CORRUPT where a column wants it; fields that no leaf names are skipped, and their bools are not checked.
 *  Returns: OK, CORRUPT (not a message of this type), UNSUPPORTED (another encoding than plain CDR, a vendor's buffer),
 *  SCHEMA_MISMATCH (more elements than a column has room for). */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_decode(const pmipc_cdr_decoder *decoder, const void *bytes,
                                                       size_t byte_count, pmipc_cdr_column *columns,
                                                       pmipc_error *error);

typedef enum pmipc_cdr_event_kind {
    PMIPC_CDR_MESSAGE_BEGIN = 0, /* also of the whole message, whose field name is "" */
    PMIPC_CDR_MESSAGE_END = 1,
    PMIPC_CDR_LIST_BEGIN = 2, /* of `count` strings or messages, which follow */
    PMIPC_CDR_LIST_END = 3,
    PMIPC_CDR_VALUES = 4 /* one string; or `count` numbers: one, or all of an array or sequence */
} pmipc_cdr_event_kind;

typedef struct pmipc_cdr_event {
    pmipc_cdr_event_kind kind;
    const pmipc_cdr_field *field; /* in a list, that of the list */
    const void *data;             /* into the message, not aligned, in its byte order */
    uint64_t count;
    bool swapped; /* that is not the native one */
} pmipc_cdr_event;

/** Called for everything in a message, in order; false ends the walk. */
typedef bool (*pmipc_cdr_visitor)(void *context, const pmipc_cdr_event *event);

/** Walk through a whole message. `visitor` may be NULL: then the message is only checked.
 *  Returns: OK, INTERRUPTED (by the visitor), INVALID_ARGUMENT (types), CORRUPT, UNSUPPORTED, NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_visit(pmipc_cdr_types *types, const char *message, const void *bytes,
                                                      size_t byte_count, pmipc_cdr_visitor visitor, void *context,
                                                      pmipc_error *error);

/* ---- writing ---- */

typedef struct pmipc_cdr_encoder pmipc_cdr_encoder;

enum {
    PMIPC_CDR_SWAPPED = 1u /* write the byte order that is not this machine's */
};

/** Compile the writing of messages of type `message`. What no leaf gives has its default: the .msg text's, or zero, or
 *  empty. A sequence of messages has as many elements as its leaves have rows, or as its '#' leaf says; the latter is
 *  needed inside another sequence. `flags`: 0 or PMIPC_CDR_SWAPPED.
 *  Returns: OK, INVALID_ARGUMENT (types, paths, constants), SCHEMA_MISMATCH (a leaf's dtype), NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_encoder_create(pmipc_cdr_encoder **encoder, pmipc_cdr_types *types,
                                                               const char *message, const pmipc_cdr_leaf *leaves,
                                                               uint32_t leaf_count, uint32_t flags, pmipc_error *error);
PMIPC_API void pmipc_cdr_encoder_destroy(pmipc_cdr_encoder *encoder);

/** Write one message with its header from `columns`, one per leaf (those of constants are not looked at). `byte_count`
 *  is the message's length, also with NO_SPACE, when nothing of use is in the buffer; buffer NULL and capacity 0 is the
 *  way to ask for it. Threads: any. Progress: no allocation, no system call.
 *  Returns: OK, NO_SPACE, INVALID_ARGUMENT (columns that do not fit each other, the type or its bounds). */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_encode(const pmipc_cdr_encoder *encoder, pmipc_cdr_column *columns,
                                                       void *buffer, size_t capacity, size_t *byte_count,
                                                       pmipc_error *error);

PMIPC_END_DECLS

#endif
