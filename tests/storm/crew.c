#include "crew.h"

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
} seating[SEATS] = {
    {"producer", play_producer}, {"producer", play_producer}, {"producer", play_producer}, {"producer", play_producer},
    {"producer", play_producer}, {"producer", play_producer}, {"stream", play_stream},     {"stream", play_stream},
    {"stream", play_stream},     {"stream", play_stream},     {"stream", play_stream},     {"hoarder", play_hoarder},
    {"hoarder", play_hoarder},   {"forker", play_forker},     {"forker", play_forker},     {"waiter", play_waiter},
    {"cleaner", play_cleaner},   {"remover", play_remover},   {"lister", play_lister},     {"lister", play_lister},
};

enum state { EMPTY, RUNNING, STOPPED, ENDING, KILLED };

static struct {
    pid_t pid;
    enum state state;
} members[SEATS];

struct crew_facts crew_facts;
int64_t crew_patience_ns = INT64_C(60000000000);
static struct worker driver; /* its chances */
static bool replacing;

static uint64_t driver_chance(uint64_t limit)
{
    struct worker own = me;
    me = driver;
    uint64_t number = chance(limit);
    driver = me;
    me = own;
    return number;
}

static void start(int seat)
{
    uint64_t seed = driver_chance(UINT32_MAX) << 32 | driver_chance(UINT32_MAX);
    board->seats[seat].ending = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        fprintf(stderr, "storm: fork: %s\n", strerror(errno));
        exit(2);
    }
    if (pid == 0) {
        worker_begin(seating[seat].kind, (unsigned)seat, seed);
        seating[seat].play();
        check_nothing_is_left();
        exit(0); /* and not _exit: leak checkers report there */
    }
    members[seat].pid = pid;
    members[seat].state = RUNNING;
    crew_facts.started++;
}

void crew_begin(uint64_t seed)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    worker_prepare();
    driver.random = seed | 1;
    replacing = true;
    crew_facts = (struct crew_facts){0};
    for (int seat = 0; seat < SEATS; seat++)
        start(seat);
}

static void judge_end(int seat, int status)
{
    enum state state = members[seat].state;
    members[seat].state = EMPTY;
    if (state == KILLED && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return;
    if (state != RUNNING && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    found(FOUND_CRASH, "%s in seat %d, pid %d, ended by itself with %s %d while in %s", seating[seat].kind, seat,
          (int)members[seat].pid, WIFSIGNALED(status) ? "signal" : "exit code",
          WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (const char *)board->seats[seat].doing);
}

/* Whoever has ended; seats are filled again. */
static void reap(void)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int seat = 0; seat < SEATS; seat++)
            if (members[seat].state != EMPTY && members[seat].pid == pid)
                judge_end(seat, status);
    for (int seat = 0; replacing && seat < SEATS; seat++)
        if (members[seat].state == EMPTY)
            start(seat);
}

static void member_kill(int seat)
{
    kill(members[seat].pid, SIGKILL);
    members[seat].state = KILLED;
    crew_facts.killed++;
}

static void member_end(int seat)
{
    atomic_store(&board->seats[seat].ending, 1);
    kill(members[seat].pid, SIGUSR1);
    members[seat].state = ENDING;
    crew_facts.ended++;
}

static void member_continue(int seat)
{
    kill(members[seat].pid, SIGCONT);
    members[seat].state = RUNNING;
}

void crew_disturb(void)
{
    int seat = (int)driver_chance(SEATS);
    uint64_t what = driver_chance(100);
    if (members[seat].state == RUNNING && (what < 30 || what >= 90)) {
        if (what >= 90) /* dies in its sleep */
            kill(members[seat].pid, SIGSTOP);
        member_kill(seat);
    } else if (members[seat].state == RUNNING && what < 45) {
        member_end(seat);
    } else if (members[seat].state == RUNNING && what < 60) {
        kill(members[seat].pid, SIGSTOP);
        members[seat].state = STOPPED;
        crew_facts.stopped++;
    } else if (members[seat].state == STOPPED && what < 80) {
        member_continue(seat);
    } else if (members[seat].state == STOPPED || (members[seat].state == ENDING && what < 10)) {
        member_kill(seat);
    }
    reap();
    struct timespec time = {.tv_nsec = (long)driver_chance(4000000)};
    nanosleep(&time, NULL);
}

/* ---- waiting, and who is stuck ---- */

bool crew_wait(bool (*condition)(void *), void *context)
{
    int64_t end = pmipc_monotonic_ns() + crew_patience_ns;
    while (!condition(context)) {
        if (pmipc_monotonic_ns() > end)
            return false;
        reap();
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        for (int seat = 0; seat < SEATS; seat++)
            if (members[seat].state == ENDING) /* it may have come just before a sleep began */
                kill(members[seat].pid, SIGUSR1);
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

static void report_stuck(int seat, const char *expected)
{
    char path[64], wchan[64], stack[400], call[200];
    pid_t pid = members[seat].pid;
    snprintf(path, sizeof path, "/proc/%d/wchan", (int)pid);
    read_text(path, wchan, sizeof wchan);
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
    read_text(path, call, sizeof call);
    snprintf(path, sizeof path, "/proc/%d/stack", (int)pid);
    read_text(path, stack, sizeof stack);
    found(FOUND_STUCK,
          "%s in seat %d, pid %d: no %s for %" PRId64 " s; it is in %s (%s), wchan %s, system call %s stack %s",
          seating[seat].kind, seat, (int)pid, expected, crew_patience_ns / 1000000000,
          (const char *)board->seats[seat].doing, board->seats[seat].with, wchan, call,
          stack[0] ? stack : "(not ours to read)");
}

struct progress {
    uint64_t wanted[SEATS];
    int seats;
};

static bool has_progressed(int seat, const struct progress *progress)
{
    return atomic_load_explicit(&board->seats[seat].operations, memory_order_relaxed) >= progress->wanted[seat];
}

static bool all_have_progressed(void *context)
{
    const struct progress *progress = context;
    for (int seat = 0; seat < progress->seats; seat++)
        if (!has_progressed(seat, progress))
            return false;
    return true;
}

bool crew_must_progress(uint64_t operations, bool producers_only)
{
    struct progress progress = {.seats = producers_only ? FIRST_READER : SEATS};
    for (int seat = 0; seat < SEATS; seat++) {
        if (members[seat].state == STOPPED)
            member_continue(seat);
        progress.wanted[seat] = board->seats[seat].operations + operations;
    }
    bool done = crew_wait(all_have_progressed, &progress);
    for (int seat = 0; !done && seat < progress.seats; seat++)
        if (!has_progressed(seat, &progress)) {
            report_stuck(seat, "progress");
            member_kill(seat);
        }
    return done;
}

/* ---- the end ---- */

static bool seats_are_empty(void *context)
{
    const int *range = context;
    for (int seat = range[0]; seat < range[1]; seat++)
        if (members[seat].state != EMPTY)
            return false;
    return true;
}

void crew_end(int first, int last, bool kill_some)
{
    int range[] = {first, last};
    replacing = false;
    for (int seat = first; seat < last; seat++) {
        if (members[seat].state == STOPPED)
            member_continue(seat);
        if (members[seat].state != RUNNING)
            continue;
        if (kill_some && driver_chance(2))
            member_kill(seat);
        else
            member_end(seat);
    }
    if (crew_wait(seats_are_empty, range))
        return;
    for (int seat = first; seat < last; seat++)
        if (members[seat].state != EMPTY) {
            report_stuck(seat, "end");
            member_kill(seat);
        }
    while (!seats_are_empty(range))
        reap();
}

void crew_kill(void)
{
    int range[] = {0, SEATS};
    replacing = false;
    for (int seat = 0; seat < SEATS; seat++)
        if (members[seat].state != EMPTY)
            member_kill(seat);
    crew_wait(seats_are_empty, range);
}

static bool has_no_child(void *context)
{
    (void)context;
    return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

void crew_is_gone(void)
{
    if (!crew_wait(has_no_child, NULL))
        found(FOUND_STUCK, "a child of a worker lives on after everybody was ended");
}
