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

/* Whether the file of a connected target is not the pool any more although nobody retired it: its name leads elsewhere
 * (an rm from outside), and its producer is dead or the name has a live producer of its own. One system call while
 * the name is in place. */
bool connection_is_orphaned(const struct pool_connection *connection, const struct wait_anchor *anchor);

/* The same, looked at no more often than every 100 ms. */
bool anchor_finds_orphan(struct wait_anchor *anchor, const struct pool_connection *connection, int64_t now_ns);

/* Waits that end early, after which the caller finds nothing: two in a row are usual (a pool was retired, another
 * appeared). More must neither use up a core nor outlast the timeout, whatever causes them. */
#define FRUITLESS_WAITS 2

struct wait_terms {
    int64_t deadline_ns;          /* CLOCK_MONOTONIC; INT64_MAX: never */
    int64_t slice_ns;             /* return to the caller after this time; INT64_MAX: only at the deadline */
    uint32_t fruitless;           /* calls in a row that returned OK, after which the caller found nothing */
    int cancel_state;             /* what it was before cancellation was deferred */
    void (*clean_up)(void *held); /* called when a cancellation acts, which it does before a sleep; else the caller
                                     cleans up */
    void *held;
};

/* The one place where this library waits for a pool: sleep until one target is ready, the slice is over, or the
 * deadline. Called with cancellation deferred. Returns OK with *ready set; NOTHING_NEW: the slice is over; TIMEOUT;
 * INTERRUPTED. */
pmipc_status targets_wait(const struct wait_target *targets, uint32_t count, const struct wait_terms *terms,
                          uint32_t *ready);

#endif
