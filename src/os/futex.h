/* futex.h: sleeping on a 32-bit word in shared memory, and waking the sleepers. These are shared futexes: they work
 * between processes and on read-only mappings. */
#ifndef OS_FUTEX_H
#define OS_FUTEX_H

#include <stdatomic.h>
#include <stdint.h>

#define FUTEX_MANY_MAX 128

/* Sleep while *word == expected, at most timeout_ns. Returns 0 (woken, or the word differs), ETIMEDOUT or EINTR. */
int futex_wait(const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns);

struct futex_item {
    const _Atomic uint32_t *word;
    uint32_t expected;
};

/* Sleep while each of 1 to FUTEX_MANY_MAX words has its expected value. Returns 0, ETIMEDOUT, EINTR, or ENOSYS where
 * the kernel has no futex_waitv (before 5.16). */
int futex_wait_many(const struct futex_item *items, uint32_t count, int64_t timeout_ns);

void futex_wake_all(const _Atomic uint32_t *word);

#endif
