/* cdr.h: ROS 2 messages as bytes (CDR): decode fields and encode messages without a message object.
 *
 * 1. Describe the types in ROS's own notation, .msg text: pmipc_cdr_types_add.
 * 2. Compile a decoder or an encoder for the fields of interest. Each is named by its path:
 *
 *        header.stamp.sec         a field of a nested message
 *        position                 a sequence or an array
 *        pose.pose                a message whose fields all have one dtype: a Pose is 7 float64
 *        poses                    a list of such messages: (N, 7) float64
 *        poses[].pose.position    a field of every element
 *        fields[].name            strings
 *        points#                  the number of elements of a sequence, uint32
 *        points[].positions#      the same of every element's sequence
 *        (empty)                  the whole message, if all its fields have one dtype
 *
 * 3. Run it on any number of messages. Values are in columns. A column holds all values of one path, in message
 *    order.
 *
 * Messages are untrusted:
 * - Every count is checked before it is used.
 * - The whole message is always walked. Only bools may be left unchecked: see pmipc_cdr_decode.
 * - Errors name the path of the field: "sensor_msgs/msg/PointCloud2: data: count 4000000 needs 4000000 bytes, 73 are
 *   left (at byte 61)".
 * - A run takes time in proportion to the bytes of the message, and no memory.
 *
 * Encodings: decoders take plain CDR of both byte orders, XCDR1 and XCDR2 (which aligns to at most 4 bytes). Bytes
 * after the message are ignored. Encoders write XCDR1.
 *
 * Threads: calls that use a pmipc_cdr_types need one thread at a time. Decoders and encoders are immutable: any
 * number of threads may run one at the same time, each with its own columns.
 *
 * Every function that takes an `error` accepts NULL for it. */
#ifndef PMIPC_CDR_H
#define PMIPC_CDR_H

#include "schema.h"

PMIPC_BEGIN_DECLS

/** Dtypes of fields, besides the primitive ones (PMIPC_BOOL to PMIPC_FLOAT64; byte and char are PMIPC_UINT8). */
#define PMIPC_CDR_MESSAGE PMIPC_DTYPE(0x80, 0)
#define PMIPC_CDR_STRING PMIPC_DTYPE(0x80, 8)   /* bytes; UTF-8 is not checked */
#define PMIPC_CDR_WSTRING PMIPC_DTYPE(0x80, 32) /* UTF-16 units of 4 bytes each */

#define PMIPC_CDR_MAX_DEPTH 32 /* levels of nested messages */
#define PMIPC_CDR_MAX_NAME 255 /* bytes of the name of a type or field, without the NUL */

/* ---- type descriptions ---- */

typedef struct pmipc_cdr_types pmipc_cdr_types;

/** Make an empty set of message types.
 * Ownership: `*types` is the caller's until pmipc_cdr_types_destroy. Threads: any.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_INVALID_ARGUMENT: `types` is NULL
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_types_create(pmipc_cdr_types **types, pmipc_error *error);

/** Add the message type `name` ("sensor_msgs/msg/Imu" or "sensor_msgs/Imu") that `text` describes in .msg notation.
 * The text may have constants, defaults, comments, bounds, and type names relative to the package. Types that it
 * refers to may follow in the same text, each after a line of '=' and a line "MSG: package/Name" (a ros2msg schema of
 * MCAP). They may also be added by other calls, before or after this one. Time, Duration and std_msgs/Header are
 * built in. After a failure the set can only be destroyed.
 * Ownership: the text is copied. Threads: one at a time for each set.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL, the text is longer than 1 MiB or has an error (`error` names the
 *   line), or the type was added before
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_types_add(pmipc_cdr_types *types, const char *name, const char *text,
                                                          size_t text_bytes, pmipc_error *error);

/** Destroy the set. Decoders and encoders that were made from it keep what they need. NULL is allowed. */
PMIPC_API void pmipc_cdr_types_destroy(pmipc_cdr_types *types);

typedef struct pmipc_cdr_field {
    const char *name;      /* owned by the set of types */
    const char *type_name; /* owned by the set of types; "float64", "string", "geometry_msgs/msg/Pose" */
    pmipc_dtype dtype;     /* a primitive, PMIPC_CDR_STRING, PMIPC_CDR_WSTRING or PMIPC_CDR_MESSAGE */
    bool is_array;         /* with `length` elements */
    bool is_sequence;      /* with at most `length` elements; 0: unbounded */
    uint32_t length;
    uint32_t text_bound; /* strings: the most characters; 0: unbounded */
} pmipc_cdr_field;

/** List the fields of `message`. The first `capacity` of them are stored in `fields`, their number in `count`.
 * An empty message has one field, as in its bytes: uint8 structure_needs_at_least_one_member.
 * Ownership: names belong to the set. Threads: one at a time for each set.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL; the type, or one that it needs, is missing, contains itself or is too
 *   large
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_types_fields(pmipc_cdr_types *types, const char *message,
                                                             pmipc_cdr_field *fields, uint32_t capacity,
                                                             uint32_t *count, pmipc_error *error);

/** What a path leads to: elements of `dtype` in this shape. A length that each message decides is -1, and `bounds`
 * has its limit (0: none). Example: "poses" of a PoseArray is float64 (-1, 7). */
typedef struct pmipc_cdr_place {
    pmipc_dtype dtype; /* PMIPC_CDR_MESSAGE: fields of several dtypes, which a column cannot hold */
    uint32_t ndim;
    int64_t shape[PMIPC_MAX_NDIM];
    uint32_t bounds[PMIPC_MAX_NDIM];
} pmipc_cdr_place;

/** Find what a path of a message type leads to.
 * Threads: one at a time for each set.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL, the type is not valid (see pmipc_cdr_types_fields), or it has no such
 *   field (the error lists the fields)
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_types_find(pmipc_cdr_types *types, const char *message,
                                                           const char *path, pmipc_cdr_place *place,
                                                           pmipc_error *error);

/* ---- columns ---- */

/** Elements in a message, or one string. A decoded string is followed by a NUL. */
typedef struct pmipc_cdr_span {
    const void *data; /* not aligned; may be NULL when count is 0 */
    uint64_t count;   /* elements; bytes of a string, units of a wstring */
} pmipc_cdr_span;

enum {
    PMIPC_CDR_SPANS = 1u /* numbers as spans: pointers into the message, one for each occurrence of the path */
};

/** One path of interest. */
typedef struct pmipc_cdr_leaf {
    const char *path;
    pmipc_dtype dtype;                       /* must be the field's dtype; values are never converted */
    uint32_t flags;                          /* PMIPC_CDR_SPANS; strings are always spans */
    const struct pmipc_cdr_column *constant; /* encoders: `data` and `count` of this column are copied and written at
                                                every occurrence of the path, instead of a column of each message.
                                                Decoders: must be NULL */
} pmipc_cdr_leaf;

/** The values of one leaf in one message. "Elements" are elements of the leaf's dtype, or spans. */
typedef struct pmipc_cdr_column {
    void *data;        /* elements in native byte order, or pmipc_cdr_span. Decoding writes them; if it is NULL they are
                          only counted. Encoding reads them */
    uint64_t capacity; /* decoding: elements that `data` has room for */
    uint64_t count;    /* elements in all. Decoding sets it, encoding needs it */
    uint64_t rows;     /* occurrences of the path. Decoding sets it. Encoding needs it for a sequence or array inside
                          another one, unless spans or a '#' leaf give the length of each */
    uint64_t used;     /* elements that were written. Encoding sets it */
    bool ragged;       /* the rows have different lengths (never for spans). Decoding sets it */
    bool swapped;      /* the message, and so every span, has the other byte order. Decoding sets it */
} pmipc_cdr_column;

/** Copy `count` elements of 1, 2, 4 or 8 bytes out of a span, into native byte order. Threads: any. */
PMIPC_API void pmipc_cdr_copy(void *to, const void *from, uint64_t count, uint32_t item_bytes, bool swapped);

/* ---- decoding ---- */

typedef struct pmipc_cdr_decoder pmipc_cdr_decoder;

/** Compile a decoder of `leaves` (0 or more) for messages of type `message`. No path may lead into another one.
 * Ownership: `*decoder` is the caller's until pmipc_cdr_decoder_destroy; `leaves` are copied.
 * Threads: one at a time for each set of types.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL, the type is not valid (see pmipc_cdr_types_fields), or a path is not
 * - PMIPC_SCHEMA_MISMATCH: a leaf's dtype is not the field's
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_decoder_create(pmipc_cdr_decoder **decoder, pmipc_cdr_types *types,
                                                               const char *message, const pmipc_cdr_leaf *leaves,
                                                               uint32_t leaf_count, pmipc_error *error);

/** Destroy a decoder that no thread uses. NULL is allowed. */
PMIPC_API void pmipc_cdr_decoder_destroy(pmipc_cdr_decoder *decoder);

/** Decode one serialized message, including its 4-byte header, into `columns`, one per leaf.
 * A bool that is copied into a column must be 0 or 1. Other bools are not checked: of skipped fields, in spans, and
 * of columns without data. After a failure other than PMIPC_SCHEMA_MISMATCH the contents of the columns are
 * undefined.
 * Ownership: spans point into `bytes`. Threads: any. Progress: no allocation, no system call.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_CORRUPT: not a message of this type
 * - PMIPC_UNSUPPORTED: another encoding than plain CDR, or a buffer that a vendor keeps outside of the message
 * - PMIPC_SCHEMA_MISMATCH: more elements than a column has room for. Every `count` is set, and every column that has
 *   room is complete
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_decode(const pmipc_cdr_decoder *decoder, const void *bytes,
                                                       size_t byte_count, pmipc_cdr_column *columns,
                                                       pmipc_error *error);

typedef enum pmipc_cdr_event_kind {
    PMIPC_CDR_MESSAGE_BEGIN = 0, /* also for the whole message, whose field name is "" */
    PMIPC_CDR_MESSAGE_END = 1,
    PMIPC_CDR_LIST_BEGIN = 2, /* `count` strings or messages follow */
    PMIPC_CDR_LIST_END = 3,
    PMIPC_CDR_VALUES = 4 /* one string, or `count` numbers: one, or all of an array or sequence */
} pmipc_cdr_event_kind;

typedef struct pmipc_cdr_event {
    pmipc_cdr_event_kind kind;
    const pmipc_cdr_field *field; /* of an element: the list's field */
    const void *data;             /* into the message, not aligned, in the byte order of the message */
    uint64_t count;
    bool swapped; /* that is not the native byte order */
} pmipc_cdr_event;

/** Called for each part of a message, in order. Return false to end the walk. */
typedef bool (*pmipc_cdr_visitor)(void *context, const pmipc_cdr_event *event);

/** Walk through a whole message. If `visitor` is NULL, the message is only checked.
 * Ownership: events point into `bytes` and the set. Threads: one at a time for each set of types.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_INTERRUPTED: the visitor returned false
 * - PMIPC_CORRUPT: not a message of this type
 * - PMIPC_UNSUPPORTED: as pmipc_cdr_decode
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL, or the type is not valid (see pmipc_cdr_types_fields)
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_visit(pmipc_cdr_types *types, const char *message, const void *bytes,
                                                      size_t byte_count, pmipc_cdr_visitor visitor, void *context,
                                                      pmipc_error *error);

/* ---- encoding ---- */

typedef struct pmipc_cdr_encoder pmipc_cdr_encoder;

enum {
    PMIPC_CDR_SWAPPED = 1u /* encode in the byte order that is not this machine's */
};

/** Compile an encoder of messages of type `message`. `flags`: 0 or PMIPC_CDR_SWAPPED.
 * A field without a leaf gets its default: that of the .msg text, or zero, or empty. A sequence of messages has as
 * many elements as its leaves have rows, or as its '#' leaf gives. Inside another sequence, the '#' leaf is required.
 * Ownership: `*encoder` is the caller's until pmipc_cdr_encoder_destroy; leaves and constants are copied.
 * Threads: one at a time for each set of types.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL, unknown flags, the type is not valid (see pmipc_cdr_types_fields), or
 *   a path or constant is not
 * - PMIPC_SCHEMA_MISMATCH: a leaf's dtype is not the field's
 * - PMIPC_NO_MEMORY */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_encoder_create(pmipc_cdr_encoder **encoder, pmipc_cdr_types *types,
                                                               const char *message, const pmipc_cdr_leaf *leaves,
                                                               uint32_t leaf_count, uint32_t flags, pmipc_error *error);

/** Destroy an encoder that no thread uses. NULL is allowed. */
PMIPC_API void pmipc_cdr_encoder_destroy(pmipc_cdr_encoder *encoder);

/** Encode one message, including its header, from `columns`, one per leaf. Columns of constants are ignored.
 * `*byte_count` is set to the message's length on PMIPC_OK and PMIPC_NO_SPACE. To ask for the length, pass buffer
 * NULL and capacity 0.
 * Threads: any. Progress: no allocation, no system call.
 * Returns:
 * - PMIPC_OK
 * - PMIPC_NO_SPACE: `capacity` is less than the message's length; the contents of `buffer` are undefined
 * - PMIPC_INVALID_ARGUMENT: a pointer is NULL, or columns do not fit each other, the type or its bounds */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_cdr_encode(const pmipc_cdr_encoder *encoder, pmipc_cdr_column *columns,
                                                       void *buffer, size_t capacity, size_t *byte_count,
                                                       pmipc_error *error);

PMIPC_END_DECLS

#endif
