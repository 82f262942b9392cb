/* fork and the kernel: inherited locks, children made without fork handlers, forks in programs with threads. */
#include "inherited.h"
#include "pools.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the parent dies first ---- */

/* A process with a producer and a stream forks a child that stays alive; then the process is killed. */
ROLE(forks_and_waits)
{
    the_producer = bytes_producer("p", INHERITED_BYTES, 4);
    publish_frames(the_producer, 3);
    the_stream = stream_open("p", NULL);
    if (atoi(argument))
        the_view = newest_view(the_stream);
    pid_t child = fork();
    if (child == 0) {
        send_word(channel, (uint64_t)getpid());
        receive_word(channel);
        if (atoi(argument))
            check_view(&the_view);
        send_word(channel, 0);
        _exit(0);
    }
    send_word(channel, (uint64_t)child);
    sleep_until_killed();
}

/* Locks belong to open file descriptions, which a child shares: unless it closes them, the pool of a dead parent is
 * busy. */
TEST(live_child_does_not_keep_locks_of_dead_parent)
{
    for (int with_view = 0; with_view < 2; with_view++) {
        helper parent = helper_start("forks_and_waits", with_view ? "1" : "0");
        receive_word(parent.channel);
        receive_word(parent.channel);
        int channel = dup(parent.channel);
        helper_kill(&parent);
        pmipc_pool_info *info = inspect("p");
        CHECK(!info->producer_alive);
        CHECK_EQ(info->reader_count, with_view); /* the row of the child, for its inherited view */
        inspect_release(info);
        pmipc_producer *producer = bytes_producer("p", INHERITED_BYTES, 4);
        CHECK(pmipc_producer_adopted(producer));
        publish_frames(producer, 100);
        send_word(channel, 0);
        receive_word(channel);
        close(channel);
        pmipc_producer_close(producer);
    }
}

/* ---- raw clone: no fork handler runs ---- */

TEST_WITH(calls_in_child_without_fork_handlers_return_forked, .native = "MADV_WIPEONFORK")
{
    set_up();
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    CHECK(pid >= 0);
    if (pid == 0) {
        uses_inherited_handles(-1, "");
        closes_inherited_handles(-1, "");
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    check_parent_and_tear_down();
}

/* The close in the child, without a view, must not clear the row of the parent: the parent's later pins must protect.
 */
TEST_WITH(child_without_fork_handlers_does_not_clear_row_of_parent, .native = "MADV_WIPEONFORK")
{
    set_up();
    pmipc_view_release(&the_view);
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    CHECK(pid >= 0);
    if (pid == 0) {
        pmipc_stream_close(the_stream);
        pmipc_producer_close(the_producer);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    the_view = newest_view(the_stream);
    publish_frames(the_producer, 200);
    check_parent_and_tear_down();
}

/* ---- fork from one thread while others use the library ---- */

typedef struct worker {
    pthread_t thread;
    atomic_bool *stop;
    int index;
} worker;

static void *opens_publishes_closes(void *context)
{
    worker *self = context;
    char name[16];
    snprintf(name, sizeof name, "w%d", self->index);
    while (!atomic_load(self->stop)) {
        pmipc_producer *producer = bytes_producer(name, 64, 2);
        pmipc_stream *stream = stream_open(name, NULL);
        publish_frames(producer, 3);
        /* No view is held here: a view held during a fork gives the child a row lock, and the test counts the locks. */
        pmipc_stream_info info;
        pmipc_stream_get_info(stream, &info);
        CHECK_EQ(info.head_seq, 3);
        pmipc_stream_close(stream);
        pmipc_producer_close(producer);
    }
    return NULL;
}

/* The number of descriptors of this process that hold an open file description lock, as the kernel lists them. A lock
 * of flock(1), under which the test may run, is not counted. */
static unsigned locks_held(void)
{
    unsigned locks = 0;
    for (int fd = 3; fd < 100; fd++) {
        char path[64];
        char line[256];
        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
        FILE *facts = fopen(path, "re");
        while (facts && fgets(line, sizeof line, facts))
            locks += strncmp(line, "lock:", 5) == 0 && strstr(line, "OFDLCK");
        if (facts)
            fclose(facts);
    }
    return locks;
}

TEST(forked_child_inherits_no_lock)
{
    set_up();
    CHECK_EQ(locks_held(), 2); /* the producer lock and the row lock */
    pmipc_view_release(&the_view);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_EQ(locks_held(), 0);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    the_view = newest_view(the_stream);
    check_parent_and_tear_down();
}

static void opens_its_own(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    char name[32];
    CHECK_EQ(locks_held(), 1); /* the row for its inherited view */
    snprintf(name, sizeof name, "child%d", (int)getpid());
    pmipc_producer *producer = bytes_producer(name, 64, 2);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    read_newest(stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* A mutex that another thread holds during fork would block the child forever; a lock descriptor that is opened but not
 * yet registered would be inherited. */
TEST(fork_while_threads_open_and_close_neither_hangs_nor_leaks)
{
    set_up();
    atomic_bool stop = false;
    worker workers[2] = {{.stop = &stop, .index = 0}, {.stop = &stop, .index = 1}};
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&workers[i].thread, NULL, opens_publishes_closes, &workers[i]), 0);
    /* With a sanitizer the child cannot use the heap, because the process has threads: there the child ends at once. */
    role_body body = TEST_SANITIZED ? ends_at_once : opens_its_own;
    for (int i = 0; i < ROUNDS(100); i++) {
        helper child = helper_fork(body, "");
        helper_finish(&child);
        publish_frame(the_producer);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(workers[i].thread, NULL);
    check_parent_and_tear_down();
}
