/* A pool whose file is removed from outside and created again does not increment the old bell. A wait for several
 * streams detects it with every kind of sleep: with an absent pool, with more streams than one futex_waitv takes, and
 * without futex_waitv. */
#include "pools.h"
#include "sleeper.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#define BYTES 64
#define MORE_THAN_WAITV 130
#define STREAMS_PER_POOL 44

static void *replacement; /* the producer of the new pool */

static void replace_pool(void *producer)
{
    char path[512];
    pool_path("p", path, sizeof path);
    pmipc_producer_abandon(producer);
    CHECK_EQ(unlink(path), 0);
    replacement = bytes_producer("p", BYTES, 4);
    publish_frame(replacement);
}

/* The last of the streams is connected to "p", which is replaced while this thread sleeps in pmipc_stream_wait_any. */
static void check_wait_any_sees_replacement(pmipc_stream **streams, uint32_t count)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    streams[count - 1] = stream_open("p", NULL);
    publish_and_read(producer, streams[count - 1]);
    uint64_t incarnation = stream_info(streams[count - 1]).incarnation;
    waker other;
    when_i_sleep(&other, replace_pool, producer);
    uint32_t ready = 0;
    CHECK_OK(pmipc_stream_wait_any(streams, count, PMIPC_FOREVER, &ready));
    CHECK_EQ(ready, count - 1);
    pthread_join(other.thread, NULL);
    CHECK_EQ(read_newest(streams[ready]), 1);
    CHECK(stream_info(streams[ready]).incarnation != incarnation);
    pmipc_producer_close(replacement);
    for (uint32_t i = 0; i < count; i++)
        pmipc_stream_close(streams[i]);
}

/* The same with pmipc_waiter_wait. A waiter is a snapshot of its stream. */
static void check_waiters_see_replacement(pmipc_stream **streams, uint32_t count)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    streams[count - 1] = stream_open("p", NULL);
    publish_and_read(producer, streams[count - 1]);
    pmipc_waiter waiters[MORE_THAN_WAITV];
    for (uint32_t i = 0; i < count; i++)
        CHECK_OK(pmipc_waiter_init(&waiters[i], streams[i]));
    waker other;
    when_i_sleep(&other, replace_pool, producer);
    uint32_t ready = 0;
    CHECK_OK(pmipc_waiter_wait(waiters, count, PMIPC_FOREVER, &ready));
    CHECK_EQ(ready, count - 1);
    pthread_join(other.thread, NULL);
    for (uint32_t i = 0; i < count; i++) {
        pmipc_waiter_release(&waiters[i]);
        pmipc_stream_close(streams[i]);
    }
    pmipc_producer_close(replacement);
}

TEST(wait_any_sees_replaced_pool_beside_absent_pool)
{
    pmipc_stream *streams[2] = {stream_open("absent", NULL)};
    check_wait_any_sees_replacement(streams, 2);
}

TEST(waiter_wait_sees_replaced_pool_beside_absent_pool)
{
    pmipc_stream *streams[2] = {stream_open("absent", NULL)};
    check_waiters_see_replacement(streams, 2);
}

typedef void (*check_function)(pmipc_stream **streams, uint32_t count);

static void check_with_many(check_function check)
{
    enum { POOLS = MORE_THAN_WAITV / STREAMS_PER_POOL + 1 };
    pmipc_producer *producers[POOLS];
    pmipc_stream *streams[MORE_THAN_WAITV];
    char name[24];
    for (int i = 0; i < POOLS; i++) {
        snprintf(name, sizeof name, "other%d", i);
        producers[i] = bytes_producer(name, BYTES, 4);
    }
    for (int i = 0; i < MORE_THAN_WAITV - 1; i++) {
        snprintf(name, sizeof name, "other%d", i / STREAMS_PER_POOL);
        streams[i] = stream_open(name, NULL);
    }
    check(streams, MORE_THAN_WAITV);
    for (int i = 0; i < POOLS; i++)
        pmipc_producer_close(producers[i]);
}

TEST(wait_any_for_more_than_127_streams_sees_replaced_pool)
{
    check_with_many(check_wait_any_sees_replacement);
}

TEST(waiter_wait_for_more_than_127_sees_replaced_pool)
{
    check_with_many(check_waiters_see_replacement);
}

/* As on Linux before 5.16. */
static void disable_futex_waitv(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex_waitv, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    CHECK_EQ(syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0), -1);
    CHECK_EQ(errno, ENOSYS);
}

static void check_without_futex_waitv(check_function check)
{
    pmipc_producer *other = bytes_producer("other", BYTES, 4);
    pmipc_stream *streams[2] = {stream_open("other", NULL)};
    disable_futex_waitv();
    check(streams, 2);
    pmipc_producer_close(other);
}

TEST_WITH(wait_any_without_futex_waitv_sees_replaced_pool, .native = "seccomp")
{
    check_without_futex_waitv(check_wait_any_sees_replacement);
}

TEST_WITH(waiter_wait_without_futex_waitv_sees_replaced_pool, .native = "seccomp")
{
    check_without_futex_waitv(check_waiters_see_replacement);
}

/* Samples of one stream end every wait before it times out. The wait checks the other stream every 100 ms nevertheless.
 */
TEST(waiter_wait_sees_replaced_pool_beside_busy_stream)
{
    pmipc_producer *busy = bytes_producer("busy", BYTES, 4), *producer = bytes_producer("p", BYTES, 4);
    pmipc_stream *streams[2] = {stream_open("busy", NULL), stream_open("p", NULL)};
    publish_and_read(producer, streams[1]);
    replace_pool(producer);
    uint32_t ready = 0;
    while (ready == 0) {
        pmipc_waiter waiters[2];
        for (int i = 0; i < 2; i++)
            CHECK_OK(pmipc_waiter_init(&waiters[i], streams[i]));
        waker other;
        when_i_sleep(&other, act_publish, busy);
        CHECK_OK(pmipc_waiter_wait(waiters, 2, PMIPC_FOREVER, &ready));
        pthread_join(other.thread, NULL);
        for (int i = 0; i < 2; i++)
            pmipc_waiter_release(&waiters[i]);
        read_newest(streams[0]);
    }
    for (int i = 0; i < 2; i++)
        pmipc_stream_close(streams[i]);
    pmipc_producer_close(busy);
    pmipc_producer_close(replacement);
}
