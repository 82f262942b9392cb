#include "syscall_faults.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_CLOCK_READ 1000
#define PAUSE_FACTOR 20

static const struct fault *current;
static struct call_log *current_log;
static void (*when_asleep)(void);
static bool event_happened;
static bool follows_child;
static bool is_counting;
static call_kind failing_kind;
static int64_t clock_shift_ns;
static long blocks;

/* ---- time ---- */

static int64_t ns_of(const void *timespec)
{
    const struct timespec *time = timespec;
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

/* Clocks start at the real time and advance by a fixed step at each read, so that nothing depends on the speed of the
 * machine. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    static int64_t beginnings[2];
    int64_t *begin_ns = &beginnings[clock != CLOCK_REALTIME];
    if (*begin_ns == 0) {
        __real_clock_gettime(clock, time);
        *begin_ns = ns_of(time) - clock_shift_ns;
    }
    clock_shift_ns += NS_PER_CLOCK_READ;
    int64_t ns = *begin_ns + clock_shift_ns;
    *time = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    return 0;
}

void time_pass(int64_t duration_ns)
{
    clock_shift_ns += duration_ns;
}

/* The duration of a sleeping call. */
static int64_t sleep_of(call_kind kind, const struct trapped_call *call)
{
    struct timespec now;
    switch (kind) {
    case CALL_SLEEP_ON_WORD:
        return ns_of((void *)call->arguments[3]);
    case CALL_SLEEP_ON_MANY: /* its timeout is an absolute time */
        __wrap_clock_gettime(CLOCK_MONOTONIC, &now);
        return ns_of((void *)call->arguments[3]) - ns_of(&now);
    case CALL_PAUSE:
        return ns_of((void *)call->arguments[2]);
    default:
        return 0;
    }
}

static bool is_sleep(call_kind kind)
{
    return kind == CALL_SLEEP_ON_WORD || kind == CALL_SLEEP_ON_MANY || kind == CALL_PAUSE;
}

static long sleep_in_call(call_kind kind, const struct trapped_call *call)
{
    if (when_asleep) {
        void (*act)(void) = when_asleep;
        when_asleep = NULL;
        event_happened = true;
        act();
        if (kind != CALL_PAUSE)
            return trap_pass(call); /* returns at once, because the event has happened */
    }
    /* A pause takes longer than requested, so that waiting for a lock needs few calls. */
    time_pass(sleep_of(kind, call) * (kind == CALL_PAUSE ? PAUSE_FACTOR : 1));
    return kind == CALL_SLEEP_ON_WORD || kind == CALL_SLEEP_ON_MANY ? -ETIMEDOUT : 0;
}

/* ---- faults ---- */

/* Count one call. Whether it must fail. */
static bool count_call(call_kind kind)
{
    struct call_log *log = current_log;
    if (log->count == CALLS_MAX) {
        log->is_unbounded = true;
        _exit(1);
    }
    log->kinds[log->count++] = (uint8_t)kind;
    if (current->call == log->count)
        failing_kind = kind;
    if (current->call != log->count && !(current->lasting && log->failed && kind == failing_kind))
        return false;
    log->failed++;
    return true;
}

static long fail_call(call_kind kind, const struct trapped_call *call)
{
    const struct trapped_call where = {SYS_brk, {0}};
    switch (kind) {
    case CALL_CLOSE: /* closes the descriptor even when it returns an error */
        trap_pass(call);
        break;
    case CALL_GROW_HEAP: /* fails by leaving the end of the heap unchanged */
        return trap_pass(&where);
    default:
        if (current->error == ETIMEDOUT)
            time_pass(sleep_of(kind, call));
    }
    return -current->error;
}

static long answer(const struct trapped_call *call)
{
    call_kind kind = kind_of_call(call);
    if (!is_counting)
        return is_sleep(kind) ? sleep_in_call(kind, call) : trap_pass(call);
    if (kind == CALL_OTHER)
        fprintf(stderr, "system call %ld is not in the table of kinds\n", call->number);
    if (count_call(kind))
        return fail_call(kind, call);
    if (is_sleep(kind))
        return sleep_in_call(kind, call);
    long result = trap_pass(call);
    if (kind == CALL_FORK && (result == 0) != follows_child)
        faults_end();
    return result;
}

bool faults_event_happened(void)
{
    return event_happened;
}

void faults_install(void)
{
    trap_install();
    trap_set_answer(answer);
}

void faults_begin(const struct fault *fault, struct call_log *log, void (*asleep)(void), bool follow_child)
{
    log->count = log->failed = 0;
    event_happened = false;
    current = fault;
    current_log = log;
    when_asleep = asleep;
    follows_child = follow_child;
    is_counting = true;
}

void faults_end(void)
{
    when_asleep = NULL;
    is_counting = false;
}

bool fault_happened(void)
{
    return current_log->failed > 0;
}

/* ---- memory ---- */

static bool memory_fails(call_kind kind)
{
    if (!is_counting || trap_is_answering() || !count_call(kind))
        return false;
    errno = ENOMEM;
    return true;
}

static void *counted(void *block)
{
    blocks += block != NULL;
    return block;
}

long live_blocks(void)
{
    return blocks;
}

#define WRAPPED(type, name, ...)     \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

WRAPPED(void *, malloc, size_t bytes)
{
    return memory_fails(CALL_ALLOCATION) ? NULL : counted(__real_malloc(bytes));
}

WRAPPED(void *, calloc, size_t count, size_t bytes)
{
    return memory_fails(CALL_ALLOCATION) ? NULL : counted(__real_calloc(count, bytes));
}

WRAPPED(void *, realloc, void *block, size_t bytes)
{
    if (memory_fails(CALL_ALLOCATION))
        return NULL;
    return block ? __real_realloc(block, bytes) : counted(__real_realloc(NULL, bytes));
}

WRAPPED(char *, strdup, const char *text)
{
    return memory_fails(CALL_ALLOCATION) ? NULL : counted(__real_strdup(text));
}

WRAPPED(int, posix_memalign, void **block, size_t alignment, size_t bytes)
{
    int failure = memory_fails(CALL_ALLOCATION) ? ENOMEM : __real_posix_memalign(block, alignment, bytes);
    blocks += failure == 0;
    return failure;
}

WRAPPED(void, free, void *block)
{
    blocks -= block != NULL;
    __real_free(block);
}

WRAPPED(FILE *, fopen, const char *path, const char *mode)
{
    return memory_fails(CALL_FILE_STREAM) ? NULL : __real_fopen(path, mode);
}

WRAPPED(DIR *, fdopendir, int fd)
{
    return memory_fails(CALL_FOLDER_STREAM) ? NULL : __real_fdopendir(fd);
}

WRAPPED(int, pthread_atfork, void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return memory_fails(CALL_FORK_HANDLERS) ? ENOMEM : __real_pthread_atfork(prepare, parent, child);
}
