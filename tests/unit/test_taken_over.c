/* A producer that lost its lock (all descriptors closed behind its back) publishes at full speed while another adopts
 * its pool: the adopter's frames go on in order and whole, whatever of the other's was still under way.
 *
 * Catches: an owner epoch that goes up only after the ring was read, and an adopter that never looks at head again. */
#include "helper.h"
#include "pools.h"

#include <unistd.h>

#define BYTES 500
#define HISTORY 4

ROLE(loses_its_descriptors_and_goes_on)
{
    (void)argument;
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    publish_frame(producer);
    for (int fd = 3; fd < 256; fd++)
        if (fd != channel)
            close(fd);
    tell(channel, 0);
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
    tell(channel, 0);
    hear(channel);
    pmipc_producer_close(producer);
}

TEST(a_pool_taken_from_a_producer_at_full_speed_goes_on_in_order_and_whole)
{
    for (int round = 0; round < ROUNDS(200); round++) {
        helper loser = helper_start("loses_its_descriptors_and_goes_on", "");
        hear(loser.channel);
        pmipc_stream *stream = stream_open("p", NULL);
        pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
        CHECK(pmipc_producer_adopted(producer));
        hear(loser.channel); /* it has found out */
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
        tell(loser.channel, 0);
        helper_finish(&loser);
        pmipc_stream_close(stream);
        pmipc_producer_close(producer);
    }
}
