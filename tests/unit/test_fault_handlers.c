/* pmipc_explain_faults and the signal handlers of the program: sent signals, previous handlers, unloading. */
#include "pools.h"
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t calls, nested, code, blocked;

/* Run `work` in a child: `prepare` sets the dispositions, then pmipc_explain_faults installs its handler. The wait
 * status. */
static int end_of(void (*prepare)(void), void (*work)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prepare();
        if (pmipc_explain_faults(NULL) == PMIPC_OK)
            work();
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

static void set_action(int signal_number, const struct sigaction *action)
{
    if (sigaction(signal_number, action, NULL) != 0)
        _exit(90);
}

static void set_default(void)
{
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
}

static void set_ignored(void)
{
    signal(SIGSEGV, SIG_IGN);
    signal(SIGBUS, SIG_IGN);
}

/* ---- sent signals ---- */

static void kill_segv(void)
{
    kill(getpid(), SIGSEGV);
}

static void kill_bus(void)
{
    kill(getpid(), SIGBUS);
}

static void raise_segv(void)
{
    raise(SIGSEGV);
}

static void queue_segv(void)
{
    sigqueue(getpid(), SIGSEGV, (union sigval){.sival_int = 5});
}

static void *pause_forever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void kill_another_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, pause_forever, NULL) != 0 || pthread_kill(thread, SIGSEGV) != 0)
        _exit(91);
    for (;;)
        pause();
}

TEST(sent_signal_terminates_process_by_that_signal)
{
    static void (*const senders[])(void) = {kill_segv, raise_segv, queue_segv, kill_another_thread};
    for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++) {
        int status = end_of(set_default, senders[i]);
        CHECK(WIFSIGNALED(status));
        CHECK_EQ(WTERMSIG(status), SIGSEGV);
    }
    int status = end_of(set_default, kill_bus);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGBUS);
}

/* Send a siginfo like the kernel's, without a faulting instruction. */
static void send_as_kernel(int signal_number, int si_code)
{
    siginfo_t info = {.si_signo = signal_number, .si_code = si_code};
    if (syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), signal_number, &info) != 0)
        _exit(92);
}

static void fault_that_is_not_repeated(void)
{
    send_as_kernel(SIGSEGV, SEGV_ACCERR);
}

static void report_memory_error(void)
{
    send_as_kernel(SIGBUS, 5 /* BUS_MCEERR_AO */);
}

TEST_WITH(fault_that_is_not_repeated_still_terminates_process, .native = "forges a siginfo")
{
    int status = end_of(set_default, fault_that_is_not_repeated);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
    status = end_of(set_ignored, fault_that_is_not_repeated);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

TEST_WITH(memory_error_report_takes_default_action_or_is_ignored, .native = "forges a siginfo")
{
    int status = end_of(set_default, report_memory_error);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGBUS);
    status = end_of(set_ignored, report_memory_error);
    CHECK(WIFEXITED(status));
}

static void send_twice(void)
{
    raise(SIGSEGV);
    raise(SIGSEGV);
    _exit(61);
}

TEST(previously_ignored_signal_stays_ignored)
{
    int status = end_of(set_ignored, send_twice);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 61);
}

/* ---- previous handlers ---- */

static void count_call(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    (void)context;
    calls++;
    code = info->si_code;
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    blocked = sigismember(&mask, SIGUSR1);
}

static void set_counting(void)
{
    struct sigaction action = {.sa_sigaction = count_call, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR1);
    set_action(SIGSEGV, &action);
}

static void set_counting_once(void)
{
    struct sigaction action = {.sa_sigaction = count_call, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    set_action(SIGSEGV, &action);
}

static void send_and_look(void)
{
    kill(getpid(), SIGSEGV);
    kill(getpid(), SIGSEGV);
    struct sigaction now;
    sigaction(SIGSEGV, NULL, &now);
    _exit(calls == 2 && code == SI_USER && blocked == 1 && (now.sa_flags & SA_RESTART) ? 62 : 63);
}

TEST(previous_handler_gets_sent_signals_with_its_mask_and_restart)
{
    int status = end_of(set_counting, send_and_look);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 62);
}

static void send_once_and_again(void)
{
    raise(SIGSEGV);
    if (calls != 1)
        _exit(64);
    raise(SIGSEGV);
}

TEST(previous_one_shot_handler_runs_once)
{
    int status = end_of(set_counting_once, send_once_and_again);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

static void send_from_inside(int signal_number)
{
    if (++calls == 1) {
        raise(signal_number);
        nested = calls;
    }
}

static void set_nesting(void)
{
    struct sigaction action = {.sa_handler = send_from_inside, .sa_flags = SA_NODEFER};
    sigemptyset(&action.sa_mask);
    set_action(SIGSEGV, &action);
}

static void set_not_nesting(void)
{
    struct sigaction action = {.sa_handler = send_from_inside};
    sigemptyset(&action.sa_mask);
    set_action(SIGSEGV, &action);
}

static void send_and_count(void)
{
    raise(SIGSEGV);
    _exit(calls * 10 + nested);
}

TEST(previous_handler_is_nested_only_with_nodefer)
{
    CHECK_EQ(WEXITSTATUS(end_of(set_nesting, send_and_count)), 22);
    CHECK_EQ(WEXITSTATUS(end_of(set_not_nesting, send_and_count)), 21);
}

/* ---- unloading ---- */

static void unload_and_compare(void (*prepare)(void))
{
    prepare();
    struct sigaction before[2], during, after[2];
    sigaction(SIGSEGV, NULL, &before[0]);
    sigaction(SIGBUS, NULL, &before[1]);
    void *plugin = dlopen(FAULT_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    if (plugin == NULL)
        FAIL("%s", dlerror());
    int (*explain)(void);
    *(void **)&explain = dlsym(plugin, "plugin_explain_faults");
    CHECK_EQ(explain(), PMIPC_OK);
    sigaction(SIGSEGV, NULL, &during);
    CHECK(during.sa_sigaction != before[0].sa_sigaction);
    CHECK_EQ(dlclose(plugin), 0);
    CHECK(dlopen(FAULT_PLUGIN, RTLD_NOW | RTLD_NOLOAD) == NULL);
    sigaction(SIGSEGV, NULL, &after[0]);
    sigaction(SIGBUS, NULL, &after[1]);
    for (int i = 0; i < 2; i++) {
        CHECK(after[i].sa_sigaction == before[i].sa_sigaction);
        CHECK_EQ(after[i].sa_flags & ~0x04000000, before[i].sa_flags & ~0x04000000); /* without SA_RESTORER */
    }
}

TEST(unloading_plugin_restores_previous_handlers)
{
    unload_and_compare(set_default);
    unload_and_compare(set_counting);
    unload_and_compare(set_ignored);
}

TEST(unloading_plugin_keeps_handler_installed_later)
{
    void *plugin = dlopen(FAULT_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    int (*explain)(void);
    *(void **)&explain = dlsym(plugin, "plugin_explain_faults");
    CHECK_EQ(explain(), PMIPC_OK);
    set_counting();
    CHECK_EQ(dlclose(plugin), 0);
    struct sigaction now;
    sigaction(SIGSEGV, NULL, &now);
    CHECK(now.sa_sigaction == count_call);
}
