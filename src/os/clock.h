/* clock.h: clocks, in nanoseconds. They are read by vDSO calls, without a system call
 * (CLOCK_OF_AGES: since Linux 5.3). */
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

/* The clock of publication times and ages. It continues while the machine is suspended. Timeouts use CLOCK_MONOTONIC.
 * All processes that share a pool must use the same clock, so its number is part of the layout's fingerprint. */
#define CLOCK_OF_AGES CLOCK_BOOTTIME

static inline int64_t clock_age_ns(void)
{
    struct timespec now;
    if (__builtin_expect(clock_gettime(CLOCK_OF_AGES, &now) != 0, 0)) /* some emulators lack it */
        clock_gettime(CLOCK_MONOTONIC, &now);
    return ns_of_timespec(now);
}

static inline int64_t clock_realtime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ns_of_timespec(now);
}

/* Sleep, for example between two attempts to take a lock that a dying process still holds. */
static inline void clock_pause_ns(int64_t duration_ns)
{
    struct timespec pause = timespec_of_ns(duration_ns);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

#endif
