#include "loop_watch.h"

#include "pools.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- allocations ---- */

static atomic_uint allocations;

#if TEST_SANITIZED
/* Declared as in <sanitizer/allocator_interface.h>, which not every compiler has. */
int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *block, size_t bytes),
                                              void (*free_hook)(const volatile void *block));

static void count_sanitizer_malloc(const volatile void *block, size_t bytes)
{
    (void)block;
    (void)bytes;
    atomic_fetch_add(&allocations, 1);
}

static void count_sanitizer_free(const volatile void *block)
{
    (void)block;
    atomic_fetch_add(&allocations, 1);
}

__attribute__((constructor)) static void install_hooks(void)
{
    __sanitizer_install_malloc_and_free_hooks(count_sanitizer_malloc, count_sanitizer_free);
}
#else
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void __libc_free(void *block);

void *malloc(size_t bytes)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(block, bytes);
}

void free(void *block)
{
    atomic_fetch_add(&allocations, 1);
    __libc_free(block);
}
#endif

/* ---- system calls ---- */

/* SYS_clock_gettime if reading the clock needs a system call (no vDSO), otherwise SYS_write. */
static long clock_call = SYS_write;

/* End without the exit handlers of a sanitizer, which make system calls. Not _Noreturn: AddressSanitizer makes a system
 * call before every call of a _Noreturn function. */
static void quit(int code)
{
    syscall(SYS_exit_group, code);
}

static void report_system_call(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    char text[] = "    a system call was made: number 000\n";
    int call = info->si_syscall;
    for (size_t i = 0; i < 3; i++, call /= 10)
        text[sizeof text - 3 - i] = (char)('0' + call % 10);
    ssize_t written = write(2, text, sizeof text - 1);
    quit(written > 0 ? 2 : 3);
}

static atomic_uint fstats;
static time_t moved_s;
static int64_t loop_begin_ns;
static unsigned allocations_before;

int fstat(int fd, struct stat *status)
{
    atomic_fetch_add(&fstats, 1);
    return (int)syscall(SYS_fstat, fd, status);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*original)(clockid_t, struct timespec *);
    if (!original) /* at the first call, before any system call is forbidden */
        *(void **)&original = dlsym(RTLD_NEXT, "clock_gettime");
    int result = original(clock, time);
    if (clock != CLOCK_REALTIME)
        time->tv_sec += moved_s;
    return result;
}

static void forbid_system_calls(long also)
{
    struct sigaction action = {.sa_sigaction = report_system_call, .sa_flags = SA_SIGINFO};
    sigaction(SIGSYS, &action, NULL);
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fstat, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)clock_call, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)also, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        FAIL("seccomp: %s", strerror(errno));
}

int exit_code_under_filter(void (*body)(void), long also)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        forbid_system_calls(also);
        body();
        quit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void read_clocks(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    clock_gettime(CLOCK_REALTIME, &now);
}

void learn_clock(void)
{
    clock_call = exit_code_under_filter(read_clocks, SYS_write) == 0 ? SYS_write : SYS_clock_gettime;
}

unsigned allocations_made(void)
{
    return atomic_load(&allocations);
}

unsigned fstat_calls(void)
{
    return atomic_load(&fstats);
}

void clock_move_s(int seconds)
{
    moved_s += seconds;
}

void loop_begin(long also)
{
    allocations_before = allocations_made();
    atomic_store(&fstats, 0);
    loop_begin_ns = pmipc_monotonic_ns();
    forbid_system_calls(also);
}

/* A failed check prints and exits with code 1, which the filter allows. */
void loop_end(void)
{
    unsigned made = allocations_made() - allocations_before;
    if (made)
        FAIL("%u allocations were made", made);
    int64_t seconds = (pmipc_monotonic_ns() - loop_begin_ns) / 1000000000;
    if (fstat_calls() > seconds + 1)
        FAIL("%u calls of fstat in %d seconds", fstat_calls(), (int)seconds);
    quit(0);
}

void check_loop(role_body body)
{
    learn_clock();
    helper child = helper_fork(body, "");
    helper_finish(&child);
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
}
