/* Exact instants and clocks: this program defines fcntl, pread, unlinkat and the clocks, and the library calls these
 * functions instead of those of libc. A test can so act just before a certain system call, or set the time. */
#include "descriptors.h"
#include "helper.h"
#include "moved_clock.h"
#include "pools.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define BYTES 5000

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#endif

static unsigned row_queries, row_locks; /* F_OFD_GETLK and F_OFD_SETLK of write locks on bytes of rows */
static unsigned unlock_failures;        /* the number of calls that release a lock and must fail */
static unsigned pauses;                 /* sleeps between two tries for a lock */

static void (*before_producer_lock)(void);
static void (*before_row_query)(void);
static void (*before_unlink)(void);
static void (*before_header_read)(void);

int fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (command == F_OFD_GETLK || command == F_OFD_SETLK) {
        const struct flock *lock = argument;
        if (command == F_OFD_SETLK && lock->l_type == F_UNLCK && unlock_failures) {
            unlock_failures--;
            errno = ENOLCK;
            return -1;
        }
        if (command == F_OFD_GETLK && lock->l_start > 0 && before_row_query) {
            void (*act)(void) = before_row_query;
            before_row_query = NULL;
            act();
        }
        row_queries += command == F_OFD_GETLK && lock->l_start > 0;
        row_locks += command == F_OFD_SETLK && lock->l_start > 0 && lock->l_type == F_WRLCK;
        if (command == F_OFD_SETLK && lock->l_start == 0 && before_producer_lock) {
            void (*act)(void) = before_producer_lock;
            before_producer_lock = NULL;
            act();
        }
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

/* Returns at once and moves the clock forward by the time that was to be slept. */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest)
{
    (void)clock;
    (void)flags;
    (void)rest;
    pauses++;
    clock_moved_ns += time->tv_sec * SECOND + time->tv_nsec;
    return 0;
}

int unlinkat(int folder, const char *name, int flags)
{
    void (*act)(void) = before_unlink;
    before_unlink = NULL;
    if (act)
        act();
    return (int)syscall(SYS_unlinkat, folder, name, flags);
}

ssize_t pread(int fd, void *buffer, size_t bytes, off_t offset)
{
    void (*act)(void) = before_header_read;
    if (act && offset == 0) {
        before_header_read = NULL;
        act();
    }
    return (ssize_t)syscall(SYS_pread64, fd, buffer, bytes, offset);
}

/* ---- state read before the lock is checked again under the lock ---- */

static void remove_pool_file(void)
{
    char path[512];
    pool_path("p", path, sizeof path);
    CHECK_EQ(unlink(path), 0);
}

TEST(pool_that_loses_its_name_before_the_lock_is_not_adopted)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    publish_frames(producer, 3);
    pmipc_producer_abandon(producer);
    before_producer_lock = remove_pool_file;
    producer = bytes_producer("p", BYTES, 3);
    CHECK(!before_producer_lock);
    CHECK(!pmipc_producer_adopted(producer));
    pmipc_stream *stream = stream_open("p", NULL); /* the new pool has the name */
    publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

static helper successor;

ROLE(adopts_and_abandons)
{
    receive_word(channel);
    pmipc_producer *producer = bytes_producer(argument, BYTES, 3);
    CHECK(pmipc_producer_adopted(producer));
    pmipc_producer_abandon(producer);
    send_word(channel, 0);
    sleep_until_killed();
}

static void let_successor_act(void)
{
    send_word(successor.channel, 0);
    receive_word(successor.channel);
}

TEST(pool_adopted_just_before_removal_is_not_removed)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    publish_frames(producer, 3);
    const pmipc_remove_options options = {.incarnation = pmipc_producer_incarnation(producer),
                                          .owner_epoch = pmipc_producer_epoch(producer)};
    pmipc_producer_abandon(producer);
    successor = helper_start("adopts_and_abandons", "p");
    before_producer_lock = let_successor_act;
    CHECK_STATUS(pmipc_pool_remove("p", NULL, &options, NULL), PMIPC_NOT_FOUND);
    CHECK(!before_producer_lock);
    helper_kill(&successor);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 3);
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

ROLE(creates_pool_on_request)
{
    receive_word(channel);
    pmipc_producer *producer = bytes_producer(argument, BYTES, 3);
    CHECK(!pmipc_producer_adopted(producer));
    publish_frame(producer);
    send_word(channel, 0);
    sleep_until_killed();
}

static void give_name_to_successor(void)
{
    pmipc_pool_info *info = inspect("p");
    CHECK(info->producer_alive); /* the lock is row_locks: the check after it is tested here */
    inspect_release(info);
    remove_pool_file();
    let_successor_act();
}

TEST(replace_does_not_unlink_pool_that_just_took_the_name)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    pmipc_producer_abandon(producer);
    successor = helper_start("creates_pool_on_request", "p");
    before_header_read = give_name_to_successor;
    pmipc_schema other_schema = bytes_schema(2 * BYTES);
    CHECK_STATUS(pmipc_producer_open(&producer, "p", &other_schema, NULL, NULL), PMIPC_BUSY);
    CHECK(!before_header_read);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    helper_kill(&successor);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

/* ---- a stream queries the owners of rows after it failed to lock them ---- */

static int remover;

static void release_all_rows(void)
{
    CHECK_EQ(close(remover), 0);
}

TEST(open_is_not_full_when_row_locks_were_just_released)
{
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    publish_frames(producer, 3);
    pmipc_producer_abandon(producer);
    remover = open_pool_file("p");
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 + PMIPC_MAX_READERS};
    CHECK_EQ(fcntl(remover, F_OFD_SETLK, &all), 0);
    before_row_query = release_all_rows;
    CHECK_EQ(read_newest(stream), 3); /* the read connects at its first try */
    CHECK(!before_row_query);
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

/* ---- a second producer waits for the lock ---- */

static pmipc_status open_another(pmipc_error *error)
{
    pmipc_schema schema = bytes_schema(BYTES);
    pmipc_producer *producer;
    pauses = 0;
    return pmipc_producer_open(&producer, "p", &schema, NULL, error);
}

TEST(second_producer_in_same_process_is_busy_without_wait)
{
    for (int adopted = 0; adopted < 2; adopted++) {
        pmipc_producer *producer = bytes_producer("p", BYTES, 3);
        CHECK_EQ(pmipc_producer_adopted(producer), adopted);
        pmipc_error error;
        CHECK_STATUS(open_another(&error), PMIPC_BUSY);
        CHECK_HAS(error.text, "in this process");
        CHECK_EQ(pauses, 0);
        publish_frame(producer);
        pmipc_producer_abandon(producer);
    }
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

ROLE(owns_the_pool)
{
    pmipc_producer *producer = bytes_producer(argument, BYTES, 3);
    publish_frame(producer);
    send_word(channel, 0);
    sleep_until_killed();
}

TEST(second_producer_waits_for_lock_of_another_process)
{
    pmipc_producer *other = bytes_producer("q", BYTES, 3); /* of another pool, in this process */
    helper owner = helper_start("owns_the_pool", "p");
    receive_word(owner.channel);
    CHECK_STATUS(open_another(NULL), PMIPC_BUSY);
    CHECK(pauses > 0);
    helper_kill(&owner);
    pmipc_producer_close(other);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

static void opens_pool_of_parent(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    CHECK_STATUS(open_another(NULL), PMIPC_BUSY);
    CHECK(pauses > 0);
}

TEST(producer_in_child_waits_for_lock_of_parent)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    helper child = helper_fork(opens_pool_of_parent, "");
    helper_finish(&child);
    pmipc_producer_close(producer);
}

TEST_WITH(producer_in_child_without_fork_handlers_waits_for_lock, .native = "MADV_WIPEONFORK")
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    fflush(NULL);
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    CHECK(pid >= 0);
    if (pid == 0) {
        opens_pool_of_parent(-1, "");
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    pmipc_producer_close(producer);
}

/* The first producer lost its lock with its descriptor, and another process has the pool. The number of the descriptor
 * is reused for the file that is being opened, or for another file. */
TEST(second_producer_waits_when_first_has_lost_its_lock)
{
    for (int other_files = 0; other_files <= 16; other_files += 16) {
        descriptors_note();
        pmipc_producer *producer = bytes_producer("p", BYTES, 3);
        descriptors_close_new();
        int other_fds[16];
        for (int i = 0; i < other_files; i++)
            CHECK((other_fds[i] = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC)) >= 0);
        helper owner = helper_start("owns_the_pool", "p");
        receive_word(owner.channel);
        CHECK_STATUS(open_another(NULL), PMIPC_BUSY);
        CHECK(pauses > 0);
        helper_kill(&owner);
        pmipc_producer_close(producer);
        for (int i = 0; i < other_files; i++)
            CHECK_EQ(close(other_fds[i]), 0);
        CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
    }
}

static void open_during_close(void)
{
    CHECK_STATUS(open_another(NULL), PMIPC_BUSY);
    CHECK(pauses > 0);
}

TEST(second_producer_waits_for_one_that_is_closing)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    before_unlink = open_during_close;
    pmipc_producer_close(producer);
    CHECK(!before_unlink);
}

/* ---- the producer reads the wall clock again about once a second ---- */

TEST(stamps_follow_wall_clock_that_is_set)
{
    pmipc_producer *producer = bytes_producer("p", 64, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    const int64_t hour = 3600 * SECOND;
    wall_clock_moved_ns = hour;
    clock_moved_ns += 1100 * MS;
    publish_frame(producer);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    int64_t late_ns = pmipc_realtime_ns() - view.stamp_ns;
    CHECK(late_ns >= 0 && late_ns < hour / 2);
    pmipc_view_release(&view);
    pmipc_pool_info *info = inspect("p");
    int64_t offset_ns = pmipc_realtime_ns() - pmipc_monotonic_ns();
    CHECK(info->clock_offset_ns - offset_ns < hour / 2 && offset_ns - info->clock_offset_ns < hour / 2);
    inspect_release(info);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- sweeping is rare and locks no row of a live stream ---- */

TEST(producer_without_clean_slots_sweeps_at_most_every_10_ms)
{
    pmipc_schema schema = bytes_schema(page_frame_bytes());
    pmipc_producer_options options = {.history_len = 3};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    options.max_bytes = pool_file_bytes("p"); /* the file cannot grow by a slot */
    pmipc_producer_close(producer);
    producer = producer_open("p", &schema, &options);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[3];
    for (int i = 0; i < 3; i++) {
        publish_frame(producer);
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
    }
    publish_frames(producer, 10); /* from now on every publish finds no clean slot at first and gives up history */
    clock_stopped_ns = pmipc_monotonic_ns() + 10 * MS;
    row_queries = row_locks = 0;
    for (unsigned interval = 1; interval <= 3; interval++) {
        publish_frames(producer, 1000);
        CHECK_EQ(row_queries, interval); /* one row in use: one query per sweep */
        clock_stopped_ns += 10 * MS;
    }
    CHECK_EQ(row_locks, 0);
    for (int i = 0; i < 3; i++) {
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

ROLE(reads_until_killed)
{
    (void)argument;
    pmipc_stream *stream = stream_open("p", NULL);
    send_word(channel, stream_info(stream).row);
    sleep_until_killed();
}

/* While the producer keeps the lock of a row that it has cleared, no stream can claim the row. */
TEST(row_lock_that_a_sweep_could_not_release_is_released_by_next)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    helper reader = helper_start("reads_until_killed", "");
    CHECK_EQ(receive_word(reader.channel), 0);
    helper_kill(&reader);
    unlock_failures = 2;
    CHECK_EQ(pmipc_producer_sweep(producer), 1);
    CHECK_EQ(pmipc_producer_sweep(producer), 0); /* this release fails, too */
    CHECK_EQ(unlock_failures, 0);
    pmipc_stream *second = stream_open("p", NULL);
    CHECK_EQ(stream_info(second).row, 1);
    CHECK_EQ(pmipc_producer_sweep(producer), 0);
    pmipc_stream *first = stream_open("p", NULL);
    CHECK_EQ(stream_info(first).row, 0);
    pmipc_stream_close(first);
    pmipc_stream_close(second);
    pmipc_producer_close(producer);
}

/* A control loop finds the pool full in every cycle: the producer queries the holders every 10 ms, not in every call.
 */
TEST(full_pool_queries_holders_at_most_every_10_ms)
{
    pmipc_schema schema = bytes_schema(page_frame_bytes());
    pmipc_producer_options options = {.history_len = 1, .spare = 3, .no_growth = true};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    uint32_t slots = pmipc_producer_slot_count(producer);
    CHECK(slots <= PMIPC_MAX_VIEWS);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[PMIPC_MAX_VIEWS];
    row_queries = row_locks = 0;
    for (uint32_t i = 0; i < slots; i++) {
        publish_frame(producer);
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
    }
    CHECK_EQ(row_queries, 0); /* only a call that would fail queries the rows */
    clock_stopped_ns = pmipc_monotonic_ns();
    pmipc_error error;
    pmipc_loan loan;
    for (unsigned interval = 1; interval <= 3; interval++) {
        for (int i = 0; i < 100; i++) {
            CHECK_STATUS(pmipc_producer_loan(producer, &loan), PMIPC_FULL);
            pmipc_producer_last_error(producer, &error);
            CHECK_HAS(error.text, "held by pid");
            CHECK_EQ(row_queries, 2 * interval); /* one row: one query by the sweep, one for the error text */
        }
        clock_stopped_ns += 10 * MS;
    }
    CHECK_EQ(row_locks, 0);
    for (uint32_t i = 0; i < slots; i++) {
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
    }
    publish_frame(producer);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
