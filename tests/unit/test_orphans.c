/* Pools whose file was removed from outside after their producer died: they are not retired. Every read and every wait
 * detects it and goes over to the pool that has the name now. The time limit of the test bounds how long that takes. */
#include "pools.h"

#include <unistd.h>

#define BYTES 1000

/* A stream of an orphaned pool with three samples; the successor, a pool of the same name, has one. */
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

/* Repeat one read call until it returns the sample of the successor. */
static void check_goes_over(read_call call)
{
    pmipc_producer *successor;
    pmipc_stream *stream = orphaned_stream(&successor);
    uint64_t seq = 0;
    while (seq != 1) {
        pmipc_view view;
        pmipc_status status = call(stream, &view);
        CHECK(status == PMIPC_OK || status == PMIPC_NOTHING_NEW);
        seq = status == PMIPC_OK ? view.seq : 0;
        if (status == PMIPC_OK)
            pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(successor);
}

TEST(get_last_goes_over_from_orphaned_pool_to_successor)
{
    check_goes_over(pmipc_stream_get_last);
}

TEST(get_window_goes_over_from_orphaned_pool_to_successor)
{
    check_goes_over(read_window);
}

TEST(get_unseen_goes_over_from_orphaned_pool_to_successor)
{
    check_goes_over(read_unseen);
}

TEST(get_at_goes_over_from_orphaned_pool_to_successor)
{
    check_goes_over(read_at);
}

/* ---- manual reconnect: the stream gets RETIRED and calls pmipc_stream_reconnect ---- */

static void check_reconnects(pmipc_stream *stream, pmipc_producer *successor)
{
    pmipc_error error;
    pmipc_stream_last_error(stream, &error);
    CHECK_HAS(error.text, "call pmipc_stream_reconnect");
    CHECK_OK(pmipc_stream_reconnect(stream, NULL));
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(successor);
}

TEST(get_new_with_manual_reconnect_ends_when_pool_is_orphaned)
{
    pmipc_producer *successor;
    pmipc_stream *stream = orphaned_stream_with(&(pmipc_stream_options){.manual_reconnect = true}, &successor);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view), PMIPC_RETIRED);
    check_reconnects(stream, successor);
}

TEST(wait_at_with_manual_reconnect_ends_when_pool_is_orphaned)
{
    pmipc_producer *successor;
    pmipc_stream *stream = orphaned_stream_with(&(pmipc_stream_options){.manual_reconnect = true}, &successor);
    CHECK_STATUS(pmipc_stream_wait_at(stream, INT64_MAX, PMIPC_FOREVER), PMIPC_RETIRED);
    check_reconnects(stream, successor);
}

TEST(wait_at_goes_over_from_orphaned_pool_to_successor)
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

TEST(wait_any_with_manual_reconnect_ends_when_pool_is_orphaned)
{
    pmipc_producer *successor;
    pmipc_stream *stream = orphaned_stream_with(&(pmipc_stream_options){.manual_reconnect = true}, &successor);
    uint32_t ready = 7;
    CHECK_STATUS(pmipc_stream_wait_any(&stream, 1, PMIPC_FOREVER, &ready), PMIPC_RETIRED);
    CHECK_EQ(ready, 0);
    check_reconnects(stream, successor);
}
