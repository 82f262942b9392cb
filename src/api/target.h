/* target.h: what a wait sleeps for: a sample above a sequence number in a connected pool, or a pool that does not exist
 * yet. A target does not need its stream: another thread may use or close the stream meanwhile. */
#ifndef API_TARGET_H
#define API_TARGET_H

#include "pool/connection.h"
#include "registry/folder.h"

/* What a stream shares with its targets. Counted references. */
struct stream_shared {
    _Atomic uint32_t references;
    _Atomic bool closed;                  /* the stream is closed */
    _Atomic bool orphaned;                /* a target found that the pool is orphaned; the stream checks it again */
    _Atomic int64_t next_orphan_check_ns; /* reads and waits check at most every 100 ms */
    struct pool_place place;
};

struct wait_target {
    struct stream_shared *shared;
    struct pool_connection *connection; /* NULL: wait for the pool */
    uint64_t seen_seq;
    struct file_identity absent; /* a file that has the pool's name and is retired: it counts as absent */
};

void shared_release(struct stream_shared *shared);

/* Called in the stream's thread. */
void target_init(struct wait_target *target, struct stream_shared *shared, struct pool_connection *connection,
                 uint64_t seen_seq, struct file_identity absent);
void target_release(struct wait_target *target);

/* Whether the connected pool has lost its name without being retired, because another program removed its file, and its
 * producer is dead or another producer has a pool of that name. One system call while the name leads to the file. */
bool connection_is_orphaned(const struct pool_connection *connection, const struct stream_shared *shared);

/* The same, but false without a check when the last check was less than 100 ms ago. */
bool connection_is_orphaned_throttled(const struct pool_connection *connection, struct stream_shared *shared,
                                      int64_t now_ns);

struct wait_terms {
    pmipc_wait *wait;
    int cancel_state;             /* what it was before cancellation was deferred */
    void (*clean_up)(void *held); /* called when a cancellation acts, which it does before a sleep or a pause */
    void *held;
};

/* Sleep until one target is ready, the slice is over, or the deadline has passed. All waits of the library end up here.
 * A caller that calls again after OK found nothing. Two such calls are usual: a pool was retired, and another one
 * appeared. More of them neither use up a core nor outlast the deadline, whatever their cause.
 * Called with cancellation deferred. Returns OK with *ready set; NOTHING_NEW: the slice is over; TIMEOUT;
 * INTERRUPTED. */
pmipc_status targets_wait(const struct wait_target *targets, uint32_t count, const struct wait_terms *terms,
                          uint32_t *ready);

#endif
