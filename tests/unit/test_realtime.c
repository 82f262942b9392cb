/* What control loops are promised: no system call but one fstat a second, no allocation. Counted, not timed.
 *
 * System calls: a seccomp filter traps every one but those named; the handler prints which it was and ends the process.
 * Allocations: malloc and its kin are this program's own and count (with a sanitizer: its own hooks count). */
#include "helper.h"
#include "pools.h"
#include "ros_decoding.h"
#include "ros_encoding.h"

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

#define BYTES 56

/* ---- allocations ---- */

static atomic_uint allocations;

#if TEST_SANITIZED
/* As <sanitizer/allocator_interface.h> declares it; the header does not come with every compiler. */
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

/* Where the clock is no vDSO's, reading it is a system call that the library cannot spare; else this is write. */
static long clock_call = SYS_write;

/* End without the exit handlers of a sanitizer's runtime, which make system calls. */
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

/* Once a second a producer looks whether its file has a name. */
static atomic_uint fstats;
static time_t jumped_s;
static int64_t forbidden_since_ns;

int fstat(int fd, struct stat *status)
{
    atomic_fetch_add(&fstats, 1);
    return (int)syscall(SYS_fstat, fd, status);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*original)(clockid_t, struct timespec *);
    if (!original) /* before anything is forbidden */
        *(void **)&original = dlsym(RTLD_NEXT, "clock_gettime");
    int result = original(clock, time);
    if (clock != CLOCK_REALTIME)
        time->tv_sec += jumped_s;
    return result;
}

/* From now on every system call of this thread but write, fstat, exit_group, `also` and a clock that needs one ends the
 * process with code 2. */
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

typedef void (*loop_body)(void);

static int exit_code_under_filter(loop_body body, long also)
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

static void learn_clock(void)
{
    clock_call = exit_code_under_filter(read_clocks, SYS_write) == 0 ? SYS_write : SYS_clock_gettime;
}

static void make_a_system_call(void)
{
    getppid();
}

static void make_none(void)
{
}

TEST_WITH(the_filter_catches_a_system_call_and_lets_none_through, .native = "seccomp")
{
    CHECK_EQ(exit_code_under_filter(make_none, SYS_write), 0);
    int saved = dup(2);
    FILE *null = fopen("/dev/null", "we");
    dup2(fileno(null), 2);
    int code = exit_code_under_filter(make_a_system_call, SYS_write);
    dup2(saved, 2);
    close(saved);
    fclose(null);
    CHECK(code == 2 || (TEST_SANITIZED && code != 0)); /* a runtime may make calls of its own in a handler */
}

TEST(the_counter_counts_allocations)
{
    unsigned before = atomic_load(&allocations);
    void *volatile block = malloc(100);
    free(block);
    CHECK_EQ(atomic_load(&allocations) - before, 2);
}

/* ---- the loops: each runs in a child of its own that opens everything first, then forbids, then loops ---- */

typedef struct loop_handles {
    pmipc_producer *producer;
    pmipc_stream *stream;
} loop_handles;

static loop_handles open_realtime_handles(void)
{
    pmipc_schema schema = bytes_schema(BYTES);
    pmipc_producer_options options = {.history_len = 4, .spare = 9, .no_growth = true, .prefault = true};
    pmipc_stream_options stream_options = {.manual_reconnect = true, .prefault = true};
    loop_handles handles = {.producer = producer_open("arm", &schema, &options)};
    handles.stream = stream_open("arm", &stream_options);
    publish_frames(handles.producer, 20);
    read_newest(handles.stream);
    return handles;
}

static void forbid_everything(unsigned *allocations_before)
{
    *allocations_before = atomic_load(&allocations);
    atomic_store(&fstats, 0);
    forbidden_since_ns = pmipc_monotonic_ns();
    forbid_system_calls(SYS_write);
}

/* An ordinary check would print and exit with code 1, which the filter allows. */
static void end_loop(unsigned allocations_before)
{
    unsigned made = atomic_load(&allocations) - allocations_before;
    if (made)
        FAIL("%u allocations were made", made);
    int64_t seconds = (pmipc_monotonic_ns() - forbidden_since_ns) / 1000000000;
    if (atomic_load(&fstats) > seconds + 1)
        FAIL("%u calls of fstat in %d seconds", atomic_load(&fstats), (int)seconds);
    quit(0);
}

static void copies(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    loop_handles handles = open_realtime_handles();
    char data[BYTES];
    unsigned before;
    forbid_everything(&before);
    for (int i = 0; i < 5000; i++) {
        uint64_t seq;
        frame_fill(data, BYTES, pmipc_producer_seq(handles.producer) + 1);
        CHECK_OK(pmipc_producer_publish(handles.producer, data, i % 2 ? PMIPC_STAMP_NOW : i, &seq));
        CHECK_EQ(read_newest(handles.stream), seq);
    }
    end_loop(before);
}

static void loans(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    loop_handles handles = open_realtime_handles();
    unsigned before;
    forbid_everything(&before);
    for (int i = 0; i < 5000; i++) {
        pmipc_loan loan;
        CHECK_OK(pmipc_producer_loan(handles.producer, &loan));
        if (i % 5 == 0) {
            pmipc_producer_discard(handles.producer, &loan);
            continue;
        }
        pmipc_error error; /* refusals make no system call either */
        CHECK(!pmipc_loan_float64(handles.producer, &loan, NULL, BYTES, &error));
        frame_fill(pmipc_loan_uint8(handles.producer, &loan, NULL, BYTES, &error), BYTES, loan.seq);
        CHECK_OK(pmipc_producer_commit(handles.producer, &loan, PMIPC_STAMP_NOW));
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_last(handles.stream, &view));
        CHECK(frame_is_whole(pmipc_view_uint8(&view, NULL, BYTES, &error), BYTES, loan.seq));
        CHECK(!pmipc_view_uint8(&view, NULL, BYTES + 1, &error));
        pmipc_view_release(&view);
    }
    end_loop(before);
}

static void publishes_for_many_seconds(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    loop_handles handles = open_realtime_handles();
    unsigned before;
    forbid_everything(&before);
    for (int second = 0; second < 100; second++) {
        publish_frames(handles.producer, 50);
        read_newest(handles.stream);
        jumped_s++;
    }
    CHECK(atomic_load(&fstats) >= 99);
    end_loop(before);
}

static void reads_in_every_way(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    loop_handles handles = open_realtime_handles();
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(handles.stream, 4, 4, &view)); /* the first window maps the ring twice */
    pmipc_view_release(&view);
    unsigned before;
    forbid_everything(&before);
    for (int i = 0; i < 2000; i++) {
        publish_frames(handles.producer, 3);
        CHECK_OK(pmipc_stream_get_next(handles.stream, 0, &view));
        check_view(&view);
        pmipc_view_release(&view);
        CHECK_OK(pmipc_stream_get_unseen(handles.stream, &view));
        pmipc_view_release(&view);
        CHECK_OK(pmipc_stream_get_window(handles.stream, 4, 4, &view));
        check_view(&view);
        pmipc_view_release(&view);
        CHECK_STATUS(pmipc_stream_get_new(handles.stream, 0, &view), PMIPC_TIMEOUT); /* a poll that finds nothing */
        CHECK_OK(pmipc_stream_get_at(handles.stream, INT64_MAX, PMIPC_AT_BEFORE, -1, &view));
        pmipc_view_release(&view);
        CHECK(pmipc_stream_connected(handles.stream));
        CHECK(pmipc_stream_cursor(handles.stream) == pmipc_producer_seq(handles.producer));
        CHECK(pmipc_monotonic_ns() > 0 && pmipc_realtime_ns() > 0);
    }
    end_loop(before);
}

/* Six views held all the time, each for six rounds: the producer skips their slots, and still makes no call. */
static void holds_views(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    loop_handles handles = open_realtime_handles();
    pmipc_view views[PMIPC_MAX_VIEWS] = {0};
    unsigned before;
    forbid_everything(&before);
    for (int i = 0; i < 2000; i++) {
        pmipc_view *view = &views[i % PMIPC_MAX_VIEWS];
        if (view->owner)
            check_view(view);
        pmipc_view_release(view);
        publish_frame(handles.producer);
        CHECK_OK(pmipc_stream_get_last(handles.stream, view));
        CHECK(!view->copied);
    }
    end_loop(before);
}

/* The pool is gone, or was never there: the loop must learn it without a system call too. */
static void loses_its_pool(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    loop_handles handles = open_realtime_handles();
    pmipc_stream_options options = {.manual_reconnect = true};
    pmipc_stream *absent = stream_open("absent", &options);
    pmipc_producer_close(handles.producer);
    unsigned before;
    forbid_everything(&before);
    for (int i = 0; i < 1000; i++) {
        pmipc_view view;
        CHECK_STATUS(pmipc_stream_get_last(handles.stream, &view), PMIPC_RETIRED);
        CHECK_STATUS(pmipc_stream_get_last(absent, &view), PMIPC_NOT_CONNECTED);
        CHECK(!pmipc_stream_connected(handles.stream));
    }
    end_loop(before);
}

/* Messages of every kind of feed: constants, parts, varying lengths with products and stamps per element. */
static void writes_messages(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    static const uint8_t pixels[16 * 8 * 3];
    static const double poses[16 * 7];
    static uint8_t buffer[4096];
    const given image = {.message = IMAGE, .schema = pmipc_schema_tensor(PMIPC_UINT8, SHAPE(16, 8, 3))};
    const given path = {.message = PATH, .schema = variable_tensor(PMIPC_FLOAT64, SHAPE(16, 7))};
    const given joints = {
        .message = JOINT_STATE, .schema = pmipc_schema_tensor(PMIPC_FLOAT64, SHAPE(3, 7)), .constants = {NO_NAMES}};
    const given cloud = {.message = CLOUD, .schema = variable_tensor(PMIPC_FLOAT32, SHAPE(16, 3))};
    pmipc_ros_encoder *writers[] = {ros_encoder_of(&image), ros_encoder_of(&path), ros_encoder_of(&joints),
                                    ros_encoder_of(&cloud)};
    const void *data[] = {pixels, poses, poses, poses};
    pmipc_error error;
    unsigned before;
    forbid_everything(&before);
    for (int i = 0; i < 2000; i++) {
        size_t bytes;
        const pmipc_source source = {data[i % 4], i % 17};
        CHECK_OK(pmipc_ros_encoder_encode(writers[i % 4], &source, i, buffer, sizeof buffer, &bytes, &error));
        CHECK_STATUS(pmipc_ros_encoder_encode(writers[i % 4], &source, -1, buffer, sizeof buffer, &bytes, &error),
                     PMIPC_SCHEMA_MISMATCH);
        CHECK_STATUS(pmipc_ros_encoder_encode(writers[i % 4], &source, i, buffer, 5, &bytes, &error), PMIPC_NO_SPACE);
    }
    end_loop(before);
}

/* Messages of every kind of way into a slot: rows with padding, joints of two orders, tables, copies while decoding. */
static void reads_messages(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    const pmipc_cdr_leaf pose = {.path = "poses[].pose", .dtype = PMIPC_FLOAT64};
    static double poses[7 * 3];
    pmipc_cdr_column column = {.data = poses, .count = 21, .rows = 3};
    const int64_t table[] = {8, 1}, stacked[] = {3, 2};
    test_reader readings[] = {reading_of(IMAGE, NULL), reading_of(JOINT_STATE, NULL), reading_of(CLOUD, NULL),
                              reading_of(PATH, NULL), reading_of(IMAGE, "data")};
    ros_message messages[] = {hex_message(image_golden), hex_message(joint_state_golden), hex_message(cloud_golden),
                              encode(PATH, &pose, &column, 1, 0), hex_message(image_golden)};
    CHECK_OK(reading_expect(&readings[1], PMIPC_FLOAT64, 2, stacked));
    CHECK_OK(reading_expect(&readings[2], PMIPC_FLOAT32, 2, table));
    for (int i = 0; i < 5; i++)
        CHECK_LEARNS(&readings[i], &messages[i]);
    unsigned before;
    forbid_everything(&before);
    for (int i = 0; i < 2000; i++) {
        test_reader *reading = &readings[i % 5];
        ros_message *message = &messages[i % 5];
        CHECK_OK(reading_read(reading, message));
        message->count -= 1;
        CHECK_STATUS(reading_read(reading, message), PMIPC_CORRUPT);
        message->count += 1;
        if (i % 5 != 1)
            continue;
        message->data[28] ^= 1; /* a joint that goes and comes back */
        CHECK_STATUS(reading_read(reading, message), PMIPC_SCHEMA_MISMATCH);
        message->data[28] ^= 1;
    }
    end_loop(before);
}

static void check_loop(role_body body)
{
    learn_clock();
    helper child = helper_fork(body, "");
    helper_finish(&child);
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
}

TEST_WITH(publishing_copies_makes_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(copies);
}

TEST_WITH(publishing_looks_once_a_second_whether_the_file_has_its_name_and_makes_no_other_call, .native = "seccomp")
{
    check_loop(publishes_for_many_seconds);
}

TEST_WITH(loaning_committing_and_discarding_make_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(loans);
}

TEST_WITH(every_read_that_need_not_wait_makes_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(reads_in_every_way);
}

TEST_WITH(holding_seven_views_makes_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(holds_views);
}

TEST_WITH(learning_that_the_pool_is_gone_makes_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(loses_its_pool);
}

TEST_WITH(writing_ros_messages_makes_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(writes_messages);
}

TEST_WITH(reading_ros_messages_makes_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(reads_messages);
}

/* A publish to somebody who sleeps may make one futex call and nothing else. */
static void publishes_to_sleepers(int channel, const char *argument)
{
    (void)argument;
    loop_handles handles = open_realtime_handles();
    tell(channel, 0);
    hear(channel); /* the sleeper has its stream */
    unsigned before = atomic_load(&allocations);
    atomic_store(&fstats, 0);
    forbidden_since_ns = pmipc_monotonic_ns();
    forbid_system_calls(SYS_futex);
    for (int i = 0; i < 200000; i++)
        publish_frame(handles.producer);
    end_loop(before);
}

ROLE(sleeps_for_every_frame)
{
    (void)argument;
    pmipc_stream *stream = stream_open("arm", NULL);
    tell(channel, 0);
    while (!heard_something(channel)) {
        pmipc_view view;
        if (pmipc_stream_get_new(stream, 10000000, &view) == PMIPC_OK)
            pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
}

TEST_WITH(waking_a_sleeper_is_one_futex_call_and_nothing_else, .native = "seccomp")
{
    learn_clock();
    helper owner = helper_fork(publishes_to_sleepers, "");
    hear(owner.channel);
    helper sleeper = helper_start("sleeps_for_every_frame", "");
    hear(sleeper.channel);
    tell(owner.channel, 0);
    helper_finish(&owner);
    tell(sleeper.channel, 0);
    helper_finish(&sleeper);
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
}
