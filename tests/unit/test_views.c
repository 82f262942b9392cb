/* Views: their lifetime, release by any thread, and copies for streams that hold many views. */
#include "helper.h"
#include "pools.h"

#include <pthread.h>
#include <sys/stat.h>

/* ---- lifetime: after each test the runner also checks for leaked mappings and descriptors ---- */

TEST(view_stays_valid_after_stream_is_closed)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 4);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view = newest_view(stream);
    pmipc_stream_close(stream);
    publish_frames(producer, 100);
    check_view(&view);
    CHECK_EQ(view.schema->fields[0].shape[0], page_frame_bytes());
    pmipc_view_release(&view);
    pmipc_producer_close(producer);
}

TEST(view_stays_valid_after_producer_and_pool_file_are_gone)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 4);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view = newest_view(stream);
    pmipc_producer_close(producer);
    CHECK_EQ(folder_entries(test_folder()), 0);
    check_view(&view);
    producer = bytes_producer("p", page_frame_bytes(), 4); /* a new pool of that name */
    publish_frames(producer, 100);
    check_view(&view);
    CHECK_EQ(read_newest(stream), 100); /* the stream has gone over to the new pool; the view is unchanged */
    check_view(&view);
    pmipc_stream_close(stream);
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_producer_close(producer);
}

TEST(window_stays_valid_after_stream_producer_and_pool_are_gone)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 6);
    publish_frames(producer, 20);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view window;
    CHECK_OK(pmipc_stream_get_window(stream, 6, 6, &window));
    pmipc_view view = newest_view(stream);
    pmipc_stream_close(stream);
    publish_frames(producer, 100);
    pmipc_producer_close(producer);
    check_view(&window);
    check_view(&view);
    CHECK_EQ(window.frame_count, 6);
    pmipc_view_release(&view);
    check_view(&window);
    pmipc_view_release(&window);
}

/* Release and close in random order; a sanitizer detects a use after free, the runner a leak. */
TEST(streams_views_and_producers_end_in_any_order)
{
    test_random random = random_start();
    for (int round = 0; round < ROUNDS(300); round++) {
        pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 4);
        pmipc_stream *stream = stream_open("p", NULL);
        pmipc_view views[6];
        for (int i = 0; i < 6; i++) {
            publish_frames(producer, 4);
            if (i % 2)
                views[i] = newest_view(stream);
            else
                CHECK_OK(pmipc_stream_get_window(stream, 1, 4, &views[i]));
        }
        int left[8] = {0, 1, 2, 3, 4, 5, 6, 7};
        for (uint64_t count = 8; count > 0; count--) {
            uint64_t pick = random_below(&random, count);
            int what = left[pick];
            left[pick] = left[count - 1];
            if (what < 6) {
                check_view(&views[what]);
                pmipc_view_release(&views[what]);
            } else if (what == 6) {
                pmipc_stream_close(stream);
            } else {
                pmipc_producer_close(producer);
            }
        }
    }
}

TEST(last_view_release_after_close_frees_mapping_and_row)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 4);
    publish_frame(producer);
    process_state before = process_state_now();
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view one = newest_view(stream);
    pmipc_view two = newest_view(stream);
    pmipc_stream_close(stream);
    CHECK(process_state_now().shared_mappings >
          before.shared_mappings); /* the view is readable, so its pool is mapped */
    pmipc_view_release(&one);
    check_view(&two);
    pmipc_view_release(&two);
    process_state after = process_state_now();
    CHECK_EQ(after.shared_mappings, before.shared_mappings);
    CHECK_EQ(after.descriptors, before.descriptors);
    CHECK_EQ(pmipc_producer_readers(producer, NULL, 0), 0);
    pmipc_producer_close(producer);
}

/* A closed stream with a held view keeps its row: otherwise the producer would overwrite the view. */
TEST(row_of_closed_stream_stays_until_last_view_is_released)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 4);
    pmipc_stream *stream = stream_open("p", NULL);
    for (int i = 0; i < 70; i++) { /* more than the number of rows */
        publish_frame(producer);
        pmipc_view view = newest_view(stream);
        pmipc_stream_close(stream);
        stream = stream_open("p", NULL);
        publish_frames(producer, 30);
        check_view(&view);
        pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- threads ---- */

typedef struct releaser {
    pthread_t thread;
    pmipc_view views[64];
    atomic_uint given;
    atomic_uint released;
    atomic_bool stop;
} releaser;

static void *release_handed_over_view(void *context)
{
    releaser *self = context;
    while (!atomic_load(&self->stop) || atomic_load(&self->released) < atomic_load(&self->given)) {
        unsigned released = atomic_load(&self->released);
        if (released == atomic_load(&self->given)) {
            test_yield();
            continue;
        }
        pmipc_view *view = &self->views[released % 64];
        check_view(view);
        pmipc_view_release(view);
        atomic_store(&self->released, released + 1);
    }
    return NULL;
}

TEST(views_are_released_by_any_thread)
{
    enum { THREADS = 8 };
    pmipc_producer *producer = bytes_producer("p", 200, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    releaser *releasers = calloc(THREADS, sizeof *releasers);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&releasers[i].thread, NULL, release_handed_over_view, &releasers[i]), 0);
    for (int i = 0; i < ROUNDS(20000); i++) {
        publish_frame(producer);
        releaser *to = &releasers[i % THREADS];
        unsigned given = atomic_load(&to->given);
        if (given - atomic_load(&to->released) >= 64)
            continue;
        to->views[given % 64] = newest_view(stream);
        atomic_store(&to->given, given + 1);
    }
    pmipc_stream_close(stream); /* while some views are held */
    for (int i = 0; i < THREADS; i++)
        atomic_store(&releasers[i].stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(releasers[i].thread, NULL);
    CHECK_EQ(pmipc_producer_readers(producer, NULL, 0), 0);
    free(releasers);
    pmipc_producer_close(producer);
}

/* ---- streams that hold many views ---- */

TEST(seven_views_are_zero_copy_and_the_eighth_is_a_marked_copy)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[PMIPC_MAX_VIEWS + 3];
    for (int i = 0; i < PMIPC_MAX_VIEWS + 3; i++) {
        publish_frame(producer);
        views[i] = newest_view(stream);
        CHECK_EQ(views[i].copied, i >= PMIPC_MAX_VIEWS);
        CHECK_EQ(views[i].seq, i + 1);
        CHECK_EQ((uintptr_t)views[i].fields[0].data % 64, 0);
    }
    CHECK_EQ(stream_info(stream).copies, 3);
    pmipc_reader_info reader;
    CHECK_EQ(pmipc_producer_readers(producer, &reader, 1), 1);
    CHECK_EQ(reader.copies, 3);
    CHECK_EQ(reader.oldest_pin_seq, 1);
    CHECK_EQ(reader.pinned_slots, PMIPC_MAX_VIEWS);
    pmipc_view_release(&views[3]); /* now one more view is zero-copy */
    publish_frame(producer);
    views[3] = newest_view(stream);
    CHECK(!views[3].copied);
    for (int i = 0; i < PMIPC_MAX_VIEWS + 3; i++) {
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* `frames.append(stream.get_new())`: the producer never fails, its memory stays bounded, every frame stays intact. */
TEST(hoard_of_views_is_bounded_and_never_fails_producer)
{
    enum { KEPT = 500 };
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view *views = calloc(KEPT, sizeof *views);
    uint64_t bytes_after_fifty = 0;
    for (int i = 0; i < KEPT; i++) {
        publish_frames(producer, 2);
        CHECK_OK(pmipc_stream_get_new(stream, 0, &views[i]));
        if (i == 50)
            bytes_after_fifty = pool_file_bytes("p");
    }
    CHECK_EQ(pool_file_bytes("p"), bytes_after_fifty);
    /* history and spare, seven held views, and at most one slot more */
    CHECK(pmipc_producer_slot_count(producer) <= 4 + PMIPC_DEFAULT_SPARE + PMIPC_MAX_VIEWS + 1);
    unsigned copied = 0;
    for (int i = 0; i < KEPT; i++) {
        CHECK_EQ(views[i].seq, 2 * (i + 1));
        copied += views[i].copied;
        check_view(&views[i]);
    }
    CHECK_EQ(copied, KEPT - PMIPC_MAX_VIEWS);
    CHECK_EQ(stream_info(stream).views_held, PMIPC_MAX_VIEWS); /* copies do not count */
    pmipc_stream_close(stream);
    for (int i = 0; i < KEPT; i++) {
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
    }
    free(views);
    pmipc_producer_close(producer);
}

/* A stream whose pins cover more than history_len + 8 slots gets copies. */
TEST(hoard_of_windows_is_bounded)
{
    enum { KEPT = 40, HISTORY = 10 };
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[KEPT];
    for (int i = 0; i < KEPT; i++) {
        publish_frames(producer, HISTORY + 3);
        CHECK_OK(pmipc_stream_get_window(stream, HISTORY, HISTORY, &views[i]));
    }
    CHECK(!views[0].copied);
    CHECK(views[KEPT - 1].copied);
    /* pins of at most history + 8 slots and one window more, and in addition history and spare */
    CHECK(pmipc_producer_slot_count(producer) <= (HISTORY + 8) + HISTORY + HISTORY + PMIPC_DEFAULT_SPARE + 1);
    for (int i = 0; i < KEPT; i++) {
        CHECK_EQ(views[i].frame_count, HISTORY);
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(windows_are_zero_copy_again_after_held_windows_are_released)
{
    enum { HISTORY = 10 };
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[PMIPC_MAX_VIEWS];
    for (int round = 0; round < 3; round++) {
        publish_frames(producer, 3 * (uint64_t)pmipc_producer_slot_count(
                                         producer)); /* so that the samples are in consecutive slots again */
        for (int i = 0; i < PMIPC_MAX_VIEWS; i++)
            CHECK_OK(pmipc_stream_get_window(stream, HISTORY, HISTORY, &views[i]));
        CHECK(!views[0].copied);
        CHECK(!views[1].copied);
        CHECK(views[PMIPC_MAX_VIEWS - 1].copied); /* the views before it cover more than history + 8 slots */
        for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
            check_view(&views[i]);
            pmipc_view_release(&views[i]);
        }
        CHECK_EQ(pinned_slots(producer), 0);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(hoard_of_twenty_consumers_is_bounded)
{
    enum { STREAMS = 20, KEPT = 15 };
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 4);
    pmipc_stream *streams[STREAMS];
    pmipc_view views[STREAMS][KEPT];
    for (int s = 0; s < STREAMS; s++)
        streams[s] = stream_open("p", NULL);
    for (int i = 0; i < KEPT; i++)
        for (int s = 0; s < STREAMS; s++) {
            publish_frame(producer);
            views[s][i] = newest_view(streams[s]);
        }
    CHECK(pmipc_producer_slot_count(producer) <= 4 + PMIPC_DEFAULT_SPARE + STREAMS * PMIPC_MAX_VIEWS + 1);
    for (int s = 0; s < STREAMS; s++) {
        for (int i = 0; i < KEPT; i++) {
            check_view(&views[s][i]);
            pmipc_view_release(&views[s][i]);
        }
        pmipc_stream_close(streams[s]);
    }
    pmipc_producer_close(producer);
}

/* A stream maps new slots when it reads a sample beyond its mapping. */
TEST(streams_map_slots_added_by_growth)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 4);
    pmipc_stream *hoarder = stream_open("p", NULL);
    pmipc_stream *other = stream_open("p", NULL);
    publish_frame(producer);
    pmipc_view old = newest_view(other);
    uint32_t slots = pmipc_producer_slot_count(producer);
    pmipc_view views[PMIPC_MAX_VIEWS];
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        publish_frame(producer);
        views[i] = newest_view(hoarder);
    }
    publish_frames(producer, 10);
    CHECK(pmipc_producer_slot_count(producer) > slots);
    for (int i = 0; i < 50; i++)
        publish_and_read(producer, other);
    CHECK_EQ(stream_info(other).slot_count, pmipc_producer_slot_count(producer));
    pmipc_view window;
    CHECK_OK(pmipc_stream_get_window(other, 4, 4, &window));
    check_view(&window);
    check_view(&old); /* the old view keeps its old mapping */
    pmipc_view_release(&old);
    pmipc_view_release(&window);
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++)
        pmipc_view_release(&views[i]);
    pmipc_stream_close(hoarder);
    pmipc_stream_close(other);
    pmipc_producer_close(producer);
}

/* ---- without growth ---- */

static pmipc_producer *fixed_producer(uint32_t history_len, uint32_t spare)
{
    pmipc_schema schema = bytes_schema(page_frame_bytes());
    pmipc_producer_options options = {.history_len = history_len, .spare = spare, .no_growth = true};
    return producer_open("p", &schema, &options);
}

TEST(views_with_enough_spare_and_no_growth_keep_history)
{
    pmipc_producer *producer = fixed_producer(4, PMIPC_MAX_VIEWS + 1);
    uint32_t slots = pmipc_producer_slot_count(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[PMIPC_MAX_VIEWS];
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        publish_frames(producer, 5);
        views[i] = newest_view(stream);
    }
    for (int i = 0; i < 50; i++) {
        publish_frame(producer);
        pmipc_view window;
        CHECK_OK(pmipc_stream_get_window(stream, 4, 4, &window));
        check_view(&window);
        pmipc_view_release(&window);
    }
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(views_with_little_spare_and_no_growth_cost_only_old_history)
{
    pmipc_producer *producer = fixed_producer(6, 2);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[6];
    uint32_t slots = pmipc_producer_slot_count(producer);
    for (int i = 0; i < 6; i++) { /* at the end 6 of 8 slots are pinned */
        publish_frames(producer, 5);
        views[i] = newest_view(stream);
    }
    for (int i = 0; i < 30; i++)
        publish_and_read(producer, stream);
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    for (int i = 0; i < 6; i++) {
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

ROLE(holds_the_rest)
{
    pmipc_stream *stream = stream_open("p", NULL);
    int count = atoi(argument);
    pmipc_view views[PMIPC_MAX_VIEWS];
    for (int i = 0; i < count; i++) {
        receive_word(channel);
        views[i] = newest_view(stream);
        send_word(channel, views[i].seq);
    }
    receive_word(channel);
    for (int i = 0; i < count; i++) {
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
    }
    send_word(channel, 0);
    receive_word(channel);
    pmipc_stream_close(stream);
}

TEST(publish_with_every_slot_pinned_is_full_and_names_holders)
{
    pmipc_producer *producer = fixed_producer(1, 3);
    uint32_t slots = pmipc_producer_slot_count(producer);
    CHECK(slots <= PMIPC_MAX_VIEWS); /* otherwise this test needs more holders */
    helper holder = helper_start("holds_the_rest", "7");
    char data[1 << 16];
    for (uint32_t i = 0; i < slots; i++) {
        publish_frame(producer);
        if (i == slots - 1)
            break; /* the newest sample is not pinned and is not given up */
        send_word(holder.channel, 0);
        CHECK_EQ(receive_word(holder.channel), i + 1);
    }
    pmipc_stream *stream = stream_open("p", NULL);
    for (int i = 0; i < 3; i++) { /* repeated, with the same result */
        CHECK_STATUS(pmipc_producer_publish(producer, data, 0, NULL), PMIPC_FULL);
        pmipc_loan loan;
        CHECK_STATUS(pmipc_producer_loan(producer, &loan), PMIPC_FULL);
        pmipc_error error;
        pmipc_producer_last_error(producer, &error);
        char pid[16];
        snprintf(pid, sizeof pid, "%d", (int)holder.pid);
        CHECK_HAS(error.text, pid);
        CHECK_EQ(pmipc_producer_seq(producer), slots);
        CHECK_EQ(read_newest(stream), slots);
    }
    for (uint32_t i = slots - 1; i < PMIPC_MAX_VIEWS; i++) {
        send_word(holder.channel, 0);
        CHECK_EQ(receive_word(holder.channel), slots); /* the newest sample is still readable */
    }
    send_word(holder.channel, 0);
    receive_word(holder.channel);
    publish_frames(producer, 20); /* the views are released */
    pmipc_stream_close(stream);
    send_word(holder.channel, 0);
    helper_finish(&holder);
    pmipc_producer_close(producer);
}
