/* fork with live handles and live views: the child may do nothing for the parent, and nothing to it. */
#include "helper.h"
#include "pools.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES 4000

static pmipc_view newest(pmipc_stream *stream)
{
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    return view;
}

/* What the parent holds when it forks, for the children to get at. */
static pmipc_producer *the_producer;
static pmipc_stream *the_stream;
static pmipc_view the_view;
static pmipc_loan the_loan;

static void set_up(void)
{
    the_producer = bytes_producer("p", BYTES, 4);
    publish_frames(the_producer, 3);
    the_stream = stream_open("p", NULL);
    the_view = newest(the_stream);
}

/* The parent is untouched: its lock, its row, its handles, its view. */
static void check_parent_and_tear_down(void)
{
    check_view(&the_view);
    uint64_t seq = pmipc_producer_seq(the_producer);
    CHECK_EQ(publish_frames(the_producer, 40), seq + 40);
    CHECK_EQ(read_newest(the_stream), seq + 40);
    check_view(&the_view);
    pmipc_pool_info *info = inspect("p");
    CHECK(info->producer_alive);
    CHECK_EQ(info->producer_pid, getpid());
    CHECK_EQ(info->owner_epoch, 1);
    CHECK_EQ(info->reader_count, 1);
    inspect_release(info);
    pmipc_view_release(&the_view);
    pmipc_stream_close(the_stream);
    pmipc_producer_close(the_producer);
}

/* ---- statuses in the child ---- */

static void uses_inherited_handles(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    char data[BYTES] = {0};
    pmipc_loan loan = {0};
    pmipc_view view;
    pmipc_waiter waiter;
    const pmipc_source source = {data, 0};
    CHECK_STATUS(pmipc_producer_publish(the_producer, data, 0, NULL), PMIPC_FORKED);
    CHECK_STATUS(pmipc_producer_publish_fields(the_producer, &source, 1, 0, NULL), PMIPC_FORKED);
    CHECK_STATUS(pmipc_producer_loan(the_producer, &loan), PMIPC_FORKED);
    pmipc_error error;
    pmipc_producer_last_error(the_producer, &error);
    CHECK_EQ(error.status, PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_last(the_stream, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_new(the_stream, 0, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_new(the_stream, PMIPC_FOREVER, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_next(the_stream, 0, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_window(the_stream, 1, 1, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_unseen(the_stream, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_at(the_stream, 0, PMIPC_AT_NEAREST, -1, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_reconnect(the_stream, NULL), PMIPC_FORKED);
    CHECK_STATUS(pmipc_waiter_init(&waiter, the_stream), PMIPC_FORKED);
    pmipc_stream_last_error(the_stream, &error);
    CHECK_EQ(error.status, PMIPC_FORKED);
}

TEST(inherited_handles_say_that_they_are_the_parents)
{
    set_up();
    helper child = helper_fork(uses_inherited_handles, "");
    helper_finish(&child);
    check_parent_and_tear_down();
}

static void commits_an_inherited_loan(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    CHECK_STATUS(pmipc_producer_commit(the_producer, &the_loan, 0), PMIPC_FORKED);
    pmipc_producer_discard(the_producer, &the_loan);
}

TEST(an_inherited_loan_cannot_be_committed_or_discarded_for_the_parent)
{
    set_up();
    CHECK_OK(pmipc_producer_loan(the_producer, &the_loan));
    frame_fill(the_loan.fields[0].data, BYTES, the_loan.seq);
    helper child = helper_fork(commits_an_inherited_loan, "");
    helper_finish(&child);
    CHECK_EQ(pmipc_producer_seq(the_producer), 3);
    CHECK_OK(pmipc_producer_commit(the_producer, &the_loan, PMIPC_STAMP_NOW));
    CHECK_EQ(read_newest(the_stream), 4);
    check_parent_and_tear_down();
}

/* ---- the child's end ---- */

static void closes_inherited_handles(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    pmipc_view_release(&the_view);
    pmipc_stream_close(the_stream);
    pmipc_producer_close(the_producer);
}

static void retires_inherited_handles(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    pmipc_producer_retire(the_producer);
    pmipc_producer_retire(the_producer);
    CHECK_EQ(pmipc_producer_sweep(the_producer), 0);
    pmipc_producer_close(the_producer);
}

static void abandons_inherited_handles(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    pmipc_stream_close(the_stream);
    pmipc_producer_abandon(the_producer);
    check_view(&the_view);
    pmipc_view_release(&the_view);
}

static void ends_at_once(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
}

static void sleeps_until_killed(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    sleep_until_killed();
}

static void ends_by_exit(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    exit(0);  /* with whatever handlers run there */
}

TEST(a_child_that_closes_releases_or_just_ends_leaves_the_parent_alone)
{
    const role_body bodies[] = {closes_inherited_handles, abandons_inherited_handles, retires_inherited_handles,
                                ends_at_once, ends_by_exit};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        set_up();
        for (int k = 0; k < 5; k++) {
            helper child = helper_fork(bodies[i], "");
            helper_finish(&child);
            publish_frames(the_producer, 10);
            check_view(&the_view);
        }
        check_parent_and_tear_down();
    }
}

TEST(a_child_that_is_killed_leaves_the_parent_alone)
{
    set_up();
    for (int i = 0; i < 20; i++) {
        helper child = helper_fork(sleeps_until_killed, "");
        helper_kill(&child);
        publish_frames(the_producer, 10);
        check_view(&the_view);
    }
    check_parent_and_tear_down();
}

/* ---- views ---- */

static void checks_its_view_when_told(int channel, const char *argument)
{
    tell(channel, 0);
    hear(channel);  /* by now the parent has released its own and published a lot */
    check_view(&the_view);
    CHECK_EQ(the_view.seq, 3);
    if (atoi(argument)) pmipc_view_release(&the_view);
    tell(channel, 0);
    hear(channel);
}

/* "views inherited over fork stay valid and may be released in both processes" */
TEST(an_inherited_view_outlives_the_parents_own)
{
    for (int release = 0; release < 2; release++) {
        set_up();
        helper child = helper_fork(checks_its_view_when_told, release ? "1" : "0");
        hear(child.channel);
        pmipc_view_release(&the_view);
        publish_frames(the_producer, 200);
        tell(child.channel, 0);
        hear(child.channel);
        publish_frames(the_producer, 200);
        tell(child.channel, 0);
        helper_finish(&child);
        uint32_t slots = pmipc_producer_slot_count(the_producer);
        publish_frames(the_producer, 200);
        CHECK_EQ(pmipc_producer_slot_count(the_producer), slots);
        pmipc_stream_close(the_stream);
        pmipc_producer_close(the_producer);
    }
}

TEST(an_inherited_view_outlives_the_parents_handles_and_the_pool)
{
    set_up();
    helper child = helper_fork(checks_its_view_when_told, "1");
    hear(child.channel);
    pmipc_view_release(&the_view);
    pmipc_stream_close(the_stream);
    publish_frames(the_producer, 200);
    pmipc_producer_close(the_producer);
    tell(child.channel, 0);
    hear(child.channel);
    tell(child.channel, 0);
    helper_finish(&child);
}

static void releases_and_stays(int channel, const char *argument)
{
    (void)argument;
    pmipc_view_release(&the_view);
    tell(channel, 0);
    hear(channel);
}

/* A child's release must not clear the parent's cell. */
TEST(a_view_released_by_the_child_stays_pinned_for_the_parent)
{
    set_up();
    helper child = helper_fork(releases_and_stays, "");
    hear(child.channel);
    publish_frames(the_producer, 200);
    check_view(&the_view);
    tell(child.channel, 0);
    helper_finish(&child);
    publish_frames(the_producer, 200);
    check_parent_and_tear_down();
}

/* Rows the children needed for their views are given back: a hundred children, one after the other. */
TEST(children_with_inherited_views_do_not_use_up_rows)
{
    set_up();
    for (int i = 0; i < ROUNDS(100); i++) {
        helper child = helper_fork(i % 2 ? closes_inherited_handles : ends_at_once, "");
        helper_finish(&child);
    }
    pmipc_stream *streams[PMIPC_MAX_READERS - 1];
    for (int i = 0; i < PMIPC_MAX_READERS - 1; i++) streams[i] = stream_open("p", NULL);
    for (int i = 0; i < PMIPC_MAX_READERS - 1; i++) pmipc_stream_close(streams[i]);
    check_parent_and_tear_down();
}

static void forks_again(int channel, const char *argument)
{
    (void)argument;
    helper grandchild = helper_fork(checks_its_view_when_told, "1");
    tell(channel, hear(grandchild.channel));
    hear(channel);
    tell(grandchild.channel, 0);
    hear(grandchild.channel);
    tell(grandchild.channel, 0);
    helper_finish(&grandchild);
    check_view(&the_view);
    tell(channel, 0);
}

TEST(an_inherited_view_can_be_inherited_again)
{
    set_up();
    helper child = helper_fork(forks_again, "");
    hear(child.channel);
    pmipc_view_release(&the_view);
    publish_frames(the_producer, 200);
    tell(child.channel, 0);
    hear(child.channel);
    helper_finish(&child);
    pmipc_stream_close(the_stream);
    pmipc_producer_close(the_producer);
}

/* ---- the child's own handles ---- */

static void makes_its_own_handles(int channel, const char *argument)
{
    (void)argument;
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 3);
    pmipc_producer *producer = bytes_producer("child", 64, 2);
    publish_frame(producer);
    pmipc_schema schema = bytes_schema(BYTES);
    pmipc_producer *second;
    CHECK_STATUS(pmipc_producer_open(&second, "p", &schema, NULL, NULL), PMIPC_BUSY);  /* the parent lives */
    pmipc_stream *own = stream_open("child", NULL);
    CHECK_EQ(read_newest(own), 1);
    tell(channel, 0);
    hear(channel);
    CHECK_EQ(read_newest(stream), 13);
    pmipc_stream_close(own);
    pmipc_producer_close(producer);
    pmipc_stream_close(stream);
}

TEST(a_child_may_open_handles_of_its_own)
{
    set_up();
    helper child = helper_fork(makes_its_own_handles, "");
    hear(child.channel);
    publish_frames(the_producer, 10);
    CHECK_EQ(folder_entries(test_folder()), 2);
    tell(child.channel, 0);
    helper_finish(&child);
    CHECK_EQ(folder_entries(test_folder()), 1);
    check_parent_and_tear_down();
}

/* ---- the parent dies first ---- */

/* A process with a producer and a stream that forks a child which lives on; then it is killed. */
ROLE(forks_and_waits)
{
    the_producer = bytes_producer("p", BYTES, 4);
    publish_frames(the_producer, 3);
    the_stream = stream_open("p", NULL);
    if (atoi(argument)) the_view = newest(the_stream);
    pid_t child = fork();
    if (child == 0) {
        tell(channel, (uint64_t)getpid());
        hear(channel);
        if (atoi(argument)) check_view(&the_view);
        tell(channel, 0);
        _exit(0);
    }
    tell(channel, (uint64_t)child);
    sleep_until_killed();
}

/* Locks belong to open files, which a child shares: unless it closes them, a dead parent's pool stays busy. */
TEST(a_living_child_does_not_keep_the_locks_of_a_dead_parent)
{
    for (int with_view = 0; with_view < 2; with_view++) {
        helper parent = helper_start("forks_and_waits", with_view ? "1" : "0");
        hear(parent.channel);
        hear(parent.channel);
        int channel = dup(parent.channel);
        helper_kill(&parent);
        pmipc_pool_info *info = inspect("p");
        CHECK(!info->producer_alive);
        CHECK_EQ(info->reader_count, with_view);  /* the child's own row, for the view it inherited */
        inspect_release(info);
        pmipc_producer *producer = bytes_producer("p", BYTES, 4);
        CHECK(pmipc_producer_adopted(producer));
        publish_frames(producer, 100);
        tell(channel, 0);
        hear(channel);
        close(channel);
        pmipc_producer_close(producer);
    }
}

/* ---- raw clone: no fork handler runs ---- */

TEST(a_child_made_without_fork_handlers_is_refused_too)
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

/* Its end of the stream, without any view, must not give up the parent's row: what the parent pins later is still seen. */
TEST(a_child_made_without_fork_handlers_closes_nothing_of_the_parents)
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
    the_view = newest(the_stream);
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
        CHECK_EQ(read_newest(stream), 3);
        pmipc_stream_close(stream);
        pmipc_producer_close(producer);
    }
    return NULL;
}

/* Open file descriptions with a lock among this process's descriptors, as the kernel lists them. */
static unsigned locks_held(void)
{
    unsigned locks = 0;
    for (int fd = 3; fd < 100; fd++) {
        char path[64];
        char line[256];
        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
        FILE *facts = fopen(path, "re");
        while (facts && fgets(line, sizeof line, facts)) locks += strncmp(line, "lock:", 5) == 0;
        if (facts) fclose(facts);
    }
    return locks;
}

TEST(a_child_inherits_no_lock)
{
    set_up();
    CHECK_EQ(locks_held(), 2);  /* the producer's and the row's: they are seen */
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
    the_view = newest(the_stream);
    check_parent_and_tear_down();
}

static void opens_its_own(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    char name[32];
    CHECK(locks_held() <= 1);  /* the row for the view it inherited */
    snprintf(name, sizeof name, "child%d", (int)getpid());
    pmipc_producer *producer = bytes_producer(name, 64, 2);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    read_newest(stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* A mutex held by another thread at the moment of fork would stop the child for ever; a lock descriptor between open and
 * registration would be inherited unnoticed. */
TEST(forking_while_other_threads_open_and_close_neither_hangs_nor_leaks)
{
    set_up();
    atomic_bool stop = false;
    worker workers[2] = {{.stop = &stop, .index = 0}, {.stop = &stop, .index = 1}};
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&workers[i].thread, NULL, opens_publishes_closes, &workers[i]), 0);
    /* The heap of the sanitizers cannot be used in a child of a process with threads: there, the child just ends. */
    role_body body = TEST_SANITIZED ? ends_at_once : opens_its_own;
    for (int i = 0; i < ROUNDS(100); i++) {
        helper child = helper_fork(body, "");
        helper_finish(&child);
        publish_frame(the_producer);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++) pthread_join(workers[i].thread, NULL);
    check_parent_and_tear_down();
}
