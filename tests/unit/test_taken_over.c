/* A producer that lost its lock (its program closed all descriptors) publishes at full speed while another producer
 * adopts the pool: the frames of the adopter are in order and whole, whatever the first producer still publishes.
 *
 * Detects: an owner epoch that is incremented only after the ring was read, and an adopter that does not read head
 * again. */
#include "descriptors.h"
#include "helper.h"
#include "pools.h"

#include <unistd.h>

#define BYTES 500
#define HISTORY 4

ROLE(closes_descriptors_and_publishes)
{
    (void)argument;
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    publish_frame(producer);
    descriptors_close_all(channel);
    send_word(channel, 0);
    pmipc_status status = PMIPC_OK;
    while (status == PMIPC_OK) {
        pmipc_loan loan;
        status = pmipc_producer_loan(producer, &loan);
        if (status == PMIPC_OK) {
            frame_fill(loan.fields[0].data, BYTES, loan.seq);
            status = pmipc_producer_commit(producer, &loan, 0);
        }
    }
    CHECK_STATUS(status, PMIPC_LOST);
    send_word(channel, 0);
    receive_word(channel);
    pmipc_producer_close(producer);
}

TEST(adopt_from_publishing_producer_keeps_order_and_whole_frames)
{
    for (int round = 0; round < ROUNDS(200); round++) {
        helper lost_producer = helper_start("closes_descriptors_and_publishes", "");
        receive_word(lost_producer.channel);
        pmipc_stream *stream = stream_open("p", NULL);
        pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
        CHECK(pmipc_producer_adopted(producer));
        receive_word(lost_producer.channel); /* it has detected the loss */
        uint64_t newest = read_newest(stream);
        for (int i = 0; i < 20; i++) {
            uint64_t seq = publish_and_read(producer, stream);
            if (seq <= newest)
                FAIL("round %d: frame %" PRIu64 " came after %" PRIu64, round, seq, newest);
            newest = seq;
            pmipc_view view;
            CHECK_OK(pmipc_stream_get_window(stream, 1, HISTORY, &view));
            check_view(&view);
            pmipc_view_release(&view);
        }
        send_word(lost_producer.channel, 0);
        helper_finish(&lost_producer);
        pmipc_stream_close(stream);
        pmipc_producer_close(producer);
    }
}
