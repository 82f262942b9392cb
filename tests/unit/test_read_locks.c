/* Read locks on a pool file: any process that may read the file can hold one. It is never taken for a producer or a
 * stream, and each call that it blocks returns an error that names it. Modes that let a user read without writing are
 * refused. */
#include "helper.h"
#include "pools.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES 500

/* `argument`: "command first length path". Hold a read lock on a read-only descriptor until a word arrives. */
ROLE(holds_a_read_lock)
{
    int command, first, length, used = 0;
    CHECK(sscanf(argument, "%d %d %d %n", &command, &first, &length, &used) == 3);
    int fd = open(argument + used, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = length};
    CHECK_EQ(fcntl(fd, command, &lock), 0);
    send_word(channel, 1);
    (void)receive_word(channel);
    close(fd);
}

static helper start_read_lock(int command, int first, int length)
{
    char path[512], argument[600];
    pool_path("p", path, sizeof path);
    snprintf(argument, sizeof argument, "%d %d %d %s", command, first, length, path);
    helper holder = helper_start("holds_a_read_lock", argument);
    CHECK_EQ(receive_word(holder.channel), 1);
    return holder;
}

static void end_read_lock(helper *holder)
{
    send_word(holder->channel, 0);
    helper_finish(holder);
}

static void leave_pool(mode_t mode)
{
    char path[512];
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    publish_frames(producer, 3);
    pmipc_producer_abandon(producer);
    pool_path("p", path, sizeof path);
    CHECK_EQ(chmod(path, mode), 0);
}

static void check_blocked(pmipc_status status, const pmipc_error *error)
{
    CHECK_STATUS(status, PMIPC_PERMISSION);
    CHECK_HAS(error->text, "pool 'p'");
    CHECK_HAS(error->text, "read lock");
    CHECK_HAS(error->text, "mode 0644");
    CHECK_HAS(error->text, "0660");
}

static void check_read_lock(int command)
{
    leave_pool(0644);
    helper holder = start_read_lock(command, 0, 1 + PMIPC_MAX_READERS);
    pmipc_pool_info *info = inspect("p");
    CHECK(!info->producer_alive);
    CHECK_EQ(info->reader_count, 0);
    inspect_release(info);
    pmipc_schema schema = bytes_schema(BYTES);
    const pmipc_producer_options options = {.history_len = 4};
    pmipc_producer *producer;
    pmipc_stream *stream;
    pmipc_error error = {0};
    check_blocked(pmipc_producer_open(&producer, "p", &schema, &options, &error), &error);
    check_blocked(pmipc_stream_open(&stream, "p", NULL, &error), &error);
    check_blocked(pmipc_pool_remove("p", NULL, NULL, &error), &error);
    check_blocked(pmipc_registry_clean(NULL, NULL, NULL, &error), &error);
    end_read_lock(&holder);
    producer = producer_open("p", &schema, &options);
    CHECK(pmipc_producer_adopted(producer));
    stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(read_lock_of_file_is_named_and_is_not_a_producer)
{
    check_read_lock(F_OFD_SETLK);
}

TEST(read_lock_of_process_is_named_and_is_not_a_producer)
{
    check_read_lock(F_SETLK);
}

/* Streams can claim rows without a read lock, and a live producer is reported as alive. */
TEST(streams_claim_rows_without_read_lock)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    helper holder = start_read_lock(F_OFD_SETLK, 1, PMIPC_MAX_READERS - 2);
    pmipc_stream *streams[2] = {stream_open("p", NULL), stream_open("p", NULL)};
    CHECK(pmipc_stream_connected(streams[0]) && pmipc_stream_connected(streams[1]));
    pmipc_error error = {0};
    pmipc_stream *third;
    CHECK_STATUS(pmipc_stream_open(&third, "p", NULL, &error), PMIPC_PERMISSION);
    CHECK_HAS(error.text, "read lock");
    publish_and_read(producer, streams[0]);
    pmipc_pool_info *info = inspect("p");
    CHECK(info->producer_alive);
    CHECK_EQ(info->reader_count, 2);
    inspect_release(info);
    end_read_lock(&holder);
    third = stream_open("p", NULL);
    publish_and_read(producer, third);
    pmipc_stream_close(third);
    for (int i = 0; i < 2; i++)
        pmipc_stream_close(streams[i]);
    pmipc_producer_close(producer);
}

TEST(pool_with_read_lock_on_producer_byte_is_readable)
{
    leave_pool(0600);
    helper holder = start_read_lock(F_OFD_SETLK, 0, 1);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 3);
    CHECK(!pmipc_stream_producer_alive(stream));
    pmipc_stream_close(stream);
    end_read_lock(&holder);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

TEST(removal_blocked_by_read_lock_on_row_names_it)
{
    leave_pool(0644);
    helper holder = start_read_lock(F_OFD_SETLK, 7, 1);
    pmipc_error error = {0};
    check_blocked(pmipc_pool_remove("p", NULL, NULL, &error), &error);
    CHECK_OK(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.force = true}, NULL));
    end_read_lock(&holder);
}

TEST(mode_with_read_but_no_write_permission_is_refused)
{
    pmipc_schema schema = bytes_schema(BYTES);
    for (uint32_t mode = 1; mode <= 01777; mode++) {
        const pmipc_producer_options options = {.mode = mode};
        pmipc_producer *producer = NULL;
        pmipc_error error = {0};
        pmipc_status status = pmipc_producer_open(&producer, "p", &schema, &options, &error);
        if (mode == 0600 || mode == 0660 || mode == 0606 || mode == 0666) {
            CHECK_OK(status);
            pmipc_producer_close(producer);
            continue;
        }
        CHECK_STATUS(status, PMIPC_INVALID_ARGUMENT);
        CHECK_HAS(error.text, "pool 'p'");
        CHECK_HAS(error.text, "0660");
    }
}
