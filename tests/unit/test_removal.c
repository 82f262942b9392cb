/* Remove: only the intended pool, without a wait on request; and what streams see during a removal. */
#include "pools.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BYTES 500

static void abandon_pool(const char *name, uint64_t frames)
{
    pmipc_producer *producer = bytes_producer(name, BYTES, 4);
    publish_frames(producer, frames);
    pmipc_producer_abandon(producer);
}

/* ---- only the intended pool ---- */

static pmipc_status remove_only(uint64_t incarnation, uint64_t epoch, pmipc_error *error)
{
    const pmipc_remove_options options = {
        .incarnation = incarnation, .owner_epoch = epoch, .force = true, .no_wait = true};
    return pmipc_pool_remove("p", NULL, &options, error);
}

TEST(pool_adopted_since_inspect_is_not_removed)
{
    pmipc_producer *first = bytes_producer("p", BYTES, 4);
    uint64_t incarnation = pmipc_producer_incarnation(first), epoch = pmipc_producer_epoch(first);
    CHECK_EQ(epoch, 1);
    pmipc_producer_abandon(first);
    pmipc_producer *second = bytes_producer("p", BYTES, 4);
    CHECK(pmipc_producer_adopted(second));
    CHECK_EQ(pmipc_producer_incarnation(second), incarnation);
    CHECK_EQ(pmipc_producer_epoch(second), epoch + 1);
    pmipc_error error = {0};
    CHECK_STATUS(remove_only(incarnation, epoch, &error), PMIPC_NOT_FOUND);
    CHECK_HAS(error.text, "no longer the expected pool");
    CHECK_STATUS(remove_only(incarnation, epoch + 1, &error), PMIPC_BUSY); /* its producer is alive */
    pmipc_producer_abandon(second);
    CHECK_STATUS(remove_only(incarnation, epoch, &error), PMIPC_NOT_FOUND);
    CHECK_OK(remove_only(incarnation, epoch + 1, &error));
    CHECK_EQ(folder_entries(test_folder()), 0);
}

/* ---- without a wait ---- */

static unsigned pauses; /* sleeps of the library between two tries for a lock */

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest)
{
    pauses++;
    return syscall(SYS_clock_nanosleep, clock, flags, time, rest) == 0 ? 0 : errno;
}

TEST(remove_with_no_wait_is_busy_at_once)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    CHECK_STATUS(pmipc_pool_remove("p", NULL, NULL, NULL), PMIPC_BUSY);
    CHECK(pauses > 0);
    pauses = 0;
    CHECK_STATUS(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.no_wait = true}, NULL), PMIPC_BUSY);
    CHECK_EQ(pauses, 0);
    pmipc_producer_close(producer);
}

/* ---- streams during a removal ---- */

/* Take every lock that a removal holds, on a separate open file description. */
static int take_locks_of_removal(const char *name)
{
    int fd = open_pool_file(name);
    for (int byte = 0; byte <= PMIPC_MAX_READERS; byte++) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
        CHECK_EQ(fcntl(fd, F_OFD_SETLK, &lock), 0);
    }
    return fd;
}

static int64_t processor_time_ns(void)
{
    struct timespec used;
    CHECK_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

TEST(open_during_removal_is_not_connected_and_not_full)
{
    abandon_pool("p", 3);
    int remover = take_locks_of_removal("p");
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK(!pmipc_stream_connected(stream));
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    int64_t used = processor_time_ns();
    CHECK_STATUS(pmipc_stream_get_new(stream, 300000000, &view), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_wait_any(&stream, 1, 300000000, NULL), PMIPC_TIMEOUT);
    CHECK(processor_time_ns() - used <
          300000000 * (TEST_SANITIZED ? 2 : 1)); /* half of the time of a loop that does not sleep */
    close(remover);
    CHECK_EQ(read_newest(stream), 3);
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}
