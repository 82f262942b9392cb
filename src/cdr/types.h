/* types.h: message types in memory, and what reading and writing must know of each.
 *
 * A type is described once (ros2msg.c) and resolved when it is first used: references become pointers, and sizes are
 * worked out and bounded. Described and resolved messages never change or move. */
#ifndef CDR_TYPES_H
#define CDR_TYPES_H

#include <stdatomic.h>

#include "cdr/arena.h"
#include "polymorph_ipc/cdr.h"

/* Limits that keep hostile descriptions cheap; real types stay far below. */
#define CDR_MAX_MIN_BYTES (UINT64_C(1) << 30) /* bytes that every message of a type has at least */
#define CDR_MAX_FLAT_FIELDS 65536u            /* fields with those of nested messages */
#define CDR_MAX_TEXT_BYTES (1u << 20)         /* of one description */

/* Values that are known before any message: defaults, and constants of an encoder. Strings are spans. */
struct cdr_constant {
    const void *data;
    uint64_t count;
};

/* How far a run of fixed-size fields moves a cursor, by XCDR version and by where it starts modulo 8. Such functions
 * compose, so that any run of unwanted fields is one look-up. */
struct cdr_advance {
    uint64_t bytes[2][8];
};

struct cdr_advance cdr_advance_of_items(uint64_t count, uint32_t item_bytes);
void cdr_advance_append(struct cdr_advance *sum, const struct cdr_advance *next);

struct cdr_message;

struct cdr_field_type {
    pmipc_cdr_field field; /* name and what people see */
    uint32_t item_bytes;   /* of one primitive, or of a string's character; 0 for messages */
    bool is_relative;      /* its type was named without a package */
    uint32_t line;         /* of the description */
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
    bool is_standard; /* described at creation: a description may replace it until it is resolved */
    /* Since it is resolved: */
    uint32_t depth; /* of messages within it, itself included */
    uint32_t flat_fields;
    uint64_t min_bytes; /* without padding, at least 1 */
    bool is_fixed;      /* always of one size, but for padding: `advance` holds */
    bool has_defaults;  /* something in it is not zero by default */
    struct cdr_advance advance;
    pmipc_dtype uniform;    /* all its fields are primitives of this dtype, ... */
    uint32_t uniform_count; /* ... so many; 0: they are not */
};

/* Field and type of something primitive. */
struct cdr_primitive {
    const char *name;
    pmipc_dtype dtype;
    uint32_t item_bytes;
};

/* By the name in .msg text: numbers, bool, byte, char, string, wstring; NULL for anything else. */
const struct cdr_primitive *cdr_primitive_find(const char *name, size_t length);
/* "float64", "string", "message". */
const char *cdr_dtype_name(pmipc_dtype dtype);

static inline bool cdr_dtype_is_text(pmipc_dtype dtype)
{
    return dtype == PMIPC_CDR_STRING || dtype == PMIPC_CDR_WSTRING;
}

/* Elements of an array, 1 of anything else. */
static inline uint32_t cdr_field_repeat(const struct cdr_field_type *field)
{
    return field->field.is_array ? field->field.length : 1;
}

/* ---- the set ---- */

struct pmipc_cdr_types {
    _Atomic uint32_t references; /* the user's, and one for each decoder and encoder */
    struct cdr_arena arena;      /* all that is described */
    struct cdr_message **messages;
    uint32_t message_count;
    uint32_t message_capacity;
};

/* Undone by pmipc_cdr_types_destroy. */
void cdr_types_retain(pmipc_cdr_types *types);

/* "package/Name" becomes "package/msg/Name" and a name alone belongs to the package of `relative_to` (NULL: is
 * refused). False when it is no name of a type. `full` has PMIPC_CDR_MAX_NAME + 1 bytes. */
bool cdr_name_complete(char *full, const char *name, size_t length, const char *relative_to);

struct cdr_message *cdr_types_lookup(const pmipc_cdr_types *types, const char *full_name);

/* Begin the description of a message. It must be new, without fields, or a standard one that is not resolved. */
pmipc_status cdr_types_begin(pmipc_cdr_types *types, const char *full_name, struct cdr_message **message,
                             pmipc_error *error);

/* Append a field, whose names and default are the types' already. */
pmipc_status cdr_message_append(pmipc_cdr_types *types, struct cdr_message *message, const struct cdr_field_type *field,
                                pmipc_error *error);

/* The message `name`, resolved. */
pmipc_status cdr_types_resolve(pmipc_cdr_types *types, const char *name, struct cdr_message **message,
                               pmipc_error *error);

#endif
