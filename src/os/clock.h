/* clock.h: the two clocks, in nanoseconds. vDSO calls on every supported machine: no system call. */
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
