#include "residents.h"

#include "aftermath.h"
#include "helper.h"
#include "sleeping.h"

int residents_channel = -1;

uint64_t ask(enum command command, uint64_t argument)
{
    tell(residents_channel, (uint64_t)command << 32 | argument);
    return hear(residents_channel);
}

static void hold(struct residents *residents)
{
    if (!residents->held.owner)
        CHECK_OK(pmipc_stream_get_last(residents->watcher, &residents->held));
}

void residents_put_to_sleep(const struct residents *residents)
{
    sleeping_begin(residents->incarnation != 0);
}

void residents_connect(struct residents *residents)
{
    pmipc_view view;
    unsigned no_ends = 0;
    if (residents->connected) /* before, and something was published since */
        sleeping_end(&no_ends);
    pmipc_status status = pmipc_stream_get_last(residents->watcher, &view);
    if (status == PMIPC_OK)
        pmipc_view_release(&view);
    else if (status != PMIPC_NOTHING_NEW)
        CHECK_STATUS(status, PMIPC_NOT_CONNECTED);
    if (status == PMIPC_OK)
        hold(residents);
    residents->connected = true;
    residents->incarnation = status == PMIPC_NOT_CONNECTED ? 0 : stream_info(residents->watcher).incarnation;
    residents->seq = status == PMIPC_OK ? view.seq : 0;
    residents_put_to_sleep(residents);
}

static void produce(struct residents *residents, uint64_t frames)
{
    residents->producer = pool_producer(false);
    publish_frames(residents->producer, frames);
}

static uint64_t obey(struct residents *residents, enum command command, uint64_t argument)
{
    switch (command) {
    case PRODUCE:
        produce(residents, argument);
        break;
    case PUBLISH:
        publish_frames(residents->producer, argument);
        break;
    case LEAVE:
        pmipc_producer_abandon(residents->producer);
        residents->producer = NULL;
        break;
    case RENEW:
        pmipc_producer_close(residents->producer);
        produce(residents, argument);
        break;
    case HOLD:
        hold(residents);
        break;
    case HOARD:
        CHECK_OK(pmipc_stream_get_window(residents->watcher, HISTORY_LEN, HISTORY_LEN, &residents->held));
        break;
    case CONNECT:
        residents_connect(residents);
        break;
    case STALLED:
        while_stalled(residents);
        break;
    case AFTERMATH:
        return aftermath(residents, argument != 0);
    }
    return 0;
}

void residents_serve(int channel, const char *unused)
{
    struct residents residents = {0};
    (void)unused;
    pmipc_producer *producer = pool_producer(false);
    residents.smallest_pool_bytes = pool_file_bytes(POOL);
    pmipc_producer_close(producer);
    pmipc_stream_options options = {.follow_schema = true};
    residents.watcher = stream_open(POOL, &options);
    sleeping_start();
    residents.state = process_state_now();
    tell(channel, 0); /* ready */
    for (;;) {
        uint64_t word = hear(channel);
        tell(channel, obey(&residents, (enum command)(word >> 32), word & UINT32_MAX));
    }
}
