/* The promise to control loops: no system call except one fstat per second, and no allocation. Counted, not timed. */
#include "loop_watch.h"
#include "pools.h"

#include <sys/syscall.h>
#include <unistd.h>

#define BYTES 56

static void make_a_system_call(void)
{
    getppid();
}

static void make_none(void)
{
}

TEST_WITH(filter_detects_a_system_call, .native = "seccomp")
{
    CHECK_EQ(exit_code_under_filter(make_none, SYS_write), 0);
    int saved = dup(2);
    FILE *null = fopen("/dev/null", "we");
    dup2(fileno(null), 2);
    int code = exit_code_under_filter(make_a_system_call, SYS_write);
    dup2(saved, 2);
    close(saved);
    fclose(null);
    CHECK(code == 2 || (TEST_SANITIZED && code != 0)); /* a sanitizer may make system calls in the handler */
}

TEST(counter_counts_allocations)
{
    unsigned before = allocations_made();
    void *volatile block = malloc(100);
    free(block);
    CHECK_EQ(allocations_made() - before, 2);
}

/* ---- the loops: each runs in its own child ---- */

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

static void copies(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    loop_handles handles = open_realtime_handles();
    char data[BYTES];
    loop_begin(SYS_write);
    for (int i = 0; i < 5000; i++) {
        uint64_t seq;
        frame_fill(data, BYTES, pmipc_producer_seq(handles.producer) + 1);
        CHECK_OK(pmipc_producer_publish(handles.producer, data, i % 2 ? PMIPC_STAMP_NOW : i, &seq));
        CHECK_EQ(read_newest(handles.stream), seq);
    }
    loop_end();
}

static void loans(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    loop_handles handles = open_realtime_handles();
    loop_begin(SYS_write);
    for (int i = 0; i < 5000; i++) {
        pmipc_loan loan;
        CHECK_OK(pmipc_producer_loan(handles.producer, &loan));
        if (i % 5 == 0) {
            pmipc_producer_discard(handles.producer, &loan);
            continue;
        }
        pmipc_error error; /* refusals make no system call, either */
        CHECK(!pmipc_loan_float64(handles.producer, &loan, NULL, BYTES, &error));
        frame_fill(pmipc_loan_uint8(handles.producer, &loan, NULL, BYTES, &error), BYTES, loan.seq);
        CHECK_OK(pmipc_producer_commit(handles.producer, &loan, PMIPC_STAMP_NOW));
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_last(handles.stream, &view));
        CHECK(frame_is_whole(pmipc_view_uint8(&view, NULL, BYTES, &error), BYTES, loan.seq));
        CHECK(!pmipc_view_uint8(&view, NULL, BYTES + 1, &error));
        pmipc_view_release(&view);
    }
    loop_end();
}

static void publishes_for_many_seconds(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    loop_handles handles = open_realtime_handles();
    loop_begin(SYS_write);
    for (int second = 0; second < 100; second++) {
        publish_frames(handles.producer, 50);
        read_newest(handles.stream);
        clock_move_s(1);
    }
    CHECK(fstat_calls() >= 99);
    loop_end();
}

static void reads_in_every_way(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    loop_handles handles = open_realtime_handles();
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(handles.stream, 4, 4, &view)); /* the first window maps the ring twice */
    pmipc_view_release(&view);
    loop_begin(SYS_write);
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
    loop_end();
}

/* Six views are held at any time, each for six rounds: the producer skips their slots without a system call. */
static void holds_views(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    loop_handles handles = open_realtime_handles();
    pmipc_view views[PMIPC_MAX_VIEWS] = {0};
    loop_begin(SYS_write);
    for (int i = 0; i < 2000; i++) {
        pmipc_view *view = &views[i % PMIPC_MAX_VIEWS];
        if (view->owner)
            check_view(view);
        pmipc_view_release(view);
        publish_frame(handles.producer);
        CHECK_OK(pmipc_stream_get_last(handles.stream, view));
        CHECK(!view->copied);
    }
    loop_end();
}

/* The pool is retired, or never existed: the loop learns it without a system call, too. */
static void loses_its_pool(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    loop_handles handles = open_realtime_handles();
    pmipc_stream_options options = {.manual_reconnect = true};
    pmipc_stream *absent = stream_open("absent", &options);
    pmipc_producer_close(handles.producer);
    loop_begin(SYS_write);
    for (int i = 0; i < 1000; i++) {
        pmipc_view view;
        CHECK_STATUS(pmipc_stream_get_last(handles.stream, &view), PMIPC_RETIRED);
        CHECK_STATUS(pmipc_stream_get_last(absent, &view), PMIPC_NOT_CONNECTED);
        CHECK(!pmipc_stream_connected(handles.stream));
    }
    loop_end();
}

TEST_WITH(publish_makes_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(copies);
}

TEST_WITH(publish_makes_one_fstat_per_second_and_no_other_system_call, .native = "seccomp")
{
    check_loop(publishes_for_many_seconds);
}

TEST_WITH(loan_commit_and_discard_make_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(loans);
}

TEST_WITH(reads_without_wait_make_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(reads_in_every_way);
}

TEST_WITH(seven_views_make_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(holds_views);
}

TEST_WITH(reads_of_retired_pool_make_no_system_call_and_no_allocation, .native = "seccomp")
{
    check_loop(loses_its_pool);
}

/* A publish that wakes a stream makes one futex call and no other system call. */
static void publishes_to_sleepers(int channel, const char *argument)
{
    (void)argument;
    loop_handles handles = open_realtime_handles();
    send_word(channel, 0);
    receive_word(channel); /* the sleeping process has opened its stream */
    loop_begin(SYS_futex);
    for (int i = 0; i < 200000; i++)
        publish_frame(handles.producer);
    loop_end();
}

ROLE(sleeps_for_every_frame)
{
    (void)argument;
    pmipc_stream *stream = stream_open("arm", NULL);
    send_word(channel, 0);
    while (!word_is_waiting(channel)) {
        pmipc_view view;
        if (pmipc_stream_get_new(stream, 10000000, &view) == PMIPC_OK)
            pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
}

TEST_WITH(publish_that_wakes_a_stream_makes_only_futex_calls, .native = "seccomp")
{
    learn_clock();
    helper owner = helper_fork(publishes_to_sleepers, "");
    receive_word(owner.channel);
    helper sleeper = helper_start("sleeps_for_every_frame", "");
    receive_word(sleeper.channel);
    send_word(owner.channel, 0);
    helper_finish(&owner);
    send_word(sleeper.channel, 0);
    helper_finish(&sleeper);
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
}
