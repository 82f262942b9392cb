/* Samples longer than the capacity of the pool: a larger pool replaces it, and streams go over to the larger pool. */
#include "pools.h"

#include <dirent.h>
#include <unistd.h>

#define ROW_BYTES 12

static char data[1 << 16];

static pmipc_schema points_schema(int64_t capacity)
{
    const int64_t shape[] = {capacity, 3};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "", PMIPC_FLOAT32, 2, shape, PMIPC_FIELD_VARIABLE, NULL));
    return schema;
}

static pmipc_producer *points_producer(int64_t capacity, const pmipc_producer_options *options)
{
    pmipc_schema schema = points_schema(capacity);
    return producer_open("p", &schema, options);
}

static int64_t capacity_of(const pmipc_producer *producer)
{
    return pmipc_producer_schema(producer)->fields[0].shape[0];
}

static pmipc_status publish(pmipc_producer *producer, int64_t length, int64_t stamp_ns)
{
    const pmipc_source source = {data, length};
    frame_fill(data, (size_t)length * ROW_BYTES, pmipc_producer_seq(producer) + 1);
    return pmipc_producer_publish_fields(producer, &source, 1, stamp_ns, NULL);
}

static void check_frame(const pmipc_view *view, uint64_t seq, int64_t length)
{
    CHECK_EQ(view->seq, seq);
    CHECK_EQ(view->fields[0].length, length);
    CHECK(frame_is_whole(view->fields[0].data, (size_t)length * ROW_BYTES, seq));
}

static void check_next(pmipc_stream *stream, uint64_t seq, int64_t length)
{
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    check_frame(&view, seq, length);
    pmipc_view_release(&view);
}

static const char *last_error(const pmipc_producer *producer)
{
    static pmipc_error error;
    pmipc_producer_last_error(producer, &error);
    return error.text;
}

static unsigned files_in_folder(void)
{
    unsigned count = 0;
    DIR *folder = opendir(getenv("POLYMORPH_IPC_DIR"));
    CHECK(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return count;
}

TEST(growth_for_longer_sample_doubles_capacity)
{
    pmipc_producer *producer = points_producer(100, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    const uint64_t incarnation = pmipc_producer_incarnation(producer);
    CHECK_OK(publish(producer, 100, 0));
    CHECK_EQ(pmipc_producer_incarnation(producer), incarnation);
    CHECK_OK(publish(producer, 101, 0));
    CHECK_EQ(capacity_of(producer), 200);
    CHECK(pmipc_producer_incarnation(producer) != incarnation);
    CHECK_EQ(pmipc_producer_seq(producer), 2);
    CHECK_OK(publish(producer, 1000, 0)); /* more than twice the capacity */
    CHECK_EQ(capacity_of(producer), 1000);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    check_frame(&view, 3, 1000);
    CHECK_EQ(view.schema->fields[0].shape[0], 1000);
    pmipc_view_release(&view);
    CHECK_EQ(stream_info(stream).schema->fields[0].shape[0], 1000);
    CHECK_EQ(files_in_folder(), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    CHECK_EQ(files_in_folder(), 0);
}

TEST(growth_keeps_history_with_its_seqs_stamps_and_lengths)
{
    const pmipc_producer_options options = {.history_len = 4};
    pmipc_producer *producer = points_producer(10, &options);
    for (int64_t i = 1; i <= 6; i++)
        CHECK_OK(publish(producer, i, 1000 * i));
    CHECK_OK(publish(producer, 11, 7000));
    const pmipc_stream_options oldest = {.start_oldest = true};
    pmipc_stream *stream = stream_open("p", &oldest);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(stream, 4, 4, &view));
    for (uint32_t i = 0; i < 4; i++) {
        pmipc_frame frame;
        CHECK_OK(pmipc_view_frame(&view, i, &frame));
        const int64_t number = 4 + i;
        CHECK_EQ(frame.seq, (uint64_t)number);
        CHECK_EQ(frame.stamp_ns, 1000 * number);
        CHECK_EQ(frame.fields[0].length, number == 7 ? 11 : number);
        CHECK(frame_is_whole(frame.fields[0].data, (size_t)frame.fields[0].length * ROW_BYTES, (uint64_t)number));
    }
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(stream_reads_every_sample_once_across_growth)
{
    pmipc_producer *producer = points_producer(10, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    const int64_t lengths[] = {10, 5, 11, 3, 50, 200, 200, 1, 401};
    for (uint64_t i = 0; i < 4; i++)
        CHECK_OK(publish(producer, lengths[i], 0));
    check_next(stream, 1, 10);
    for (uint64_t i = 4; i < 9; i++) /* the pool grows three times between two reads */
        CHECK_OK(publish(producer, lengths[i], 0));
    for (uint64_t i = 1; i < 9; i++)
        check_next(stream, i + 1, lengths[i]);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_TIMEOUT);
    CHECK_EQ(stream_info(stream).dropped, 0);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(samples_that_leave_history_across_growth_count_as_dropped)
{
    const pmipc_producer_options options = {.history_len = 3};
    pmipc_producer *producer = points_producer(10, &options);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_OK(publish(producer, 1, 0));
    check_next(stream, 1, 1);
    for (int64_t i = 2; i <= 8; i++)
        CHECK_OK(publish(producer, i, 0));
    CHECK_OK(publish(producer, 20, 0));
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    check_frame(&view, 6, 6);
    CHECK_EQ(view.lost, 4);
    pmipc_view_release(&view);
    check_next(stream, 7, 7);
    check_next(stream, 8, 8);
    check_next(stream, 9, 20); /* of the larger pool */
    CHECK_EQ(stream_info(stream).dropped, 4);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(views_of_smaller_pool_stay_readable_after_growth)
{
    pmipc_producer *producer = points_producer(10, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_OK(publish(producer, 7, 0));
    pmipc_view held, view;
    CHECK_OK(pmipc_stream_get_last(stream, &held));
    for (int64_t i = 1; i < 40; i++)
        CHECK_OK(publish(producer, 10 * i, 0));
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    check_frame(&view, 40, 390);
    check_frame(&held, 1, 7);
    pmipc_view_release(&view);
    pmipc_view_release(&held);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(larger_pool_is_mismatch_for_stream_with_expect)
{
    pmipc_producer *producer = points_producer(10, NULL);
    pmipc_schema expected = points_schema(10);
    const pmipc_stream_options options = {.expect = &expected};
    pmipc_stream *stream = stream_open("p", &options);
    CHECK_OK(publish(producer, 10, 0));
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    pmipc_view_release(&view);
    CHECK_OK(publish(producer, 11, 0));
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_SCHEMA_MISMATCH);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(longer_sample_without_growth_is_mismatch)
{
    const pmipc_producer_options options[] = {{.no_growth = true}, {.fixed_capacity = true}};
    for (int i = 0; i < 2; i++) {
        pmipc_producer *producer = points_producer(10, &options[i]);
        const int64_t length = 11;
        CHECK_STATUS(publish(producer, length, 0), PMIPC_SCHEMA_MISMATCH);
        CHECK_HAS(last_error(producer), "length 11");
        CHECK_STATUS(pmipc_producer_reserve(producer, &length, 1), PMIPC_SCHEMA_MISMATCH);
        CHECK_OK(publish(producer, 10, 0));
        CHECK_EQ(pmipc_producer_seq(producer), 1);
        pmipc_producer_close(producer);
    }
}

TEST(growth_beyond_max_bytes_is_refused_and_pool_unchanged)
{
    const pmipc_producer_options options = {.history_len = 1, .spare = 1, .max_bytes = 90000};
    pmipc_producer *producer = points_producer(1500, &options); /* room for two slots of 18000 bytes and a header */
    CHECK_OK(publish(producer, 1500, 0));
    CHECK_OK(publish(producer, 2000, 0)); /* twice the capacity exceeds max_bytes, this length does not */
    CHECK_EQ(capacity_of(producer), 2000);
    const uint64_t incarnation = pmipc_producer_incarnation(producer);
    CHECK_STATUS(publish(producer, 5000, 0), PMIPC_NO_SPACE);
    CHECK_HAS(last_error(producer), "length 5000");
    CHECK_HAS(last_error(producer), "max_bytes allows 90000");
    CHECK_EQ(pmipc_producer_incarnation(producer), incarnation);
    CHECK_OK(publish(producer, 2000, 0));
    CHECK_EQ(pmipc_producer_seq(producer), 3);
    CHECK_EQ(files_in_folder(), 1);
    pmipc_producer_close(producer);
}

TEST(growth_without_max_bytes_stops_at_one_gigabyte)
{
    pmipc_producer *producer = points_producer(10, NULL);
    const int64_t lengths[] = {INT64_C(100000000), INT32_MAX, INT64_C(1) << 31, INT64_C(1) << 40, INT64_MAX};
    for (int i = 0; i < 5; i++) {
        CHECK_STATUS(pmipc_producer_reserve(producer, &lengths[i], 1), PMIPC_NO_SPACE);
        CHECK_HAS(last_error(producer), "has room for 10");
    }
    const int64_t negative = -1;
    CHECK_STATUS(pmipc_producer_reserve(producer, &negative, 1), PMIPC_SCHEMA_MISMATCH);
    CHECK_OK(publish(producer, 10, 0));
    CHECK_EQ(capacity_of(producer), 10);
    pmipc_producer_close(producer);
}

TEST(loan_after_reserve_has_the_reserved_length)
{
    pmipc_producer *producer = points_producer(10, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    const int64_t length = 25;
    CHECK_OK(publish(producer, 1, 0));
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    CHECK_STATUS(pmipc_producer_reserve(producer, &length, 1), PMIPC_WRONG_STATE);
    loan.fields[0].length = 11;
    CHECK_STATUS(pmipc_producer_commit(producer, &loan, 0), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(last_error(producer), "room for 0 to 10");
    pmipc_producer_discard(producer, &loan);

    CHECK_OK(pmipc_producer_reserve(producer, &length, 1));
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    CHECK_EQ(loan.fields[0].length, 25);
    CHECK_EQ(loan.seq, 2);
    CHECK_EQ(stream_info(stream).head_seq, 1);
    frame_fill(loan.fields[0].data, 25 * ROW_BYTES, 2);
    CHECK_OK(pmipc_producer_commit(producer, &loan, 0));
    check_next(stream, 1, 1);
    check_next(stream, 2, 25);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(discard_after_reserve_leaves_pool_unchanged)
{
    pmipc_producer *producer = points_producer(10, NULL);
    const uint64_t incarnation = pmipc_producer_incarnation(producer);
    const int64_t length = 25;
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_reserve(producer, &length, 1));
    CHECK_EQ(capacity_of(producer), 25);
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    pmipc_producer_discard(producer, &loan);
    CHECK_EQ(capacity_of(producer), 10);
    CHECK_EQ(pmipc_producer_incarnation(producer), incarnation);
    CHECK_OK(publish(producer, 10, 0));
    CHECK_EQ(pmipc_producer_incarnation(producer), incarnation);
    pmipc_producer_close(producer);
}

TEST(loaned_memory_stays_mapped_after_growth_with_option)
{
    pmipc_producer *producer = points_producer(10, NULL);
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    pmipc_producer_keep_memory(producer);
    frame_fill(loan.fields[0].data, 10 * ROW_BYTES, 1);
    CHECK_OK(pmipc_producer_commit(producer, &loan, 0));
    for (int64_t i = 1; i < 5; i++)
        CHECK_OK(publish(producer, 100 * i, 0));
    CHECK(frame_is_whole(loan.fields[0].data, 10 * ROW_BYTES, 1));
    pmipc_producer_close(producer);
}

TEST(memory_of_discarded_loan_stays_mapped_with_option)
{
    pmipc_producer *producer = points_producer(10, NULL);
    for (int64_t length = 20; length < 100; length += 20) {
        pmipc_loan loan;
        CHECK_OK(pmipc_producer_reserve(producer, &length, 1));
        CHECK_OK(pmipc_producer_loan(producer, &loan));
        pmipc_producer_keep_memory(producer);
        frame_fill(loan.fields[0].data, 240, (uint64_t)length);
        pmipc_producer_discard(producer, &loan);
        CHECK_OK(publish(producer, 10, 0));
        CHECK(frame_is_whole(loan.fields[0].data, 240, (uint64_t)length));
        CHECK_EQ(capacity_of(producer), 10);
    }
    pmipc_producer_close(producer);
}

TEST(grown_pool_is_adopted_with_its_capacity)
{
    pmipc_producer *producer = points_producer(10, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_OK(publish(producer, 10, 0));
    CHECK_OK(publish(producer, 35, 0));
    const uint64_t incarnation = pmipc_producer_incarnation(producer);
    pmipc_producer_abandon(producer);
    producer = points_producer(10, NULL);
    CHECK(pmipc_producer_adopted(producer));
    CHECK_EQ(pmipc_producer_incarnation(producer), incarnation);
    CHECK_EQ(capacity_of(producer), 35);
    CHECK_OK(publish(producer, 35, 0));
    check_next(stream, 1, 10);
    check_next(stream, 2, 35);
    check_next(stream, 3, 35);
    pmipc_producer_abandon(producer);
    producer = points_producer(36, NULL); /* this schema needs more capacity */
    CHECK(!pmipc_producer_adopted(producer));
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(reserved_larger_pool_is_removed_with_its_producer)
{
    pmipc_producer *producer = points_producer(10, NULL);
    CHECK_OK(publish(producer, 10, 0));
    const uint64_t incarnation = pmipc_producer_incarnation(producer);
    const int64_t length = 25;
    CHECK_OK(pmipc_producer_reserve(producer, &length, 1));
    pmipc_producer_abandon(producer);
    CHECK_EQ(files_in_folder(), 1);
    producer = points_producer(10, NULL);
    CHECK_EQ(pmipc_producer_incarnation(producer), incarnation);
    CHECK_OK(pmipc_producer_reserve(producer, &length, 1));
    pmipc_producer_close(producer);
    CHECK_EQ(files_in_folder(), 0);
}

/* Create a pool file under the name that a larger pool has until it replaces the pool. */
static void leave_unfinished_pool(void)
{
    char path[512], next[512];
    const char *folder = getenv("POLYMORPH_IPC_DIR");
    snprintf(path, sizeof path, "%s/other", folder);
    snprintf(next, sizeof next, "%s/~p", folder);
    pmipc_producer *other = bytes_producer("other", 100, 3);
    CHECK_EQ(rename(path, next), 0);
    pmipc_producer_abandon(other);
    CHECK_EQ(files_in_folder(), 2);
}

TEST(file_of_growth_that_was_killed_is_removed)
{
    pmipc_producer *producer = points_producer(10, NULL);
    CHECK_OK(publish(producer, 10, 0));
    leave_unfinished_pool();
    CHECK_OK(publish(producer, 11, 0)); /* the next growth removes it */
    CHECK_EQ(files_in_folder(), 1);
    leave_unfinished_pool();
    pmipc_producer_abandon(producer);
    producer = points_producer(10, NULL); /* the next producer removes it */
    CHECK_EQ(pmipc_producer_seq(producer), 2);
    CHECK_EQ(files_in_folder(), 1);
    leave_unfinished_pool();
    pmipc_producer_abandon(producer);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL)); /* pmipc_pool_remove removes it */
    CHECK_EQ(files_in_folder(), 0);
}

TEST(growth_of_pool_with_removed_file_returns_lost)
{
    pmipc_producer *producer = points_producer(10, NULL);
    char path[512];
    CHECK_OK(publish(producer, 10, 0));
    pool_path("p", path, sizeof path);
    CHECK_EQ(unlink(path), 0);
    CHECK_STATUS(publish(producer, 11, 0), PMIPC_LOST);
    CHECK_HAS(last_error(producer), "another process removed or replaced its file");
    CHECK_EQ(files_in_folder(), 0);
    pmipc_producer_close(producer);
}

TEST(growth_does_not_replace_pool_of_another_producer)
{
    pmipc_producer *producer = points_producer(10, NULL);
    char path[512];
    pool_path("p", path, sizeof path);
    CHECK_EQ(unlink(path), 0);
    pmipc_producer *other = points_producer(10, NULL);
    CHECK_OK(publish(other, 5, 0));
    CHECK_STATUS(publish(producer, 11, 0), PMIPC_LOST);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(stream_info(stream).incarnation, pmipc_producer_incarnation(other));
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    pmipc_producer_close(other);
}

/* ---- another schema ---- */

TEST(replace_takes_effect_at_next_publish_and_continues_seq)
{
    pmipc_producer *producer = points_producer(10, NULL);
    const pmipc_stream_options options = {.follow_schema = true};
    pmipc_stream *stream = stream_open("p", NULL), *follower = stream_open("p", &options);
    pmipc_schema schema = bytes_schema(64);
    pmipc_view view;
    CHECK_OK(publish(producer, 10, 0));
    CHECK_OK(publish(producer, 10, 0));
    check_next(stream, 1, 10);
    check_next(follower, 1, 10);
    CHECK_OK(pmipc_producer_replace(producer, &schema, "{\"encoding\":\"mono8\"}"));
    check_next(stream, 2, 10); /* the pool is replaced by the next publish */
    CHECK_OK(pmipc_producer_publish(producer, data, 0, NULL));
    CHECK_EQ(pmipc_producer_seq(producer), 3);
    CHECK_HAS(pmipc_producer_metadata(producer), "mono8");
    check_next(follower, 2, 10); /* of the old pool, with its schema */
    CHECK_OK(pmipc_stream_get_next(follower, 0, &view));
    CHECK_EQ(view.seq, 3);
    CHECK_EQ(view.lost, 0);
    pmipc_view_release(&view);
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_SCHEMA_MISMATCH);
    pmipc_stream_close(stream);
    pmipc_stream_close(follower);
    pmipc_producer_close(producer);
}

TEST(replace_with_other_metadata_drops_history)
{
    pmipc_producer *producer = points_producer(10, NULL);
    pmipc_schema schema = points_schema(10);
    CHECK_OK(publish(producer, 10, 0));
    CHECK_OK(pmipc_producer_replace(producer, &schema, "{\"frame_id\":\"map\"}"));
    CHECK_OK(publish(producer, 4, 0));
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_window(stream, 2, 2, &view), PMIPC_TOO_FEW);
    CHECK_OK(publish(producer, 40, 0)); /* a replaced pool grows like any other */
    CHECK_OK(pmipc_stream_get_window(stream, 2, 2, &view));
    CHECK_EQ(view.seq, 3);
    pmipc_view_release(&view);
    CHECK_HAS(stream_info(stream).metadata, "map");
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
