#include "world.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>

#include "fuzz.h"
#include "mappings.h"
#include "pokes.h"

#define START_NS INT64_C(1000000000000)
#define EPOCH_NS INT64_C(1700000000000000000)
#define TICK_NS 100
#define OVERSLEEP 64 /* sleeps may last longer, so that retrying for a second takes a few turns */

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

uint64_t world_calls, world_loads, world_call_alarm, world_load_alarm;

static int64_t now_ns;
static uint64_t chance;

FILE *__real_fopen(const char *path, const char *mode);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *duration, struct timespec *left);
long __wrap_syscall(long number, ...);
ssize_t __wrap_getrandom(void *buffer, size_t bytes, unsigned flags);
FILE *__wrap_fopen(const char *path, const char *mode);

void world_note_call(void)
{
    if (++world_calls >= world_call_alarm)
        pokes_fire();
}

void world_begin(void)
{
    mappings_begin();
    now_ns = START_NS;
    chance = UINT64_C(0x9e3779b97f4a7c15);
    world_calls = world_loads = 0;
    world_call_alarm = world_load_alarm = UINT64_MAX;
}

void world_advance(int64_t duration_ns)
{
    now_ns += duration_ns;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    now_ns += TICK_NS;
    int64_t ns = clock == CLOCK_REALTIME ? EPOCH_NS + now_ns : now_ns;
    *now = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    return 0;
}

static void sleep_for(const struct timespec *duration)
{
    world_note_call();
    if (duration->tv_sec < 1000000) /* the library never sleeps that long */
        now_ns += OVERSLEEP * (duration->tv_sec * INT64_C(1000000000) + duration->tv_nsec);
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *duration, struct timespec *left)
{
    (void)clock;
    (void)left;
    REQUIRE(flags == 0);
    sleep_for(duration);
    return 0;
}

/* Only futex calls. A sleep ends at once if the word has changed, and otherwise after its timeout: no other thread
 * exists that could wake it. */
long __wrap_syscall(long number, ...)
{
    va_list arguments;
    va_start(arguments, number);
    REQUIRE(number == SYS_futex || number == SYS_futex_waitv);
    if (number == SYS_futex_waitv) {
        va_end(arguments);
        errno = ENOSYS; /* as on kernels before 5.16 */
        return -1;
    }
    const uint32_t *word = va_arg(arguments, const uint32_t *);
    int operation = va_arg(arguments, int);
    uint32_t expected = va_arg(arguments, uint32_t);
    const struct timespec *timeout = va_arg(arguments, const struct timespec *);
    va_end(arguments);
    REQUIRE(mappings_have(word, sizeof *word, false));
    if (operation == FUTEX_WAKE)
        return 0;
    sleep_for(timeout);
    errno = __atomic_load_n(word, __ATOMIC_ACQUIRE) == expected ? ETIMEDOUT : EAGAIN;
    return -1;
}

ssize_t __wrap_getrandom(void *buffer, size_t bytes, unsigned flags)
{
    (void)flags;
    REQUIRE(bytes == sizeof chance);
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    memcpy(buffer, &chance, bytes);
    return (ssize_t)bytes;
}

/* Files with memory limits do not exist here: reading them takes longer than an input. */
FILE *__wrap_fopen(const char *path, const char *mode)
{
    if (strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/sys/", 5) == 0) {
        errno = ENOENT;
        return NULL;
    }
    return __real_fopen(path, mode);
}

/* The sanitizer's strcmp reports each text to libFuzzer and takes ten times as long. This one is instrumented like
 * other code. */
int __wrap_strcmp(const char *a, const char *b);
int __wrap_strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++)
        b++;
    return (unsigned char)*a - (unsigned char)*b;
}

#ifdef __clang__
static inline void note_load(const void *address)
{
    if (mappings_include(address) && ++world_loads >= world_load_alarm)
        pokes_fire();
}

/* -fsanitize-coverage=trace-loads: called before each load of the library. */
#define ON_LOAD(bytes)                                     \
    void __sanitizer_cov_load##bytes(const void *address); \
    void __sanitizer_cov_load##bytes(const void *address)  \
    {                                                      \
        note_load(address);                                \
    }
ON_LOAD(1)
ON_LOAD(2)
ON_LOAD(4)
ON_LOAD(8)
ON_LOAD(16)
#endif
