/* operation.h: what is done to a pool by somebody who is killed at it. */
#ifndef FAULT_OPERATION_H
#define FAULT_OPERATION_H

#include "pools.h"

#define POOL "p"
#define OTHER_POOL "q"
#define FRAME_BYTES 4000 /* with its header less than a page: a slot is a page, and pools grow by one slot */
#define SLOT_BYTES 4096
#define HISTORY_LEN 4 /* unless the operation wants another */
#define INITIAL_SLOTS 7

enum {
    LEAVES_PRODUCER = 1u, /* a stream dies; the producer lives on */
    MAY_END_POOL = 2u,    /* the pool may be gone, or another, afterwards */
    OTHER_SCHEMA = 4u,    /* whoever produces afterwards wants what the operation replaces the pool by */
    LOSES_HISTORY = 8u,   /* of what was published some is gone afterwards */
    VARIABLE = 16u,       /* frames have a variable length, of up to half of FRAME_BYTES at first */
    MAY_ENLARGE = 32u     /* another pool, which continues the pool's sequence, may have taken its place */
};

/* Where the predecessor is killed. */
enum predecessor_end { NO_PREDECESSOR, KILLED_AT_ITS_END, KILLED_BETWEEN_RING_AND_HEAD };

struct operation {
    const char *name;
    void (*prepare)(void); /* in the victim, not stepped: may ask the residents for something */
    void (*run)(void);     /* in the victim, killed after each of its instructions */
    unsigned traits;
    unsigned history_len;   /* of the pool; 0: HISTORY_LEN */
    unsigned frames;        /* it publishes */
    unsigned more_slots;    /* the pool may need because of it */
    unsigned more_files;    /* may be in the folder, besides the pool's */
    unsigned ends_of_sleep; /* until a sleeper knows: 0 unless a pool can lose its name without anybody being told */
    void (*predecessor_prepare)(void);
    void (*predecessor_run)(void);
    enum predecessor_end predecessor_end;
};

extern const struct operation operations[];
extern const unsigned operation_count;

/** The operation that is being looked at, in the tracer and in all that it forks. */
extern const struct operation *the_operation;

uint32_t pool_history_len(void);

/** Own the pool, with its usual schema or with the other one. */
pmipc_producer *pool_producer(bool other);

#endif
