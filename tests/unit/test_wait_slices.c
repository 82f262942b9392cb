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

TEST(deadline_is_now_plus_timeout_or_never)
{
    int64_t before = monotonic_ns();
    int64_t now = pmipc_deadline(0), later = pmipc_deadline(70 * MS);
    int64_t after = monotonic_ns();
    CHECK(before <= now && now <= after);
    CHECK(before + 70 * MS <= later && later <= after + 70 * MS);
    CHECK_EQ(pmipc_deadline(PMIPC_FOREVER), INT64_MAX);
    CHECK_EQ(pmipc_deadline(INT64_MAX), INT64_MAX); /* more than the clock can hold */
}

static void check_slices(pmipc_stream *stream)
{
    const int64_t slice = 20 * MS, timeout = 130 * MS; /* more than one sleep of 100 ms */
    pmipc_waiter waiter;
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    for (int i = 0; i < 3; i++) {
        int64_t begin = monotonic_ns();
        CHECK_STATUS(pmipc_waiter_wait_until(&waiter, 1, INT64_MAX, slice, NULL), PMIPC_NOTHING_NEW);
        CHECK(monotonic_ns() >= begin + slice);
    }
    CHECK_STATUS(pmipc_waiter_wait_until(&waiter, 1, INT64_MAX, 0, NULL), PMIPC_NOTHING_NEW);
    const int64_t deadline = pmipc_deadline(timeout);
    pmipc_status status;
    do {
        status = pmipc_waiter_wait_until(&waiter, 1, deadline, slice, NULL);
        CHECK(status == PMIPC_NOTHING_NEW || status == PMIPC_TIMEOUT);
    } while (status == PMIPC_NOTHING_NEW);
    CHECK(monotonic_ns() >= deadline);
    CHECK_STATUS(pmipc_waiter_wait_until(&waiter, 1, deadline, PMIPC_FOREVER, NULL),
                 PMIPC_TIMEOUT); /* also in later calls */
    pmipc_waiter_release(&waiter);
}

TEST(wait_until_returns_after_each_slice_until_deadline)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL), *absent = stream_open("absent", NULL);
    check_slices(stream);
    check_slices(absent);
    pmipc_stream_close(absent);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(wait_until_returns_sample_also_after_deadline)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_waiter waiter;
    uint32_t ready = 99;
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    waker other;
    when_i_sleep(&other, act_publish, producer);
    pmipc_status status = PMIPC_NOTHING_NEW;
    while (status == PMIPC_NOTHING_NEW)
        status = pmipc_waiter_wait_until(&waiter, 1, INT64_MAX, 50 * MS, &ready);
    CHECK_OK(status);
    CHECK_EQ(ready, 0);
    pthread_join(other.thread, NULL);
    CHECK_OK(pmipc_waiter_wait_until(&waiter, 1, 0, 0, NULL));
    pmipc_waiter_release(&waiter);
    CHECK_STATUS(pmipc_waiter_wait_until(&waiter, 1, 0, 0, NULL), PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_waiter_wait_until(&waiter, 0, 0, 0, NULL), PMIPC_INVALID_ARGUMENT);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
