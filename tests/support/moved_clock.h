/* moved_clock.h: defines clock_gettime, which the library then calls instead of that of libc. A test moves or stops the
 * clocks instead of sleeping. Include it in one file of a program. */
#ifndef PMIPC_TEST_MOVED_CLOCK_H
#define PMIPC_TEST_MOVED_CLOCK_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)

static int64_t clock_moved_ns;      /* added to every clock except CLOCK_REALTIME */
static int64_t clock_stopped_ns;    /* the time of every clock except CLOCK_REALTIME; 0: they run */
static int64_t wall_clock_moved_ns; /* added to CLOCK_REALTIME */

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    int64_t now_ns = time->tv_sec * SECOND + time->tv_nsec;
    if (clock == CLOCK_REALTIME)
        now_ns += wall_clock_moved_ns;
    else
        now_ns = clock_stopped_ns ? clock_stopped_ns : now_ns + clock_moved_ns;
    *time = (struct timespec){.tv_sec = now_ns / SECOND, .tv_nsec = now_ns % SECOND};
    return result;
}

#endif
