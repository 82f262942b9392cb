/* SIGKILL at random instants, hundreds of times: streams and producers continue, and no row or pin of a dead process
 * remains. */
#include "helper.h"
#include "pools.h"

#include <unistd.h>

#define HISTORY 4

/* Let the child run for a random time: some frames, then some more instructions. */
static void let_it_run(test_random *random, int channel)
{
    receive_word(channel);
    random_spin(random, 200000);
}

/* ---- producers ---- */

static void publishes_forever(int channel, const char *argument)
{
    (void)argument;
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), HISTORY);
    publish_frame(producer);
    send_word(channel, 0);
    for (;;)
        publish_frame(producer);
}

/* 200 producers, each killed at a random instant of its loop. The stream never reads a torn frame, its sequence numbers
 * never go back, and every sample in history is whole. Detects an adopter that scans before it stores head, and an
 * owner that trusts the ring of a dead producer. */
TEST(stream_reads_on_through_two_hundred_killed_producers)
{
    test_random random = random_start();
    helper first = helper_fork(publishes_forever, "");
    let_it_run(&random, first.channel);
    helper_kill(&first);
    pmipc_stream *stream = stream_open("p", NULL);
    uint64_t incarnation = stream_info(stream).incarnation;
    uint64_t newest = read_newest(stream);
    process_state before = process_state_now();
    for (int round = 0; round < ROUNDS(200); round++) {
        helper owner = helper_fork(publishes_forever, ""); /* the test holds only a stream; the child uses none of it */
        let_it_run(&random, owner.channel);
        helper_kill(&owner);
        uint64_t now = read_newest(stream);
        if (now <= newest)
            FAIL("round %d: newest went from %" PRIu64 " to %" PRIu64, round, newest, now);
        newest = now;
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_window(stream, 1, HISTORY, &view));
        CHECK_EQ(view.seq, newest);
        CHECK(view.frame_count >= HISTORY - 1 || view.frame_count == newest); /* at most one entry is being replaced */
        check_view(&view);
        pmipc_view_release(&view);
        CHECK(!pmipc_stream_producer_alive(stream));
    }
    CHECK_EQ(stream_info(stream).incarnation, incarnation);
    CHECK_EQ(stream_info(stream).reconnects, 0);
    process_state after = process_state_now();
    CHECK_EQ(after.descriptors, before.descriptors);
    CHECK(after.shared_mappings <= before.shared_mappings + 1); /* the first window's second mapping */
    CHECK(stream_info(stream).slot_count <= HISTORY + PMIPC_DEFAULT_SPARE + 3);
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

static void opens_and_closes_forever(int channel, const char *argument)
{
    (void)argument;
    send_word(channel, 0);
    for (int64_t i = 0;; i++) {
        pmipc_producer *producer = bytes_producer("p", page_frame_bytes() - i % 3, HISTORY);
        publish_frame(producer);
        if (i % 2)
            pmipc_producer_close(producer);
        else
            pmipc_producer_abandon(producer);
    }
}

/* Killed while they create, adopt, replace or retire a pool: the next producer can always start. */
TEST(producers_killed_in_open_or_close_never_block_next_one)
{
    test_random random = random_start();
    for (int round = 0; round < ROUNDS(200); round++) {
        helper owner = helper_fork(opens_and_closes_forever, "");
        let_it_run(&random, owner.channel);
        helper_kill(&owner);
        CHECK(folder_entries(test_folder()) <= 1); /* an incomplete pool has no name */
        pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), HISTORY);
        pmipc_stream *stream = stream_open("p", NULL);
        publish_and_read(producer, stream);
        pmipc_stream_close(stream);
        if (random_below(&random, 2))
            pmipc_producer_close(producer);
        else
            pmipc_producer_abandon(producer);
    }
    (void)!pmipc_pool_remove("p", NULL, NULL, NULL);
}

/* ---- consumers ---- */

ROLE(holds_seven_views)
{
    (void)argument;
    pmipc_stream *stream = stream_open("p", NULL);
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        pmipc_view view;
        pmipc_status status =
            i % 2 ? pmipc_stream_get_last(stream, &view) : pmipc_stream_get_window(stream, 1, HISTORY, &view);
        CHECK_OK(status);
        send_word(channel, 0);
        receive_word(channel);
    }
    sleep_until_killed();
}

ROLE(waits_for_frames)
{
    (void)argument;
    pmipc_stream *stream = stream_open("p", NULL);
    send_word(channel, 0);
    for (;;) {
        pmipc_view view;
        if (pmipc_stream_get_new(stream, PMIPC_FOREVER, &view) == PMIPC_OK)
            pmipc_view_release(&view);
    }
}

static void opens_streams_forever(int channel, const char *argument)
{
    (void)argument;
    send_word(channel, 0);
    for (;;) {
        pmipc_stream *stream = stream_open("p", NULL);
        pmipc_view view;
        if (pmipc_stream_get_last(stream, &view) == PMIPC_OK)
            pmipc_view_release(&view);
        if (pmipc_stream_get_window(stream, 1, HISTORY, &view) == PMIPC_OK)
            pmipc_view_release(&view);
        pmipc_stream_close(stream);
    }
}

static unsigned live_readers(pmipc_producer *producer)
{
    pmipc_reader_info readers[PMIPC_MAX_READERS];
    uint32_t count = pmipc_producer_readers(producer, readers, PMIPC_MAX_READERS);
    unsigned live = 0;
    for (uint32_t i = 0; i < count; i++)
        live += readers[i].alive;
    return live;
}

/* The pool has not grown more than one consumer (live, or dead and not yet swept) can make it grow. */
static void check_pool_is_bounded(pmipc_producer *producer)
{
    uint32_t slots = pmipc_producer_slot_count(producer);
    if (slots > 4 * HISTORY + 8 + PMIPC_DEFAULT_SPARE + 8)
        FAIL("the pool has grown to %u slots", slots);
}

TEST(consumers_killed_with_seven_views_leave_no_rows)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), HISTORY);
    publish_frames(producer, HISTORY);
    process_state before = process_state_now();
    for (int round = 0; round < ROUNDS(200); round++) {
        if (round == 5)
            before = process_state_now(); /* by now it has grown to its final size */
        helper consumer = helper_start("holds_seven_views", "");
        for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
            receive_word(consumer.channel);
            publish_frame(producer);
            send_word(consumer.channel, 0);
        }
        helper_kill(&consumer);
        CHECK_EQ(live_readers(producer), 0);
        publish_frames(producer, 10);
        check_pool_is_bounded(producer);
    }
    process_state after = process_state_now();
    CHECK_EQ(after.descriptors, before.descriptors);
    CHECK_EQ(after.shared_mappings, before.shared_mappings);
    pmipc_stream *streams[PMIPC_MAX_READERS]; /* every row is free again */
    for (int i = 0; i < PMIPC_MAX_READERS; i++)
        streams[i] = stream_open("p", NULL);
    for (int i = 0; i < PMIPC_MAX_READERS; i++)
        pmipc_stream_close(streams[i]);
    publish_frames(producer, 100);
    check_pool_is_bounded(producer);
    pmipc_producer_close(producer);
}

ROLE(holds_seven_single_views)
{
    (void)argument;
    pmipc_stream *stream = stream_open("p", NULL);
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_last(stream, &view));
        send_word(channel, 0);
        receive_word(channel);
    }
    sleep_until_killed();
}

/* The pool may not grow: history needs the slots of the dead readers. Detects a producer that never sweeps. */
TEST(slots_of_killed_consumer_are_reused)
{
    pmipc_schema schema = bytes_schema(page_frame_bytes());
    pmipc_producer_options options = {.history_len = HISTORY, .spare = 5}; /* nine slots */
    pmipc_producer *producer = producer_open("p", &schema, &options);
    options.max_bytes = pool_file_bytes("p");
    pmipc_producer_close(producer);
    producer = producer_open("p", &schema, &options);
    publish_frames(producer, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    for (int round = 0; round < 5; round++) {
        helper consumer = helper_start("holds_seven_single_views", "");
        for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
            receive_word(consumer.channel);
            publish_frames(producer, 5);
            send_word(consumer.channel, 0);
        }
        CHECK_STATUS(pmipc_stream_get_window(stream, HISTORY, HISTORY, &view), PMIPC_TOO_FEW);
        helper_kill(&consumer);
        WAIT_UNTIL(publish_frame(producer) && pmipc_stream_get_window(stream, HISTORY, HISTORY, &view) == PMIPC_OK);
        check_view(&view);
        pmipc_view_release(&view);
        CHECK_EQ(pmipc_producer_slot_count(producer), 9);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(consumers_killed_in_wait_leave_no_rows)
{
    test_random random = random_start();
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), HISTORY);
    publish_frame(producer);
    process_state before = process_state_now();
    for (int round = 0; round < ROUNDS(200); round++) {
        helper consumer = helper_start("waits_for_frames", "");
        receive_word(consumer.channel);
        for (uint64_t i = random_below(&random, 4); i > 0; i--)
            publish_frame(producer);
        random_spin(&random, 100000);
        helper_kill(&consumer);
        publish_frame(producer);
    }
    CHECK_EQ(live_readers(producer), 0);
    check_pool_is_bounded(producer);
    process_state after = process_state_now();
    CHECK_EQ(after.descriptors, before.descriptors);
    CHECK_EQ(after.shared_mappings, before.shared_mappings);
    helper last = helper_start("waits_for_frames", ""); /* waiting still works after all these deaths */
    receive_word(last.channel);
    publish_frames(producer, 10);
    CHECK_EQ(live_readers(producer), 1);
    helper_kill(&last);
    pmipc_producer_close(producer);
}

/* The children fork from a process without handles and are killed at random instants of open, pin, window and close. */
static void kills_many_openers(int channel, const char *argument)
{
    (void)argument;
    test_random random = {.state = receive_word(channel)};
    for (int round = 0; round < ROUNDS(200); round++) {
        helper opener = helper_fork(opens_streams_forever, "");
        let_it_run(&random, opener.channel);
        helper_kill(&opener);
    }
    send_word(channel, 0);
}

TEST(consumers_killed_in_open_leave_no_rows)
{
    test_random random = random_start();
    helper killer = helper_fork(kills_many_openers, "");
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), HISTORY);
    publish_frame(producer);
    process_state before = process_state_now();
    send_word(killer.channel, random_next(&random));
    while (!word_is_waiting(killer.channel)) {
        publish_frame(producer);
        test_yield();
    }
    receive_word(killer.channel);
    helper_finish(&killer);
    CHECK_EQ(live_readers(producer), 0);
    check_pool_is_bounded(producer);
    process_state after = process_state_now();
    CHECK_EQ(after.descriptors, before.descriptors - 1);        /* the channel of the helper that kills */
    CHECK(after.shared_mappings <= before.shared_mappings + 8); /* mappings of the producer, for growth */
    pmipc_stream *streams[PMIPC_MAX_READERS];
    for (int i = 0; i < PMIPC_MAX_READERS; i++)
        streams[i] = stream_open("p", NULL);
    for (int i = 0; i < PMIPC_MAX_READERS; i++)
        CHECK_EQ(read_newest(streams[i]), pmipc_producer_seq(producer));
    for (int i = 0; i < PMIPC_MAX_READERS; i++)
        pmipc_stream_close(streams[i]);
    CHECK_EQ(folder_entries(test_folder()), 1);
    pmipc_producer_close(producer);
}

ROLE(holds_two_views)
{
    (void)argument;
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[2];
    for (int i = 0; i < 2; i++)
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
    send_word(channel, 0);
    sleep_until_killed();
}

/* All rows belong to dead readers and no producer sweeps: new streams must claim the rows and clear their pins. */
TEST(rows_of_dead_readers_are_claimed_without_sweep)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), HISTORY);
    publish_frame(producer);
    helper consumers[PMIPC_MAX_READERS];
    for (int i = 0; i < PMIPC_MAX_READERS; i++) {
        consumers[i] = helper_start("holds_two_views", "");
        receive_word(consumers[i].channel);
    }
    pmipc_producer_abandon(producer);
    for (int i = 0; i < PMIPC_MAX_READERS; i++)
        helper_kill(&consumers[i]);
    pmipc_stream *streams[PMIPC_MAX_READERS];
    for (int i = 0; i < PMIPC_MAX_READERS; i++) {
        streams[i] = stream_open("p", NULL);
        CHECK_EQ(read_newest(streams[i]), 1);
    }
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->reader_count, PMIPC_MAX_READERS);
    for (int i = 0; i < PMIPC_MAX_READERS; i++)
        CHECK_EQ(info->readers[i].pinned_slots, 0);
    inspect_release(info);
    for (int i = 0; i < PMIPC_MAX_READERS; i++)
        pmipc_stream_close(streams[i]);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

/* ---- producers and consumers at once ---- */

static void reads_forever(int channel, const char *argument)
{
    (void)argument;
    pmipc_stream *stream = stream_open("p", NULL);
    send_word(channel, 0);
    for (uint64_t last = 0;;) {
        pmipc_view views[3];
        for (int i = 0; i < 3; i++) {
            pmipc_status status = i == 2 ? pmipc_stream_get_window(stream, 1, HISTORY, &views[i])
                                         : pmipc_stream_get_last(stream, &views[i]);
            CHECK_OK(status);
            CHECK(views[i].seq >= last);
            last = views[i].seq;
            check_view(&views[i]);
        }
        for (int i = 0; i < 3; i++)
            pmipc_view_release(&views[i]);
    }
}

/* Producers and consumers are killed at random. The survivors check every frame they read; a helper whose check fails
 * ends, which helper_kill reports. */
TEST(survivors_of_random_kills_read_whole_frames)
{
    enum { CONSUMERS = 3 };
    test_random random = random_start();
    helper owner = helper_fork(publishes_forever, "");
    receive_word(owner.channel);
    helper consumers[CONSUMERS];
    for (int i = 0; i < CONSUMERS; i++) {
        consumers[i] = helper_fork(reads_forever, "");
        receive_word(consumers[i].channel);
    }
    for (int round = 0; round < ROUNDS(200); round++) {
        random_spin(&random, 100000);
        uint64_t victim = random_below(&random, CONSUMERS + 1);
        if (victim == CONSUMERS) {
            helper_kill(&owner);
            owner = helper_fork(publishes_forever, "");
            receive_word(owner.channel);
        } else {
            helper_kill(&consumers[victim]);
            consumers[victim] = helper_fork(reads_forever, "");
            receive_word(consumers[victim].channel);
        }
    }
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->reader_count, CONSUMERS);
    CHECK(info->slot_count <= HISTORY + PMIPC_DEFAULT_SPARE + (CONSUMERS + 2) * (2 + HISTORY) + 8);
    inspect_release(info);
    for (int i = 0; i < CONSUMERS; i++)
        helper_kill(&consumers[i]);
    helper_kill(&owner);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}
