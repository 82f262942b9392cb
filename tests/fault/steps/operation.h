/* operation.h: an operation on a pool during which its process is killed. */
#ifndef FAULT_OPERATION_H
#define FAULT_OPERATION_H

#include "pools.h"

#define POOL "p"
#define OTHER_POOL "q"
#define FRAME_BYTES 4000 /* less than a page with the slot header: a slot is a page, and pools grow by one slot */
#define SLOT_BYTES 4096
#define HISTORY_LEN 4 /* unless the operation sets another */
#define INITIAL_SLOTS 7

enum {
    LEAVES_PRODUCER = 1u, /* the victim is a stream; the producer stays alive */
    MAY_END_POOL = 2u,    /* the pool may be removed or replaced */
    OTHER_SCHEMA = 4u,    /* the next producer has the schema of the replacing pool */
    LOSES_HISTORY = 8u,   /* some samples leave history early */
    VARIABLE = 16u,       /* variable length; the initial capacity is half of FRAME_BYTES */
    MAY_ENLARGE = 32u     /* a larger pool, which continues the sequence numbers, may have replaced the pool */
};

/* Where the previous producer is killed. */
enum predecessor_end { NO_PREDECESSOR, KILLED_AT_ITS_END, KILLED_BETWEEN_RING_AND_HEAD };

struct operation {
    const char *name;
    void (*prepare)(void); /* in the victim, not stepped; may send commands to the observers */
    void (*run)(void);     /* in the victim, killed after each of its instructions */
    unsigned traits;
    unsigned history_len;        /* of the pool; 0: HISTORY_LEN */
    unsigned frames;             /* the number that it publishes */
    unsigned more_slots;         /* the number that the pool may add because of it */
    unsigned more_files;         /* the number that may be in the folder besides the pool */
    unsigned sleep_ends_allowed; /* timeouts until a sleeping stream notices: 0 unless the pool can lose its name
                                    without a wake */
    void (*predecessor_prepare)(void);
    void (*predecessor_run)(void);
    enum predecessor_end predecessor_end;
};

extern const struct operation operations[];
extern const unsigned operation_count;

/** The operation of this campaign, in the tracer and in all its children. */
extern const struct operation *current_operation;

uint32_t pool_history_len(void);

/** Open the pool as producer, with its usual schema or with the other one. */
pmipc_producer *pool_producer(bool other);

#endif
