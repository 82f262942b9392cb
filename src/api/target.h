/* target.h: what a wait is for: a sample above a cursor in a connected pool, or a pool that does not exist yet.
 *
 * A target stands on its own, so that another thread may use or close the stream meanwhile. */
#ifndef API_TARGET_H
#define API_TARGET_H

#include "pool/connection.h"
#include "registry/folder.h"

/* What a stream and its waiters share: where its pool is, and whether it was closed. Counted references. */
struct wait_anchor {
    _Atomic uint32_t references;
    _Atomic bool closed;
    _Atomic bool orphaned; /* a waiter found that the pool's file lost its name and its producer: go and see */
    _Atomic int64_t next_orphan_check_ns; /* not before: reads and waits look at most every 100 ms */
    struct pool_place place;
};

struct wait_target {
    struct wait_anchor *anchor;
    struct pool_connection *connection; /* NULL: wait for the pool */
    uint64_t seen_seq;
    struct file_identity absent; /* a retired file that is no pool any more */
};

void anchor_release(struct wait_anchor *anchor);

/* In the stream's thread. */
void target_init(struct wait_target *target, struct wait_anchor *anchor, struct pool_connection *connection,
                 uint64_t seen_seq, struct file_identity absent);
void target_release(struct wait_target *target);
void target_clean_up(void *target); /* the same, for struct wait_terms */

/* Whether the stream has something to look at. */
bool target_is_ready(const struct wait_target *target);

/* Whether the file of a connected target is not the pool any more although nobody retired it: its name leads elsewhere
 * (an rm from outside), and its producer is dead or the name has a live producer of its own. One system call while
 * the name is in place. */
bool connection_is_orphaned(const struct pool_connection *connection, const struct wait_anchor *anchor);

/* The same, looked at no more often than every 100 ms. */
bool anchor_finds_orphan(struct wait_anchor *anchor, const struct pool_connection *connection, int64_t now_ns);

struct wait_terms {
    int64_t deadline_ns; /* CLOCK_MONOTONIC; INT64_MAX: never */
    int cancel_state;    /* what it was before cancellation was deferred */
    void (*clean_up)(
        void *held); /* called when a cancellation acts, which it does before a sleep; else the caller cleans up */
    void *held;
};

/* Sleep until one target is ready, or the deadline. Called with cancellation deferred. Returns OK with *ready set;
 * TIMEOUT; INTERRUPTED. */
pmipc_status targets_wait(struct wait_target *const *targets, uint32_t count, const struct wait_terms *terms,
                          uint32_t *ready);

/* now + timeout, without overflow; PMIPC_FOREVER gives INT64_MAX. */
int64_t deadline_after(int64_t timeout_ns);

#endif
