#include "inherited.h"

#include "pools.h"

#include <unistd.h>

pmipc_producer *the_producer;
pmipc_stream *the_stream;
pmipc_view the_view;
pmipc_loan the_loan;

void set_up(void)
{
    the_producer = bytes_producer("p", INHERITED_BYTES, 4);
    publish_frames(the_producer, 3);
    the_stream = stream_open("p", NULL);
    the_view = newest_view(the_stream);
}

void check_parent_and_tear_down(void)
{
    check_view(&the_view);
    uint64_t seq = pmipc_producer_seq(the_producer);
    CHECK_EQ(publish_frames(the_producer, 40), seq + 40);
    CHECK_EQ(read_newest(the_stream), seq + 40);
    check_view(&the_view);
    pmipc_pool_info *info = inspect("p");
    CHECK(info->producer_alive);
    CHECK_EQ(info->producer_pid, getpid());
    CHECK_EQ(info->owner_epoch, 1);
    CHECK_EQ(info->reader_count, 1);
    inspect_release(info);
    pmipc_view_release(&the_view);
    pmipc_stream_close(the_stream);
    pmipc_producer_close(the_producer);
}

void uses_inherited_handles(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    char data[INHERITED_BYTES] = {0};
    pmipc_loan loan = {0};
    pmipc_view view;
    pmipc_waiter waiter;
    const pmipc_source source = {data, 0};
    CHECK_STATUS(pmipc_producer_publish(the_producer, data, 0, NULL), PMIPC_FORKED);
    CHECK_STATUS(pmipc_producer_publish_fields(the_producer, &source, 1, 0, NULL), PMIPC_FORKED);
    CHECK_STATUS(pmipc_producer_loan(the_producer, &loan), PMIPC_FORKED);
    pmipc_error error;
    pmipc_producer_last_error(the_producer, &error);
    CHECK_EQ(error.status, PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_last(the_stream, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_new(the_stream, 0, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_new(the_stream, PMIPC_FOREVER, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_next(the_stream, 0, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_window(the_stream, 1, 1, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_unseen(the_stream, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_get_at(the_stream, 0, PMIPC_AT_NEAREST, -1, &view), PMIPC_FORKED);
    CHECK_STATUS(pmipc_stream_reconnect(the_stream, NULL), PMIPC_FORKED);
    CHECK_STATUS(pmipc_waiter_init(&waiter, the_stream), PMIPC_FORKED);
    pmipc_stream_last_error(the_stream, &error);
    CHECK_EQ(error.status, PMIPC_FORKED);
}

void closes_inherited_handles(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    pmipc_view_release(&the_view);
    pmipc_stream_close(the_stream);
    pmipc_producer_close(the_producer);
}

void ends_at_once(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
}
