/* Waits of one stream: wakes, timeouts, signals, new pools, producers that die. */
#include "helper.h"
#include "pools.h"
#include "sleeper.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)

/* ---- wakes: a wait sleeps up to 100 ms at a time, so a lost wake makes a test slow until the runner's time limit ----
 */

/* Publishes one frame for each word it receives. */
ROLE(publishes_on_request)
{
    pmipc_producer *producer = bytes_producer(argument, 64, 4);
    send_word(channel, 0);
    while (receive_word(channel) != 0)
        publish_frame(producer);
    pmipc_producer_close(producer);
}

/* Waits for every frame and answers with its sequence number. */
ROLE(answers_every_frame)
{
    pmipc_stream *stream = stream_open(argument, NULL);
    send_word(channel, 0);
    for (uint64_t seq = 0; seq < 200;) {
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
        CHECK_EQ(view.seq, seq + 1);
        seq = view.seq;
        check_view(&view);
        pmipc_view_release(&view);
        send_word(channel, seq);
    }
    pmipc_stream_close(stream);
}

TEST(every_publish_wakes_waiting_stream)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    helper reader = helper_start("answers_every_frame", "p");
    receive_word(reader.channel);
    for (uint64_t seq = 1; seq <= 200; seq++) {
        CHECK_EQ(publish_frame(producer), seq);
        CHECK_EQ(receive_word(reader.channel), seq);
    }
    helper_finish(&reader);
    pmipc_producer_close(producer);
}

/* Two processes publish in turn, each in its own pool, and each sleeps until the other has published. If the wakes were
 * lost, 1000 rounds with sleeps of up to 100 ms would take 100 s, which exceeds the runner's time limit. */
ROLE(answers_in_second_pool)
{
    (void)argument;
    pmipc_stream *ping = stream_open("ping", NULL);
    pmipc_producer *pong = bytes_producer("pong", 64, 2);
    send_word(channel, 0);
    for (int i = 0; i < ROUNDS(1000); i++) {
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_new(ping, PMIPC_FOREVER, &view));
        pmipc_view_release(&view);
        publish_frame(pong);
    }
    receive_word(channel);
    pmipc_producer_close(pong);
    pmipc_stream_close(ping);
}

TEST(thousand_round_trips_lose_no_wake)
{
    pmipc_producer *ping = bytes_producer("ping", 64, 2);
    pmipc_stream *pong = stream_open("pong", NULL);
    helper partner = helper_start("answers_in_second_pool", "");
    receive_word(partner.channel);
    for (int i = 0; i < ROUNDS(1000); i++) {
        publish_frame(ping);
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_new(pong, PMIPC_FOREVER, &view));
        pmipc_view_release(&view);
    }
    send_word(partner.channel, 0);
    helper_finish(&partner);
    pmipc_stream_close(pong);
    pmipc_producer_close(ping);
}

TEST(new_pool_wakes_waiting_stream)
{
    pmipc_stream *streams[2] = {stream_open("later", NULL), stream_open("later/too", NULL)};
    helper owner = helper_start("publishes_on_request", "later");
    receive_word(owner.channel);
    send_word(owner.channel, 1);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_new(streams[0], PMIPC_FOREVER, &view));
    CHECK_EQ(view.seq, 1);
    pmipc_view_release(&view);
    send_word(owner.channel, 0);
    helper_finish(&owner);
    CHECK_STATUS(pmipc_stream_get_new(streams[1], 0, &view), PMIPC_TIMEOUT);
    pmipc_stream_close(streams[0]);
    pmipc_stream_close(streams[1]);
}

TEST(publish_wakes_thread_that_already_sleeps)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    for (int i = 0; i < 30; i++) {
        waker other;
        when_i_sleep(&other, act_publish, producer);
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
        check_view(&view);
        pmipc_view_release(&view);
        pthread_join(other.thread, NULL);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

ROLE(creates_pool_on_request)
{
    send_word(channel, 0);
    receive_word(channel);
    pmipc_producer *producer = bytes_producer(argument, 64, 4);
    publish_frame(producer);
    receive_word(channel);
    pmipc_producer_close(producer);
}

TEST(new_pool_wakes_thread_that_already_sleeps)
{
    for (int i = 0; i < 10; i++) {
        helper owner = helper_start("creates_pool_on_request", "later");
        receive_word(owner.channel);
        pmipc_stream *stream = stream_open("later", NULL);
        waker other;
        when_i_sleep(&other, act_send_word, &owner.channel);
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
        CHECK_EQ(view.seq, 1);
        pmipc_view_release(&view);
        pthread_join(other.thread, NULL);
        pmipc_stream_close(stream);
        send_word(owner.channel, 0);
        helper_finish(&owner);
    }
}

/* ---- timeouts: a wait never ends early ---- */

static void check_not_before(pmipc_status status, int64_t start, int64_t timeout)
{
    CHECK_STATUS(status, PMIPC_TIMEOUT);
    int64_t took = pmipc_monotonic_ns() - start;
    if (took < timeout)
        FAIL("the wait ended %" PRId64 " ns early", timeout - took);
}

TEST(wait_never_ends_before_its_timeout)
{
    const int64_t timeouts[] = {1, 1000, MS, 30 * MS, 150 * MS}; /* 150 ms: more than one sleep */
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_stream *absent = stream_open("absent", NULL);
    pmipc_view view;
    for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        int64_t start = pmipc_monotonic_ns();
        check_not_before(pmipc_stream_get_new(stream, timeouts[i], &view), start, timeouts[i]);
        start = pmipc_monotonic_ns();
        check_not_before(pmipc_stream_get_next(stream, timeouts[i], &view), start, timeouts[i]);
        start = pmipc_monotonic_ns();
        check_not_before(pmipc_stream_get_new(absent, timeouts[i], &view), start, timeouts[i]);
        pmipc_stream *both[] = {stream, absent};
        start = pmipc_monotonic_ns();
        check_not_before(pmipc_stream_wait_any(both, 2, timeouts[i], NULL), start, timeouts[i]);
    }
    pmipc_stream_close(absent);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(timeout_too_large_for_clock_waits_forever)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    waker other;
    when_i_sleep(&other, act_publish, producer);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_new(stream, INT64_MAX, &view));
    pmipc_view_release(&view);
    pthread_join(other.thread, NULL);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* Measures processor time: a wait that polls or spins uses all of it. */
static void check_wait_is_idle(pmipc_stream *stream)
{
    struct rusage before;
    struct rusage after;
    pmipc_view view;
    getrusage(RUSAGE_THREAD, &before);
    CHECK_STATUS(pmipc_stream_get_new(stream, 600 * MS, &view), PMIPC_TIMEOUT);
    getrusage(RUSAGE_THREAD, &after);
    int64_t used_us =
        (after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) *
            INT64_C(1000000) +
        after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    if (used_us > 60000)
        FAIL("a wait of 600 ms used %" PRId64 " us of processor time", used_us);
    CHECK(after.ru_nvcsw - before.ru_nvcsw >= 3); /* it slept, for at most 100 ms at a time */
}

TEST(waiting_stream_uses_little_processor_time)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_stream *absent = stream_open("absent", NULL);
    check_wait_is_idle(stream);
    check_wait_is_idle(absent);
    pmipc_stream_close(absent);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- signals ---- */

static atomic_int signals_seen;

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals_seen, 1);
}

typedef struct signaller {
    pthread_t thread;
    pid_t
        target; /* the thread id from the kernel: with large pages, libc under qemu has the one from before the fork */
    atomic_bool stop;
} signaller;

/* Repeated signals: a signal just before the sleep does not interrupt it, the next one does. */
static void *send_signals(void *context)
{
    signaller *self = context;
    while (!atomic_load(&self->stop)) {
        tgkill(getpid(), self->target, SIGUSR1);
        test_yield();
    }
    return NULL;
}

static void start_signals(signaller *self)
{
    struct sigaction action = {.sa_handler = count_signal};
    sigaction(SIGUSR1, &action, NULL);
    self->target = gettid();
    atomic_store(&self->stop, false);
    CHECK_EQ(pthread_create(&self->thread, NULL, send_signals, self), 0);
}

static void stop_signals(signaller *self)
{
    atomic_store(&self->stop, true);
    pthread_join(self->thread, NULL);
    CHECK(atomic_load(&signals_seen) > 0);
}

TEST(signal_interrupts_wait)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_stream *absent = stream_open("absent", NULL);
    pmipc_stream *both[] = {stream, absent};
    pmipc_waiter waiter;
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    pmipc_view view;
    signaller signals;
    start_signals(&signals);
    CHECK_STATUS(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view), PMIPC_INTERRUPTED);
    CHECK_STATUS(pmipc_stream_get_next(stream, PMIPC_FOREVER, &view), PMIPC_INTERRUPTED);
    CHECK_STATUS(pmipc_stream_get_new(absent, PMIPC_FOREVER, &view), PMIPC_INTERRUPTED);
    CHECK_STATUS(pmipc_stream_wait_any(both, 2, PMIPC_FOREVER, NULL), PMIPC_INTERRUPTED);
    CHECK_STATUS(pmipc_waiter_wait(&waiter, 1, PMIPC_FOREVER, NULL), PMIPC_INTERRUPTED);
    stop_signals(&signals);
    publish_frame(producer);
    CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view)); /* a new call continues the wait */
    pmipc_view_release(&view);
    pmipc_waiter_release(&waiter);
    pmipc_stream_close(absent);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- the producer dies or ends ---- */

TEST(wait_continues_across_death_and_adopt)
{
    helper owner = helper_start("publishes_on_request", "p");
    receive_word(owner.channel);
    send_word(owner.channel, 1);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    WAIT_UNTIL(stream_info(stream).head_seq == 1);
    read_newest(stream);
    helper_kill(&owner);
    int64_t start = pmipc_monotonic_ns();
    check_not_before(pmipc_stream_get_new(stream, 30 * MS, &view), start, 30 * MS);
    owner = helper_start("creates_pool_on_request", "p");
    receive_word(owner.channel);
    waker other;
    when_i_sleep(&other, act_send_word, &owner.channel);
    CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
    CHECK_EQ(view.seq, 2);
    check_view(&view);
    pmipc_view_release(&view);
    pthread_join(other.thread, NULL);
    send_word(owner.channel, 0);
    helper_finish(&owner);
    pmipc_stream_close(stream);
}

TEST(get_new_waits_across_retire_for_first_sample_of_next_pool)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frames(producer, 9);
    pmipc_stream *stream = stream_open("p", NULL);
    read_newest(stream);
    helper owner = helper_start("creates_pool_on_request", "p");
    receive_word(owner.channel);
    waker other;
    when_i_sleep(&other, act_close_producer, producer);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_new(stream, 300 * MS, &view), PMIPC_TIMEOUT);
    pthread_join(other.thread, NULL);
    when_i_sleep(&other, act_send_word, &owner.channel);
    CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
    CHECK_EQ(view.seq, 1);
    pmipc_view_release(&view);
    pthread_join(other.thread, NULL);
    send_word(owner.channel, 0);
    helper_finish(&owner);
    pmipc_stream_close(stream);
}

/* ---- many threads ---- */

typedef struct sleeper {
    pthread_t thread;
    pmipc_stream *stream;
    uint64_t last;
} sleeper;

static void *wait_for_the_last(void *context)
{
    sleeper *self = context;
    while (self->last < 500) {
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_new(self->stream, PMIPC_FOREVER, &view));
        CHECK(view.seq > self->last);
        self->last = view.seq;
        check_view(&view);
        pmipc_view_release(&view);
    }
    return NULL;
}

TEST(eight_waiting_threads_all_get_newest)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    sleeper sleepers[8] = {0};
    for (int i = 0; i < 8; i++) {
        sleepers[i].stream = stream_open("p", NULL);
        CHECK_EQ(pthread_create(&sleepers[i].thread, NULL, wait_for_the_last, &sleepers[i]), 0);
    }
    for (int i = 0; i < 500; i++) {
        publish_frame(producer);
        if (i % 3 == 0)
            test_yield();
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(sleepers[i].thread, NULL);
        CHECK_EQ(sleepers[i].last, 500);
        pmipc_stream_close(sleepers[i].stream);
    }
    pmipc_producer_close(producer);
}
