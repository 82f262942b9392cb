/* One producer after another: what the next one waits for, changes, and leaves alone. */
#include "pools.h"

#include <fcntl.h>
#include <pthread.h>
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

/* The file was removed from outside while its producer lives, and another producer has the name. */
TEST(a_producer_that_ends_leaves_the_pool_alone_that_has_its_name_by_now)
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

/* As a killed process does while its memory is torn down: keep the lock for a while. */
static void *let_go_later(void *context)
{
    const struct timespec pause = {.tv_nsec = 150000000};
    nanosleep(&pause, NULL);
    close(*(int *)context);
    return NULL;
}

TEST(a_lock_that_a_dying_producer_still_holds_is_waited_for)
{
    char path[512];
    abandon_pool();
    pool_path("p", path, sizeof path);
    int dying = open(path, O_RDWR | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    CHECK_EQ(fcntl(dying, F_OFD_SETLK, &lock), 0);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, let_go_later, &dying), 0);
    pmipc_producer *next = bytes_producer("p", BYTES, 4); /* fails the test when it is told BUSY */
    CHECK(pmipc_producer_adopted(next));
    CHECK_EQ(pmipc_producer_seq(next), 3);
    pthread_join(thread, NULL);
    pmipc_producer_close(next);
}

TEST(whoever_adopts_a_pool_sets_its_mode)
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
