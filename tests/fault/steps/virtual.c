#include "virtual.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define REAL_SLEEP_NS 50000 /* the real duration of a sleep that no wake ends */
#define BEGIN_NS INT64_C(1700000000000000000)

long virtual_sleep_forever;
static _Atomic int64_t now_ns = BEGIN_NS;
static _Thread_local bool is_sleeper;
static _Atomic(const void *) sleeps_on;
static _Atomic bool sleep_ends;

/* The same as syscall() of libc. */
static long raw(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    if (result >= 0 || result < -4095)
        return result;
    errno = (int)-result;
    return -1;
}

void virtual_pass(int64_t duration_ns)
{
    atomic_fetch_add(&now_ns, duration_ns);
}

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    (void)clock;
    int64_t now = atomic_load(&now_ns);
    *time = (struct timespec){.tv_sec = now / 1000000000, .tv_nsec = now % 1000000000};
    return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *duration, struct timespec *rest)
{
    (void)clock;
    (void)flags;
    (void)rest;
    virtual_pass(nanoseconds(duration));
    sched_yield();
    return 0;
}

int ppoll(struct pollfd *items, nfds_t count, const struct timespec *timeout, const sigset_t *signals)
{
    struct timespec real = {.tv_nsec = REAL_SLEEP_NS};
    long ready = raw(SYS_ppoll, (long)items, (long)count, (long)&real, (long)signals, _NSIG / 8, 0);
    if (ready == 0 && !is_sleeper)
        virtual_pass(nanoseconds(timeout));
    return (int)ready;
}

static long sleep_of_sleeper(const void *word, long expected, const struct timespec *timeout)
{
    atomic_store(&sleeps_on, word);
    long result = raw(SYS_futex, (long)word, FUTEX_WAIT, expected, 0, 0, 0);
    if (!atomic_exchange(&sleep_ends, false))
        return result;
    virtual_pass(nanoseconds(timeout));
    errno = ETIMEDOUT;
    return -1;
}

static long sleep_on_one(long word, long expected, const struct timespec *timeout)
{
    struct timespec real = {.tv_nsec = REAL_SLEEP_NS};
    long result = raw(SYS_futex, word, FUTEX_WAIT, expected, virtual_sleep_forever ? 0 : (long)&real, 0, 0);
    if (result < 0 && errno == ETIMEDOUT)
        virtual_pass(nanoseconds(timeout));
    return result;
}

/* The timeout is an absolute time. */
static long sleep_on_many(long items, long count, const struct timespec *deadline)
{
    struct timespec end;
    raw(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&end, 0, 0, 0, 0);
    end.tv_nsec += REAL_SLEEP_NS;
    if (end.tv_nsec >= 1000000000)
        end = (struct timespec){.tv_sec = end.tv_sec + 1, .tv_nsec = end.tv_nsec - 1000000000};
    long result = raw(SYS_futex_waitv, items, count, 0, virtual_sleep_forever ? 0 : (long)&end, CLOCK_MONOTONIC, 0);
    if (result < 0 && errno == ETIMEDOUT)
        atomic_store(&now_ns, nanoseconds(deadline));
    return result;
}

long syscall(long number, ...)
{
    long arguments[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    const struct timespec *time = (const struct timespec *)arguments[3];
    if (number == SYS_futex && (int)arguments[1] == FUTEX_WAIT)
        return is_sleeper ? sleep_of_sleeper((const void *)arguments[0], arguments[2], time)
                          : sleep_on_one(arguments[0], arguments[2], time);
    if (number == SYS_futex_waitv)
        return sleep_on_many(arguments[0], arguments[1], time);
    return raw(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

void virtual_become_sleeper(void)
{
    is_sleeper = true;
}

/* Requeueing the waiters of a futex to the same futex changes nothing and returns their number. */
bool virtual_is_asleep(void)
{
    const void *word = atomic_load(&sleeps_on);
    return word && raw(SYS_futex, (long)word, FUTEX_REQUEUE, 0, INT_MAX, (long)word, 0) > 0;
}

void virtual_end_sleep(void)
{
    atomic_store(&sleep_ends, true);
    raw(SYS_futex, (long)atomic_load(&sleeps_on), FUTEX_WAKE, INT_MAX, 0, 0, 0);
}
