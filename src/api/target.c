#include "api/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "os/cancel.h"
#include "os/clock.h"
#include "os/futex.h"
#include "os/lock.h"

#define LONGEST_SLEEP_NS 100000000 /* everything is checked again after it: it bounds the delay of a lost wake */
#define POLL_INTERVAL_NS 20000000  /* for an absent pool, for too many targets, and without futex_waitv */
#define ORPHAN_CHECK_INTERVAL_NS 100000000
#define SPURIOUS_WAKES 2
#define SPURIOUS_WAKE_PAUSE_NS 1000000

void shared_release(struct stream_shared *shared)
{
    if (shared && atomic_fetch_sub_explicit(&shared->references, 1, memory_order_acq_rel) == 1)
        free(shared);
}

void target_init(struct wait_target *target, struct stream_shared *shared, struct pool_connection *connection,
                 uint64_t seen_seq, struct file_identity absent)
{
    fetch_add_relaxed(&shared->references, 1);
    *target = (struct wait_target){.shared = shared, .connection = connection, .seen_seq = seen_seq, .absent = absent};
    if (connection)
        connection_retain(connection);
}

void target_release(struct wait_target *target)
{
    if (target->connection)
        connection_drop(target->connection);
    shared_release(target->shared);
    target->connection = NULL;
    target->shared = NULL;
}

/* Whether the name leads to another file, which has a live producer. */
static bool name_has_other_producer(const struct pool_connection *connection, const char *path)
{
    int fd = file_open_entry(AT_FDCWD, path, false);
    bool is_other =
        fd >= 0 && !file_is_identical(file_identify(fd), connection->identity) && lock_is_held(fd, LOCK_BYTE_PRODUCER);
    file_close(fd);
    return is_other;
}

bool connection_is_orphaned(const struct pool_connection *connection, const struct stream_shared *shared)
{
    const char *path = shared->place.path;
    return !file_is_identical(file_identify_path(path), connection->identity) &&
           (!connection_producer_alive(connection, path) || name_has_other_producer(connection, path));
}

bool connection_is_orphaned_throttled(const struct pool_connection *connection, struct stream_shared *shared,
                                      int64_t now_ns)
{
    /* Relaxed: two threads that both check do no harm. */
    if (now_ns < load_relaxed(&shared->next_orphan_check_ns))
        return false;
    store_relaxed(&shared->next_orphan_check_ns, now_ns + ORPHAN_CHECK_INTERVAL_NS);
    return connection_is_orphaned(connection, shared);
}

/* Whether the stream should look: for a sample, at a pool that ended or appeared, or because it was closed. */
static bool target_is_ready(const struct wait_target *target)
{
    if (load_acquire(&target->shared->closed))
        return true;
    if (target->connection)
        return connection_head_seq(target->connection) > target->seen_seq ||
               connection_is_retired(target->connection) || load_acquire(&target->connection->closed);
    struct file_identity found = file_identify_path(target->shared->place.path);
    return found.inode != 0 && !file_is_identical(found, target->absent);
}

/* The time until `end_ns`, but no more than the longest sleep. 0: it has passed. */
static int64_t next_sleep(int64_t end_ns)
{
    if (end_ns == INT64_MAX)
        return LONGEST_SLEEP_NS;
    int64_t left = end_ns - clock_monotonic_ns();
    return left <= 0 ? 0 : left < LONGEST_SLEEP_NS ? left : LONGEST_SLEEP_NS;
}

/* One sleep for a connected target. Returns 0, ETIMEDOUT or EINTR. */
static int sleep_on_bell(const struct wait_target *target, int64_t sleep_ns)
{
    const struct pool_connection *connection = target->connection;
    uint32_t bell;
    if (!protocol_wait_begin(connection->protocol.control, connection->readers, target->seen_seq, &bell))
        return 0;
    return futex_wait(&connection->protocol.control->bell, bell, sleep_ns);
}

static int sleep_on_many(const struct wait_target *targets, uint32_t count, int64_t sleep_ns)
{
    struct futex_item items[FUTEX_MANY_MAX];
    for (uint32_t i = 0; i < count; i++) {
        const struct pool_connection *connection = targets[i].connection;
        items[i].word = &connection->protocol.control->bell;
        if (!protocol_wait_begin(connection->protocol.control, connection->readers, targets[i].seen_seq,
                                 &items[i].expected))
            return 0;
    }
    return futex_wait_many(items, count, sleep_ns);
}

static int sleep_for(int64_t sleep_ns)
{
    struct timespec pause = timespec_of_ns(sleep_ns);
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

static bool can_use_futexes(const struct wait_target *targets, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!targets[i].connection)
            return false;
    return count < FUTEX_MANY_MAX;
}

/* One sleep of at most 100 ms. Returns 0 or EINTR. */
static int sleep_once(const struct wait_target *targets, uint32_t count, int64_t end_ns)
{
    int result;
    int64_t sleep_ns = next_sleep(end_ns);
    int64_t poll_ns = sleep_ns < POLL_INTERVAL_NS ? sleep_ns : POLL_INTERVAL_NS;
    if (count == 1 && targets[0].connection)
        result = sleep_on_bell(&targets[0], sleep_ns);
    else
        result = can_use_futexes(targets, count) ? sleep_on_many(targets, count, sleep_ns) : sleep_for(poll_ns);
    /* The kernel or a sandbox refuses the call: never spin. */
    if (result != 0 && result != ETIMEDOUT && result != EINTR)
        result = sleep_for(poll_ns);
    return result == EINTR ? EINTR : 0;
}

/* No bell rings when another program removes the file of a pool. Checked in every turn: the targets of one wait may
 * sleep in different ways, and samples of one target must not keep the others from being checked. */
static bool note_orphaned(const struct wait_target *target, int64_t now_ns)
{
    if (!target->connection || !connection_is_orphaned_throttled(target->connection, target->shared, now_ns))
        return false;
    store_relaxed(&target->shared->orphaned, true);
    return true;
}

static int64_t time_after(int64_t begin_ns, int64_t duration_ns)
{
    int64_t end_ns;
    return __builtin_add_overflow(begin_ns, duration_ns, &end_ns) ? INT64_MAX : end_ns;
}

/* Whether a target is ready; *ready is the first one. */
static bool find_ready(const struct wait_target *targets, uint32_t count, int64_t now_ns, uint32_t *ready)
{
    for (uint32_t i = 0; i < count; i++) {
        if (target_is_ready(&targets[i]) || note_orphaned(&targets[i], now_ns)) {
            *ready = i;
            return true;
        }
    }
    return false;
}

/* The sleeps of a call in which no target is ready at first. */
static pmipc_status sleep_in_turns(const struct wait_target *targets, uint32_t count, const struct wait_terms *terms,
                                   int64_t now_ns, uint32_t *ready)
{
    const pmipc_wait *wait = terms->wait;
    const int64_t slice_end_ns = wait->slice_ns < 0 ? INT64_MAX : time_after(now_ns, wait->slice_ns);
    const int64_t end_ns = slice_end_ns < wait->deadline_ns ? slice_end_ns : wait->deadline_ns;
    do {
        if (next_sleep(end_ns) == 0)
            return end_ns == wait->deadline_ns ? PMIPC_TIMEOUT : PMIPC_NOTHING_NEW;
        cancel_act(terms->cancel_state); /* after the check: a sample that is there is returned */
        if (sleep_once(targets, count, end_ns) == EINTR)
            return PMIPC_INTERRUPTED;
    } while (!find_ready(targets, count, clock_monotonic_ns(), ready));
    return PMIPC_OK;
}

__attribute__((noinline)) static pmipc_status wait_in_turns(const struct wait_target *targets, uint32_t count,
                                                            const struct wait_terms *terms, uint32_t *ready)
{
    pmipc_wait *wait = terms->wait;
    if (wait->spurious_wakes > SPURIOUS_WAKES) {
        cancel_act(terms->cancel_state);
        clock_pause_ns(SPURIOUS_WAKE_PAUSE_NS);
    }
    const int64_t now_ns = clock_monotonic_ns();
    if (wait->spurious_wakes > 0 && now_ns >= wait->deadline_ns)
        return PMIPC_TIMEOUT;
    if (find_ready(targets, count, now_ns, ready)) {
        wait->spurious_wakes++;
        return PMIPC_OK;
    }
    wait->spurious_wakes = 0;
    return sleep_in_turns(targets, count, terms, now_ns, ready);
}

/* Not inlined: pthread_cleanup_push saves registers, and no variable of a caller may be in one of them. */
__attribute__((noinline)) pmipc_status targets_wait(const struct wait_target *targets, uint32_t count,
                                                    const struct wait_terms *terms, uint32_t *ready)
{
    pmipc_status status;
    pthread_cleanup_push(terms->clean_up, terms->held);
    status = wait_in_turns(targets, count, terms, ready);
    pthread_cleanup_pop(0);
    return status;
}

pmipc_wait pmipc_wait_begin(int64_t timeout_ns, int64_t slice_ns)
{
    const int64_t deadline_ns = timeout_ns < 0 ? INT64_MAX : time_after(clock_monotonic_ns(), timeout_ns);
    return (pmipc_wait){.deadline_ns = deadline_ns, .slice_ns = slice_ns};
}
