/* How a producer ends: close, abandon, keep, retire; and how it detects that it has lost its pool. */
#include "descriptors.h"
#include "helper.h"
#include "pools.h"

#include <pthread.h>
#include <unistd.h>

#define BYTES 500

static void check_newest(pmipc_stream *stream, pmipc_status expected)
{
    pmipc_view view;
    pmipc_status status = pmipc_stream_get_last(stream, &view);
    if (status == PMIPC_OK)
        pmipc_view_release(&view);
    CHECK_STATUS(status, expected);
}

TEST(close_removes_pool)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_producer_close(producer);
    CHECK_EQ(folder_entries(test_folder()), 0);
    CHECK(!pmipc_stream_connected(stream));
    check_newest(stream, PMIPC_NOT_CONNECTED);
    pmipc_stream_close(stream);
}

TEST(abandon_leaves_pool_readable_and_adoptable)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    publish_frames(producer, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_producer_abandon(producer);
    CHECK(pmipc_stream_connected(stream));
    CHECK(!pmipc_stream_producer_alive(stream));
    CHECK_EQ(read_newest(stream), 3);
    pmipc_stream *late = stream_open("p", NULL);
    CHECK_EQ(read_newest(late), 3);
    producer = bytes_producer("p", BYTES, 4);
    CHECK(pmipc_producer_adopted(producer));
    CHECK_EQ(pmipc_producer_seq(producer), 3);
    pmipc_stream_close(late);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(close_with_keep_leaves_pool_readable_and_adoptable)
{
    pmipc_schema schema = bytes_schema(BYTES);
    pmipc_producer_options options = {.history_len = 4, .keep = true};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    publish_frames(producer, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_producer_close(producer);
    CHECK_EQ(folder_entries(test_folder()), 1);
    CHECK_EQ(read_newest(stream), 3);
    CHECK(!pmipc_stream_producer_alive(stream));
    pmipc_pool_info *info = inspect("p");
    CHECK(!info->retired);
    CHECK(!info->producer_alive);
    inspect_release(info);
    options.keep = false;
    producer = producer_open("p", &schema, &options);
    CHECK(pmipc_producer_adopted(producer));
    CHECK_EQ(publish_frame(producer), 4);
    CHECK_EQ(read_newest(stream), 4);
    pmipc_producer_close(producer); /* this one does not keep it */
    CHECK_EQ(folder_entries(test_folder()), 0);
    pmipc_stream_close(stream);
}

/* ---- retire: the pool ends, the handle stays open ---- */

static void check_closed(pmipc_producer *producer)
{
    char data[BYTES] = {0};
    pmipc_loan loan = {0};
    const pmipc_source source = {data, 0};
    CHECK_STATUS(pmipc_producer_publish(producer, data, 0, NULL), PMIPC_CLOSED);
    CHECK_STATUS(pmipc_producer_publish_fields(producer, &source, 1, 0, NULL), PMIPC_CLOSED);
    CHECK_STATUS(pmipc_producer_loan(producer, &loan), PMIPC_CLOSED);
    pmipc_error error;
    pmipc_producer_last_error(producer, &error);
    CHECK_EQ(error.status, PMIPC_CLOSED);
    CHECK(error.text[0] != '\0');
}

TEST(retire_removes_pool_and_later_publish_returns_closed)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    publish_frames(producer, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    pmipc_producer_retire(producer);
    CHECK_EQ(folder_entries(test_folder()), 0);
    check_newest(stream, PMIPC_NOT_CONNECTED);
    check_view(&view);
    check_closed(producer);
    pmipc_producer_retire(producer);
    check_closed(producer);
    CHECK_TEXT(pmipc_producer_name(producer), "p");
    CHECK_EQ(pmipc_producer_readers(producer, NULL, 0), 0);
    CHECK_EQ(pmipc_producer_sweep(producer), 0);
    pmipc_producer *next = bytes_producer("p", BYTES, 4); /* the producer lock is free */
    CHECK_EQ(publish_and_read(next, stream), 1);
    pmipc_producer_retire(producer);
    pmipc_producer_close(producer); /* closing it does not change the pool of the next producer */
    CHECK_EQ(folder_entries(test_folder()), 1);
    CHECK_EQ(publish_and_read(next, stream), 2);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(next);
}

TEST(loan_stays_mapped_after_retire_and_commit_returns_closed)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    pmipc_producer_retire(producer);
    memset(loan.fields[0].data, 0xdd, BYTES);
    CHECK_STATUS(pmipc_producer_commit(producer, &loan, 0), PMIPC_CLOSED);
    memset(loan.fields[0].data, 0xee, BYTES);
    pmipc_producer_discard(producer, &loan);
    pmipc_producer_close(producer);
}

TEST(retire_with_keep_leaves_pool_adoptable)
{
    pmipc_schema schema = bytes_schema(BYTES);
    pmipc_producer_options options = {.history_len = 4, .keep = true};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    publish_frames(producer, 3);
    pmipc_producer_retire(producer);
    check_closed(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 3);
    pmipc_producer *next = bytes_producer("p", BYTES, 4);
    CHECK(pmipc_producer_adopted(next));
    CHECK_EQ(publish_and_read(next, stream), 4);
    pmipc_producer_close(producer);
    CHECK_EQ(publish_and_read(next, stream), 5);
    pmipc_stream_close(stream);
    pmipc_producer_close(next);
}

TEST(close_of_null_handle_does_nothing)
{
    pmipc_producer_close(NULL);
    pmipc_producer_abandon(NULL);
    pmipc_stream_close(NULL);
}

TEST(thousand_opens_and_closes_leak_nothing)
{
    process_state before = process_state_now();
    for (int i = 0; i < ROUNDS(1000); i++) {
        pmipc_producer *producer = bytes_producer("p", BYTES, 4);
        pmipc_stream *stream = stream_open("p", NULL);
        publish_and_read(producer, stream);
        if (i % 2)
            pmipc_stream_close(stream);
        pmipc_producer_close(producer);
        if (i % 2 == 0)
            pmipc_stream_close(stream);
    }
    process_state after = process_state_now();
    CHECK_EQ(after.descriptors, before.descriptors);
    CHECK_EQ(after.shared_mappings, before.shared_mappings);
}

static void *wait_for_retirement(void *context)
{
    pmipc_waiter *waiter = context;
    pmipc_status status = pmipc_waiter_wait(waiter, 1, PMIPC_FOREVER, NULL);
    return (void *)(intptr_t)status;
}

TEST(close_wakes_waiters_of_every_stream)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    pmipc_stream *streams[8];
    pmipc_waiter waiters[8];
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        streams[i] = stream_open("p", NULL);
        CHECK_OK(pmipc_waiter_init(&waiters[i], streams[i]));
        CHECK_EQ(pthread_create(&threads[i], NULL, wait_for_retirement, &waiters[i]), 0);
    }
    pmipc_producer_close(producer);
    for (int i = 0; i < 8; i++) {
        void *status;
        pthread_join(threads[i], &status);
        CHECK_EQ((intptr_t)status, PMIPC_OK);
        pmipc_waiter_release(&waiters[i]);
        pmipc_stream_close(streams[i]);
    }
}

/* ---- a producer whose process has closed all descriptors ---- */

/* `argument`: the call that detects the loss. */
ROLE(closes_all_descriptors)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    publish_frames(producer, 3);
    pmipc_loan loan;
    bool loaned = strcmp(argument, "commit") == 0;
    if (loaned) {
        CHECK_OK(pmipc_producer_loan(producer, &loan));
        memset(loan.fields[0].data, 0xdd, BYTES);
    }
    descriptors_close_all(channel);
    char data[BYTES];
    if (!loaned) { /* no other producer has the pool yet: publishing works */
        frame_fill(data, sizeof data, 4);
        CHECK_OK(pmipc_producer_publish(producer, data, PMIPC_STAMP_NOW, NULL));
    }
    send_word(channel, pmipc_producer_seq(producer));
    receive_word(channel); /* now another producer has adopted or replaced it */
    for (int i = 0; i < 3; i++) {
        pmipc_status status = PMIPC_OK;
        if (strcmp(argument, "publish") == 0)
            status = pmipc_producer_publish(producer, data, PMIPC_STAMP_NOW, NULL);
        if (strcmp(argument, "loan") == 0)
            status = pmipc_producer_loan(producer, &loan);
        if (loaned)
            status = i == 0 ? pmipc_producer_commit(producer, &loan, 0) : pmipc_producer_loan(producer, &loan);
        CHECK_STATUS(status, PMIPC_LOST);
        pmipc_error error;
        pmipc_producer_last_error(producer, &error);
        CHECK_EQ(error.status, PMIPC_LOST);
        CHECK(error.text[0] != '\0');
    }
    send_word(channel, 0);
    receive_word(channel);
    pmipc_producer_close(producer);
    send_word(channel, 0);
}

static void check_lost(const char *call)
{
    helper lost = helper_start("closes_all_descriptors", call);
    uint64_t seq = receive_word(lost.channel);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), seq);
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    CHECK(pmipc_producer_adopted(producer));
    send_word(lost.channel, 0);
    receive_word(lost.channel);
    CHECK_EQ(read_newest(stream), seq); /* no sample of the lost producer was published */
    CHECK_EQ(publish_frame(producer), seq + 1);
    send_word(lost.channel, 0);
    receive_word(lost.channel);
    helper_finish(&lost); /* its close did not remove the pool */
    CHECK_EQ(publish_frame(producer), seq + 2);
    CHECK_EQ(read_newest(stream), seq + 2);
    CHECK_EQ(folder_entries(test_folder()), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(publish_after_another_producer_adopted_returns_lost)
{
    check_lost("publish");
}

TEST(loan_after_another_producer_adopted_returns_lost)
{
    check_lost("loan");
}

TEST(commit_after_another_producer_adopted_returns_lost)
{
    check_lost("commit");
}

ROLE(closes_all_descriptors_then_producer)
{
    pmipc_producer *producer = bytes_producer(argument, BYTES, 4);
    publish_frame(producer);
    descriptors_close_all(channel);
    send_word(channel, 0);
    receive_word(channel);
    pmipc_producer_close(producer);
    send_word(channel, 0);
}

/* No publish comes before the close: the close itself must detect the loss. */
TEST(close_after_another_producer_adopted_keeps_pool)
{
    helper lost = helper_start("closes_all_descriptors_then_producer", "p");
    receive_word(lost.channel);
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    send_word(lost.channel, 0);
    receive_word(lost.channel);
    helper_finish(&lost);
    CHECK_EQ(folder_entries(test_folder()), 1);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* The other producer has another schema: it replaces the pool, and the file of the first one has lost its name. */
TEST(publish_after_pool_was_replaced_returns_lost_and_keeps_new_pool)
{
    helper lost = helper_start("closes_all_descriptors", "publish");
    receive_word(lost.channel);
    pmipc_producer *producer = bytes_producer("p", BYTES + 1, 4);
    CHECK(!pmipc_producer_adopted(producer));
    send_word(lost.channel, 0);
    receive_word(lost.channel);
    send_word(lost.channel, 0);
    receive_word(lost.channel);
    helper_finish(&lost);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- a process that ends without closing ---- */

ROLE(returns_without_closing)
{
    (void)argument;
    bytes_producer("p", BYTES, 4);
    send_word(channel, 0);
    receive_word(channel);
    _exit(0);
}

TEST(exit_without_close_leaves_adoptable_pool)
{
    helper owner = helper_start("returns_without_closing", "");
    receive_word(owner.channel);
    send_word(owner.channel, 0);
    helper_finish(&owner);
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    CHECK(pmipc_producer_adopted(producer));
    pmipc_producer_close(producer);
}
