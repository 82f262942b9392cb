/* Removing: only the pool that is meant, and what others see while it is being done. */
#include "pools.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define BYTES 500

static void abandon_pool(const char *name, uint64_t frames)
{
    pmipc_producer *producer = bytes_producer(name, BYTES, 4);
    publish_frames(producer, frames);
    pmipc_producer_abandon(producer);
}

/* ---- only the pool that is meant ---- */

static pmipc_status remove_only(uint64_t incarnation, uint64_t epoch, pmipc_error *error)
{
    const pmipc_remove_options options = {
        .incarnation = incarnation, .owner_epoch = epoch, .force = true, .no_patience = true};
    return pmipc_pool_remove("p", NULL, &options, error);
}

TEST(a_pool_that_another_producer_has_adopted_since_is_not_removed)
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
    CHECK_HAS(error.text, "another one by now");
    CHECK_STATUS(remove_only(incarnation, epoch + 1, &error), PMIPC_BUSY); /* its producer lives */
    pmipc_producer_abandon(second);
    CHECK_STATUS(remove_only(incarnation, epoch, &error), PMIPC_NOT_FOUND);
    CHECK_OK(remove_only(incarnation, epoch + 1, &error));
    CHECK_EQ(folder_entries(test_folder()), 0);
}

TEST(a_removal_without_patience_does_not_wait_for_the_living)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    int64_t before = pmipc_monotonic_ns();
    CHECK_STATUS(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.no_patience = true}, NULL), PMIPC_BUSY);
    CHECK(pmipc_monotonic_ns() - before < 500000000); /* patience is a second */
    pmipc_producer_close(producer);
}

/* ---- what streams see ---- */

/* Every lock that whoever removes a pool holds for a moment, on a description of its own. */
static int hold_as_a_remover_does(const char *name)
{
    char path[512];
    pool_path(name, path, sizeof path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
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

TEST(a_pool_that_is_just_being_removed_is_absent_and_not_full)
{
    abandon_pool("p", 3);
    int remover = hold_as_a_remover_does("p");
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK(!pmipc_stream_connected(stream));
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    int64_t used = processor_time_ns();
    CHECK_STATUS(pmipc_stream_get_new(stream, 300000000, &view), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_wait_any(&stream, 1, 300000000, NULL), PMIPC_TIMEOUT);
    CHECK(processor_time_ns() - used < 300000000 * (TEST_SANITIZED ? 2 : 1)); /* half of what it would burn */
    close(remover);
    CHECK_EQ(read_newest(stream), 3);
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}
