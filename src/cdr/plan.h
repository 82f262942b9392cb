/* plan.h: what to do with a message of one type, compiled to a list of steps that decoding and encoding both follow.
 *
 * Messages within messages are laid out flat; runs of fixed-size fields that nobody wants are one step; only a sequence
 * or array of messages that cannot be copied as a whole is a loop over the steps that follow it. Steps know no names:
 * when a message turns out to be wrong, it is walked again, slowly, to say where (visit.c). */
#ifndef CDR_PLAN_H
#define CDR_PLAN_H

#include "cdr/types.h"

enum cdr_step_kind {
    CDR_STEP_FIXED,   /* fields that are skipped, or written as zeros */
    CDR_STEP_NUMBERS, /* primitives of one size: one, an array or a sequence of items of `per_item` primitives each */
    CDR_STEP_TEXT,    /* a string, an array or a sequence of them */
    CDR_STEP_LOOP     /* an array or sequence of messages: the steps up to `end`, again and again */
};

#define CDR_NO_LEAF (-1)

struct cdr_step {
    enum cdr_step_kind kind;
    uint32_t item_bytes; /* of a primitive or character */
    bool is_sequence;    /* a count comes first */
    bool is_delimited;   /* in XCDR2: a collection of strings or messages */
    bool is_bool;
    bool is_octets;     /* uint8[] */
    int32_t leaf;       /* whose column has these values, or CDR_NO_LEAF */
    int32_t count_leaf; /* the same for the count of a sequence */
    int32_t rows_leaf;  /* encoding a loop without count_leaf: whose rows are its elements, or CDR_NO_LEAF */
    uint32_t loops;     /* around this step */
    uint32_t bound;     /* of the count, 0: none */
    uint32_t text_bound;
    uint32_t end;                        /* of a loop: the step behind it */
    uint64_t repeat;                     /* arrays: items; else 1 */
    uint64_t per_item;                   /* primitives of an item */
    uint64_t element_bytes;              /* the least that an element of a sequence takes */
    const struct cdr_constant *constant; /* encoding: the values when there is no column */
    struct cdr_advance advance;
};

struct cdr_leaf {
    const char *path;
    pmipc_dtype dtype;
    uint32_t item_bytes; /* of an element of the column */
    bool is_spans;
    bool is_counts; /* '#' */
    bool is_constant;
    struct cdr_constant constant;
    uint32_t step;
};

struct cdr_plan {
    pmipc_cdr_types *types;
    struct cdr_message *message;
    struct cdr_arena arena;
    struct cdr_leaf *leaves;
    uint32_t leaf_count;
    struct cdr_step *steps;
    uint32_t step_count;
    uint32_t step_capacity;
    bool encodes;
};

/* Compile into a zeroed plan; cdr_plan_free also after a failure. */
pmipc_status cdr_plan_compile(struct cdr_plan *plan, pmipc_cdr_types *types, const char *message,
                              const pmipc_cdr_leaf *leaves, uint32_t leaf_count, pmipc_error *error);
void cdr_plan_free(struct cdr_plan *plan);

#endif
