/* Windows: one strided zero-copy array, across the end of the ring and across growth, while the producer publishes. */
#include "helper.h"
#include "pools.h"

#include <pthread.h>

#define HISTORY 10
#define BYTES 1000

static pmipc_view window_of(pmipc_stream *stream, uint32_t count)
{
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(stream, count, count, &view));
    CHECK_EQ(view.frame_count, count);
    return view;
}

TEST(window_is_contiguous_across_end_of_ring)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, HISTORY);
    uint32_t slots = pmipc_producer_slot_count(producer);
    int64_t stride = 0;
    for (uint32_t i = 0; i < 5 * slots; i++) {
        for (uint32_t count = 1; count <= HISTORY; count++) {
            pmipc_view view = window_of(stream, count);
            if (view.copied)
                FAIL("round %u: the window of %u was copied", i, count);
            if (stride == 0)
                stride = view.frame_stride;
            CHECK_EQ(view.frame_stride, stride);
            check_view(&view);
            pmipc_view_release(&view);
        }
        publish_frame(producer);
    }
    CHECK(stride >= BYTES);
    CHECK_EQ(stream_info(stream).copies, 0);
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* Strides below a page, of a page, of several pages: mapping the slots twice needs a region of whole pages. */
TEST(window_is_contiguous_with_every_frame_size)
{
    const int64_t sizes[] = {1, 8, 56, 64, 65, 200, 1000, 2000, 4032, 4033, 9000, 65536, 300000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pmipc_producer *producer = bytes_producer("p", sizes[i], 5);
        pmipc_stream *stream = stream_open("p", NULL);
        publish_frames(producer, 4);
        uint32_t slots = pmipc_producer_slot_count(producer);
        for (uint32_t n = 0; n < slots + 5; n++) {
            publish_frame(producer);
            pmipc_view view = window_of(stream, 5);
            if (view.copied)
                FAIL("size %" PRId64 ", round %u: copied", sizes[i], n);
            check_view(&view);
            pmipc_view_release(&view);
        }
        pmipc_stream_close(stream);
        pmipc_producer_close(producer);
    }
}

TEST(frames_of_dict_window_are_one_stride_apart)
{
    const int64_t rgb[] = {30, 10};
    const int64_t q[] = {7};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "rgb", PMIPC_UINT8, 2, rgb, 0, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "q", PMIPC_FLOAT64, 1, q, 0, NULL));
    pmipc_producer_options options = {.history_len = 6};
    pmipc_producer *producer = producer_open("obs", &schema, &options);
    pmipc_stream *stream = stream_open("obs", NULL);
    publish_frames(producer, 6);
    for (int i = 0; i < 100; i++) {
        publish_frame(producer);
        pmipc_view view = window_of(stream, 6);
        CHECK(!view.copied);
        check_view(&view);
        pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* The producer skips the slot of a held view: a window across the gap is a copy with the right contents. */
TEST(window_across_skipped_slot_is_a_whole_copy)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, 3);
    pmipc_view held;
    CHECK_OK(pmipc_stream_get_last(stream, &held));
    bool copied = false;
    for (int i = 0; i < 100; i++) {
        publish_frame(producer);
        if (i < HISTORY)
            continue;
        pmipc_view view = window_of(stream, HISTORY);
        copied = copied || view.copied;
        check_view(&view);
        pmipc_view_release(&view);
    }
    CHECK(copied);
    check_view(&held);
    pmipc_view_release(&held);
    for (int i = 0; i < 100; i++)
        publish_frame(producer);
    pmipc_view view = window_of(stream, HISTORY);
    CHECK(!view.copied); /* after the release, windows are zero-copy again */
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(held_window_is_unchanged_while_ring_wraps_around)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, HISTORY);
    for (int round = 0; round < 60; round++) { /* each window at another position in the ring */
        publish_frame(producer);
        pmipc_view view = window_of(stream, HISTORY);
        publish_frames(producer, 60);
        check_view(&view);
        pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* A run of slots wraps at the slot count that the reader saw; growth changes it between the pin and the producer's
 * scan. */
TEST(windows_before_during_and_after_growth_are_whole)
{
    pmipc_producer *producer = bytes_producer("p", 4000, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_stream *hoarder = stream_open("p", NULL);
    publish_frames(producer, 7);
    uint32_t slots = pmipc_producer_slot_count(producer);
    pmipc_view kept[PMIPC_MAX_VIEWS];
    pmipc_view windows[PMIPC_MAX_VIEWS];
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        publish_frames(producer, 4);
        CHECK_OK(pmipc_stream_get_last(hoarder, &kept[i]));
        windows[i] = window_of(stream, 7);
    }
    publish_frames(producer, 100);
    CHECK(pmipc_producer_slot_count(producer) > slots);
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        check_view(&windows[i]);
        check_view(&kept[i]);
        pmipc_view_release(&windows[i]);
        pmipc_view_release(&kept[i]);
    }
    publish_frames(producer, 2 * pmipc_producer_slot_count(producer));
    for (uint32_t i = 0; i < 2 * pmipc_producer_slot_count(producer); i++) {
        publish_frame(producer);
        pmipc_view view = window_of(stream, HISTORY);
        CHECK(!view.copied);
        check_view(&view);
        pmipc_view_release(&view);
    }
    pmipc_stream_close(hoarder);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(get_unseen_window_is_zero_copy)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    uint64_t head = 0;
    for (uint64_t round = 0; round < 200; round++) {
        uint64_t count = round % HISTORY + 1;
        head = publish_frames(producer, count);
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_unseen(stream, &view));
        CHECK_EQ(view.seq, head);
        CHECK_EQ(view.frame_count, count);
        CHECK(!view.copied);
        check_view(&view);
        pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- while the producer publishes at full speed ---- */

ROLE(publishes_at_full_speed)
{
    pmipc_producer *producer = bytes_producer("p", atoi(argument), HISTORY);
    publish_frames(producer, HISTORY);
    send_word(channel, pmipc_producer_slot_count(producer));
    while (!word_is_waiting(channel))
        publish_frames(producer, 100);
    receive_word(channel);
    send_word(channel, pmipc_producer_slot_count(producer));
    receive_word(channel);
    pmipc_producer_close(producer);
}

/* Check every frame of every window when it is taken, and again when the ring has wrapped around. Detects windows that
 * are not rechecked after the pin, pins without a fence, and runs without the slot count at which they wrap. */
static void check_windows_at_full_speed(const char *bytes, int rounds)
{
    test_random random = random_start();
    helper runner = helper_start("publishes_at_full_speed", bytes);
    uint64_t slots = receive_word(runner.channel);
    pmipc_stream *stream = stream_open("p", NULL);
    uint64_t copies = 0;
    uint64_t newest = 0;
    for (int i = 0; i < rounds; i++) {
        pmipc_view views[4];
        uint64_t count = 1 + random_below(&random, 4);
        for (uint64_t k = 0; k < count; k++) {
            uint32_t frames = 1 + (uint32_t)random_below(&random, HISTORY - 2);
            pmipc_status status = pmipc_stream_get_window(stream, frames, HISTORY, &views[k]);
            CHECK_OK(status);
            CHECK(views[k].seq >= newest);
            newest = views[k].seq;
            copies += views[k].copied;
            check_view(&views[k]);
        }
        for (uint64_t k = 0; k < count; k++) {
            check_view(&views[k]);
            pmipc_view_release(&views[k]);
        }
    }
    CHECK_EQ(stream_info(stream).copies, copies);
    send_word(runner.channel, 0);
    CHECK(receive_word(runner.channel) <=
          (slots > 200 ? slots : 200)); /* bounded; with large pages a new pool has more slots */
    pmipc_stream_close(stream);
    send_word(runner.channel, 0);
    helper_finish(&runner);
}

TEST(small_windows_are_whole_during_publish_at_full_speed)
{
    check_windows_at_full_speed("56", ROUNDS(30000));
}

TEST(large_windows_are_whole_during_publish_at_full_speed)
{
    check_windows_at_full_speed("4000", ROUNDS(3000));
}

typedef struct publisher {
    pmipc_producer *producer;
    atomic_bool stop;
} publisher;

static void *publish_until_stopped(void *context)
{
    publisher *self = context;
    while (!atomic_load(&self->stop))
        publish_frames(self->producer, 10);
    return NULL;
}

/* Producer and stream in two threads of one process, for ThreadSanitizer. */
TEST(producer_and_stream_in_two_threads)
{
    publisher self = {.producer = bytes_producer("p", BYTES, HISTORY)};
    publish_frames(self.producer, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, publish_until_stopped, &self), 0);
    for (int i = 0; i < ROUNDS(5000); i++) {
        pmipc_view window = window_of(stream, 1 + (uint32_t)i % 5);
        pmipc_view last;
        pmipc_view next;
        CHECK_OK(pmipc_stream_get_last(stream, &last));
        pmipc_status status = pmipc_stream_get_next(stream, 0, &next);
        check_view(&window);
        check_view(&last);
        if (status == PMIPC_OK) {
            check_view(&next);
            pmipc_view_release(&next);
        }
        pmipc_view_release(&window);
        pmipc_view_release(&last);
    }
    atomic_store(&self.stop, true);
    pthread_join(thread, NULL);
    pmipc_stream_close(stream);
    pmipc_producer_close(self.producer);
}
