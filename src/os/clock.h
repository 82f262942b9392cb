/* clock.h: the clocks, in nanoseconds. vDSO calls, no system calls; the clock of ages since Linux 5.3. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

static inline int64_t ns_of_timespec(struct timespec time)
{
    return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

static inline struct timespec timespec_of_ns(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

static inline int64_t clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return ns_of_timespec(now);
}

/* When samples are published, and how old they are: it goes on while the machine is suspended. Timeouts do not use it.
 * Every process on a machine must read the same one: its number is part of the layout's fingerprint. */
#define CLOCK_OF_AGES CLOCK_BOOTTIME

static inline int64_t clock_age_ns(void)
{
    struct timespec now;
    if (__builtin_expect(clock_gettime(CLOCK_OF_AGES, &now) != 0, 0)) /* not every emulated kernel has it */
        clock_gettime(CLOCK_MONOTONIC, &now);
    return ns_of_timespec(now);
}

static inline int64_t clock_realtime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ns_of_timespec(now);
}

/* Sleep between two tries for a lock that a dying process is about to drop. */
static inline void clock_pause_ns(int64_t duration_ns)
{
    struct timespec pause = timespec_of_ns(duration_ns);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

#endif
