/* failing_waits.c: the waits of a stream. No call really sleeps: the awaited event happens when the wait sleeps. */
#include "failing_operations.h"

#define MS INT64_C(1000000)

static void arrange_connected(void)
{
    stage_pool(2);
    stage.stream = stream_open("p", NULL);
}

static void publish_one(void)
{
    if (!stage.producer)
        stage.producer = bytes_producer("p", BYTES, 3);
    publish_frame(stage.producer);
}

static pmipc_status wait_for_one(pmipc_error *error)
{
    return of_stream(pmipc_stream_get_new(stage.stream, 1000 * MS, &stage.view), error);
}

static void confirm_got(void)
{
    check_view(&stage.view);
    pmipc_view_release(&stage.view);
    if (!stage.bystander)
        stage.bystander = stream_open("p", NULL);
    stage_check_bystander();
    publish_and_read(stage.producer, stage.stream);
}

static void confirm_unaffected(void)
{
    stage_check_bystander();
    publish_and_read(stage.producer, stage.stream);
}

static void arrange_absent(void)
{
    stage.stream = stream_open("p", NULL);
}

static void confirm_still_absent(void)
{
    stage_pool(0);
    confirm_unaffected();
}

static pmipc_status wait_for_next(pmipc_error *error)
{
    return of_stream(pmipc_stream_get_next(stage.stream, 1000 * MS, &stage.view), error);
}

/* ---- several streams ---- */

static void arrange_two(void)
{
    arrange_connected();
    stage.second_producer = bytes_producer("q", 64, 3);
    stage.second_stream = stream_open("q", NULL);
}

static pmipc_status wait_for_any(pmipc_error *error)
{
    pmipc_stream *streams[] = {stage.second_stream, stage.stream};
    uint32_t ready = 0;
    pmipc_status status = pmipc_stream_wait_any(streams, 2, 1000 * MS, &ready);
    if (!status)
        CHECK_EQ(ready, 1);
    if (status)
        pmipc_stream_last_error(streams[ready], error);
    return status;
}

static void confirm_two(void)
{
    CHECK_OK(pmipc_stream_get_new(stage.stream, 0, &stage.view));
    confirm_got();
    publish_and_read(stage.second_producer, stage.second_stream);
}

static void confirm_neither(void)
{
    confirm_unaffected();
    publish_and_read(stage.second_producer, stage.second_stream);
}

static void arrange_one_of_two(void)
{
    stage.stream = stream_open("p", NULL);
    stage.second_producer = bytes_producer("q", 64, 3);
    stage.second_stream = stream_open("q", NULL);
}

/* ---- waiters ---- */

static pmipc_status wait_with_waiter(pmipc_error *error)
{
    (void)error;
    pmipc_status status = pmipc_waiter_init(&stage.waiter, stage.stream);
    if (!status)
        status = pmipc_waiter_wait(&stage.waiter, 1, 1000 * MS, NULL);
    pmipc_waiter_release(&stage.waiter);
    return status;
}

static void confirm_waited(void)
{
    CHECK_OK(pmipc_stream_get_new(stage.stream, 0, &stage.view));
    confirm_got();
}

const struct operation waiting_operations[] = {
    {"wait", arrange_connected, wait_for_one, .confirm = confirm_got, .asleep = publish_one},
    {"wait: times out", arrange_connected, wait_for_one, confirm_unaffected, .status = PMIPC_TIMEOUT},
    {"wait: no pool yet", arrange_absent, wait_for_next, .confirm = confirm_got, .asleep = publish_one},
    {"wait: absent pool times out", arrange_absent, wait_for_next, confirm_still_absent, .status = PMIPC_TIMEOUT},
    {"wait for any", arrange_two, wait_for_any, .confirm = confirm_two, .asleep = publish_one},
    {"wait for any: times out", arrange_two, wait_for_any, confirm_neither, .status = PMIPC_TIMEOUT},
    {"wait for any: one has no pool yet", arrange_one_of_two, wait_for_any, .confirm = confirm_two,
     .asleep = publish_one},
    {"wait with a waiter", arrange_connected, wait_with_waiter, confirm_waited, publish_one, .flags = NO_ERROR_TEXT},
    {"wait with a waiter: no pool yet", arrange_absent, wait_with_waiter, confirm_waited, publish_one,
     .flags = NO_ERROR_TEXT},
    {0},
};
