/* Waits in slices with a deadline, for callers that do something between two sleeps. */
#include "pools.h"
#include "sleeper.h"

#include <time.h>

#define MS INT64_C(1000000)

static int64_t monotonic_ns(void)
{
    struct timespec now;
    CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

TEST(wait_begin_deadline_is_now_plus_timeout_or_never)
{
    int64_t before = monotonic_ns();
    int64_t now = pmipc_wait_begin(0, 0).deadline_ns, later = pmipc_wait_begin(70 * MS, 0).deadline_ns;
    int64_t after = monotonic_ns();
    CHECK(before <= now && now <= after);
    CHECK(before + 70 * MS <= later && later <= after + 70 * MS);
    CHECK_EQ(pmipc_wait_begin(PMIPC_FOREVER, 0).deadline_ns, INT64_MAX);
    CHECK_EQ(pmipc_wait_begin(INT64_MAX, 0).deadline_ns, INT64_MAX); /* more than the clock can hold */
}

static void check_slices(pmipc_stream *stream)
{
    const int64_t slice = 20 * MS, timeout = 130 * MS; /* more than one sleep of 100 ms */
    pmipc_waiter waiter;
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    pmipc_wait wait = pmipc_wait_begin(PMIPC_FOREVER, slice);
    for (int i = 0; i < 3; i++) {
        int64_t begin = monotonic_ns();
        CHECK_STATUS(pmipc_wait_sleep(&wait, &waiter, 1, NULL), PMIPC_NOTHING_NEW);
        CHECK(monotonic_ns() >= begin + slice);
    }
    wait = pmipc_wait_begin(PMIPC_FOREVER, 0);
    CHECK_STATUS(pmipc_wait_sleep(&wait, &waiter, 1, NULL), PMIPC_NOTHING_NEW);
    wait = pmipc_wait_begin(timeout, slice);
    pmipc_status status;
    do {
        status = pmipc_wait_sleep(&wait, &waiter, 1, NULL);
        CHECK(status == PMIPC_NOTHING_NEW || status == PMIPC_TIMEOUT);
    } while (status == PMIPC_NOTHING_NEW);
    CHECK(monotonic_ns() >= wait.deadline_ns);
    CHECK_STATUS(pmipc_wait_sleep(&wait, &waiter, 1, NULL), PMIPC_TIMEOUT); /* the wait has ended */
    pmipc_waiter_release(&waiter);
}

TEST(wait_sleep_returns_after_each_slice_until_deadline)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL), *absent = stream_open("absent", NULL);
    check_slices(stream);
    check_slices(absent);
    pmipc_stream_close(absent);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(wait_sleep_returns_sample_also_after_deadline)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_waiter waiter;
    uint32_t ready = 99;
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    waker other;
    when_i_sleep(&other, act_publish, producer);
    pmipc_wait wait = pmipc_wait_begin(PMIPC_FOREVER, 50 * MS);
    pmipc_status status = PMIPC_NOTHING_NEW;
    while (status == PMIPC_NOTHING_NEW)
        status = pmipc_wait_sleep(&wait, &waiter, 1, &ready);
    CHECK_OK(status);
    CHECK_EQ(ready, 0);
    pthread_join(other.thread, NULL);
    wait = pmipc_wait_begin(0, 0);
    CHECK_OK(pmipc_wait_sleep(&wait, &waiter, 1, NULL));
    pmipc_waiter_release(&waiter);
    CHECK_STATUS(pmipc_wait_sleep(&wait, &waiter, 1, NULL), PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_wait_sleep(&wait, &waiter, 0, NULL), PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_wait_sleep(NULL, &waiter, 1, NULL), PMIPC_INVALID_ARGUMENT);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* The caller does not read the sample, so every call finds it at once. */
TEST(wait_sleep_without_progress_pauses_and_ends)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    pmipc_waiter waiter;
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    pmipc_wait wait = pmipc_wait_begin(60 * MS, PMIPC_FOREVER);
    pmipc_status status = PMIPC_OK;
    int calls = 0;
    for (; status == PMIPC_OK; calls++)
        status = pmipc_wait_sleep(&wait, &waiter, 1, NULL);
    CHECK_STATUS(status, PMIPC_TIMEOUT);
    CHECK(monotonic_ns() >= wait.deadline_ns);
    CHECK(calls <= 3 + 60 + 1); /* three at once, then one a millisecond */
    pmipc_waiter_release(&waiter);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
