/* Pools whose file was taken away by somebody else after their producer died: nobody retired them. Every read notices
 * in time, and goes over to the pool that has the name now. */
#include "pools.h"

#include <unistd.h>

#define BYTES 1000
#define PATIENCE_NS (INT64_C(10) * 1000000000)

/* A stream of a pool with three samples that is orphaned now; its successor has one. */
static pmipc_stream *orphaned_stream_with(const pmipc_stream_options *options, pmipc_producer **successor)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    publish_frames(producer, 3);
    pmipc_stream *stream = stream_open("p", options);
    CHECK_EQ(read_newest(stream), 3);
    char path[512];
    pool_path("p", path, sizeof path);
    pmipc_producer_abandon(producer);
    CHECK_EQ(unlink(path), 0);
    *successor = bytes_producer("p", BYTES, 4);
    publish_frame(*successor);
    return stream;
}

static pmipc_stream *orphaned_stream(pmipc_producer **successor)
{
    return orphaned_stream_with(NULL, successor);
}

typedef pmipc_status (*read_call)(pmipc_stream *stream, pmipc_view *view);

static pmipc_status read_window(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_window(stream, 1, 4, view);
}

static pmipc_status read_unseen(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_unseen(stream, view);
}

static pmipc_status read_at(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_at(stream, INT64_MAX, PMIPC_AT_BEFORE, -1, view);
}

/* Read by one call only until it gives the successor's sample. */
static void check_goes_over(read_call call)
{
    pmipc_producer *successor;
    pmipc_stream *stream = orphaned_stream(&successor);
    int64_t deadline_ns = pmipc_monotonic_ns() + PATIENCE_NS;
    uint64_t seq = 0;
    while (seq != 1) {
        pmipc_view view;
        pmipc_status status = call(stream, &view);
        CHECK(status == PMIPC_OK || status == PMIPC_NOTHING_NEW);
        seq = status == PMIPC_OK ? view.seq : 0;
        if (status == PMIPC_OK)
            pmipc_view_release(&view);
        CHECK(pmipc_monotonic_ns() < deadline_ns);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(successor);
}

TEST(get_last_goes_over_from_an_orphaned_pool_to_its_successor)
{
    check_goes_over(pmipc_stream_get_last);
}

TEST(windows_go_over_from_an_orphaned_pool_to_its_successor)
{
    check_goes_over(read_window);
}

TEST(get_unseen_goes_over_from_an_orphaned_pool_to_its_successor)
{
    check_goes_over(read_unseen);
}

TEST(get_at_goes_over_from_an_orphaned_pool_to_its_successor)
{
    check_goes_over(read_at);
}

/* ---- manual reconnection: told, and left to it ---- */

static void check_reconnects(pmipc_stream *stream, pmipc_producer *successor)
{
    pmipc_error error;
    pmipc_stream_last_error(stream, &error);
    CHECK_HAS(error.text, "pmipc_stream_reconnect goes over");
    CHECK_OK(pmipc_stream_reconnect(stream, NULL));
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(successor);
}

TEST(a_wait_with_manual_reconnect_ends_when_the_pool_is_orphaned)
{
    pmipc_producer *successor;
    pmipc_stream *stream = orphaned_stream_with(&(pmipc_stream_options){.manual_reconnect = true}, &successor);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view), PMIPC_RETIRED);
    check_reconnects(stream, successor);
}

TEST(a_wait_for_a_stamp_with_manual_reconnect_ends_when_the_pool_is_orphaned)
{
    pmipc_producer *successor;
    pmipc_stream *stream = orphaned_stream_with(&(pmipc_stream_options){.manual_reconnect = true}, &successor);
    CHECK_STATUS(pmipc_stream_wait_at(stream, INT64_MAX, PMIPC_FOREVER), PMIPC_RETIRED);
    check_reconnects(stream, successor);
}

TEST(a_wait_for_a_stamp_goes_over_from_an_orphaned_pool_to_its_successor)
{
    pmipc_producer *successor;
    pmipc_stream *stream = orphaned_stream(&successor);
    const int64_t now = INT64_MAX - 1;
    CHECK_STATUS(pmipc_stream_wait_at(stream, now, 0), PMIPC_TIMEOUT);
    uint8_t data[BYTES] = {0};
    CHECK_OK(pmipc_producer_publish(successor, data, now, NULL));
    CHECK_OK(pmipc_stream_wait_at(stream, now, PMIPC_FOREVER));
    pmipc_stream_close(stream);
    pmipc_producer_close(successor);
}

TEST(a_wait_for_several_with_manual_reconnect_ends_when_a_pool_is_orphaned)
{
    pmipc_producer *successor;
    pmipc_stream *stream = orphaned_stream_with(&(pmipc_stream_options){.manual_reconnect = true}, &successor);
    uint32_t ready = 7;
    CHECK_STATUS(pmipc_stream_wait_any(&stream, 1, PMIPC_FOREVER, &ready), PMIPC_RETIRED);
    CHECK_EQ(ready, 0);
    check_reconnects(stream, successor);
}
