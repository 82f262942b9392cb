/* Processes of several containers share pools and may have the same pid: the library distinguishes them by their
 * process number.
 *
 * The tests write the pids into the pool file, so they include its layout. */
#include "forged.h"
#include "helper.h"

#include <sys/wait.h>

ROLE(reads)
{
    pmipc_stream *streams[PMIPC_MAX_READERS];
    uint64_t count = receive_word(channel);
    for (uint64_t i = 0; i < count; i++)
        streams[i] = stream_open(argument, NULL);
    send_word(channel, 0);
    receive_word(channel);
    for (uint64_t i = 0; i < count; i++)
        pmipc_stream_close(streams[i]);
}

/* Write pid 1 into all rows: the pid of the first process of every container. */
static void forge_pids(const char *name)
{
    pmipc_pool_info *info = inspect(name);
    int fd = open_pool_file(name);
    const struct pool_header header = header_of_file(fd);
    const uint32_t one = 1;
    for (uint32_t i = 0; i < info->reader_count; i++) {
        off_t row = (off_t)(header.geometry.readers_offset + offsetof(struct pool_readers, facts) +
                            info->readers[i].row * sizeof(struct row_facts) + offsetof(struct row_facts, pid));
        CHECK_EQ(pwrite(fd, &one, sizeof one, row), sizeof one);
    }
    close(fd);
    inspect_release(info);
}

TEST(streams_of_processes_with_same_pid_are_counted_separately)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    helper first = helper_start("reads", "p"), second = helper_start("reads", "p"); /* with the same command line */
    send_word(first.channel, 60);
    send_word(second.channel, 4);
    receive_word(first.channel);
    receive_word(second.channel);
    forge_pids("p");
    pmipc_reader_info readers[PMIPC_MAX_READERS];
    CHECK_EQ(pmipc_producer_readers(producer, readers, PMIPC_MAX_READERS), PMIPC_MAX_READERS);
    uint32_t like_first = 0;
    for (uint32_t i = 0; i < PMIPC_MAX_READERS; i++) {
        CHECK_EQ(readers[i].pid, 1);
        CHECK(readers[i].process != 0);
        like_first += readers[i].process == readers[0].process;
    }
    CHECK(like_first == 60 || like_first == 4);
    pmipc_stream *stream;
    pmipc_error error;
    CHECK_STATUS(pmipc_stream_open(&stream, "p", NULL, &error), PMIPC_FULL);
    CHECK_HAS(error.text, "(60 streams");
    CHECK_HAS(error.text, "(4 streams");
    send_word(first.channel, 0);
    send_word(second.channel, 0);
    helper_finish(&first);
    helper_finish(&second);
    pmipc_producer_close(producer);
}

TEST(forked_child_has_other_process_number_than_parent)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view)); /* the child inherits it and claims a row for it */
    int pipe_ends[2];
    CHECK_EQ(pipe(pipe_ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        char end;
        close(pipe_ends[1]);
        _exit(read(pipe_ends[0], &end, 1) == 0 ? 0 : 1);
    }
    pmipc_reader_info readers[2];
    do /* the child writes its facts after the fork */
        CHECK_EQ(pmipc_producer_readers(producer, readers, 2), 2);
    while (readers[0].process == 0 || readers[1].process == 0);
    CHECK(readers[0].process != readers[1].process);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

ROLE(owns)
{
    pmipc_producer *producer = bytes_producer(argument, 64, 4);
    send_word(channel, 0);
    receive_word(channel);
    pmipc_producer_close(producer);
}

TEST(producer_with_same_pid_is_not_reported_as_this_process)
{
    helper other = helper_start("owns", "p");
    receive_word(other.channel);
    int fd = open_pool_file("p");
    const uint32_t pid = (uint32_t)getpid();
    CHECK_EQ(pwrite(fd, &pid, sizeof pid, POOL_CONTROL_OFFSET + (off_t)offsetof(struct pool_control, owner_pid)), 4);
    close(fd);
    pmipc_schema schema = bytes_schema(64);
    pmipc_producer *producer;
    pmipc_error error;
    CHECK_STATUS(pmipc_producer_open(&producer, "p", &schema, NULL, &error), PMIPC_BUSY);
    CHECK(!strstr(error.text, "in this process"));
    CHECK_HAS(error.text, "of another container");
    send_word(other.channel, 0);
    helper_finish(&other);
}
