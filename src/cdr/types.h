/* types.h: message types in memory, with the facts that decoding and encoding need.
 *
 * A type is described once (ros2msg.c). When it is first used it is resolved: references become pointers, and sizes are
 * computed and checked against limits. Resolved messages never change or move. */
#ifndef CDR_TYPES_H
#define CDR_TYPES_H

#include <stdatomic.h>

#include "cdr/arena.h"
#include "polymorph_ipc/cdr.h"

/* Limits on hostile descriptions. Real types are far smaller. */
#define CDR_MAX_MIN_BYTES (UINT64_C(1) << 30) /* the fewest bytes of a message of a type */
#define CDR_MAX_FLAT_FIELDS 65536u            /* fields, including those of nested messages */
#define CDR_MAX_TEXT_BYTES (1u << 20)         /* of one description */

/* Values that are known before any message: defaults and constants of an encoder. Strings are spans. */
struct cdr_constant {
    const void *data;
    uint64_t count;
};

/* The bytes of a run of fixed-size fields, with padding, by XCDR version and by its start modulo 8. Appending one run
 * to another gives such a table again, so a run of fields of any length is skipped by one look-up. */
struct cdr_advance {
    uint64_t bytes[2][8];
};

struct cdr_advance cdr_advance_of_items(uint64_t count, uint32_t item_bytes);
void cdr_advance_append(struct cdr_advance *sum, const struct cdr_advance *next);

struct cdr_message;

struct cdr_field_type {
    pmipc_cdr_field field; /* the public part */
    uint32_t item_bytes;   /* of one primitive or one character; 0 for messages */
    bool is_relative;      /* its type is named without a package */
    uint32_t line;         /* in the description */
    struct cdr_message *message;
    struct cdr_constant default_value;
};

enum cdr_message_state { CDR_DESCRIBED = 0, CDR_RESOLVING, CDR_RESOLVED };

struct cdr_message {
    const char *name;
    struct cdr_field_type *fields;
    uint32_t field_count;
    uint32_t field_capacity;
    enum cdr_message_state state;
    bool is_standard; /* built in; a description may replace it until it is resolved */
    /* Valid after it is resolved: */
    uint32_t depth; /* levels of nested messages, including this one */
    uint32_t flat_fields;
    uint64_t min_bytes; /* the fewest bytes, without padding; at least 1 */
    bool is_fixed;      /* every message has the same bytes except padding; `advance` is valid */
    bool has_defaults;  /* the default of some field is not zero */
    struct cdr_advance advance;
    pmipc_dtype uniform;    /* the dtype of all its fields, which are primitives, ... */
    uint32_t uniform_count; /* ... and their number; 0: the fields differ */
};

/* A primitive type or string. */
struct cdr_primitive {
    const char *name;
    pmipc_dtype dtype;
    uint32_t item_bytes;
};

/* Find a primitive by its name in .msg text: numbers, bool, byte, char, string, wstring. NULL: another type. */
const struct cdr_primitive *cdr_primitive_find(const char *name, size_t length);

/* "float64", "string", "a message". */
const char *cdr_dtype_name(pmipc_dtype dtype);

static inline bool cdr_dtype_is_text(pmipc_dtype dtype)
{
    return dtype == PMIPC_CDR_STRING || dtype == PMIPC_CDR_WSTRING;
}

/* Elements of an array; 1 for other fields. */
static inline uint32_t cdr_field_repeat(const struct cdr_field_type *field)
{
    return field->field.is_array ? field->field.length : 1;
}

/* ---- the set ---- */

struct pmipc_cdr_types {
    _Atomic uint32_t references; /* one of the user, and one of each decoder and encoder */
    struct cdr_arena arena;      /* owns all descriptions */
    struct cdr_message **messages;
    uint32_t message_count;
    uint32_t message_capacity;
};

/* Add a reference, which pmipc_cdr_types_destroy drops. */
void cdr_types_retain(pmipc_cdr_types *types);

/* Complete a type's name. "package/Name" becomes "package/msg/Name". A name alone belongs to the package of
 * `relative_to` (NULL: it is refused). False: not the name of a type. `full` has PMIPC_CDR_MAX_NAME + 1 bytes. */
bool cdr_name_complete(char *full, const char *name, size_t length, const char *relative_to);

struct cdr_message *cdr_types_lookup(const pmipc_cdr_types *types, const char *full_name);

/* Begin the description of a message. It must be new, have no fields, or be a built-in one that is not resolved. */
pmipc_status cdr_types_begin(pmipc_cdr_types *types, const char *full_name, struct cdr_message **message,
                             pmipc_error *error);

/* Append a field. The set of types owns its names and default. */
pmipc_status cdr_message_append(pmipc_cdr_types *types, struct cdr_message *message, const struct cdr_field_type *field,
                                pmipc_error *error);

/* Find and resolve the message `name`. */
pmipc_status cdr_types_resolve(pmipc_cdr_types *types, const char *name, struct cdr_message **message,
                               pmipc_error *error);

#endif
