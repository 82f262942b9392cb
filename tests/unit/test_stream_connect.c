/* Streams find their pool, lose it, and find its successor. */
#include "helper.h"
#include "pools.h"

#include <unistd.h>

#define SECOND INT64_C(1000000000)

TEST(a_stream_may_be_opened_before_its_pool_exists)
{
    pmipc_stream *stream = stream_open("later", NULL);
    pmipc_view view;
    CHECK_TEXT(pmipc_stream_name(stream), "later");
    CHECK(!pmipc_stream_connected(stream));
    CHECK(!pmipc_stream_producer_alive(stream));
    CHECK(stream_info(stream).schema == NULL);
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_get_window(stream, 1, 1, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_get_unseen(stream, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_get_at(stream, 0, PMIPC_AT_NEAREST, -1, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_get_next(stream, 1000, &view), PMIPC_TIMEOUT);
    pmipc_producer *producer = bytes_producer("later", 64, 8);
    publish_frames(producer, 3);
    /* All that appeared after the stream was made is new to it. */
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.seq, 1);
    CHECK_EQ(view.lost, 0);
    pmipc_view_release(&view);
    CHECK(pmipc_stream_connected(stream));
    CHECK(pmipc_stream_producer_alive(stream));
    CHECK_OK(pmipc_stream_get_new(stream, 0, &view));
    CHECK_EQ(view.seq, 3);
    pmipc_view_release(&view);
    CHECK_EQ(stream_info(stream).reconnects, 0);
    CHECK_EQ(stream_info(stream).incarnation, pmipc_producer_incarnation(producer));
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(a_stream_may_be_opened_before_the_folder_exists)
{
    char folder[256];
    snprintf(folder, sizeof folder, "%s/later", test_folder());
    setenv("POLYMORPH_IPC_DIR", folder, 1);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    publish_frame(producer);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    folder_remove(folder);
}

TEST(the_folder_of_a_stream_may_be_given)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    publish_frame(producer);
    setenv("POLYMORPH_IPC_DIR", "/dev/shm/nobody-has-this", 1);
    char folder[256];
    snprintf(folder, sizeof folder, "%s", test_folder());
    pmipc_stream_options options = {.folder = folder};
    pmipc_stream *stream = stream_open("p", &options);
    memset(folder, 'x', 5); /* options are copied */
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- retire, absent, new pool ---- */

TEST(after_an_orderly_end_the_pool_is_absent_and_its_successor_is_found)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    publish_frames(producer, 50);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_EQ(read_newest(stream), 50);
    uint64_t first = stream_info(stream).incarnation;
    pmipc_producer_close(producer);
    CHECK(!pmipc_stream_connected(stream));
    CHECK(!pmipc_stream_producer_alive(stream));
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    producer = bytes_producer("p", 64, 8);
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOTHING_NEW);
    publish_frames(producer, 2);
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view)); /* new, although its number is far below the old cursor */
    CHECK_EQ(view.seq, 1);
    CHECK_EQ(view.lost, 0);
    check_view(&view);
    pmipc_view_release(&view);
    CHECK_EQ(stream_info(stream).reconnects, 1);
    CHECK(stream_info(stream).incarnation != first);
    CHECK(stream_info(stream).incarnation == pmipc_producer_incarnation(producer));
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(a_stream_goes_over_to_successors_as_often_as_they_come)
{
    pmipc_stream *stream = stream_open("p", NULL);
    process_state before = process_state_now();
    for (uint64_t round = 0; round < 100; round++) {
        pmipc_producer *producer = bytes_producer("p", 64, 4);
        publish_frames(producer, round % 7 + 1);
        CHECK_EQ(read_newest(stream), round % 7 + 1);
        pmipc_producer_close(producer);
        pmipc_view view;
        CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOT_CONNECTED);
    }
    CHECK_EQ(stream_info(stream).reconnects, 99);
    process_state after = process_state_now();
    CHECK(after.descriptors <= before.descriptors + 2);         /* a watch of the folder may have been opened */
    CHECK(after.shared_mappings <= before.shared_mappings + 2); /* facts of the last pool may still be mapped */
    pmipc_stream_close(stream);
}

/* A file that somebody removed from outside is no longer what the name leads to. */
TEST(a_pool_removed_from_outside_after_its_producer_died_is_followed_by_its_successor)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frames(producer, 5);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_producer_abandon(producer);
    char path[512];
    pool_path("p", path, sizeof path);
    CHECK_EQ(unlink(path), 0);
    producer = bytes_producer("p", 64, 4);
    publish_frames(producer, 2);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_new(stream, 15 * SECOND, &view));
    CHECK_EQ(view.seq, 2);
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- schemas ---- */

TEST(a_stream_keeps_the_schema_it_first_saw)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    pmipc_view held;
    CHECK_OK(pmipc_stream_get_last(stream, &held));
    pmipc_producer_close(producer);
    producer = bytes_producer("p", 65, 4);
    publish_frame(producer);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_SCHEMA_MISMATCH);
        CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_SCHEMA_MISMATCH);
        pmipc_error error;
        pmipc_stream_last_error(stream, &error);
        CHECK_EQ(error.status, PMIPC_SCHEMA_MISMATCH);
        CHECK_HAS(error.text, "uint8 (64,)");
        CHECK_HAS(error.text, "uint8 (65,)");
    }
    check_view(&held);
    pmipc_view_release(&held);
    pmipc_producer_close(producer);
    producer = bytes_producer("p", 64, 4); /* the schema it knows is back */
    publish_frames(producer, 3);
    CHECK_EQ(read_newest(stream), 3);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* The pool of a killed producer, and then another producer of the name with another schema. */
static pmipc_producer *successor_of_dead_pool(const pmipc_stream_options *options, pmipc_stream **stream)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frame(producer);
    pmipc_producer_abandon(producer);
    *stream = stream_open("p", options);
    CHECK(pmipc_stream_connected(*stream));
    CHECK_EQ(stream_info(*stream).schema->fields[0].shape[0], 64);
    producer = bytes_producer("p", 65, 4);
    publish_frames(producer, 2);
    return producer;
}

TEST(a_dead_pool_that_was_not_read_does_not_fix_the_schema)
{
    pmipc_stream *stream;
    pmipc_producer *producer = successor_of_dead_pool(NULL, &stream);
    CHECK_EQ(read_newest(stream), 2);
    CHECK_EQ(stream_info(stream).schema->fields[0].shape[0], 65);
    pmipc_producer_close(producer);
    producer = bytes_producer("p", 64, 4); /* now it is fixed */
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_SCHEMA_MISMATCH);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(a_dead_pool_that_was_not_read_does_not_fix_the_schema_with_manual_reconnect)
{
    pmipc_stream *stream;
    pmipc_stream_options options = {.manual_reconnect = true};
    pmipc_producer *producer = successor_of_dead_pool(&options, &stream);
    CHECK_OK(pmipc_stream_reconnect(stream, NULL));
    CHECK_EQ(read_newest(stream), 2);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(the_first_pool_with_a_living_producer_fixes_the_schema_unread)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_producer_close(producer);
    producer = bytes_producer("p", 65, 4);
    publish_frame(producer);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_SCHEMA_MISMATCH);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(a_sample_read_from_a_dead_pool_fixes_the_schema_unless_disregarded)
{
    for (int disregarded = 0; disregarded < 2; disregarded++) {
        pmipc_producer *producer = bytes_producer("p", 64, 4);
        publish_frame(producer);
        pmipc_producer_abandon(producer);
        pmipc_stream *stream = stream_open("p", NULL);
        CHECK_EQ(read_newest(stream), 1);
        CHECK_EQ(read_newest(stream), 1);
        pmipc_stream_disregard(stream);
        if (disregarded)
            for (int i = 0; i < 3; i++) /* more often than it was read: harmless */
                pmipc_stream_disregard(stream);
        producer = bytes_producer("p", 65, 4);
        publish_frame(producer);
        pmipc_view view;
        CHECK_STATUS(pmipc_stream_get_last(stream, &view), disregarded ? PMIPC_OK : PMIPC_SCHEMA_MISMATCH);
        pmipc_view_release(&view);
        pmipc_stream_close(stream);
        pmipc_producer_close(producer);
    }
}

TEST(a_schema_mismatch_says_that_the_producer_of_the_pool_is_dead)
{
    pmipc_producer *producer = bytes_producer("p", 65, 4);
    pmipc_schema expected = bytes_schema(64);
    pmipc_stream_options options = {.expect = &expected};
    pmipc_stream *stream;
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_stream_open(&stream, "p", &options, &error), PMIPC_SCHEMA_MISMATCH);
    CHECK(!strstr(error.text, "dead"));
    pmipc_producer_abandon(producer);
    CHECK_STATUS(pmipc_stream_open(&stream, "p", &options, &error), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(error.text, "Its producer is dead");
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

TEST(a_dead_pool_replaced_by_another_schema_is_a_mismatch_for_its_streams)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_producer_abandon(producer);
    CHECK_EQ(read_newest(stream), 1);
    producer = bytes_producer("p", 65, 4);
    publish_frame(producer);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(pmipc_stream_get_new(stream, SECOND, &view), PMIPC_SCHEMA_MISMATCH);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(follow_schema_takes_whatever_comes)
{
    pmipc_stream_options options = {.follow_schema = true};
    pmipc_stream *stream = stream_open("p", &options);
    for (int64_t bytes = 10; bytes < 20; bytes++) {
        pmipc_producer *producer = bytes_producer("p", bytes, 4);
        publish_frame(producer);
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_new(stream, 0, &view));
        CHECK_EQ(view.schema->fields[0].shape[0], bytes);
        CHECK_EQ(view.fields[0].length, bytes);
        check_view(&view);
        pmipc_view_release(&view);
        CHECK_EQ(stream_info(stream).schema->fields[0].shape[0], bytes);
        pmipc_producer_close(producer);
    }
    pmipc_stream_close(stream);
}

TEST(an_expected_schema_is_demanded_at_once_and_later)
{
    pmipc_schema expected = bytes_schema(64);
    pmipc_stream_options options = {.expect = &expected};
    pmipc_producer *producer = bytes_producer("p", 65, 4);
    pmipc_stream *stream;
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_stream_open(&stream, "p", &options, &error), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(error.text, "uint8 (64,)");
    CHECK_HAS(error.text, "uint8 (65,)");
    CHECK_HAS(error.text, "p");
    pmipc_producer_close(producer);

    stream = stream_open("p", &options);
    memset(&expected, 0xff, sizeof expected); /* options are copied */
    producer = bytes_producer("p", 65, 4);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_SCHEMA_MISMATCH);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_SCHEMA_MISMATCH);
    pmipc_producer_close(producer);
    producer = bytes_producer("p", 64, 4);
    publish_frame(producer);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(an_expected_schema_that_is_none_is_an_invalid_argument)
{
    pmipc_schema broken = {0};
    pmipc_stream_options options = {.expect = &broken};
    pmipc_stream *stream;
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_stream_open(&stream, "p", &options, &error), PMIPC_INVALID_ARGUMENT);
    CHECK(error.text[0] != '\0');
}

/* ---- manual reconnect ---- */

TEST(with_manual_reconnect_gets_open_nothing)
{
    pmipc_stream_options options = {.manual_reconnect = true};
    pmipc_stream *stream = stream_open("p", &options);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_reconnect(stream, NULL), PMIPC_NOT_CONNECTED);
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frame(producer);
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_NOT_CONNECTED);
    CHECK(!pmipc_stream_connected(stream));
    CHECK_OK(pmipc_stream_reconnect(stream, NULL));
    CHECK(pmipc_stream_connected(stream));
    CHECK_OK(pmipc_stream_reconnect(stream, NULL));
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.seq, 1);
    pmipc_view_release(&view);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);

    pmipc_producer_close(producer);
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_RETIRED);
    CHECK_STATUS(pmipc_stream_get_new(stream, SECOND, &view), PMIPC_RETIRED);
    CHECK_STATUS(pmipc_stream_get_window(stream, 1, 1, &view), PMIPC_RETIRED);
    CHECK_STATUS(pmipc_stream_reconnect(stream, NULL), PMIPC_NOT_CONNECTED);
    producer = bytes_producer("p", 64, 4);
    publish_frames(producer, 2);
    pmipc_status status = pmipc_stream_get_last(stream, &view);
    CHECK(status == PMIPC_RETIRED || status == PMIPC_NOT_CONNECTED);
    CHECK_OK(pmipc_stream_reconnect(stream, NULL));
    CHECK_EQ(read_newest(stream), 2);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(with_manual_reconnect_a_pool_that_exists_is_opened_at_once)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frame(producer);
    pmipc_stream_options options = {.manual_reconnect = true};
    pmipc_stream *stream = stream_open("p", &options);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(reconnect_tells_of_a_schema_mismatch)
{
    pmipc_stream_options options = {.manual_reconnect = true};
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", &options);
    pmipc_producer_close(producer);
    producer = bytes_producer("p", 65, 4);
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_stream_reconnect(stream, &error), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(error.text, "uint8 (65,)");
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- sixty-four streams ---- */

ROLE(holds_streams)
{
    pmipc_stream *streams[PMIPC_MAX_READERS];
    int count = atoi(argument);
    for (int i = 0; i < count; i++)
        streams[i] = stream_open("crowded", NULL);
    tell(channel, 0);
    hear(channel);
    for (int i = 0; i < count; i++)
        pmipc_stream_close(streams[i]);
}

TEST(the_sixty_fifth_stream_is_refused_and_told_who_holds_the_rows)
{
    pmipc_producer *producer = bytes_producer("crowded", 64, 4);
    publish_frame(producer);
    pmipc_stream *late = NULL;
    helper holder = helper_start("holds_streams", "60");
    hear(holder.channel);
    pmipc_stream *streams[4];
    for (int i = 0; i < 4; i++)
        streams[i] = stream_open("crowded", NULL);
    CHECK_EQ(pmipc_producer_readers(producer, NULL, 0), 64);
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_stream_open(&late, "crowded", NULL, &error), PMIPC_FULL);
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)holder.pid);
    CHECK_HAS(error.text, pid);
    CHECK_HAS(error.text, "64");
    CHECK_HAS(error.text, "forked children");
    for (int i = 0; i < 4; i++)
        CHECK_EQ(read_newest(streams[i]), 1); /* the others are not disturbed */
    pmipc_stream_close(streams[2]);
    late = stream_open("crowded", NULL);
    CHECK_EQ(read_newest(late), 1);
    helper_kill(&holder); /* rows of the dead are free again */
    streams[2] = stream_open("crowded", NULL);
    CHECK_EQ(read_newest(streams[2]), 1);
    for (int i = 0; i < 4; i++)
        pmipc_stream_close(streams[i]);
    pmipc_stream_close(late);
    pmipc_producer_close(producer);
}

TEST(a_stream_that_found_no_row_gets_one_when_another_goes)
{
    pmipc_stream *late = stream_open("crowded", NULL); /* before the pool: it connects at a later call */
    pmipc_producer *producer = bytes_producer("crowded", 64, 4);
    publish_frame(producer);
    pmipc_stream *streams[PMIPC_MAX_READERS];
    for (int i = 0; i < PMIPC_MAX_READERS; i++)
        streams[i] = stream_open("crowded", NULL);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(late, &view), PMIPC_FULL);
    CHECK_STATUS(pmipc_stream_get_new(late, 0, &view), PMIPC_FULL);
    pmipc_stream_close(streams[63]);
    CHECK_EQ(read_newest(late), 1);
    for (int i = 0; i < PMIPC_MAX_READERS - 1; i++)
        pmipc_stream_close(streams[i]);
    pmipc_stream_close(late);
    pmipc_producer_close(producer);
}

TEST(the_producer_describes_its_streams)
{
    pmipc_producer *producer = bytes_producer("crowded", 64, 4);
    publish_frames(producer, 3);
    helper holder = helper_start("holds_streams", "2");
    hear(holder.channel);
    pmipc_stream *own = stream_open("crowded", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(own, &view));
    publish_frames(producer, 3);
    pmipc_reader_info readers[PMIPC_MAX_READERS];
    memset(readers, 0x77, sizeof readers);
    CHECK_EQ(pmipc_producer_readers(producer, readers, PMIPC_MAX_READERS), 3);
    int own_rows = 0;
    for (int i = 0; i < 3; i++) {
        CHECK(readers[i].alive);
        CHECK(readers[i].since_ns > 0 && readers[i].since_ns <= pmipc_realtime_ns());
        CHECK(memchr(readers[i].command, '\0', sizeof readers[i].command) && readers[i].command[0]);
        if (readers[i].pid != getpid()) {
            CHECK_EQ(readers[i].pid, holder.pid);
            CHECK_EQ(readers[i].pinned_slots, 0);
            CHECK_EQ(readers[i].oldest_pin_seq, 0);
            continue;
        }
        own_rows++;
        CHECK_EQ(readers[i].row, stream_info(own).row);
        CHECK_EQ(readers[i].last_seq, 3);
        CHECK_EQ(readers[i].pinned_slots, 1);
        CHECK_EQ(readers[i].oldest_pin_seq, 3);
    }
    CHECK_EQ(own_rows, 1);
    CHECK_EQ(pmipc_producer_readers(producer, readers, 1), 3); /* room for fewer: still how many there are */
    pmipc_view_release(&view);
    pmipc_stream_close(own);
    tell(holder.channel, 0);
    helper_finish(&holder);
    CHECK_EQ(pmipc_producer_readers(producer, readers, PMIPC_MAX_READERS), 0);
    pmipc_producer_close(producer);
}

/* ---- failures at the start ---- */

ROLE(consumes_ten_frames)
{
    (void)argument;
    pmipc_stream *stream = stream_open("shared", NULL);
    tell(channel, 0);
    uint64_t last = 0;
    for (int i = 0; i < 10; i++) {
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
        CHECK(view.seq > last);
        last = view.seq;
        check_view(&view);
        pmipc_view_release(&view);
    }
    tell(channel, last);
    pmipc_stream_close(stream);
}

TEST(ten_consumers_that_come_before_the_pool_are_all_served)
{
    helper consumers[10];
    for (int i = 0; i < 10; i++)
        consumers[i] = helper_start("consumes_ten_frames", "");
    for (int i = 0; i < 10; i++)
        hear(consumers[i].channel);
    pmipc_producer *producer = bytes_producer("shared", 5000, 4);
    int finished = 0;
    while (finished < 10) {
        publish_frame(producer);
        test_yield();
        finished = 0;
        for (int i = 0; i < 10; i++)
            finished += heard_something(consumers[i].channel);
    }
    for (int i = 0; i < 10; i++) {
        CHECK(hear(consumers[i].channel) >= 10);
        helper_finish(&consumers[i]);
    }
    pmipc_producer_close(producer);
}
