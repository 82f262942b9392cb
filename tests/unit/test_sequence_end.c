/* Sequence numbers end at 2^48 - 1. The test includes the structures of the producer to start one shortly before that.
 */
#include "pools.h"

#include "pool/writer.h"

#define BYTES 100
#define HISTORY 3

/* A producer whose next sample has the number `next`. */
static pmipc_producer *producer_before(uint64_t next)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    struct protocol_producer *protocol =
        &(*(struct pool_writer **)producer)->protocol; /* the first member of pmipc_producer */
    CHECK_EQ(protocol->history_len, HISTORY);
    protocol->seq = next - 1; /* as protocol_begin does */
    protocol->oldest = next;
    protocol->ring_index = (uint32_t)(next % HISTORY);
    return producer;
}

TEST(publish_beyond_last_sequence_number_is_full_and_keeps_history)
{
    pmipc_producer *producer = producer_before(SEQ_MAX - 4);
    pmipc_stream *stream = stream_open("p", NULL);
    char data[BYTES] = {0};
    pmipc_loan loan;
    pmipc_view window;
    pmipc_error error;
    CHECK_EQ(publish_frames(producer, 5), SEQ_MAX);
    for (int i = 0; i < 20; i++) {
        const pmipc_source source = {.data = data, .length = BYTES};
        CHECK_STATUS(pmipc_producer_publish(producer, data, 0, NULL), PMIPC_FULL);
        CHECK_STATUS(pmipc_producer_loan(producer, &loan), PMIPC_FULL);
        CHECK_STATUS(pmipc_producer_publish_fields(producer, &source, 1, 0, NULL), PMIPC_FULL);
    }
    pmipc_producer_last_error(producer, &error);
    CHECK_STATUS(error.status, PMIPC_FULL);
    CHECK_HAS(error.text, "pool 'p' has used up its sequence numbers");
    CHECK_EQ(pmipc_producer_seq(producer), SEQ_MAX);
    CHECK_OK(pmipc_stream_get_window(stream, HISTORY, HISTORY, &window));
    CHECK_EQ(window.seq, SEQ_MAX);
    check_view(&window);
    pmipc_view_release(&window);
    pmipc_producer_close(producer);
    producer = bytes_producer("p", BYTES, HISTORY); /* the remedy that the error names */
    CHECK_EQ(publish_and_read(producer, stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(pool_at_last_sequence_number_is_replaced_not_adopted)
{
    pmipc_producer *producer = producer_before(SEQ_MAX);
    CHECK_EQ(publish_frame(producer), SEQ_MAX);
    pmipc_producer_abandon(producer);
    producer = bytes_producer("p", BYTES, HISTORY);
    CHECK(!pmipc_producer_adopted(producer));
    CHECK_EQ(publish_frame(producer), 1);
    pmipc_producer_close(producer);
}
