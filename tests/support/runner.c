/* runner.c: one process per test, a time limit, and the verdict. */
#include "test.h"

#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_S 60u
#define VERDICT_EXIT_CODE 100 /* the test's process ends with 100 + verdict when the checks after it fail */

static test_case *first_test;
static test_case **next_test = &first_test;
static char folder_path[64];
static bool
    interrupted; /* by Ctrl-C or SIGTERM: the running test is killed and cleaned up, and no other test is started */

void test_register(test_case *test)
{
    *next_test = test;
    next_test = &test->next;
}

const char *test_folder(void)
{
    return folder_path;
}

const char *test_verdict_text(test_verdict verdict)
{
    switch (verdict) {
    case TEST_PASSED:
        return "passed";
    case TEST_FAILED:
        return "failed";
    case TEST_CRASHED:
        return "crashed";
    case TEST_HUNG:
        return "did not end in time";
    case TEST_LEAKED_DESCRIPTOR:
        return "leaked a descriptor";
    case TEST_LEAKED_MAPPING:
        return "leaked a mapping";
    case TEST_SKIPPED:
        return "cannot run here";
    case TEST_LEFT_OUT:
        return "left out";
    case TEST_LEAKED_POOL:
        return "leaked a pool";
    case TEST_LEAKED_PROCESS:
        return "leaked a process";
    }
    return "unknown";
}

static unsigned timeout_of(const test_case *test)
{
    const char *scale_text = getenv("PMIPC_TEST_TIMEOUT_SCALE");
    unsigned scale = scale_text ? (unsigned)atoi(scale_text) : 1u;
    return (test->timeout_s ? test->timeout_s : DEFAULT_TIMEOUT_S) * (scale ? scale : 1u) * (TEST_SANITIZED ? 4u : 1u);
}

static _Noreturn void run_in_child(const test_case *test)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (test->flags & TEST_QUIET) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, 2);
        close(null);
    }
    setenv("POLYMORPH_IPC_DIR", folder_path, 1);
    leaks_begin();
    test->body();
    test_verdict verdict = leaks_end(test->flags);
    fflush(NULL);
    exit(verdict == TEST_PASSED ? 0 : VERDICT_EXIT_CODE + (int)verdict); /* exit(): leak checkers report there */
}

_Noreturn void test_skip(const char *reason)
{
    const char *require_all = getenv("REQUIRE_ALL");
    if (require_all && strcmp(require_all, "1") == 0)
        FAIL("cannot run: %s", reason);
    fprintf(stderr, "    %s\n", reason);
    fflush(NULL);
    _exit(VERDICT_EXIT_CODE + (int)TEST_SKIPPED);
}

static sigset_t awaited_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

/* The verdict on a process that has ended, or TEST_HUNG if it has not ended in time. */
static test_verdict await_child(pid_t pid, unsigned timeout_s)
{
    sigset_t signals = awaited_signals();
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)timeout_s;
    for (;;) {
        int status;
        pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid && WIFSIGNALED(status)) {
            fprintf(stderr, "    ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
            return TEST_CRASHED;
        }
        if (ended == pid) {
            int code = WEXITSTATUS(status);
            if (code == 0)
                return TEST_PASSED;
            if (code >= VERDICT_EXIT_CODE + TEST_LEAKED_DESCRIPTOR && code <= VERDICT_EXIT_CODE + TEST_SKIPPED)
                return (test_verdict)(code - VERDICT_EXIT_CODE);
            if (code != 1)
                fprintf(stderr, "    ended with exit code %d\n", code);
            return TEST_FAILED;
        }
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec >= end.tv_sec)
            return TEST_HUNG;
        struct timespec rest = {.tv_sec = end.tv_sec - now.tv_sec};
        int signal_number = sigtimedwait(&signals, NULL, &rest);
        if (signal_number == SIGINT || signal_number == SIGTERM) {
            interrupted = true;
            return TEST_HUNG;
        }
    }
}

/* What this run lacks for a test; NULL: nothing. */
static const char *lacking(const test_case *test)
{
    if (test->native && getenv("PMIPC_TEST_EMULATOR"))
        return test->native;
    if (test->two_users && geteuid() != 0)
        return "two users: run it as root";
    return TEST_SANITIZED ? test->bare : NULL;
}

test_verdict test_run_isolated(const test_case *test)
{
    if (lacking(test))
        return TEST_LEFT_OUT;
    char outer_folder[sizeof folder_path];
    memcpy(outer_folder, folder_path, sizeof folder_path);
    strcpy(folder_path, "/dev/shm/pmipc-test-XXXXXX");
    if (!mkdtemp(folder_path))
        FAIL("%s: %s", folder_path, strerror(errno));

    sigset_t signals = awaited_signals();
    sigset_t before;
    sigprocmask(SIG_BLOCK, &signals, &before);
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        FAIL("fork: %s", strerror(errno));
    if (pid == 0)
        run_in_child(test);
    setpgid(pid, pid);
    test_verdict verdict = await_child(pid, timeout_of(test));
    kill(-pid, SIGKILL); /* with its helpers, for every verdict */
    if (verdict == TEST_HUNG)
        waitpid(pid, NULL, 0);
    sigprocmask(SIG_SETMASK, &before, NULL);

    folder_remove(folder_path);
    memcpy(folder_path, outer_folder, sizeof folder_path);
    return verdict;
}

static bool selected(const test_case *test, int argc, char **argv)
{
    if (test->flags & TEST_UNLISTED)
        return false;
    if (argc < 2)
        return true;
    for (int i = 1; i < argc; i++)
        if (strstr(test->name, argv[i]))
            return true;
    return false;
}

/* Without arguments every test runs; arguments are parts of names; --list shows the names. */
int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "--role") == 0)
        return role_run(argv[2], argc > 3 ? argv[3] : "");
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    unsigned ran = 0;
    unsigned failed = 0;
    unsigned skipped = 0;
    unsigned left_out = 0;
    for (const test_case *test = first_test; test && !interrupted; test = test->next) {
        if (list) {
            if (!(test->flags & TEST_UNLISTED))
                puts(test->name);
            continue;
        }
        if (!selected(test, argc, argv))
            continue;
        int64_t start = pmipc_monotonic_ns();
        test_verdict verdict = test_run_isolated(test);
        int64_t took_ms = (pmipc_monotonic_ns() - start) / 1000000;
        if (verdict == TEST_SKIPPED) {
            skipped++;
            fprintf(stderr, "SKIPPED %s\n", test->name);
            continue;
        }
        if (verdict == TEST_LEFT_OUT) {
            left_out++;
            fprintf(stderr, "left out: %s (needs %s)\n", test->name, lacking(test));
            continue;
        }
        ran++;
        if (verdict != TEST_PASSED)
            failed++;
        fprintf(stderr, "%s %s (%" PRId64 " ms)%s%s\n", verdict == TEST_PASSED ? "ok    " : "FAILED", test->name,
                took_ms, verdict == TEST_PASSED ? "" : ": ", verdict == TEST_PASSED ? "" : test_verdict_text(verdict));
    }
    if (list)
        return 0;
    fprintf(stderr, "%u of %u passed", ran - failed, ran);
    if (skipped)
        fprintf(stderr, ", %u SKIPPED", skipped);
    if (left_out)
        fprintf(stderr, ", %u left out", left_out);
    fprintf(stderr, "\n");
    return failed == 0 && ran + skipped + left_out > 0 ? 0 : 1;
}
