/* The machine is suspended for an hour: CLOCK_BOOTTIME and the wall clock advance, CLOCK_MONOTONIC does not. This
 * program defines clock_gettime, which the library calls. */
#include "pools.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BYTES 64
#define HOUR_S 3600
#define HOUR_NS (INT64_C(1000000000) * HOUR_S)

static time_t suspended_s;
static bool boottime_is_missing;

int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock == CLOCK_BOOTTIME && boottime_is_missing) {
        *time = (struct timespec){0}; /* not a usable time */
        errno = EINVAL;
        return -1;
    }
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (clock != CLOCK_MONOTONIC)
        time->tv_sec += suspended_s;
    return result;
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

TEST(age_of_sample_includes_suspend)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    suspended_s = HOUR_S;
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    int64_t age_ns = pmipc_monotonic_ns() - view.published_ns;
    CHECK(age_ns >= HOUR_NS && age_ns < 2 * HOUR_NS);
    pmipc_view_release(&view);
    publish_frame(producer);
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK(pmipc_monotonic_ns() - view.published_ns < HOUR_NS);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(default_stamps_are_right_at_once_after_suspend)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    suspended_s = HOUR_S;
    int64_t before_ns = pmipc_realtime_ns();
    char data[BYTES] = {0};
    CHECK_OK(pmipc_producer_publish(producer, data, PMIPC_STAMP_NOW, NULL));
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK(view.stamp_ns > before_ns - HOUR_NS / 2 && view.stamp_ns < before_ns + HOUR_NS / 2);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* A timeout does not count the time of the suspend. */
TEST(suspend_does_not_end_a_timeout)
{
    int64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
    pmipc_stream *stream = stream_open("absent", NULL);
    pmipc_view view;
    suspended_s = HOUR_S;
    CHECK_STATUS(pmipc_stream_get_new(stream, 30000000, &view), PMIPC_TIMEOUT);
    CHECK(clock_ns(CLOCK_MONOTONIC) - begin_ns >= 30000000);
    pmipc_stream_close(stream);
}

TEST(kernel_without_boottime_clock_uses_monotonic_clock)
{
    boottime_is_missing = true;
    int64_t before_ns = clock_ns(CLOCK_MONOTONIC);
    int64_t now_ns = pmipc_monotonic_ns();
    CHECK(before_ns <= now_ns && now_ns <= clock_ns(CLOCK_MONOTONIC));
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
