/* The file of a pool is removed from outside while its producer is alive (RemoveIPC of logind, rm in /dev/shm). The
 * producer detects it within a second, or when it sweeps: it returns LOST, or with `recreate` it creates the pool
 * again. Streams go over to the pool that has the name. */
#include "helper.h"
#include "moved_clock.h"
#include "pools.h"

#include <errno.h>
#include <sys/resource.h>

#define BYTES 2000
#define HISTORY 4

static pmipc_producer *recreating_producer(void)
{
    pmipc_schema schema = bytes_schema(BYTES);
    const pmipc_producer_options options = {
        .history_len = HISTORY, .recreate = true, .metadata = "{\"unit\": \"rad\"}"};
    return producer_open("p", &schema, &options);
}

static void remove_pool_file(void)
{
    char path[512];
    pool_path("p", path, sizeof path);
    CHECK_EQ(unlink(path), 0);
}

static pmipc_status publish_status(pmipc_producer *producer, pmipc_error *error)
{
    static char data[BYTES];
    frame_fill(data, sizeof data, pmipc_producer_seq(producer) + 1);
    pmipc_status status = pmipc_producer_publish(producer, data, 0, NULL);
    if (status && error)
        pmipc_producer_last_error(producer, error);
    return status;
}

/* ---- without recreate: LOST ---- */

TEST(publish_returns_lost_within_a_second_of_removed_file)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    remove_pool_file();
    publish_and_read(producer, stream); /* not detected yet */
    clock_moved_ns += SECOND;
    pmipc_error error;
    CHECK_STATUS(publish_status(producer, &error), PMIPC_LOST);
    CHECK_HAS(error.text, "its file was removed by a user or another program");
    CHECK_HAS(error.text, "RemoveIPC");
    CHECK_HAS(error.text, "recreate");
    CHECK_STATUS(publish_status(producer, &error), PMIPC_LOST);
    CHECK_HAS(error.text, "RemoveIPC");
    CHECK(!pmipc_stream_connected(stream)); /* the producer has retired the pool */
    pmipc_producer *successor = bytes_producer("p", BYTES, HISTORY);
    CHECK(!pmipc_producer_adopted(successor));
    CHECK_EQ(publish_and_read(successor, stream), 1);
    pmipc_producer_close(producer); /* this does not remove the pool of the next producer */
    CHECK_EQ(publish_and_read(successor, stream), 2);
    pmipc_stream_close(stream);
    pmipc_producer_close(successor);
}

TEST(commit_returns_lost_after_file_was_removed)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    publish_frame(producer);
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    remove_pool_file();
    clock_moved_ns += SECOND;
    CHECK_STATUS(pmipc_producer_commit(producer, &loan, 0), PMIPC_LOST);
    CHECK_STATUS(pmipc_producer_loan(producer, &loan), PMIPC_LOST);
    pmipc_producer_close(producer);
}

TEST(sweep_of_idle_producer_detects_removed_file)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    CHECK_EQ(pmipc_producer_sweep(producer), 0);
    CHECK(pmipc_stream_connected(stream));
    remove_pool_file();
    CHECK_EQ(pmipc_producer_sweep(producer), 0);
    CHECK(!pmipc_stream_connected(stream));
    CHECK_STATUS(publish_status(producer, NULL), PMIPC_LOST);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* The file of a larger pool gets its name with its first sample; until then it has none. */
TEST(growth_in_progress_is_not_taken_for_removed_file)
{
    pmipc_schema schema = bytes_schema(10);
    schema.fields[0].flags = PMIPC_FIELD_VARIABLE;
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    const int64_t length = 100;
    CHECK_OK(pmipc_producer_reserve(producer, &length, 1));
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    clock_moved_ns += 5 * SECOND;
    CHECK_OK(pmipc_producer_commit(producer, &loan, 0));
    remove_pool_file();
    clock_moved_ns += 5 * SECOND;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    CHECK_STATUS(pmipc_producer_commit(producer, &loan, 0), PMIPC_LOST);
    pmipc_producer_close(producer);
}

/* ---- with recreate ---- */

/* History, sequence numbers and metadata continue, and a stream that reads every sample misses none. */
static void check_continues(pmipc_producer *producer, pmipc_stream *stream, uint64_t seq, pmipc_status noticed)
{
    CHECK_OK(noticed);
    CHECK_EQ(pmipc_producer_seq(producer), seq);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.seq, seq);
    CHECK_EQ(view.lost, 0);
    check_view(&view);
    pmipc_view_release(&view);
    CHECK_OK(pmipc_stream_get_window(stream, HISTORY, HISTORY, &view));
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_pool_info *info = inspect("p");
    CHECK_TEXT(info->metadata, "{\"unit\": \"rad\"}");
    CHECK_EQ(info->incarnation, pmipc_producer_incarnation(producer));
    CHECK_EQ(info->seq, seq);
    CHECK_EQ(info->grown, 0);
    CHECK(info->producer_alive);
    inspect_release(info);
}

static pmipc_stream *stream_of(pmipc_producer *producer)
{
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, HISTORY);
    CHECK_EQ(read_newest(stream), HISTORY);
    return stream;
}

TEST(recreate_in_publish_creates_pool_again)
{
    pmipc_producer *producer = recreating_producer();
    pmipc_stream *stream = stream_of(producer);
    uint64_t incarnation = pmipc_producer_incarnation(producer);
    remove_pool_file();
    clock_moved_ns += SECOND;
    check_continues(producer, stream, HISTORY + 1, publish_status(producer, NULL));
    CHECK(pmipc_producer_incarnation(producer) != incarnation);
    remove_pool_file(); /* again, before a failed recreation would be retried */
    clock_moved_ns += SECOND;
    check_continues(producer, stream, HISTORY + 2, publish_status(producer, NULL));
    publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(recreate_in_commit_moves_sample_into_new_pool)
{
    pmipc_producer *producer = recreating_producer();
    pmipc_stream *stream = stream_of(producer);
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    remove_pool_file();
    clock_moved_ns += SECOND;
    frame_fill(loan.fields[0].data, BYTES, loan.seq);
    const void *old_data = loan.fields[0].data;
    check_continues(producer, stream, HISTORY + 1, pmipc_producer_commit(producer, &loan, 0));
    CHECK(loan.fields[0].data != old_data); /* the sample was moved into the new file */
    CHECK(frame_is_whole(loan.fields[0].data, BYTES, HISTORY + 1));
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(recreate_after_sweep_happens_in_next_publish)
{
    pmipc_producer *producer = recreating_producer();
    pmipc_stream *stream = stream_of(producer);
    remove_pool_file();
    CHECK_EQ(pmipc_producer_sweep(producer), 0);
    check_continues(producer, stream, HISTORY + 1, publish_status(producer, NULL));
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* Three fields, two of them variable: every field is moved. */
TEST(recreate_moves_every_field_of_sample)
{
    pmipc_schema schema = {.field_count = 3};
    for (uint32_t i = 0; i < 3; i++) {
        schema.fields[i] = (pmipc_field){.dtype = PMIPC_UINT8, .itemsize = 1, .ndim = 1, .shape = {300}};
        schema.fields[i].flags = i == 0 ? 0 : PMIPC_FIELD_VARIABLE;
        snprintf(schema.fields[i].name, sizeof schema.fields[i].name, "f%u", i);
    }
    const pmipc_producer_options options = {.recreate = true};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    pmipc_stream *stream = stream_open("p", NULL);
    static uint8_t data[3][300];
    for (int i = 0; i < 3; i++)
        memset(data[i], 10 + i, sizeof data[i]);
    const pmipc_source sources[] = {{data[0], 300}, {data[1], 123}, {data[2], 7}};
    remove_pool_file();
    clock_moved_ns += SECOND;
    CHECK_OK(pmipc_producer_publish_fields(producer, sources, 3, 0, NULL));
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(view.fields[i].length, sources[i].length);
        CHECK_EQ(memcmp(view.fields[i].data, data[i], (size_t)sources[i].length), 0);
    }
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(recreate_for_longer_sample_creates_larger_pool)
{
    pmipc_schema schema = bytes_schema(10);
    schema.fields[0].flags = PMIPC_FIELD_VARIABLE;
    const pmipc_producer_options options = {.recreate = true};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    pmipc_stream *stream = stream_open("p", NULL);
    remove_pool_file();
    CHECK_EQ(pmipc_producer_sweep(producer), 0);
    static const uint8_t data[100] = {1, 2, 3};
    const pmipc_source source = {data, sizeof data};
    CHECK_OK(pmipc_producer_publish_fields(producer, &source, 1, 0, NULL));
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK_EQ(view.fields[0].length, sizeof data);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* RemoveIPC and `rm -rf` also remove the folder. */
TEST(recreate_creates_registry_folder_again)
{
    char folder[600];
    snprintf(folder, sizeof folder, "%s/sub", test_folder());
    setenv("POLYMORPH_IPC_DIR", folder, 1);
    pmipc_producer *producer = recreating_producer();
    publish_frames(producer, HISTORY);
    remove_pool_file();
    CHECK_EQ(rmdir(folder), 0);
    clock_moved_ns += SECOND;
    pmipc_stream *stream = NULL;
    CHECK_OK(publish_status(producer, NULL));
    stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), HISTORY + 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    CHECK_EQ(rmdir(folder), 0);
}

TEST(recreate_does_not_replace_pool_of_another_producer)
{
    pmipc_producer *producer = recreating_producer();
    publish_frames(producer, HISTORY);
    remove_pool_file();
    pmipc_producer *other = bytes_producer("p", BYTES, HISTORY);
    clock_moved_ns += SECOND;
    pmipc_error error;
    CHECK_STATUS(publish_status(producer, &error), PMIPC_LOST);
    CHECK_HAS(error.text, "another producer has created a pool of that name");
    CHECK_STATUS(publish_status(producer, &error), PMIPC_LOST);
    CHECK_HAS(error.text, "A later call tries again");
    publish_frames(other, 2);
    pmipc_producer_close(other);
    clock_moved_ns += SECOND;
    CHECK_OK(publish_status(producer, &error)); /* the name is free again */
    CHECK_EQ(pmipc_producer_seq(producer), HISTORY + 1);
    pmipc_producer_close(producer);
}

TEST(recreate_without_space_fails_and_retries_after_a_second)
{
    pmipc_producer *producer = recreating_producer();
    publish_frames(producer, HISTORY);
    remove_pool_file();
    clock_moved_ns += SECOND;
    struct rlimit before;
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit little = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &little), 0);
    pmipc_error error;
    CHECK_STATUS(publish_status(producer, &error), PMIPC_NO_SPACE);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_STATUS(publish_status(producer, &error), PMIPC_LOST);
    clock_moved_ns += SECOND;
    CHECK_OK(publish_status(producer, &error));
    CHECK_EQ(pmipc_producer_seq(producer), HISTORY + 1);
    pmipc_producer_close(producer);
}

/* ---- another live producer has the name, and the first one has not detected it ---- */

typedef pmipc_status (*read_call)(pmipc_stream *stream, pmipc_view *view);

static pmipc_status wait_for_new(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_new(stream, PMIPC_FOREVER, view);
}

static pmipc_status wait_for_any(pmipc_stream *stream, pmipc_view *view)
{
    CHECK_OK(pmipc_stream_wait_any(&stream, 1, PMIPC_FOREVER, NULL));
    return pmipc_stream_get_new(stream, 0, view);
}

TEST(stream_goes_over_from_idle_to_live_producer_of_the_name)
{
    static const read_call calls[] = {pmipc_stream_get_last, wait_for_new, wait_for_any};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        pmipc_producer *idle = bytes_producer("p", BYTES, HISTORY);
        pmipc_stream *stream = stream_open("p", NULL);
        publish_frames(idle, 2);
        CHECK_EQ(read_newest(stream), 2);
        remove_pool_file();
        pmipc_producer *other = bytes_producer("p", BYTES, HISTORY);
        publish_frame(other);
        pmipc_view view;
        uint64_t seq = 2;
        while (seq != 1) {
            CHECK_OK(calls[i](stream, &view));
            seq = view.seq;
            pmipc_view_release(&view);
        }
        CHECK_EQ(stream_info(stream).incarnation, pmipc_producer_incarnation(other));
        pmipc_stream_close(stream);
        pmipc_producer_close(idle);
        pmipc_producer_close(other);
    }
}

/* The file has no name, and the producer continues to publish into it. */
TEST(stream_stays_with_live_producer_without_name)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    remove_pool_file();
    pmipc_view view;
    for (int i = 0; i < 500; i++)
        CHECK_OK(pmipc_stream_get_last(stream, &view)), pmipc_view_release(&view);
    CHECK_STATUS(pmipc_stream_get_new(stream, 250000000, &view), PMIPC_TIMEOUT);
    CHECK(pmipc_stream_connected(stream));
    publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
