/* A pool's file that is removed from outside while its producer lives (logind's RemoveIPC, rm in /dev/shm). The
 * producer notices within a second, or when it sweeps. It is told, or makes the pool again; streams go where the name
 * leads. The clock is this program's. */
#include "helper.h"
#include "pools.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BYTES 2000
#define HISTORY 4

static time_t jumped_s;

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (clock != CLOCK_REALTIME)
        time->tv_sec += jumped_s;
    return result;
}

static pmipc_producer *recreating_producer(void)
{
    pmipc_schema schema = bytes_schema(BYTES);
    const pmipc_producer_options options = {
        .history_len = HISTORY, .recreate = true, .metadata = "{\"unit\": \"rad\"}"};
    return producer_open("p", &schema, &options);
}

static void remove_the_file(void)
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

/* ---- told ---- */

TEST(publish_returns_lost_within_a_second_after_the_pool_file_was_removed)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    remove_the_file();
    publish_and_read(producer, stream); /* not noticed yet */
    jumped_s++;
    pmipc_error error;
    CHECK_STATUS(publish_status(producer, &error), PMIPC_LOST);
    CHECK_HAS(error.text, "removed from outside");
    CHECK_HAS(error.text, "RemoveIPC");
    CHECK_HAS(error.text, "recreate");
    CHECK_STATUS(publish_status(producer, &error), PMIPC_LOST);
    CHECK_HAS(error.text, "RemoveIPC");
    CHECK(!pmipc_stream_connected(stream)); /* retired: the stream looks for the name */
    pmipc_producer *successor = bytes_producer("p", BYTES, HISTORY);
    CHECK(!pmipc_producer_adopted(successor));
    CHECK_EQ(publish_and_read(successor, stream), 1);
    pmipc_producer_close(producer); /* does not take the successor's name */
    CHECK_EQ(publish_and_read(successor, stream), 2);
    pmipc_stream_close(stream);
    pmipc_producer_close(successor);
}

TEST(commit_returns_lost_after_the_pool_file_was_removed)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    publish_frame(producer);
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    remove_the_file();
    jumped_s++;
    CHECK_STATUS(pmipc_producer_commit(producer, &loan, 0), PMIPC_LOST);
    CHECK_STATUS(pmipc_producer_loan(producer, &loan), PMIPC_LOST);
    pmipc_producer_close(producer);
}

TEST(a_sweep_notices_that_the_file_of_an_idle_producer_was_removed)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    CHECK_EQ(pmipc_producer_sweep(producer), 0);
    CHECK(pmipc_stream_connected(stream));
    remove_the_file();
    CHECK_EQ(pmipc_producer_sweep(producer), 0);
    CHECK(!pmipc_stream_connected(stream));
    CHECK_STATUS(publish_status(producer, NULL), PMIPC_LOST);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* Its file has no name until its first sample is in it, however long that takes. */
TEST(a_larger_pool_that_is_being_made_is_not_taken_for_a_removed_one)
{
    pmipc_schema schema = bytes_schema(10);
    schema.fields[0].flags = PMIPC_FIELD_VARIABLE;
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    const int64_t length = 100;
    CHECK_OK(pmipc_producer_reserve(producer, &length, 1));
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    jumped_s += 5;
    CHECK_OK(pmipc_producer_commit(producer, &loan, 0));
    remove_the_file();
    jumped_s += 5;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    CHECK_STATUS(pmipc_producer_commit(producer, &loan, 0), PMIPC_LOST);
    pmipc_producer_close(producer);
}

/* ---- made again ---- */

/* History, numbers and metadata go on, and a stream that reads every sample misses none. */
static void check_goes_on(pmipc_producer *producer, pmipc_stream *stream, uint64_t seq, pmipc_status noticed)
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

TEST(with_recreate_the_publish_that_notices_makes_the_pool_again)
{
    pmipc_producer *producer = recreating_producer();
    pmipc_stream *stream = stream_of(producer);
    uint64_t incarnation = pmipc_producer_incarnation(producer);
    remove_the_file();
    jumped_s++;
    check_goes_on(producer, stream, HISTORY + 1, publish_status(producer, NULL));
    CHECK(pmipc_producer_incarnation(producer) != incarnation);
    remove_the_file(); /* and again, sooner than a failure would be tried again */
    jumped_s++;
    check_goes_on(producer, stream, HISTORY + 2, publish_status(producer, NULL));
    publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(with_recreate_the_commit_that_notices_moves_its_sample_into_the_new_pool)
{
    pmipc_producer *producer = recreating_producer();
    pmipc_stream *stream = stream_of(producer);
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    remove_the_file();
    jumped_s++;
    frame_fill(loan.fields[0].data, BYTES, loan.seq);
    const void *old_data = loan.fields[0].data;
    check_goes_on(producer, stream, HISTORY + 1, pmipc_producer_commit(producer, &loan, 0));
    CHECK(loan.fields[0].data != old_data); /* that memory is gone */
    CHECK(frame_is_whole(loan.fields[0].data, BYTES, HISTORY + 1));
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(with_recreate_a_sweep_that_notices_lets_the_next_publish_make_the_pool_again)
{
    pmipc_producer *producer = recreating_producer();
    pmipc_stream *stream = stream_of(producer);
    remove_the_file();
    CHECK_EQ(pmipc_producer_sweep(producer), 0);
    check_goes_on(producer, stream, HISTORY + 1, publish_status(producer, NULL));
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* Three fields, two of them variable: all of the sample is moved. */
TEST(with_recreate_a_sample_of_several_fields_is_moved_whole)
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
    remove_the_file();
    jumped_s++;
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

TEST(with_recreate_a_longer_sample_makes_the_pool_again_and_larger)
{
    pmipc_schema schema = bytes_schema(10);
    schema.fields[0].flags = PMIPC_FIELD_VARIABLE;
    const pmipc_producer_options options = {.recreate = true};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    pmipc_stream *stream = stream_open("p", NULL);
    remove_the_file();
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

/* What RemoveIPC and `rm -rf` leave. */
TEST(with_recreate_the_registry_folder_is_made_again_too)
{
    char folder[600];
    snprintf(folder, sizeof folder, "%s/sub", test_folder());
    setenv("POLYMORPH_IPC_DIR", folder, 1);
    pmipc_producer *producer = recreating_producer();
    publish_frames(producer, HISTORY);
    remove_the_file();
    CHECK_EQ(rmdir(folder), 0);
    jumped_s++;
    pmipc_stream *stream = NULL;
    CHECK_OK(publish_status(producer, NULL));
    stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), HISTORY + 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    CHECK_EQ(rmdir(folder), 0);
}

TEST(with_recreate_a_producer_gives_way_to_another_that_took_the_name)
{
    pmipc_producer *producer = recreating_producer();
    publish_frames(producer, HISTORY);
    remove_the_file();
    pmipc_producer *other = bytes_producer("p", BYTES, HISTORY);
    jumped_s++;
    pmipc_error error;
    CHECK_STATUS(publish_status(producer, &error), PMIPC_LOST);
    CHECK_HAS(error.text, "another producer has made a pool of that name");
    CHECK_STATUS(publish_status(producer, &error), PMIPC_LOST);
    CHECK_HAS(error.text, "tried again");
    publish_frames(other, 2);
    pmipc_producer_close(other);
    jumped_s++;
    CHECK_OK(publish_status(producer, &error)); /* the name is free again */
    CHECK_EQ(pmipc_producer_seq(producer), HISTORY + 1);
    pmipc_producer_close(producer);
}

TEST(with_recreate_a_lack_of_space_is_told_and_tried_again_after_a_second)
{
    pmipc_producer *producer = recreating_producer();
    publish_frames(producer, HISTORY);
    remove_the_file();
    jumped_s++;
    struct rlimit before;
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit little = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &little), 0);
    pmipc_error error;
    CHECK_STATUS(publish_status(producer, &error), PMIPC_NO_SPACE);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_STATUS(publish_status(producer, &error), PMIPC_LOST);
    jumped_s++;
    CHECK_OK(publish_status(producer, &error));
    CHECK_EQ(pmipc_producer_seq(producer), HISTORY + 1);
    pmipc_producer_close(producer);
}

/* ---- left behind: the name has another live producer, the first has not noticed ---- */

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

TEST(a_stream_leaves_an_idle_producer_whose_name_has_another_living_one)
{
    static const read_call calls[] = {pmipc_stream_get_last, wait_for_new, wait_for_any};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        pmipc_producer *idle = bytes_producer("p", BYTES, HISTORY);
        pmipc_stream *stream = stream_open("p", NULL);
        publish_frames(idle, 2);
        CHECK_EQ(read_newest(stream), 2);
        remove_the_file();
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

/* The file is only out of sight: its samples go on coming. */
TEST(a_stream_stays_with_a_living_producer_whose_name_leads_nowhere)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    remove_the_file();
    pmipc_view view;
    for (int i = 0; i < 500; i++)
        CHECK_OK(pmipc_stream_get_last(stream, &view)), pmipc_view_release(&view);
    CHECK_STATUS(pmipc_stream_get_new(stream, 250000000, &view), PMIPC_TIMEOUT);
    CHECK(pmipc_stream_connected(stream));
    publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
