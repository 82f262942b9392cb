/* Pools without growth: slots of dead readers become free again, and PMIPC_FULL names the processes that hold slots. */
#include "descriptors.h"
#include "helper.h"
#include "moved_clock.h"
#include "pools.h"

#include <fcntl.h>
#include <unistd.h>

#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#endif

#define HISTORY 3
#define SPARE 3

static pmipc_producer *fixed_producer(uint32_t history_len)
{
    pmipc_schema schema = bytes_schema(page_frame_bytes());
    pmipc_producer_options options = {.history_len = history_len, .spare = SPARE, .no_growth = true};
    return producer_open("p", &schema, &options);
}

/* For each word it receives, it holds another view of the newest sample; it uses several streams for that. */
ROLE(holds_views)
{
    (void)argument;
    enum { STREAMS = 4 };
    pmipc_stream *streams[STREAMS];
    for (int i = 0; i < STREAMS; i++)
        streams[i] = stream_open("p", NULL);
    send_word(channel, 0);
    for (int i = 0;; i++) {
        receive_word(channel);
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_last(streams[i / PMIPC_MAX_VIEWS], &view));
        CHECK(!view.copied);
        send_word(channel, view.seq);
    }
}

/* A reader that has pinned the newest `count` samples of the producer, one after the other. */
static helper reader_of(pmipc_producer *producer, uint32_t count)
{
    helper holder = helper_start("holds_views", "");
    receive_word(holder.channel);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t seq = publish_frame(producer);
        send_word(holder.channel, 0);
        CHECK_EQ(receive_word(holder.channel), seq);
    }
    return holder;
}

static pmipc_status publish_status(pmipc_producer *producer, pmipc_error *error)
{
    pmipc_loan loan;
    pmipc_status status = pmipc_producer_loan(producer, &loan);
    if (status) {
        pmipc_producer_last_error(producer, error);
        return status;
    }
    pmipc_producer_discard(producer, &loan);
    return PMIPC_OK;
}

/* Consumers that hold views are killed repeatedly. */
TEST(slots_of_readers_killed_with_views_are_reused)
{
    pmipc_producer *producer = fixed_producer(HISTORY);
    uint32_t slots = pmipc_producer_slot_count(producer);
    for (int death = 0; death < 4; death++) {
        helper holder = reader_of(producer, slots);
        helper_kill(&holder);
        pmipc_error error;
        clock_moved_ns += 10 * MS; /* the producer sweeps again after 10 ms */
        CHECK_OK(publish_status(producer, &error));
        publish_frames(producer, 20);
    }
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    pmipc_producer_close(producer);
}

TEST(full_pool_does_not_sweep_live_reader)
{
    pmipc_producer *producer = fixed_producer(1);
    helper holder = reader_of(producer, pmipc_producer_slot_count(producer));
    uint64_t seq = pmipc_producer_seq(producer);
    pmipc_error error;
    for (int sweep = 0; sweep < 5; sweep++) {
        CHECK_STATUS(publish_status(producer, &error), PMIPC_FULL);
        clock_moved_ns += 10 * MS;
    }
    CHECK_EQ(pmipc_producer_seq(producer), seq);
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->cleared_rows, 0);
    inspect_release(info);
    helper_kill(&holder);
    pmipc_producer_close(producer);
}

TEST(adopt_sweeps_rows_of_dead_readers)
{
    pmipc_producer *producer = fixed_producer(HISTORY);
    helper holder = reader_of(producer, pmipc_producer_slot_count(producer) - 1);
    pmipc_producer_abandon(producer);
    helper_kill(&holder);
    producer = fixed_producer(HISTORY);
    CHECK(pmipc_producer_adopted(producer));
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->cleared_rows, 4);
    inspect_release(info);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, HISTORY);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(stream, HISTORY, HISTORY, &view)); /* history is complete again */
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(sweep_restores_history_given_up_for_dead_reader)
{
    pmipc_producer *producer = fixed_producer(HISTORY);
    uint32_t slots = pmipc_producer_slot_count(producer);
    helper holder = reader_of(producer, slots - 2);
    pmipc_stream *stream = stream_open("p", NULL);
    helper_kill(&holder);
    pmipc_view view;
    publish_frames(producer, 2 * slots);
    CHECK_STATUS(pmipc_stream_get_window(stream, HISTORY, HISTORY, &view), PMIPC_TOO_FEW);
    CHECK_EQ(pmipc_producer_sweep(producer), 4);
    publish_frames(producer, HISTORY);
    CHECK_OK(pmipc_stream_get_window(stream, HISTORY, HISTORY, &view));
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- the text of FULL ---- */

static void check_holder(const pmipc_error *error, pid_t holder, const char *holds)
{
    char text[96];
    snprintf(text, sizeof text, "pid %d '", (int)holder);
    CHECK_HAS(error->text, text);
    snprintf(text, sizeof text, "(%s)", holds);
    CHECK_HAS(error->text, text);
}

TEST(full_error_names_each_process_and_its_slot_count)
{
    pmipc_producer *producer = fixed_producer(1);
    uint32_t slots = pmipc_producer_slot_count(producer);
    pmipc_stream *idle = stream_open("p", NULL); /* it holds no slot, so it is not named */
    helper first = reader_of(producer, 1), second = reader_of(producer, slots - 1);
    pmipc_error error;
    CHECK_STATUS(publish_status(producer, &error), PMIPC_FULL);
    check_holder(&error, first.pid, "1 stream, 1 slot");
    char count[32];
    snprintf(count, sizeof count, "1 stream, %u slots", slots - 1);
    check_holder(&error, second.pid, count);
    char own[32];
    snprintf(own, sizeof own, "pid %d '", (int)getpid());
    CHECK(!strstr(error.text, own));
    CHECK(!strstr(error.text, "dead"));
    helper_kill(&first);
    helper_kill(&second);
    pmipc_stream_close(idle);
    pmipc_producer_close(producer);
}

/* A producer without its lock descriptor cannot sweep: the rows of dead readers remain, and the error reports them as
 * dead. */
TEST(full_error_reports_unswept_dead_reader_as_dead)
{
    descriptors_note();
    pmipc_producer *producer = fixed_producer(1);
    uint32_t slots = pmipc_producer_slot_count(producer);
    const int lock_fd = descriptor_with_lock();
    helper holder = reader_of(producer, slots);
    CHECK_EQ(close(lock_fd), 0);
    CHECK_EQ(open("/dev/null", O_RDONLY | O_CLOEXEC), lock_fd);
    pid_t pid = holder.pid;
    helper_kill(&holder);
    CHECK_EQ(pmipc_producer_sweep(producer), 0);
    pmipc_error error;
    CHECK_STATUS(publish_status(producer, &error), PMIPC_FULL);
    char holds[64];
    snprintf(holds, sizeof holds, "dead, not swept yet: 1 stream, %u slots", slots);
    check_holder(&error, pid, holds);
    pmipc_producer_close(producer);
    CHECK_EQ(close(lock_fd), 0);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

/* A row that is locked and not yet in use: its stream is connecting. */
TEST(full_error_with_locked_unused_rows_reports_no_registered_reader)
{
    pmipc_producer *producer = fixed_producer(HISTORY);
    int locks[PMIPC_MAX_READERS];
    for (int row = 0; row < PMIPC_MAX_READERS; row++) {
        locks[row] = open_pool_file("p");
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1 + row, .l_len = 1};
        CHECK_EQ(fcntl(locks[row], F_OFD_SETLK, &lock), 0);
    }
    pmipc_stream *stream;
    pmipc_error error;
    CHECK_STATUS(pmipc_stream_open(&stream, "p", NULL, &error), PMIPC_FULL);
    CHECK_HAS(error.text, "no reader has registered yet");
    for (int row = 0; row < PMIPC_MAX_READERS; row++)
        close(locks[row]);
    pmipc_producer_close(producer);
}
