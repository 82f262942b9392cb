#include "observers.h"

#include "aftermath.h"
#include "helper.h"
#include "sleeping.h"

int observers_channel = -1;

uint64_t ask(enum command command, uint64_t argument)
{
    send_word(observers_channel, (uint64_t)command << 32 | argument);
    return receive_word(observers_channel);
}

static void hold(struct observers *observers)
{
    if (!observers->held.owner)
        CHECK_OK(pmipc_stream_get_last(observers->watcher, &observers->held));
}

void observers_put_to_sleep(const struct observers *observers)
{
    sleeping_begin(observers->incarnation != 0);
}

void observers_connect(struct observers *observers)
{
    pmipc_view view;
    unsigned no_ends = 0;
    if (observers->connected) /* connected before; samples were published since */
        sleeping_end(&no_ends);
    pmipc_status status = pmipc_stream_get_last(observers->watcher, &view);
    if (status == PMIPC_OK)
        pmipc_view_release(&view);
    else if (status != PMIPC_NOTHING_NEW)
        CHECK_STATUS(status, PMIPC_NOT_CONNECTED);
    if (status == PMIPC_OK)
        hold(observers);
    observers->connected = true;
    observers->incarnation = status == PMIPC_NOT_CONNECTED ? 0 : stream_info(observers->watcher).incarnation;
    observers->seq = status == PMIPC_OK ? view.seq : 0;
    observers_put_to_sleep(observers);
}

static void produce(struct observers *observers, uint64_t frames)
{
    observers->producer = pool_producer(false);
    publish_frames(observers->producer, frames);
}

static uint64_t execute(struct observers *observers, enum command command, uint64_t argument)
{
    switch (command) {
    case PRODUCE:
        produce(observers, argument);
        break;
    case PUBLISH:
        publish_frames(observers->producer, argument);
        break;
    case ABANDON:
        pmipc_producer_abandon(observers->producer);
        observers->producer = NULL;
        break;
    case RECREATE:
        pmipc_producer_close(observers->producer);
        produce(observers, argument);
        break;
    case HOLD:
        hold(observers);
        break;
    case HOARD:
        CHECK_OK(pmipc_stream_get_window(observers->watcher, HISTORY_LEN, HISTORY_LEN, &observers->held));
        break;
    case CONNECT:
        observers_connect(observers);
        break;
    case STALLED:
        while_stalled(observers);
        break;
    case AFTERMATH:
        return aftermath(observers, argument != 0);
    }
    return 0;
}

void observers_serve(int channel, const char *unused)
{
    struct observers observers = {0};
    (void)unused;
    pmipc_producer *producer = pool_producer(false);
    observers.smallest_pool_bytes = pool_file_bytes(POOL);
    pmipc_producer_close(producer);
    pmipc_stream_options options = {.follow_schema = true};
    observers.watcher = stream_open(POOL, &options);
    sleeping_start();
    observers.state = process_state_now();
    send_word(channel, 0); /* ready */
    for (;;) {
        uint64_t word = receive_word(channel);
        send_word(channel, execute(&observers, (enum command)(word >> 32), word & UINT32_MAX));
    }
}
