#include "os/futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449 /* the same number on every architecture */
#endif
#define WAITV_FUTEX_32 2u

/* linux/futex.h defines it since 5.16; older sysroots must build too. */
struct waitv_item {
    uint64_t expected;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
};

int futex_wait(const _Atomic uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
    struct timespec timeout = timespec_of_ns(timeout_ns);
    if (syscall(SYS_futex, word, FUTEX_WAIT, expected, &timeout, NULL, 0) == 0 || errno == EAGAIN)
        return 0;
    return errno;
}

int futex_wait_many(const struct futex_item *items, uint32_t count, int64_t timeout_ns)
{
    struct waitv_item list[FUTEX_MANY_MAX];
    memset(list, 0, count * sizeof list[0]);
    for (uint32_t i = 0; i < count; i++) {
        list[i].expected = items[i].expected;
        list[i].address = (uint64_t)(uintptr_t)items[i].word;
        list[i].flags = WAITV_FUTEX_32;
    }
    struct timespec deadline = timespec_of_ns(clock_monotonic_ns() + timeout_ns);
    if (syscall(SYS_futex_waitv, list, count, 0, &deadline, CLOCK_MONOTONIC) >= 0 || errno == EAGAIN)
        return 0;
    return errno;
}

void futex_wake_all(const _Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
