/* One producer after another: what the next one waits for and what it changes; a close that leaves the next pool. */
#include "pools.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BYTES 500

static void abandon_pool(void)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    publish_frames(producer, 3);
    pmipc_producer_abandon(producer);
}

/* The file was removed from outside while its producer is alive, and another producer has the name. */
TEST(close_does_not_remove_pool_of_next_producer)
{
    char path[512];
    pmipc_producer *first = bytes_producer("p", BYTES, 4);
    pool_path("p", path, sizeof path);
    CHECK_EQ(unlink(path), 0);
    pmipc_producer *second = bytes_producer("p", BYTES, 4);
    pmipc_producer_close(first);
    pmipc_pool_info *info = inspect("p");
    CHECK(info->producer_alive && !info->retired);
    CHECK_EQ(info->incarnation, pmipc_producer_incarnation(second));
    inspect_release(info);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(second, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(second);
}

/* The library sleeps between two tries for a lock. At the third time the dying producer releases its lock. */
static int dying;
static int tries_before_release = 3;

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest)
{
    (void)clock;
    (void)flags;
    (void)time;
    (void)rest;
    if (--tries_before_release == 0)
        close(dying);
    return 0;
}

/* A killed process keeps its locks until the kernel has freed its memory. */
TEST(adopt_waits_for_lock_of_dying_producer)
{
    char path[512];
    abandon_pool();
    pool_path("p", path, sizeof path);
    dying = open(path, O_RDWR | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    CHECK_EQ(fcntl(dying, F_OFD_SETLK, &lock), 0);
    pmipc_producer *next = bytes_producer("p", BYTES, 4);
    CHECK(tries_before_release <= 0);
    CHECK(pmipc_producer_adopted(next));
    CHECK_EQ(pmipc_producer_seq(next), 3);

    pmipc_producer_close(next);
}

TEST(adopt_sets_mode_of_pool)
{
    char path[512];
    struct stat facts;
    abandon_pool();
    pool_path("p", path, sizeof path);
    CHECK(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0600);
    pmipc_schema schema = bytes_schema(BYTES);
    const pmipc_producer_options options = {.history_len = 4, .mode = 0660};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    CHECK(pmipc_producer_adopted(producer));
    CHECK(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0660);
    pmipc_producer_close(producer);
}
