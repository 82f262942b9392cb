/* A connected stream returns what it has not read of a retired pool before it leaves the pool. */
#include "pools.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void check_next(pmipc_stream *stream, uint64_t seq)
{
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.seq, seq);
    CHECK_EQ(view.lost, 0);
    check_view(&view);
    pmipc_view_release(&view);
}

static void check_absent(pmipc_stream *stream)
{
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOT_CONNECTED);
    CHECK(pmipc_stream_ended(stream));
    CHECK(!pmipc_stream_connected(stream));
}

static pmipc_stream *stream_of_closed_pool(uint64_t samples)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, samples);
    pmipc_producer_close(producer);
    return stream;
}

TEST(get_next_drains_retired_pool)
{
    pmipc_stream *stream = stream_of_closed_pool(3);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        CHECK(!pmipc_stream_ended(stream));
        pmipc_stream *reader[] = {stream};
        CHECK_OK(pmipc_stream_wait_any(reader, 1, 0, NULL));
        check_next(stream, seq);
    }
    check_absent(stream);
    pmipc_stream_close(stream);
}

TEST(get_new_and_get_unseen_drain_retired_pool)
{
    pmipc_view view;
    pmipc_stream *stream = stream_of_closed_pool(3);
    CHECK_OK(pmipc_stream_get_new(stream, 0, &view));
    CHECK_EQ(view.seq, 3);
    pmipc_view_release(&view);
    check_absent(stream);
    pmipc_stream_close(stream);
    stream = stream_of_closed_pool(3);
    CHECK_OK(pmipc_stream_get_unseen(stream, &view));
    CHECK_EQ(view.frame_count, 3);
    pmipc_view_release(&view);
    check_absent(stream);
    pmipc_stream_close(stream);
}

TEST(get_last_returns_unread_sample_of_retired_pool_once)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    publish_frame(producer);
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    pmipc_view_release(&view);
    publish_frame(producer);
    pmipc_producer_close(producer);
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK_EQ(view.seq, 2);
    pmipc_view_release(&view);
    check_absent(stream);
    pmipc_stream_close(stream);
}

TEST(stream_drains_before_it_goes_to_next_producer)
{
    pmipc_stream *stream = stream_of_closed_pool(2);
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    publish_frame(producer);
    check_next(stream, 1);
    check_next(stream, 2);
    CHECK(pmipc_stream_ended(stream));
    check_next(stream, 1);
    CHECK(!pmipc_stream_ended(stream));
    pmipc_producer_close(producer);
    pmipc_stream_close(stream);
}

TEST(stream_drains_before_mismatch_of_next_schema)
{
    pmipc_stream *stream = stream_of_closed_pool(2);
    pmipc_producer *producer = bytes_producer("p", 32, 8);
    publish_frame(producer);
    check_next(stream, 1);
    check_next(stream, 2);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_SCHEMA_MISMATCH);
    pmipc_producer_close(producer);
    pmipc_stream_close(stream);
}

TEST(manual_stream_drains_before_retired_is_reported)
{
    const pmipc_stream_options options = {.manual_reconnect = true};
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    pmipc_stream *stream = stream_open("p", &options);
    pmipc_view view;
    publish_frames(producer, 2);
    pmipc_producer_close(producer);
    check_next(stream, 1);
    CHECK_OK(pmipc_stream_reconnect(stream, NULL)); /* still connected: a sample is unread */
    check_next(stream, 2);
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_RETIRED);
    CHECK_STATUS(pmipc_stream_reconnect(stream, NULL), PMIPC_NOT_CONNECTED);
    CHECK(pmipc_stream_ended(stream));
    pmipc_stream_close(stream);
}

TEST(new_stream_sees_nothing_of_retired_pool)
{
    pmipc_stream *stream = stream_of_closed_pool(2);
    pmipc_stream *late = stream_open("p", NULL);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(late, &view), PMIPC_NOT_CONNECTED);
    CHECK(!pmipc_stream_ended(late));
    pmipc_stream_close(late);
    pmipc_stream_close(stream);
}

/* ---- reads of history ---- */

TEST(history_of_retired_pool_stays_while_samples_are_unread)
{
    pmipc_stream *stream = stream_of_closed_pool(3);
    pmipc_view view;
    check_next(stream, 1);
    CHECK_OK(pmipc_stream_get_window(stream, 1, 8, &view));
    CHECK_EQ(view.seq, 3);
    pmipc_view_release(&view);
    check_next(stream, 2);
    CHECK_OK(pmipc_stream_get_at(stream, INT64_MAX, PMIPC_AT_BEFORE, -1, &view));
    CHECK_EQ(view.seq, 3);
    pmipc_view_release(&view);
    check_next(stream, 3);
    CHECK_STATUS(pmipc_stream_get_window(stream, 1, 8, &view), PMIPC_NOT_CONNECTED);
    pmipc_stream_close(stream);
}

TEST(stream_that_only_reads_history_leaves_retired_pool_at_once)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    publish_frames(producer, 3);
    CHECK_OK(pmipc_stream_get_window(stream, 1, 8, &view));
    pmipc_view_release(&view);
    pmipc_producer_close(producer);
    CHECK_STATUS(pmipc_stream_get_window(stream, 1, 8, &view), PMIPC_NOT_CONNECTED);
    CHECK(pmipc_stream_ended(stream));
    pmipc_stream_close(stream);
}

/* ---- waits ---- */

struct waiting {
    pmipc_stream *stream;
    pmipc_status status;
    uint64_t seq;
};

static void *wait_for_next(void *context)
{
    struct waiting *waiting = context;
    pmipc_view view;
    waiting->status = pmipc_stream_get_next(waiting->stream, INT64_C(20000000000), &view);
    waiting->seq = waiting->status ? 0 : view.seq;
    pmipc_view_release(&view);
    return NULL;
}

/* The producer publishes once and ends at once, whatever the stream is doing: 200 times. */
TEST(waiting_stream_gets_sample_of_producer_that_ends_at_once)
{
    pmipc_stream *stream = stream_open("p", NULL);
    for (int i = 0; i < 200; i++) {
        pmipc_producer *producer = bytes_producer("p", 64, 8);
        pmipc_view view;
        CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_TIMEOUT); /* connects */
        CHECK(pmipc_stream_connected(stream));
        struct waiting waiting = {.stream = stream};
        pthread_t thread;
        CHECK_EQ(pthread_create(&thread, NULL, wait_for_next, &waiting), 0);
        publish_frame(producer);
        pmipc_producer_close(producer);
        pthread_join(thread, NULL);
        CHECK_OK(waiting.status);
        CHECK_EQ(waiting.seq, 1);
    }
    pmipc_stream_close(stream);
}

TEST(waiter_of_retired_pool_with_unread_sample_is_ready)
{
    pmipc_stream *stream = stream_of_closed_pool(1);
    pmipc_view view;
    pmipc_waiter waiter;
    CHECK_STATUS(pmipc_stream_wait_any(&stream, 1, 0, NULL), PMIPC_OK);
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    CHECK_OK(pmipc_waiter_wait(&waiter, 1, 0, NULL));
    pmipc_waiter_release(&waiter);
    CHECK_OK(pmipc_stream_get_new(stream, 0, &view));
    pmipc_view_release(&view);
    check_absent(stream);
    pmipc_stream_close(stream);
}

/* ---- ends ---- */

TEST(stream_of_killed_producer_has_not_ended)
{
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK(!pmipc_stream_ended(stream));
    pid_t child = fork();
    if (child == 0) {
        publish_frame(bytes_producer("p", 64, 8));
        _exit(0);
    }
    CHECK_EQ(waitpid(child, NULL, 0), child);
    check_next(stream, 1);
    CHECK(!pmipc_stream_ended(stream));
    CHECK(pmipc_stream_connected(stream));
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

TEST(child_drains_with_stream_of_its_own)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    int ready[2], ended[2];
    char byte;
    CHECK_EQ(pipe(ready), 0);
    CHECK_EQ(pipe(ended), 0);
    pid_t child = fork();
    if (child == 0) {
        pmipc_stream *stream = stream_open("p", NULL);
        CHECK_EQ(write(ready[1], "r", 1), 1);
        CHECK_EQ(read(ended[0], &byte, 1), 1);
        check_next(stream, 1);
        check_next(stream, 2);
        check_absent(stream);
        pmipc_stream_close(stream);
        _exit(0);
    }
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    publish_frames(producer, 2);
    pmipc_producer_close(producer);
    CHECK_EQ(write(ended[1], "e", 1), 1);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(ended[i]);
    }
}
