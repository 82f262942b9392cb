/* The reads of a stream and their effect on its cursor. */
#include "pools.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Check that a call has returned sample `seq`, whole. */
static void check_got(pmipc_status status, pmipc_view *view, uint64_t seq)
{
    CHECK_OK(status);
    CHECK_EQ(view->seq, seq);
    CHECK(view->owner != NULL);
    check_view(view);
    pmipc_view_release(view);
    CHECK(view->owner == NULL);
}

#define CHECK_GOT(call, seq) check_got((call), &view, (seq))

TEST(stream_of_empty_pool_has_no_sample)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK(pmipc_stream_connected(stream));
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOTHING_NEW);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_get_unseen(stream, &view), PMIPC_NOTHING_NEW);
    CHECK_STATUS(pmipc_stream_get_at(stream, 0, PMIPC_AT_NEAREST, -1, &view), PMIPC_NOTHING_NEW);
    pmipc_status status = pmipc_stream_get_window(stream, 1, 4, &view);
    CHECK(status == PMIPC_TOO_FEW || status == PMIPC_NOTHING_NEW);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(view_describes_its_sample)
{
    const int64_t shape[] = {3, 5};
    pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT32, 2, shape);
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    char data[60];
    frame_fill(data, sizeof data, 1);
    int64_t before = pmipc_monotonic_ns();
    CHECK_OK(pmipc_producer_publish(producer, data, 12345, NULL));
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK_EQ(view.seq, 1);
    CHECK_EQ(view.stamp_ns, 12345);
    CHECK(before <= view.published_ns && view.published_ns <= pmipc_monotonic_ns());
    CHECK_EQ(view.frame_count, 1);
    CHECK_EQ(view.field_count, 1);
    CHECK(!view.copied);
    CHECK_EQ(view.fields[0].length, 3);
    CHECK_OK(pmipc_schema_compare(&schema, view.schema, NULL));
    pmipc_frame frame;
    CHECK_OK(pmipc_view_frame(&view, 0, &frame));
    CHECK_EQ(frame.seq, 1);
    CHECK_EQ(frame.stamp_ns, 12345);
    CHECK_EQ(frame.published_ns, view.published_ns);
    CHECK(frame.fields[0].data == view.fields[0].data);
    CHECK_STATUS(pmipc_view_frame(&view, 1, &frame), PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_view_frame(&view, UINT32_MAX, &frame), PMIPC_INVALID_ARGUMENT);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(release_of_released_or_zeroed_view_does_nothing)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view zero = {0};
    pmipc_view_release(&zero);
    publish_frame(producer);
    pmipc_view first;
    pmipc_view second;
    CHECK_OK(pmipc_stream_get_last(stream, &first));
    pmipc_view_release(&first);
    CHECK_OK(pmipc_stream_get_last(stream, &second));
    pmipc_view_release(&first); /* must not clear the cell of `second` */
    publish_frames(producer, 50);
    check_view(&second);
    CHECK_EQ(stream_info(stream).views_held, 1);
    pmipc_view_release(&second);
    CHECK_EQ(stream_info(stream).views_held, 0);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- the cursor ---- */

TEST(cursor_of_new_stream_is_at_newest_sample)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frames(producer, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_EQ(pmipc_stream_cursor(stream), 3);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_get_unseen(stream, &view), PMIPC_NOTHING_NEW);
    CHECK_GOT(pmipc_stream_get_last(stream, &view), 3); /* get_last also returns samples that are not new */
    CHECK_GOT(pmipc_stream_get_last(stream, &view), 3);
    publish_frame(producer);
    CHECK_GOT(pmipc_stream_get_new(stream, 0, &view), 4);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(get_last_and_get_new_move_cursor_to_newest)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    publish_frames(producer, 2);
    CHECK_GOT(pmipc_stream_get_last(stream, &view), 2);
    CHECK_EQ(pmipc_stream_cursor(stream), 2);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    publish_frames(producer, 3);
    CHECK_GOT(pmipc_stream_get_new(stream, 0, &view), 5);
    CHECK_EQ(pmipc_stream_cursor(stream), 5);
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_TIMEOUT);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(get_next_returns_every_sample_in_order)
{
    pmipc_producer *producer = bytes_producer("p", 64, 8);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    uint64_t expected = 1;
    for (int round = 0; round < 50; round++) {
        publish_frames(producer, (uint64_t)(round % 8) + 1);
        for (int i = 0; i <= round % 8; i++, expected++) {
            CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
            CHECK_EQ(view.lost, 0);
            check_got(PMIPC_OK, &view, expected);
            CHECK_EQ(pmipc_stream_cursor(stream), expected);
        }
        CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_TIMEOUT);
    }
    CHECK_EQ(stream_info(stream).dropped, 0);
    CHECK_EQ(stream_info(stream).received, expected - 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(get_next_returns_number_of_lost_samples)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frames(producer, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    publish_frames(producer, 20); /* 4 to 23; 20 to 23 are in history, 4 to 19 are lost */
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.lost, 16);
    check_got(PMIPC_OK, &view, 20);
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.lost, 0);
    check_got(PMIPC_OK, &view, 21);
    CHECK_EQ(stream_info(stream).dropped, 16);
    publish_frames(producer, 4); /* 22 and 23 are lost */
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.lost, 2);
    check_got(PMIPC_OK, &view, 24);
    CHECK_EQ(stream_info(stream).dropped, 18);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(get_unseen_returns_all_new_samples_as_one_window)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    publish_frames(producer, 3);
    CHECK_OK(pmipc_stream_get_unseen(stream, &view));
    CHECK_EQ(view.frame_count, 3);
    CHECK_EQ(view.lost, 0);
    check_got(PMIPC_OK, &view, 3);
    CHECK_EQ(pmipc_stream_cursor(stream), 3);
    CHECK_STATUS(pmipc_stream_get_unseen(stream, &view), PMIPC_NOTHING_NEW);
    publish_frame(producer);
    CHECK_OK(pmipc_stream_get_unseen(stream, &view));
    CHECK_EQ(view.frame_count, 1);
    check_got(PMIPC_OK, &view, 4);
    publish_frames(producer, 10); /* 5 to 14, of which 11 to 14 remain */
    CHECK_OK(pmipc_stream_get_unseen(stream, &view));
    CHECK_EQ(view.frame_count, 4);
    CHECK_EQ(view.lost, 6);
    check_got(PMIPC_OK, &view, 14);
    CHECK_EQ(stream_info(stream).dropped, 6);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(get_window_and_get_at_do_not_move_cursor)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    publish_frames(producer, 4);
    CHECK_GOT(pmipc_stream_get_window(stream, 1, 4, &view), 4);
    CHECK_GOT(pmipc_stream_get_at(stream, INT64_MAX, PMIPC_AT_BEFORE, -1, &view), 4);
    CHECK_EQ(pmipc_stream_cursor(stream), 0);
    CHECK_GOT(pmipc_stream_get_next(stream, 0, &view), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(start_oldest_makes_whole_history_new)
{
    pmipc_stream_options options = {.start_oldest = true};
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frames(producer, 10);
    pmipc_stream *stream = stream_open("p", &options);
    pmipc_view view;
    for (uint64_t seq = 7; seq <= 10; seq++) {
        CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
        CHECK_EQ(view.lost, 0); /* samples from before the stream do not count as lost */
        check_got(PMIPC_OK, &view, seq);
    }
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_TIMEOUT);
    pmipc_stream_close(stream);
    stream = stream_open("p", &options);
    CHECK_OK(pmipc_stream_get_unseen(stream, &view));
    CHECK_EQ(view.frame_count, 4);
    check_got(PMIPC_OK, &view, 10);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(lost_samples_are_reported_by_each_read_and_counted_once)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    publish_frames(producer, 10);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
        CHECK_EQ(view.lost, 6);
        check_got(PMIPC_OK, &view, 7);
        CHECK_EQ(stream_info(stream).dropped, 6);
        pmipc_stream_seek(stream, 0);
    }
    publish_frames(producer, 2);
    pmipc_stream_seek(stream, 3);
    CHECK_OK(pmipc_stream_get_unseen(stream, &view));
    CHECK_EQ(view.lost, 5);
    check_got(PMIPC_OK, &view, 12);
    CHECK_EQ(stream_info(stream).dropped, 8);
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->readers[0].dropped, 8);
    inspect_release(info);
    publish_frames(producer, 6);
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.lost, 2);
    check_got(PMIPC_OK, &view, 15);
    CHECK_EQ(stream_info(stream).dropped, 10);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* The samples of the successor have the same sequence numbers. */
TEST(lost_samples_of_successor_are_counted)
{
    pmipc_stream *stream = stream_open("p", NULL);
    for (int i = 0; i < 2; i++) {
        pmipc_producer *producer = bytes_producer("p", 64, 4);
        pmipc_view view;
        publish_frames(producer, 10);
        CHECK_GOT(pmipc_stream_get_next(stream, 0, &view), 7);
        CHECK_EQ(stream_info(stream).dropped, 6 * (i + 1));
        pmipc_producer_close(producer);
        for (uint64_t seq = 8; seq <= 10; seq++)
            CHECK_GOT(pmipc_stream_get_next(stream, 0, &view), seq);
    }
    pmipc_stream_close(stream);
}

TEST(seek_moves_cursor_back_and_forth)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    publish_frames(producer, 10);
    CHECK_GOT(pmipc_stream_get_last(stream, &view), 10);
    pmipc_stream_seek(stream, 8);
    CHECK_EQ(pmipc_stream_cursor(stream), 8);
    CHECK_GOT(pmipc_stream_get_next(stream, 0, &view), 9);
    pmipc_stream_seek(stream, 0);
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.lost, 6);
    check_got(PMIPC_OK, &view, 7);
    pmipc_stream_seek(stream, 12); /* 11 and 12 count as read before they are published */
    publish_frames(producer, 2);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    publish_frame(producer);
    CHECK_GOT(pmipc_stream_get_new(stream, 0, &view), 13);
    pmipc_stream_seek(stream, UINT64_MAX);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_get_unseen(stream, &view), PMIPC_NOTHING_NEW);
    CHECK_GOT(pmipc_stream_get_last(stream, &view), 13);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(two_streams_of_one_process_have_separate_cursors_and_rows)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *one = stream_open("p", NULL);
    pmipc_stream *two = stream_open("p", NULL);
    pmipc_view view;
    publish_frames(producer, 3);
    CHECK_GOT(pmipc_stream_get_new(one, 0, &view), 3);
    CHECK_GOT(pmipc_stream_get_next(two, 0, &view), 1);
    CHECK_STATUS(pmipc_stream_get_new(one, 0, &view), PMIPC_TIMEOUT);
    CHECK(stream_info(one).row != stream_info(two).row);
    pmipc_stream_close(one);
    CHECK_GOT(pmipc_stream_get_next(two, 0, &view), 2);
    pmipc_stream_close(two);
    pmipc_producer_close(producer);
}

/* ---- windows: arguments (test_windows.c has the tests of their memory) ---- */

TEST(window_has_at_least_min_and_at_most_max_frames)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    publish_frames(producer, 2);
    CHECK_STATUS(pmipc_stream_get_window(stream, 3, 4, &view), PMIPC_TOO_FEW);
    CHECK_OK(pmipc_stream_get_window(stream, 1, 4, &view));
    CHECK_EQ(view.frame_count, 2);
    check_got(PMIPC_OK, &view, 2);
    CHECK_OK(pmipc_stream_get_window(stream, 1, 1, &view));
    CHECK_EQ(view.frame_count, 1);
    check_got(PMIPC_OK, &view, 2);
    publish_frames(producer, 10);
    CHECK_OK(pmipc_stream_get_window(stream, 2, 3, &view));
    CHECK_EQ(view.frame_count, 3);
    check_got(PMIPC_OK, &view, 12);
    CHECK_OK(pmipc_stream_get_window(stream, 4, 4, &view));
    CHECK_EQ(view.frame_count, 4);
    check_got(PMIPC_OK, &view, 12);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(window_of_impossible_size_is_invalid_argument)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    publish_frames(producer, 10);
    const uint32_t bad[][2] = {{0, 4}, {0, 0}, {3, 2}, {1, 5}, {5, 5}, {1, UINT32_MAX}, {UINT32_MAX, UINT32_MAX},
                               {1, 0}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK_STATUS(pmipc_stream_get_window(stream, bad[i][0], bad[i][1], &view), PMIPC_INVALID_ARGUMENT);
        pmipc_error error;
        pmipc_stream_last_error(stream, &error);
        CHECK_EQ(error.status, PMIPC_INVALID_ARGUMENT);
        CHECK(error.text[0] != '\0');
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* A random sequence of reads, compared with a model of the header's description. */
TEST(random_reads_agree_with_model)
{
    enum { HISTORY = 6 };
    test_random random = random_start();
    pmipc_producer *producer = bytes_producer("p", 64, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    uint64_t head = 0;
    uint64_t cursor = 0;
    pmipc_view view;
    for (int round = 0; round < ROUNDS(20000); round++) {
        uint64_t oldest = head > HISTORY ? head - HISTORY + 1 : 1;
        uint64_t next = cursor + 1 > oldest ? cursor + 1 : oldest;
        switch (random_below(&random, 6)) {
        case 0:
            head = publish_frames(producer, 1 + random_below(&random, 9));
            break;
        case 1:
            if (head == 0)
                break;
            CHECK_GOT(pmipc_stream_get_last(stream, &view), head);
            cursor = head;
            break;
        case 2:
            if (cursor >= head) {
                CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
                break;
            }
            CHECK_GOT(pmipc_stream_get_new(stream, 0, &view), head);
            cursor = head;
            break;
        case 3:
            if (cursor >= head) {
                CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_TIMEOUT);
                break;
            }
            CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
            CHECK_EQ(view.lost, next - cursor - 1);
            check_got(PMIPC_OK, &view, next);
            cursor = next;
            break;
        case 4:
            if (cursor >= head) {
                CHECK_STATUS(pmipc_stream_get_unseen(stream, &view), PMIPC_NOTHING_NEW);
                break;
            }
            CHECK_OK(pmipc_stream_get_unseen(stream, &view));
            CHECK_EQ(view.lost, next - cursor - 1);
            CHECK_EQ(view.frame_count, head - next + 1);
            check_got(PMIPC_OK, &view, head);
            cursor = head;
            break;
        default:
            cursor = random_below(&random, head + 3);
            pmipc_stream_seek(stream, cursor);
            break;
        }
        CHECK_EQ(pmipc_stream_cursor(stream), cursor);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
