/* clock.h: the clocks, in nanoseconds. vDSO calls, no system calls; the clock of ages since Linux 5.3. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* When samples are published, and how old they are: it goes on while the machine is suspended. Timeouts do not use it.
 * Every process on a machine must read the same one: its number is part of the layout's fingerprint. */
#define CLOCK_OF_AGES CLOCK_BOOTTIME

static inline int64_t clock_age_ns(void)
{
    struct timespec now;
    if (__builtin_expect(clock_gettime(CLOCK_OF_AGES, &now) != 0, 0)) /* not every emulated kernel has it */
        clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t clock_realtime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Sleep between two tries for a lock that a dying process is about to drop. */
static inline void clock_pause_ns(int64_t duration_ns)
{
    struct timespec pause = {.tv_sec = duration_ns / 1000000000, .tv_nsec = duration_ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

#endif
