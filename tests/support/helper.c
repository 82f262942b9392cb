#include "helper.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROLE_CHANNEL 3

extern char **environ;

static role_entry *first_role;

void role_register(role_entry *role)
{
    role->next = first_role;
    first_role = role;
}

/* A helper must end with its test, also when the test is killed. */
static void die_with_parent(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1)
        _exit(1);
}

int role_run(const char *name, const char *argument)
{
    die_with_parent();
    for (const role_entry *role = first_role; role; role = role->next) {
        if (strcmp(role->name, name) == 0) {
            role->body(ROLE_CHANNEL, argument);
            return 0;
        }
    }
    fprintf(stderr, "    unknown role %s\n", name);
    return 1;
}

static void make_channel(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        FAIL("socketpair: %s", strerror(errno));
}

/* Start this program again: directly, or by the emulator that runs it. */
static int spawn_self(pid_t *pid, const posix_spawn_file_actions_t *actions, char *role, char *argument)
{
    char *emulator = getenv("PMIPC_TEST_EMULATOR");
    char path[PATH_MAX] = "";
    if (!emulator)
        return posix_spawn(pid, "/proc/self/exe", actions, NULL,
                           (char *[]){(char *)"test", (char *)"--role", role, argument, NULL}, environ);
    if (readlink("/proc/self/exe", path, sizeof path - 1) < 0) /* under an emulator, this is the emulated program */
        return errno;
    return posix_spawnp(pid, emulator, actions, NULL,
                        (char *[]){emulator, path, (char *)"--role", role, argument, NULL}, environ);
}

helper helper_start(const char *role, const char *argument)
{
    int ends[2];
    make_channel(ends);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], ROLE_CHANNEL);
    helper child = {.channel = ends[0]};
    int failure = spawn_self(&child.pid, &actions, (char *)role, (char *)argument);
    posix_spawn_file_actions_destroy(&actions);
    if (failure)
        FAIL("posix_spawn %s: %s", role, strerror(failure));
    close(ends[1]);
    return child;
}

helper helper_fork(role_body body, const char *argument)
{
    int ends[2];
    make_channel(ends);
    fflush(NULL);
    helper child = {.pid = fork(), .channel = ends[0]};
    if (child.pid < 0)
        FAIL("fork: %s", strerror(errno));
    if (child.pid == 0) {
        die_with_parent();
        close(ends[0]);
        body(ends[1], argument);
        fflush(NULL);
        _exit(0);
    }
    close(ends[1]);
    return child;
}

static int reap(helper *child)
{
    int status;
    while (waitpid(child->pid, &status, 0) < 0)
        if (errno != EINTR)
            FAIL("waitpid %d: %s", (int)child->pid, strerror(errno));
    close(child->channel);
    child->pid = 0;
    child->channel = -1;
    return status;
}

void helper_kill(helper *child)
{
    kill(child->pid, SIGKILL);
    int status = reap(child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        FAIL("a helper ended with wait status %#x before it was killed", (unsigned)status);
}

void helper_finish(helper *child)
{
    int status = reap(child);
    if (status != 0)
        FAIL("a helper ended with wait status %#x", (unsigned)status);
}

void send_word(int channel, uint64_t word)
{
    ssize_t sent;
    do {
        sent = send(channel, &word, sizeof word, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent != (ssize_t)sizeof word)
        FAIL("the other process has ended (send: %s)", strerror(errno));
}

uint64_t receive_word(int channel)
{
    uint64_t word = 0;
    ssize_t got;
    do {
        got = recv(channel, &word, sizeof word, 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof word)
        FAIL("the other process has ended");
    return word;
}

bool word_is_waiting(int channel)
{
    struct pollfd poller = {.fd = channel, .events = POLLIN};
    return poll(&poller, 1, 0) == 1;
}

_Noreturn void sleep_until_killed(void)
{
    for (;;)
        pause();
}
