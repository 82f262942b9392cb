/* Reads by stamp: nearest, before, after; equal distances, tolerances, unordered and extreme stamps. */
#include "pools.h"
#include "sleeper.h"

#include <pthread.h>
#include <sys/resource.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check_at(pmipc_stream *stream, int64_t stamp, pmipc_at_method method, int64_t tolerance, uint64_t seq)
{
    pmipc_view view;
    pmipc_status status = pmipc_stream_get_at(stream, stamp, method, tolerance, &view);
    if (seq == 0 && status == PMIPC_NOTHING_NEW)
        return;
    if (status != PMIPC_OK || view.seq != seq)
        FAIL("at %" PRId64 " method %d tolerance %" PRId64 ": %s, seq %" PRIu64 ", expected %" PRIu64, stamp,
             (int)method, tolerance, pmipc_status_name(status), status == PMIPC_OK ? view.seq : 0, seq);
    pmipc_view_release(&view);
}

static void publish_stamped(pmipc_producer *producer, const int64_t *stamps, size_t count)
{
    static const char data[64];
    for (size_t i = 0; i < count; i++)
        CHECK_OK(pmipc_producer_publish(producer, data, stamps[i], NULL));
}

TEST(get_at_finds_samples_by_stamp)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    const int64_t stamps[] = {100, 200, 300, 400}; /* sequence numbers 1 to 4 */
    publish_stamped(producer, stamps, COUNT(stamps));
    pmipc_stream *stream = stream_open("p", NULL);
    check_at(stream, 200, PMIPC_AT_NEAREST, -1, 2);
    check_at(stream, 249, PMIPC_AT_NEAREST, -1, 2);
    check_at(stream, 250, PMIPC_AT_NEAREST, -1, 3); /* of two at the same distance, the newer */
    check_at(stream, 251, PMIPC_AT_NEAREST, -1, 3);
    check_at(stream, -5000, PMIPC_AT_NEAREST, -1, 1);
    check_at(stream, 5000, PMIPC_AT_NEAREST, -1, 4);
    check_at(stream, 299, PMIPC_AT_BEFORE, -1, 2);
    check_at(stream, 300, PMIPC_AT_BEFORE, -1, 3);
    check_at(stream, 99, PMIPC_AT_BEFORE, -1, 0);
    check_at(stream, 301, PMIPC_AT_AFTER, -1, 4);
    check_at(stream, 300, PMIPC_AT_AFTER, -1, 3);
    check_at(stream, 401, PMIPC_AT_AFTER, -1, 0);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(get_at_tolerance_bounds_distance)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    const int64_t stamps[] = {100, 200};
    publish_stamped(producer, stamps, COUNT(stamps));
    pmipc_stream *stream = stream_open("p", NULL);
    check_at(stream, 210, PMIPC_AT_NEAREST, 10, 2);
    check_at(stream, 211, PMIPC_AT_NEAREST, 10, 0);
    check_at(stream, 90, PMIPC_AT_NEAREST, 10, 1);
    check_at(stream, 89, PMIPC_AT_NEAREST, 10, 0);
    check_at(stream, 200, PMIPC_AT_NEAREST, 0, 2);
    check_at(stream, 201, PMIPC_AT_NEAREST, 0, 0);
    check_at(stream, 150, PMIPC_AT_BEFORE, 50, 1);
    check_at(stream, 150, PMIPC_AT_BEFORE, 49, 0);
    check_at(stream, 150, PMIPC_AT_AFTER, 50, 2);
    check_at(stream, 150, PMIPC_AT_AFTER, 49, 0);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(get_at_pins_only_the_returned_view)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    const int64_t stamps[] = {100, 200, 300};
    publish_stamped(producer, stamps, COUNT(stamps));
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_at(stream, 99, PMIPC_AT_BEFORE, -1, &view), PMIPC_NOTHING_NEW);
    CHECK_EQ(pinned_slots(producer), 0);
    CHECK_OK(pmipc_stream_get_at(stream, 200, PMIPC_AT_NEAREST, -1, &view));
    CHECK_EQ(pinned_slots(producer), 1);
    pmipc_view_release(&view);
    CHECK_EQ(pinned_slots(producer), 0);
    CHECK_STATUS(pmipc_stream_wait_at(stream, 400, 0), PMIPC_TIMEOUT);
    CHECK_EQ(pinned_slots(producer), 0);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(get_at_with_unordered_stamps)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    const int64_t stamps[] = {500, 100, 400, 200, 300, 200};
    publish_stamped(producer, stamps, COUNT(stamps));
    pmipc_stream *stream = stream_open("p", NULL);
    check_at(stream, 500, PMIPC_AT_NEAREST, -1, 1);
    check_at(stream, 90, PMIPC_AT_NEAREST, -1, 2);
    check_at(stream, 399, PMIPC_AT_BEFORE, -1, 5);
    check_at(stream, 401, PMIPC_AT_AFTER, -1, 1);
    check_at(stream, 200, PMIPC_AT_NEAREST, -1, 6); /* of two with the same stamp, the newer */
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* The distance of extreme stamps does not fit into a signed 64-bit integer: the undefined-behavior sanitizer reports a
 * plain subtraction. */
TEST(get_at_with_extreme_stamps_does_not_overflow)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    const int64_t stamps[] = {INT64_MIN + 1, 0, INT64_MAX};
    publish_stamped(producer, stamps, COUNT(stamps));
    pmipc_stream *stream = stream_open("p", NULL);
    check_at(stream, INT64_MAX, PMIPC_AT_NEAREST, -1, 3);
    check_at(stream, INT64_MIN, PMIPC_AT_NEAREST, -1, 1);
    check_at(stream, INT64_MIN, PMIPC_AT_NEAREST, 1, 1);
    check_at(stream, INT64_MIN, PMIPC_AT_BEFORE, -1, 0);
    check_at(stream, INT64_MIN, PMIPC_AT_AFTER, -1, 1);
    check_at(stream, INT64_MAX - 1, PMIPC_AT_BEFORE, INT64_MAX, 2);
    check_at(stream, INT64_MAX, PMIPC_AT_AFTER, 0, 3);
    check_at(stream, -1, PMIPC_AT_AFTER, INT64_MAX, 2);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(get_at_searches_only_history)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    int64_t stamps[20];
    for (int64_t i = 0; i < 20; i++)
        stamps[i] = i * 10;
    publish_stamped(producer, stamps, COUNT(stamps));
    check_at(stream, 0, PMIPC_AT_NEAREST, -1, 17);
    check_at(stream, 0, PMIPC_AT_NEAREST, 10, 0);
    check_at(stream, 160, PMIPC_AT_BEFORE, 0, 17);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(get_at_with_unknown_method_is_invalid_argument)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_at(stream, 0, (pmipc_at_method)7, -1, &view), PMIPC_INVALID_ARGUMENT);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- waiting for a sample at or after a stamp ---- */

#define MS INT64_C(1000000)

TEST(wait_at_for_stamp_in_history_returns_at_once)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    const int64_t stamps[] = {100, 300, 200}; /* unordered */
    publish_stamped(producer, stamps, COUNT(stamps));
    pmipc_stream *stream = stream_open("p", &(pmipc_stream_options){.start_oldest = true});
    CHECK_OK(pmipc_stream_wait_at(stream, 250, PMIPC_FOREVER));
    CHECK_OK(pmipc_stream_wait_at(stream, 300, 0));
    CHECK_OK(pmipc_stream_wait_at(stream, INT64_MIN, 0));
    CHECK_STATUS(pmipc_stream_wait_at(stream, 301, 0), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_wait_at(stream, INT64_MAX, MS), PMIPC_TIMEOUT);
    pmipc_stream_info info;
    pmipc_stream_get_info(stream, &info);
    CHECK_EQ(info.received, 0);
    CHECK_EQ(info.views_held, 0);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view)); /* the wait did not move the cursor */
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(wait_at_times_out_without_pool_and_in_empty_pool)
{
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_STATUS(pmipc_stream_wait_at(stream, 0, 0), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_wait_at(stream, 0, MS), PMIPC_TIMEOUT);
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    CHECK_STATUS(pmipc_stream_wait_at(stream, 0, MS), PMIPC_TIMEOUT);
    pmipc_producer_close(producer);
    pmipc_stream_close(stream);
}

/* A sample with an earlier stamp wakes the wait, which continues. */
static void publish_until_later(void *producer)
{
    const int64_t stamps[] = {10, 20, 30, 29, 40};
    publish_stamped(producer, stamps, COUNT(stamps));
}

TEST(wait_at_ends_with_sample_at_or_after_stamp)
{
    for (int64_t round = 0; round < 10; round++) {
        pmipc_producer *producer = bytes_producer("p", 64, 8);
        pmipc_stream *stream = stream_open("p", NULL);
        waker other;
        when_i_sleep(&other, publish_until_later, producer);
        CHECK_OK(pmipc_stream_wait_at(stream, 25 + round, PMIPC_FOREVER));
        pthread_join(other.thread, NULL);
        check_at(stream, 35, PMIPC_AT_AFTER, -1, 5);
        pmipc_stream_close(stream);
        pmipc_producer_close(producer);
    }
}

static void make_pool_with_a_sample(void *out)
{
    const int64_t stamp = 77;
    *(pmipc_producer **)out = bytes_producer("p", 64, 4);
    publish_stamped(*(pmipc_producer **)out, &stamp, 1);
}

TEST(wait_at_ends_with_sample_of_new_pool)
{
    pmipc_producer *producer = NULL;
    pmipc_stream *stream = stream_open("p", NULL);
    waker other;
    when_i_sleep(&other, make_pool_with_a_sample, &producer);
    CHECK_OK(pmipc_stream_wait_at(stream, 77, PMIPC_FOREVER));
    pthread_join(other.thread, NULL);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* The cursor is behind the newest sample: a wait for samples above the cursor would not sleep. */
TEST(wait_at_sleeps_although_samples_are_unread)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    const int64_t stamps[] = {1, 2, 3};
    publish_stamped(producer, stamps, COUNT(stamps));
    pmipc_stream *stream = stream_open("p", &(pmipc_stream_options){.start_oldest = true});
    struct rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    CHECK_STATUS(pmipc_stream_wait_at(stream, 4, 300 * MS), PMIPC_TIMEOUT);
    getrusage(RUSAGE_THREAD, &after);
    CHECK(after.ru_nvcsw - before.ru_nvcsw < 20); /* it sleeps 100 ms at a time */
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(waiter_for_newest_is_woken_by_later_publish)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    const int64_t stamps[] = {1, 2};
    publish_stamped(producer, stamps, COUNT(stamps));
    pmipc_stream *stream = stream_open("p", &(pmipc_stream_options){.start_oldest = true});
    check_at(stream, 1, PMIPC_AT_NEAREST, -1, 1); /* connects */
    pmipc_waiter above_cursor, newest;
    CHECK_OK(pmipc_waiter_init(&above_cursor, stream));
    CHECK_OK(pmipc_waiter_init_newest(&newest, stream));
    CHECK_OK(pmipc_waiter_wait(&above_cursor, 1, 0, NULL));
    CHECK_STATUS(pmipc_waiter_wait(&newest, 1, 0, NULL), PMIPC_TIMEOUT);
    publish_stamped(producer, stamps, 1);
    CHECK_OK(pmipc_waiter_wait(&newest, 1, 0, NULL));
    pmipc_waiter_release(&above_cursor);
    pmipc_waiter_release(&newest);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
