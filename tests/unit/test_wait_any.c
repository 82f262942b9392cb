/* Waits for several streams, and waiters, which wait without access to their stream. */
#include "helper.h"
#include "pools.h"
#include "sleeper.h"

#include <sys/resource.h>
#include <unistd.h>

ROLE(creates_pool_on_request)
{
    send_word(channel, 0);
    receive_word(channel);
    pmipc_producer *producer = bytes_producer(argument, 64, 4);
    publish_frame(producer);
    receive_word(channel);
    pmipc_producer_close(producer);
}

TEST(wait_any_returns_first_stream_with_a_sample)
{
    pmipc_producer *producers[3];
    pmipc_stream *streams[3];
    const char *names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        producers[i] = bytes_producer(names[i], 64, 4);
        streams[i] = stream_open(names[i], NULL);
    }
    uint32_t ready = 99;
    CHECK_STATUS(pmipc_stream_wait_any(streams, 3, 0, &ready), PMIPC_TIMEOUT);
    for (uint32_t i = 0; i < 3; i++) {
        publish_frame(producers[i]);
        CHECK_OK(pmipc_stream_wait_any(streams, 3, 0, &ready));
        CHECK_EQ(ready, i);
        CHECK_OK(pmipc_stream_wait_any(streams, 3, PMIPC_FOREVER, NULL));
        CHECK_EQ(read_newest(streams[i]), 1);
    }
    CHECK_STATUS(pmipc_stream_wait_any(streams, 3, 0, &ready), PMIPC_TIMEOUT);
    publish_frame(producers[2]);
    publish_frame(producers[1]);
    CHECK_OK(pmipc_stream_wait_any(streams, 3, 0, &ready));
    CHECK_EQ(ready, 1);
    for (int i = 0; i < 20; i++) {
        read_newest(streams[1]);
        read_newest(streams[2]);
        waker other;
        when_i_sleep(&other, act_publish, producers[i % 3]);
        CHECK_OK(pmipc_stream_wait_any(streams, 3, PMIPC_FOREVER, &ready));
        CHECK_EQ(ready, i % 3);
        pthread_join(other.thread, NULL);
        read_newest(streams[0]);
    }
    for (int i = 0; i < 3; i++) {
        pmipc_stream_close(streams[i]);
        pmipc_producer_close(producers[i]);
    }
}

TEST(wait_any_connects_streams_when_pools_appear)
{
    pmipc_producer *present = bytes_producer("present", 64, 4);
    pmipc_stream *streams[] = {stream_open("present", NULL), stream_open("later", NULL)};
    uint32_t ready = 99;
    CHECK_STATUS(pmipc_stream_wait_any(streams, 2, 0, &ready), PMIPC_TIMEOUT);
    waker other;
    when_i_sleep(&other, act_publish, present);
    CHECK_OK(pmipc_stream_wait_any(streams, 2, PMIPC_FOREVER, &ready));
    CHECK_EQ(ready, 0);
    pthread_join(other.thread, NULL);
    CHECK_EQ(read_newest(streams[0]), 1);

    helper owner = helper_start("creates_pool_on_request", "later");
    receive_word(owner.channel);
    when_i_sleep(&other, act_send_word, &owner.channel);
    CHECK_OK(pmipc_stream_wait_any(streams, 2, PMIPC_FOREVER, &ready));
    CHECK_EQ(ready, 1);
    pthread_join(other.thread, NULL);
    CHECK(pmipc_stream_connected(streams[1]));
    CHECK_EQ(read_newest(streams[1]), 1);
    send_word(owner.channel, 0);
    helper_finish(&owner);
    pmipc_stream_close(streams[0]);
    pmipc_stream_close(streams[1]);
    pmipc_producer_close(present);
}

TEST(wait_any_returns_stream_that_could_not_connect)
{
    pmipc_schema expected = bytes_schema(65);
    pmipc_stream_options options = {.expect = &expected};
    pmipc_stream *streams[] = {stream_open("absent", NULL), stream_open("p", &options)};
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    uint32_t ready = 99;
    CHECK_STATUS(pmipc_stream_wait_any(streams, 2, PMIPC_FOREVER, &ready), PMIPC_SCHEMA_MISMATCH);
    CHECK_EQ(ready, 1);
    pmipc_stream_close(streams[0]);
    pmipc_stream_close(streams[1]);
    pmipc_producer_close(producer);
}

/* More streams than one futex_waitv takes (128): each of them must wake the wait. */
TEST(wait_any_for_two_hundred_streams)
{
    enum { POOLS = 4, STREAMS = 200 };
    pmipc_producer *producers[POOLS];
    pmipc_stream *streams[STREAMS];
    char name[16];
    for (int i = 0; i < POOLS; i++) {
        snprintf(name, sizeof name, "p%d", i);
        producers[i] = bytes_producer(name, 64, 4);
    }
    for (int i = 0; i < STREAMS; i++) {
        snprintf(name, sizeof name, "p%d", i / 50);
        streams[i] = stream_open(name, NULL);
    }
    uint32_t ready;
    CHECK_STATUS(pmipc_stream_wait_any(streams, STREAMS, 0, &ready), PMIPC_TIMEOUT);
    for (uint32_t i = 0; i < 2 * POOLS; i++) {
        waker other;
        when_i_sleep(&other, act_publish, producers[i % POOLS]);
        CHECK_OK(pmipc_stream_wait_any(streams, STREAMS, PMIPC_FOREVER, &ready));
        CHECK_EQ(ready, 50 * (i % POOLS));
        pthread_join(other.thread, NULL);
        for (uint32_t k = 0; k < 50; k++)
            read_newest(streams[50 * (i % POOLS) + k]);
    }
    for (int i = 0; i < STREAMS; i++)
        pmipc_stream_close(streams[i]);
    for (int i = 0; i < POOLS; i++)
        pmipc_producer_close(producers[i]);
}

/* ---- waiters ---- */

TEST(waiter_wakes_for_sample_above_cursor)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    pmipc_waiter waiter;
    uint32_t ready = 99;
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    CHECK_OK(pmipc_waiter_wait(&waiter, 1, 0, &ready));
    CHECK_EQ(ready, 0);
    pmipc_waiter_release(&waiter);
    read_newest(stream);
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    CHECK_STATUS(pmipc_waiter_wait(&waiter, 1, 0, &ready), PMIPC_TIMEOUT);
    waker other;
    when_i_sleep(&other, act_publish, producer);
    CHECK_OK(pmipc_waiter_wait(&waiter, 1, PMIPC_FOREVER, &ready));
    pthread_join(other.thread, NULL);
    pmipc_waiter_release(&waiter);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(close_of_stream_wakes_waiter_in_another_thread)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    const char *names[] = {"p", "absent"}; /* a connected stream and one whose pool is absent */
    for (int i = 0; i < 2; i++) {
        pmipc_stream *stream = stream_open(names[i], NULL);
        pmipc_waiter waiter;
        CHECK_OK(pmipc_waiter_init(&waiter, stream));
        waker other;
        when_i_sleep(&other, act_close_stream, stream);
        uint32_t ready = 99;
        CHECK_OK(pmipc_waiter_wait(&waiter, 1, PMIPC_FOREVER, &ready));
        CHECK_EQ(ready, 0);
        CHECK_OK(pmipc_waiter_wait(&waiter, 1, PMIPC_FOREVER, &ready)); /* every later wait returns at once */
        pthread_join(other.thread, NULL);
        pmipc_waiter_release(&waiter);
    }
    pmipc_producer_close(producer);
}

TEST(retire_of_pool_wakes_waiter)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_waiter waiter;
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    waker other;
    when_i_sleep(&other, act_close_producer, producer);
    CHECK_OK(pmipc_waiter_wait(&waiter, 1, PMIPC_FOREVER, NULL));
    pthread_join(other.thread, NULL);
    pmipc_waiter_release(&waiter);
    pmipc_stream_close(stream);
}

TEST(new_pool_wakes_waiter)
{
    helper owner = helper_start("creates_pool_on_request", "later");
    receive_word(owner.channel);
    pmipc_stream *stream = stream_open("later", NULL);
    pmipc_waiter waiter;
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    CHECK_STATUS(pmipc_waiter_wait(&waiter, 1, 0, NULL), PMIPC_TIMEOUT);
    waker other;
    when_i_sleep(&other, act_send_word, &owner.channel);
    CHECK_OK(pmipc_waiter_wait(&waiter, 1, PMIPC_FOREVER, NULL));
    pthread_join(other.thread, NULL);
    pmipc_waiter_release(&waiter);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    send_word(owner.channel, 0);
    helper_finish(&owner);
}

TEST(waiter_is_released_after_its_stream_was_closed)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_waiter waiters[3];
    for (int i = 0; i < 3; i++)
        CHECK_OK(pmipc_waiter_init(&waiters[i], stream));
    pmipc_waiter_release(&waiters[0]);
    pmipc_stream_close(stream);
    uint32_t ready = 99;
    CHECK_OK(pmipc_waiter_wait(waiters + 1, 2, 0, &ready));
    CHECK_EQ(ready, 0);
    pmipc_producer_close(producer);
    pmipc_waiter_release(&waiters[1]);
    pmipc_waiter_release(&waiters[2]);
}

/* Four thousand million streams: the call reads only the first. */
TEST_WITH(wait_any_without_memory_has_error_text, .bare = "a process that survives asking for too much memory")
{
    pmipc_stream *stream = stream_open("p", NULL);
    struct rlimit before;
    CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
    const struct rlimit little = {.rlim_cur = 1 << 30, .rlim_max = before.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_AS, &little), 0);
    CHECK_STATUS(pmipc_stream_wait_any(&stream, UINT32_MAX, 0, NULL), PMIPC_NO_MEMORY);
    CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
    pmipc_error error;
    pmipc_stream_last_error(stream, &error);
    CHECK_STATUS(error.status, PMIPC_NO_MEMORY);
    CHECK_HAS(error.text, "out of memory");
    pmipc_stream_close(stream);
}

/* ---- absent pools ---- */

enum { ABSENT_POOLS = 4, WAITING_THREADS = 200 };

static void *waits_for_its_pool(void *stream)
{
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
    CHECK_EQ(view.seq, 1);
    pmipc_view_release(&view);
    return NULL;
}

/* The number of inotify instances (128 per user) and of descriptors is limited: a wait for a pool uses none. */
TEST(two_hundred_waits_for_absent_pools_open_no_descriptor)
{
    static pthread_t threads[WAITING_THREADS];
    static pmipc_stream *streams[WAITING_THREADS];
    char name[16];
    for (int i = 0; i < WAITING_THREADS; i++) {
        snprintf(name, sizeof name, "p%d", i % ABSENT_POOLS);
        streams[i] = stream_open(name, NULL);
    }
    unsigned descriptors = process_state_now().descriptors;
    for (int i = 0; i < WAITING_THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, waits_for_its_pool, streams[i]), 0);
    WAIT_UNTIL(process_state_now().descriptors == descriptors); /* every thread has looked for its pool and sleeps */
    pmipc_producer *producers[ABSENT_POOLS];
    for (int i = 0; i < ABSENT_POOLS; i++) {
        snprintf(name, sizeof name, "p%d", i);
        producers[i] = bytes_producer(name, 64, 4);
        publish_frame(producers[i]);
    }
    for (int i = 0; i < WAITING_THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        pmipc_stream_close(streams[i]);
    }
    for (int i = 0; i < ABSENT_POOLS; i++)
        pmipc_producer_close(producers[i]);
}

TEST(waiter_for_absent_pool_opens_no_descriptor)
{
    helper owner = helper_start("creates_pool_on_request", "later");
    receive_word(owner.channel);
    pmipc_stream *stream = stream_open("later", NULL);
    struct rlimit before;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
    pmipc_waiter waiter;
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    send_word(owner.channel, 1);
    CHECK_OK(pmipc_waiter_wait(&waiter, 1, PMIPC_FOREVER, NULL));
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    pmipc_waiter_release(&waiter);
    pmipc_stream_close(stream);
    send_word(owner.channel, 0);
    helper_finish(&owner);
}
