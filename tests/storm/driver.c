#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

static const struct {
    const char *kind;
    void (*play)(void);
} roster[WORKERS] = {
    {"producer", run_producer}, {"producer", run_producer}, {"producer", run_producer}, {"producer", run_producer},
    {"producer", run_producer}, {"producer", run_producer}, {"stream", run_stream},     {"stream", run_stream},
    {"stream", run_stream},     {"stream", run_stream},     {"stream", run_stream},     {"hoarder", run_hoarder},
    {"hoarder", run_hoarder},   {"forker", run_forker},     {"forker", run_forker},     {"waiter", run_waiter},
    {"cleaner", run_cleaner},   {"remover", run_remover},   {"lister", run_lister},     {"lister", run_lister},
};

enum state { EMPTY, RUNNING, STOPPED, ENDING, KILLED };

static struct {
    pid_t pid;
    enum state state;
} members[WORKERS];

struct driver_facts driver_facts;
int64_t driver_patience_ns = INT64_C(60000000000);
static struct worker driver; /* for its random numbers */
static bool replacing;

static uint64_t driver_random(uint64_t limit)
{
    struct worker own = me;
    me = driver;
    uint64_t number = random_below(limit);
    driver = me;
    me = own;
    return number;
}

static void start(int number)
{
    uint64_t seed = driver_random(UINT32_MAX) << 32 | driver_random(UINT32_MAX);
    board->workers[number].ending = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        fprintf(stderr, "storm: fork: %s\n", strerror(errno));
        exit(2);
    }
    if (pid == 0) {
        worker_begin(roster[number].kind, (unsigned)number, seed);
        roster[number].play();
        check_nothing_is_leaked();
        exit(0); /* not _exit(): leak checkers report at exit */
    }
    members[number].pid = pid;
    members[number].state = RUNNING;
    driver_facts.started++;
}

void driver_begin(uint64_t seed)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    worker_prepare();
    driver.random = seed | 1;
    replacing = true;
    driver_facts = (struct driver_facts){0};
    for (int number = 0; number < WORKERS; number++)
        start(number);
}

static void check_end(int number, int status)
{
    enum state state = members[number].state;
    members[number].state = EMPTY;
    if (state == KILLED && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return;
    if (state != RUNNING && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    found(FOUND_CRASH, "%s, worker %d, pid %d, ended by itself with %s %d while in %s", roster[number].kind, number,
          (int)members[number].pid, WIFSIGNALED(status) ? "signal" : "exit code",
          WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (const char *)board->workers[number].doing);
}

/* Check the workers that have ended, and start new ones. */
static void reap(void)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int number = 0; number < WORKERS; number++)
            if (members[number].state != EMPTY && members[number].pid == pid)
                check_end(number, status);
    for (int number = 0; replacing && number < WORKERS; number++)
        if (members[number].state == EMPTY)
            start(number);
}

static void member_kill(int number)
{
    kill(members[number].pid, SIGKILL);
    members[number].state = KILLED;
    driver_facts.killed++;
}

static void member_end(int number)
{
    atomic_store(&board->workers[number].ending, 1);
    kill(members[number].pid, SIGUSR1);
    members[number].state = ENDING;
    driver_facts.ended++;
}

static void member_continue(int number)
{
    kill(members[number].pid, SIGCONT);
    members[number].state = RUNNING;
}

void driver_disturb(void)
{
    int number = (int)driver_random(WORKERS);
    uint64_t what = driver_random(100);
    if (members[number].state == RUNNING && (what < 30 || what >= 90)) {
        if (what >= 90) /* killed while stopped */
            kill(members[number].pid, SIGSTOP);
        member_kill(number);
    } else if (members[number].state == RUNNING && what < 45) {
        member_end(number);
    } else if (members[number].state == RUNNING && what < 60) {
        kill(members[number].pid, SIGSTOP);
        members[number].state = STOPPED;
        driver_facts.stopped++;
    } else if (members[number].state == STOPPED && what < 80) {
        member_continue(number);
    } else if (members[number].state == STOPPED || (members[number].state == ENDING && what < 10)) {
        member_kill(number);
    }
    reap();
    struct timespec time = {.tv_nsec = (long)driver_random(4000000)};
    nanosleep(&time, NULL);
}

/* ---- waits, and stuck workers ---- */

bool driver_wait(bool (*condition)(void *), void *context)
{
    int64_t end = pmipc_monotonic_ns() + driver_patience_ns;
    while (!condition(context)) {
        if (pmipc_monotonic_ns() > end)
            return false;
        reap();
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        for (int number = 0; number < WORKERS; number++)
            if (members[number].state == ENDING) /* again, because the signal may have come just before the sleep */
                kill(members[number].pid, SIGUSR1);
    }
    return true;
}

static void read_text(const char *path, char *text, size_t text_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, text_bytes - 1);
    text[length > 0 ? length : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

static void report_stuck(int number, const char *expected)
{
    char path[64], wchan[64], stack[400], call[200];
    pid_t pid = members[number].pid;
    snprintf(path, sizeof path, "/proc/%d/wchan", (int)pid);
    read_text(path, wchan, sizeof wchan);
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
    read_text(path, call, sizeof call);
    snprintf(path, sizeof path, "/proc/%d/stack", (int)pid);
    read_text(path, stack, sizeof stack);
    found(FOUND_STUCK,
          "%s, worker %d, pid %d: no %s for %" PRId64 " s; it is in %s (%s), wchan %s, system call %s stack %s",
          roster[number].kind, number, (int)pid, expected, driver_patience_ns / 1000000000,
          (const char *)board->workers[number].doing, board->workers[number].with, wchan, call,
          stack[0] ? stack : "(not readable)");
}

struct progress {
    uint64_t wanted[WORKERS];
    int workers;
};

static bool has_progressed(int number, const struct progress *progress)
{
    return atomic_load_explicit(&board->workers[number].operations, memory_order_relaxed) >= progress->wanted[number];
}

static bool all_have_progressed(void *context)
{
    const struct progress *progress = context;
    for (int number = 0; number < progress->workers; number++)
        if (!has_progressed(number, progress))
            return false;
    return true;
}

bool driver_require_progress(uint64_t operations, bool producers_only)
{
    struct progress progress = {.workers = producers_only ? FIRST_READER : WORKERS};
    for (int number = 0; number < WORKERS; number++) {
        if (members[number].state == STOPPED)
            member_continue(number);
        progress.wanted[number] = board->workers[number].operations + operations;
    }
    bool done = driver_wait(all_have_progressed, &progress);
    for (int number = 0; !done && number < progress.workers; number++)
        if (!has_progressed(number, &progress)) {
            report_stuck(number, "progress");
            member_kill(number);
        }
    return done;
}

/* ---- the end ---- */

static bool workers_have_ended(void *context)
{
    const int *range = context;
    for (int number = range[0]; number < range[1]; number++)
        if (members[number].state != EMPTY)
            return false;
    return true;
}

void driver_end(int first, int last, bool kill_some)
{
    int range[] = {first, last};
    replacing = false;
    for (int number = first; number < last; number++) {
        if (members[number].state == STOPPED)
            member_continue(number);
        if (members[number].state != RUNNING)
            continue;
        if (kill_some && driver_random(2))
            member_kill(number);
        else
            member_end(number);
    }
    if (driver_wait(workers_have_ended, range))
        return;
    for (int number = first; number < last; number++)
        if (members[number].state != EMPTY) {
            report_stuck(number, "end");
            member_kill(number);
        }
    while (!workers_have_ended(range))
        reap();
}

void driver_kill(void)
{
    int range[] = {0, WORKERS};
    replacing = false;
    for (int number = 0; number < WORKERS; number++)
        if (members[number].state != EMPTY)
            member_kill(number);
    driver_wait(workers_have_ended, range);
}

static bool has_no_child(void *context)
{
    (void)context;
    return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

void driver_check_all_ended(void)
{
    if (!driver_wait(has_no_child, NULL))
        found(FOUND_STUCK, "a child of a worker is alive after all workers have ended");
}
