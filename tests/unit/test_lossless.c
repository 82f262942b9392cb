/* Lossless pools: a producer that keeps the samples which lossless streams have not read. */
#include "helper.h"
#include "pools.h"
#include "sleeper.h"

#include <pthread.h>
#include <signal.h>

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)
#define HISTORY 4
#define BYTES 64

static pmipc_producer *keeping_producer(uint32_t overflow)
{
    pmipc_schema schema = bytes_schema(BYTES);
    const pmipc_producer_options options = {.history_len = HISTORY, .overflow = overflow};
    return producer_open("p", &schema, &options);
}

static pmipc_stream *lossless_stream(bool start_oldest)
{
    const pmipc_stream_options options = {.lossless = true, .start_oldest = start_oldest};
    return stream_open("p", &options);
}

static pmipc_status try_publish(pmipc_producer *producer)
{
    pmipc_loan loan;
    pmipc_status status = pmipc_producer_loan(producer, &loan);
    if (status)
        return status;
    frame_fill(loan.fields[0].data, (size_t)loan.fields[0].length, loan.seq);
    return pmipc_producer_commit(producer, &loan, 0);
}

static void check_next(pmipc_stream *stream, uint64_t seq)
{
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.seq, seq);
    CHECK_EQ(view.lost, 0);
    check_view(&view);
    pmipc_view_release(&view);
}

static void check_full(pmipc_producer *producer, const char *text)
{
    pmipc_error error;
    CHECK_STATUS(try_publish(producer), PMIPC_FULL);
    pmipc_producer_last_error(producer, &error);
    CHECK_STATUS(error.status, PMIPC_FULL);
    CHECK_HAS(error.text, text);
}

/* ---- which samples stay ---- */

TEST(lossless_pool_is_full_of_unread_samples)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_REFUSE);
    pmipc_stream *stream = lossless_stream(false);
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    check_full(producer, "has 4 unread samples");
    check_next(stream, 1);
    CHECK_OK(try_publish(producer));
    check_full(producer, "have not read sample 2");
    for (uint64_t seq = 2; seq <= HISTORY + 1; seq++)
        check_next(stream, seq);
    CHECK_EQ(publish_frames(producer, HISTORY), 2 * HISTORY + 1);
    CHECK_STATUS(try_publish(producer), PMIPC_FULL);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(lossless_pool_without_reader_keeps_history_for_late_one)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_REFUSE);
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    check_full(producer, "no lossless stream is connected");
    pmipc_stream *stream = lossless_stream(true);
    for (uint64_t seq = 1; seq <= HISTORY; seq++)
        check_next(stream, seq);
    CHECK_EQ(publish_frames(producer, HISTORY), 2 * HISTORY);
    check_next(stream, HISTORY + 1);
    pmipc_stream_close(stream);
    CHECK_OK(try_publish(producer)); /* the room of the sample that was read */
    CHECK_STATUS(try_publish(producer), PMIPC_FULL);
    stream = lossless_stream(true); /* a restarted receiver gets each sample once */
    for (uint64_t seq = HISTORY + 2; seq <= 2 * HISTORY + 1; seq++)
        check_next(stream, seq);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(lossless_stream_that_starts_at_newest_consumes_history)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_REFUSE);
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    pmipc_stream *stream = lossless_stream(false);
    CHECK_EQ(publish_frames(producer, HISTORY), 2 * HISTORY);
    check_next(stream, HISTORY + 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(other_streams_never_hold_lossless_pool_back)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_REFUSE);
    pmipc_stream *viewer = stream_open("p", NULL), *stream = lossless_stream(false);
    for (uint64_t seq = 1; seq <= 3 * HISTORY; seq++) {
        CHECK_EQ(publish_frame(producer), seq);
        check_next(stream, seq);
    }
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_next(viewer, 0, &view));
    CHECK_EQ(view.lost, 2 * HISTORY);
    pmipc_view_release(&view);
    pmipc_stream_close(viewer);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(slowest_lossless_stream_decides)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_REFUSE);
    pmipc_stream *fast = lossless_stream(false), *slow = lossless_stream(false);
    pmipc_view view;
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    CHECK_OK(pmipc_stream_get_unseen(fast, &view));
    CHECK_EQ(view.frame_count, HISTORY);
    pmipc_view_release(&view);
    check_full(producer, "have not read sample 1");
    CHECK_OK(pmipc_stream_get_last(slow, &view)); /* skips the older ones */
    pmipc_view_release(&view);
    CHECK_EQ(publish_frames(producer, HISTORY), 2 * HISTORY);
    CHECK_STATUS(try_publish(producer), PMIPC_FULL);
    CHECK_OK(pmipc_stream_get_new(fast, 0, &view));
    pmipc_view_release(&view);
    CHECK_STATUS(try_publish(producer), PMIPC_FULL);
    pmipc_stream_close(slow); /* it holds nothing any more; `fast` has consumed all */
    CHECK_EQ(publish_frames(producer, HISTORY), 3 * HISTORY);
    pmipc_stream_close(fast);
    pmipc_producer_close(producer);
}

TEST(views_of_closed_lossless_stream_hold_no_samples)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_REFUSE);
    pmipc_stream *slow = lossless_stream(false), *fast = lossless_stream(false);
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    pmipc_view held, view;
    CHECK_OK(pmipc_stream_get_next(slow, 0, &held));
    CHECK_OK(pmipc_stream_get_last(fast, &view));
    pmipc_view_release(&view);
    pmipc_stream_close(slow);
    CHECK_EQ(publish_frames(producer, HISTORY), 2 * HISTORY);
    CHECK_EQ(held.seq, 1);
    check_view(&held);
    pmipc_view_release(&held);
    pmipc_stream_close(fast);
    pmipc_producer_close(producer);
}

TEST(seek_of_lossless_stream_releases_and_holds_samples)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_REFUSE);
    pmipc_stream *stream = lossless_stream(false);
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    pmipc_stream_seek(stream, 2);
    CHECK_EQ(publish_frames(producer, 2), HISTORY + 2);
    CHECK_STATUS(try_publish(producer), PMIPC_FULL);
    pmipc_stream_seek(stream, HISTORY + 2);
    pmipc_stream_seek(stream, HISTORY);
    CHECK_EQ(publish_frames(producer, 2), HISTORY + 4);
    CHECK_STATUS(try_publish(producer), PMIPC_FULL);
    check_next(stream, HISTORY + 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(lossless_stream_of_overwriting_producer_counts_drops)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = lossless_stream(false);
    CHECK_EQ(publish_frames(producer, HISTORY + 3), HISTORY + 3);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.lost, 3);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* Without free memory a pool gives up history, but not what lossless streams hold. */
TEST(pinned_slots_do_not_push_unread_samples_out)
{
    pmipc_schema schema = bytes_schema(page_frame_bytes());
    const pmipc_producer_options options = {
        .history_len = HISTORY, .spare = 1, .no_growth = true, .overflow = PMIPC_OVERFLOW_REFUSE};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    pmipc_stream *stream = lossless_stream(false), *hoarder = stream_open("p", NULL);
    pmipc_view held;
    CHECK_EQ(publish_frames(producer, 1), 1);
    CHECK_OK(pmipc_stream_get_last(hoarder, &held));
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    pmipc_view_release(&view);
    CHECK_EQ(publish_frames(producer, HISTORY - 1), HISTORY);
    CHECK_OK(try_publish(producer)); /* sample 1 leaves history */
    check_full(producer, "have not read sample 2");
    for (uint64_t seq = 2; seq <= HISTORY + 1; seq++)
        check_next(stream, seq);
    pmipc_view_release(&held);
    pmipc_stream_close(hoarder);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- facts ---- */

TEST(inspect_shows_overflow_and_lossless_readers)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_WAIT);
    pmipc_stream *stream = lossless_stream(false), *viewer = stream_open("p", NULL);
    CHECK_EQ(publish_frames(producer, 3), 3);
    check_next(stream, 1);
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->overflow, PMIPC_OVERFLOW_WAIT);
    CHECK_EQ(info->reader_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const bool is_viewer = info->readers[i].row == stream_info(viewer).row;
        CHECK_EQ(info->readers[i].lossless, !is_viewer);
        CHECK_EQ(info->readers[i].consumed, is_viewer ? 0 : 1);
    }
    inspect_release(info);
    pmipc_stream_close(stream);
    pmipc_stream_close(viewer);
    pmipc_producer_close(producer);
}

TEST(overflow_out_of_range_is_refused)
{
    pmipc_schema schema = bytes_schema(BYTES);
    const pmipc_producer_options options = {.overflow = 3};
    pmipc_producer *producer;
    pmipc_error error;
    CHECK_STATUS(pmipc_producer_open(&producer, "p", &schema, &options, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "overflow 3 is out of range");
}

/* ---- waiting ---- */

TEST(waiting_publish_is_full_after_timeout)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_WAIT);
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    CHECK_STATUS(pmipc_producer_wait_room(producer, 0), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_producer_wait_room(producer, MS), PMIPC_TIMEOUT);
    pmipc_producer_set_timeout(producer, 0);
    check_full(producer, "no lossless stream is connected");
    pmipc_producer_set_timeout(producer, 5 * MS);
    check_full(producer, "no lossless stream is connected");
    pmipc_producer_close(producer);
}

TEST(wait_for_room_in_other_pools_returns_at_once)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_OLDEST);
    CHECK_EQ(publish_frames(producer, 2 * HISTORY), 2 * HISTORY);
    CHECK_OK(pmipc_producer_wait_room(producer, PMIPC_FOREVER));
    pmipc_producer_retire(producer);
    CHECK_STATUS(pmipc_producer_wait_room(producer, PMIPC_FOREVER), PMIPC_CLOSED);
    pmipc_producer_close(producer);
}

static void act_read_next(void *stream)
{
    check_next(stream, 1);
}

TEST(read_wakes_waiting_publish)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_WAIT);
    pmipc_stream *stream = lossless_stream(false);
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    waker other;
    when_i_sleep(&other, act_read_next, stream);
    CHECK_OK(try_publish(producer));
    pthread_join(other.thread, NULL);
    when_i_sleep(&other, act_close_stream, stream);
    CHECK_STATUS(pmipc_producer_wait_room(producer, 50 * MS), PMIPC_TIMEOUT); /* samples stay for the next stream */
    pthread_join(other.thread, NULL);
    pmipc_producer_close(producer);
}

TEST(close_of_slow_stream_wakes_waiting_publish)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_WAIT);
    pmipc_stream *slow = lossless_stream(false), *fast = lossless_stream(false);
    pmipc_view view;
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    CHECK_OK(pmipc_stream_get_last(fast, &view));
    pmipc_view_release(&view);
    waker other;
    when_i_sleep(&other, act_close_stream, slow);
    CHECK_OK(try_publish(producer));
    pthread_join(other.thread, NULL);
    pmipc_stream_close(fast);
    pmipc_producer_close(producer);
}

/* Each of 400 samples makes the producer wait. If the wakes were lost, sleeps of 100 ms would exceed the time limit. */
ROLE(reads_every_command)
{
    const pmipc_stream_options options = {.lossless = true, .start_oldest = true};
    pmipc_stream *stream = stream_open(argument, &options);
    send_word(channel, 0);
    for (uint64_t seq = 1; seq <= 400; seq++) {
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_next(stream, PMIPC_FOREVER, &view));
        CHECK_EQ(view.seq, seq);
        check_view(&view);
        pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
}

TEST(every_read_wakes_waiting_publish)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_WAIT);
    helper reader = helper_start("reads_every_command", "p");
    receive_word(reader.channel);
    for (uint64_t seq = 1; seq <= 400; seq++)
        CHECK_OK(try_publish(producer));
    helper_finish(&reader);
    pmipc_producer_close(producer);
}

static void on_alarm(int number)
{
    (void)number;
}

static void act_signal(void *thread)
{
    pthread_kill(*(pthread_t *)thread, SIGUSR1);
}

TEST(signal_interrupts_waiting_publish)
{
    const struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGUSR1, &action, NULL);
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_WAIT);
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    waker other;
    pthread_t me = pthread_self();
    when_i_sleep(&other, act_signal, &me);
    CHECK_STATUS(try_publish(producer), PMIPC_INTERRUPTED);
    pthread_join(other.thread, NULL);
    when_i_sleep(&other, act_signal, &me);
    CHECK_STATUS(pmipc_producer_wait_room(producer, PMIPC_FOREVER), PMIPC_INTERRUPTED);
    pthread_join(other.thread, NULL);
    pmipc_producer_close(producer);
}

static void *publish_forever(void *producer)
{
    (void)try_publish(producer);
    return NULL;
}

TEST(cancelled_wait_of_publish_leaves_usable_producer)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_WAIT);
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, publish_forever, producer);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    CHECK(result == PTHREAD_CANCELED);
    pmipc_stream *stream = lossless_stream(true);
    check_next(stream, 1);
    CHECK_EQ(publish_frame(producer), HISTORY + 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- death ---- */

/* Reads as many samples as the word says, then waits. */
ROLE(reads_and_holds)
{
    const pmipc_stream_options options = {.lossless = true, .start_oldest = true};
    pmipc_stream *stream = stream_open(argument, &options);
    send_word(channel, 0);
    uint64_t count = receive_word(channel);
    while (count-- > 0) {
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_next(stream, SECOND, &view));
        pmipc_view_release(&view);
    }
    send_word(channel, pmipc_stream_cursor(stream));
    sleep_until_killed();
}

TEST(killed_lossless_stream_releases_its_samples)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_WAIT);
    helper slow = helper_start("reads_and_holds", "p"), fast = helper_start("reads_and_holds", "p");
    receive_word(slow.channel);
    receive_word(fast.channel);
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    send_word(slow.channel, 1);
    send_word(fast.channel, HISTORY);
    CHECK_EQ(receive_word(slow.channel), 1);
    CHECK_EQ(receive_word(fast.channel), HISTORY);
    CHECK_OK(try_publish(producer));
    pmipc_producer_set_timeout(producer, 0);
    CHECK_STATUS(try_publish(producer), PMIPC_FULL);
    helper_kill(&slow);
    CHECK_OK(pmipc_producer_wait_room(producer, PMIPC_FOREVER));
    CHECK_EQ(publish_frames(producer, HISTORY - 1), 2 * HISTORY);
    CHECK_STATUS(try_publish(producer), PMIPC_FULL);
    helper_kill(&fast);
    CHECK_STATUS(pmipc_producer_wait_room(producer, 200 * MS), PMIPC_TIMEOUT); /* they stay for the next stream */
    pmipc_stream *stream = lossless_stream(true);
    for (uint64_t seq = HISTORY + 1; seq <= 2 * HISTORY; seq++)
        check_next(stream, seq);
    CHECK_EQ(publish_frames(producer, HISTORY), 3 * HISTORY);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(claim_of_dead_lossless_row_releases_its_samples)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_REFUSE);
    helper dead = helper_start("reads_and_holds", "p");
    receive_word(dead.channel);
    pmipc_stream *stream = NULL, *others[PMIPC_MAX_READERS];
    CHECK_EQ(publish_frames(producer, 1), 1);
    send_word(dead.channel, 1);
    CHECK_EQ(receive_word(dead.channel), 1);
    helper_kill(&dead);
    for (uint32_t i = 0; i < PMIPC_MAX_READERS; i++) /* the last one claims the row of the dead stream */
        others[i] = stream_open("p", NULL);
    pmipc_stream_close(others[0]);
    stream = lossless_stream(true);
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY + 1);
    for (uint64_t seq = 2; seq <= HISTORY + 1; seq++)
        check_next(stream, seq);
    CHECK_EQ(publish_frames(producer, HISTORY), 2 * HISTORY + 1);
    pmipc_stream_close(stream);
    for (uint32_t i = 1; i < PMIPC_MAX_READERS; i++)
        pmipc_stream_close(others[i]);
    pmipc_producer_close(producer);
}

TEST(adopted_lossless_pool_keeps_unread_samples)
{
    pmipc_producer *producer = keeping_producer(PMIPC_OVERFLOW_REFUSE);
    pmipc_stream *stream = lossless_stream(false);
    CHECK_EQ(publish_frames(producer, HISTORY), HISTORY);
    check_next(stream, 1);
    pmipc_producer_abandon(producer);
    producer = keeping_producer(PMIPC_OVERFLOW_REFUSE);
    CHECK(pmipc_producer_adopted(producer));
    CHECK_OK(try_publish(producer));
    CHECK_STATUS(try_publish(producer), PMIPC_FULL);
    pmipc_stream_close(stream);
    CHECK_STATUS(try_publish(producer), PMIPC_FULL);
    pmipc_producer_abandon(producer);
    producer = keeping_producer(PMIPC_OVERFLOW_REFUSE);
    CHECK_STATUS(try_publish(producer), PMIPC_FULL);
    stream = lossless_stream(true);
    for (uint64_t seq = 2; seq <= HISTORY + 1; seq++)
        check_next(stream, seq);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- another pool takes the place of this one ---- */

static pmipc_schema variable_schema(void)
{
    pmipc_schema schema;
    const int64_t shape[] = {4};
    pmipc_schema_init(&schema);
    schema_add(&schema, "", PMIPC_UINT8, 1, shape, PMIPC_FIELD_VARIABLE);
    return schema;
}

static pmipc_status publish_length(pmipc_producer *producer, int64_t length)
{
    const uint8_t data[1000] = {0};
    const pmipc_source source = {.data = data, .length = length};
    return pmipc_producer_publish_fields(producer, &source, 1, 0, NULL);
}

TEST(larger_pool_keeps_unread_samples)
{
    pmipc_schema schema = variable_schema();
    const pmipc_producer_options options = {.history_len = HISTORY, .overflow = PMIPC_OVERFLOW_REFUSE};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    pmipc_stream *stream = lossless_stream(false);
    pmipc_view view;
    for (int i = 0; i < HISTORY; i++)
        CHECK_OK(publish_length(producer, 4));
    CHECK_STATUS(publish_length(producer, 100), PMIPC_FULL); /* the larger pool would lose sample 1 */
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.seq, 1);
    pmipc_view_release(&view);
    CHECK_OK(publish_length(producer, 100));
    CHECK_STATUS(publish_length(producer, 4), PMIPC_FULL); /* the stream has not connected to the larger pool yet */
    for (uint64_t seq = 2; seq <= HISTORY + 1; seq++) {
        CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
        CHECK_EQ(view.seq, seq);
        CHECK_EQ(view.lost, 0);
        CHECK_EQ(view.fields[0].length, seq <= HISTORY ? 4 : 100);
        pmipc_view_release(&view);
    }
    for (int i = 0; i < HISTORY; i++)
        CHECK_OK(publish_length(producer, 100));
    CHECK_STATUS(publish_length(producer, 4), PMIPC_FULL);
    pmipc_stream_close(stream);
    stream = lossless_stream(true); /* does not get a sample again */
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.seq, HISTORY + 2);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
