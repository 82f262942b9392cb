#include "api/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "os/cancel.h"
#include "os/clock.h"
#include "os/futex.h"
#include "os/lock.h"

#define LONGEST_SLEEP_NS 100000000 /* then everything is checked again: bounds every lost wake */
#define POLL_INTERVAL_NS                                                                        \
    20000000 /* where no futex can be slept on: an absent pool, too many of them, an old kernel \
              */
#define ORPHAN_CHECK_INTERVAL_NS 100000000

void anchor_release(struct wait_anchor *anchor)
{
    if (anchor && atomic_fetch_sub_explicit(&anchor->references, 1, memory_order_acq_rel) == 1)
        free(anchor);
}

void target_init(struct wait_target *target, struct wait_anchor *anchor, struct pool_connection *connection,
                 uint64_t seen_seq, struct file_identity absent)
{
    fetch_add_relaxed(&anchor->references, 1);
    *target = (struct wait_target){.anchor = anchor, .connection = connection, .seen_seq = seen_seq, .absent = absent};
    if (connection)
        connection_retain(connection);
}

void target_release(struct wait_target *target)
{
    if (target->connection)
        connection_drop(target->connection);
    anchor_release(target->anchor);
    target->connection = NULL;
    target->anchor = NULL;
}

void target_clean_up(void *target)
{
    target_release(target);
}

/* Another file has the name now, and a producer of its own. */
static bool name_has_other_producer(const struct pool_connection *connection, const char *path)
{
    int fd = file_open_entry(AT_FDCWD, path, false);
    bool is_other =
        fd >= 0 && !file_is_identical(file_identify(fd), connection->identity) && lock_is_held(fd, LOCK_BYTE_PRODUCER);
    file_close(fd);
    return is_other;
}

bool connection_is_orphaned(const struct pool_connection *connection, const struct wait_anchor *anchor)
{
    const char *path = anchor->place.path;
    return !file_is_identical(file_identify_path(path), connection->identity) &&
           (!connection_producer_alive(connection, path) || name_has_other_producer(connection, path));
}

bool anchor_finds_orphan(struct wait_anchor *anchor, const struct pool_connection *connection, int64_t now_ns)
{
    /* Relaxed: two threads that both look do no harm. */
    if (now_ns < load_relaxed(&anchor->next_orphan_check_ns))
        return false;
    store_relaxed(&anchor->next_orphan_check_ns, now_ns + ORPHAN_CHECK_INTERVAL_NS);
    return connection_is_orphaned(connection, anchor);
}

bool target_is_ready(const struct wait_target *target)
{
    if (load_acquire(&target->anchor->closed))
        return true;
    if (target->connection)
        return connection_head_seq(target->connection) > target->seen_seq ||
               connection_is_retired(target->connection) || load_acquire(&target->connection->closed);
    struct file_identity found = file_identify_path(target->anchor->place.path);
    return found.inode != 0 && !file_is_identical(found, target->absent);
}

/* The rest of the time, cut to the longest sleep. 0: over. */
static int64_t next_sleep(int64_t deadline_ns, int64_t longest_ns)
{
    if (deadline_ns == INT64_MAX)
        return longest_ns;
    int64_t left = deadline_ns - clock_monotonic_ns();
    return left <= 0 ? 0 : left < longest_ns ? left : longest_ns;
}

/* One sleep on one connected target. Returns 0, ETIMEDOUT, EINTR. */
static int sleep_on_bell(const struct wait_target *target, int64_t sleep_ns)
{
    const struct pool_connection *connection = target->connection;
    uint32_t bell;
    if (!protocol_wait_begin(connection->protocol.control, connection->readers, target->seen_seq, &bell))
        return 0;
    return futex_wait(&connection->protocol.control->bell, bell, sleep_ns);
}

static int sleep_on_many(struct wait_target *const *targets, uint32_t count, int64_t sleep_ns)
{
    struct futex_item items[FUTEX_MANY_MAX];
    for (uint32_t i = 0; i < count; i++) {
        const struct pool_connection *connection = targets[i]->connection;
        items[i].word = &connection->protocol.control->bell;
        if (!protocol_wait_begin(connection->protocol.control, connection->readers, targets[i]->seen_seq,
                                 &items[i].expected))
            return 0;
    }
    return futex_wait_many(items, count, sleep_ns);
}

static int just_sleep(int64_t sleep_ns)
{
    struct timespec pause = timespec_of_ns(sleep_ns);
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

static bool can_use_futexes(struct wait_target *const *targets, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!targets[i]->connection)
            return false;
    return count < FUTEX_MANY_MAX;
}

/* One sleep, of whatever kind fits, never longer than 100 ms. Returns 0 or EINTR. */
static int sleep_once(struct wait_target *const *targets, uint32_t count, int64_t deadline_ns)
{
    int result;
    int64_t sleep_ns = next_sleep(deadline_ns, LONGEST_SLEEP_NS);
    int64_t poll_ns = sleep_ns < POLL_INTERVAL_NS ? sleep_ns : POLL_INTERVAL_NS;
    if (count == 1 && targets[0]->connection)
        result = sleep_on_bell(targets[0], sleep_ns);
    else
        result = can_use_futexes(targets, count) ? sleep_on_many(targets, count, sleep_ns) : just_sleep(poll_ns);
    if (result != 0 && result != ETIMEDOUT && result != EINTR) /* no such call here, or not allowed: never spin */
        result = just_sleep(poll_ns);
    return result == EINTR ? EINTR : 0;
}

/* Nothing rings when the file of a pool is removed from outside. Looked for in every turn, whatever the sleep was: the
 * targets of one wait may have different kinds of sleep, and samples of one must not keep the others from being looked
 * at. */
static bool find_orphan(const struct wait_target *target, int64_t now_ns)
{
    if (!target->connection || !anchor_finds_orphan(target->anchor, target->connection, now_ns))
        return false;
    store_relaxed(&target->anchor->orphaned, true);
    return true;
}

__attribute__((noinline)) static pmipc_status wait_in_turns(struct wait_target *const *targets, uint32_t count,
                                                            const struct wait_terms *terms, uint32_t *ready)
{
    for (;;) {
        int64_t now_ns = clock_monotonic_ns();
        for (uint32_t i = 0; i < count; i++) {
            if (target_is_ready(targets[i]) || find_orphan(targets[i], now_ns)) {
                *ready = i;
                return PMIPC_OK;
            }
        }
        if (next_sleep(terms->deadline_ns, LONGEST_SLEEP_NS) == 0)
            return PMIPC_TIMEOUT;
        cancel_act(terms->cancel_state); /* after the look: a sample that is there is handed over */
        if (sleep_once(targets, count, terms->deadline_ns) == EINTR)
            return PMIPC_INTERRUPTED;
    }
}

/* Not inlined: it saves registers for the clean-up handler, and nothing of its callers may live in them. */
__attribute__((noinline)) pmipc_status targets_wait(struct wait_target *const *targets, uint32_t count,
                                                    const struct wait_terms *terms, uint32_t *ready)
{
    pmipc_status status;
    pthread_cleanup_push(terms->clean_up, terms->held);
    status = wait_in_turns(targets, count, terms, ready);
    pthread_cleanup_pop(0);
    return status;
}

int64_t deadline_after(int64_t timeout_ns)
{
    int64_t deadline_ns;
    if (timeout_ns < 0 || __builtin_add_overflow(clock_monotonic_ns(), timeout_ns, &deadline_ns))
        return INT64_MAX;
    return deadline_ns;
}
