/* plan.h: a message type compiled to a list of steps, which decoding and encoding both follow.
 *
 * - Nested messages are flattened.
 * - A run of fixed-size fields without leaves is one step.
 * - A list of messages that cannot be copied as a whole is a loop over the steps that follow it.
 * - Steps have no names. A corrupt message is walked again (visit.c) to report the path of the field. */
#ifndef CDR_PLAN_H
#define CDR_PLAN_H

#include "cdr/types.h"

enum cdr_step_kind {
    CDR_STEP_FIXED,   /* fields that are skipped when decoding and written as zeros when encoding */
    CDR_STEP_NUMBERS, /* primitives of one size: one, an array or a sequence of items of `per_item` primitives each */
    CDR_STEP_TEXT,    /* a string, or an array or sequence of strings */
    CDR_STEP_LOOP     /* an array or sequence of messages: repeat the steps before `end` */
};

#define CDR_NO_LEAF (-1)

struct cdr_step {
    enum cdr_step_kind kind;
    uint32_t item_bytes; /* of a primitive or character */
    bool is_sequence;    /* begins with a count */
    bool is_delimited;   /* in XCDR2: a collection of strings or messages */
    bool is_bool;
    bool is_octets;     /* uint8[] */
    int32_t leaf;       /* its column has these values; CDR_NO_LEAF: none */
    int32_t count_leaf; /* its column has the counts of this sequence; CDR_NO_LEAF: none */
    int32_t rows_leaf;  /* encoding a loop without count_leaf: its rows are the elements; CDR_NO_LEAF: none */
    uint32_t loops;     /* number of loops around this step */
    uint32_t bound;     /* the most elements of a sequence; 0: unbounded */
    uint32_t text_bound;
    uint32_t end;                        /* of a loop: the step after it */
    uint64_t repeat;                     /* items of an array; 1 for others */
    uint64_t per_item;                   /* primitives of an item */
    uint64_t element_bytes;              /* the fewest bytes of an element of a sequence */
    const struct cdr_constant *constant; /* encoding: the values without a column */
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

/* Compile into a zeroed plan. Call cdr_plan_free also after a failure. */
pmipc_status cdr_plan_compile(struct cdr_plan *plan, pmipc_cdr_types *types, const char *message,
                              const pmipc_cdr_leaf *leaves, uint32_t leaf_count, pmipc_error *error);
void cdr_plan_free(struct cdr_plan *plan);

#endif
