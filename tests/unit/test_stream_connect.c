/* Streams connect to a pool, lose it, and go over to the next pool of that name. */
#include "helper.h"
#include "pools.h"

#include <unistd.h>

#define SECOND INT64_C(1000000000)

TEST(stream_opened_before_its_pool_reads_every_sample)
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
    /* Every sample published after the stream was opened is new. */
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

TEST(stream_opened_before_its_folder_connects_later)
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

TEST(folder_option_of_stream_is_used_and_copied)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    publish_frame(producer);
    setenv("POLYMORPH_IPC_DIR", "/dev/shm/absent-folder", 1);
    char folder[256];
    snprintf(folder, sizeof folder, "%s", test_folder());
    pmipc_stream_options options = {.folder = folder};
    pmipc_stream *stream = stream_open("p", &options);
    memset(folder, 'x', 5); /* options are copied */
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- the next pool of the name ---- */

TEST(stream_goes_over_to_next_pool_after_retire)
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
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view)); /* new, although its sequence number is below the old cursor */
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

TEST(stream_goes_over_to_a_hundred_successors)
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
    CHECK(after.descriptors <= before.descriptors + 2);         /* the stream may have opened a watch of the folder */
    CHECK(after.shared_mappings <= before.shared_mappings + 2); /* the last pool may still be mapped */
    pmipc_stream_close(stream);
}

TEST(stream_goes_over_from_removed_pool_of_dead_producer)
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
    CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
    CHECK_EQ(view.seq, 2);
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- manual reconnect ---- */

TEST(reads_with_manual_reconnect_never_connect)
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

TEST(open_with_manual_reconnect_connects_to_existing_pool)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frame(producer);
    pmipc_stream_options options = {.manual_reconnect = true};
    pmipc_stream *stream = stream_open("p", &options);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(reconnect_to_other_schema_is_mismatch)
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

/* ---- consumers before the pool ---- */

ROLE(consumes_ten_frames)
{
    (void)argument;
    pmipc_stream *stream = stream_open("shared", NULL);
    send_word(channel, 0);
    uint64_t last = 0;
    for (int i = 0; i < 10; i++) {
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
        CHECK(view.seq > last);
        last = view.seq;
        check_view(&view);
        pmipc_view_release(&view);
    }
    send_word(channel, last);
    pmipc_stream_close(stream);
}

TEST(ten_consumers_opened_before_pool_all_get_samples)
{
    helper consumers[10];
    for (int i = 0; i < 10; i++)
        consumers[i] = helper_start("consumes_ten_frames", "");
    for (int i = 0; i < 10; i++)
        receive_word(consumers[i].channel);
    pmipc_producer *producer = bytes_producer("shared", 5000, 4);
    int finished = 0;
    while (finished < 10) {
        publish_frame(producer);
        test_yield();
        finished = 0;
        for (int i = 0; i < 10; i++)
            finished += word_is_waiting(consumers[i].channel);
    }
    for (int i = 0; i < 10; i++) {
        CHECK(receive_word(consumers[i].channel) >= 10);
        helper_finish(&consumers[i]);
    }
    pmipc_producer_close(producer);
}
