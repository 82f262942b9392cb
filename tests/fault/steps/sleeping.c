#include "sleeping.h"

#include "operation.h"
#include "virtual.h"

#include <pthread.h>
#include <semaphore.h>

enum order { SLEEP, DISCONNECT };

static sem_t ordered;
static enum order order;
static _Atomic bool has_checked, done;
static uint64_t delivered;
static pmipc_stream *stream;

static void sleep_and_read(void)
{
    pmipc_view view;
    if (pmipc_stream_get_last(stream, &view) == PMIPC_OK) /* only later samples are new */
        pmipc_view_release(&view);
    atomic_store(&has_checked, true);
    CHECK_OK(pmipc_stream_get_next(stream, PMIPC_FOREVER, &view));
    check_view(&view);
    delivered = view.seq;
    pmipc_view_release(&view);
}

static void disconnect(void)
{
    pmipc_view view;
    pmipc_status status = pmipc_stream_get_last(stream, &view);
    if (status == PMIPC_OK) { /* a sample of the retired pool that it had not read */
        pmipc_view_release(&view);
        status = pmipc_stream_get_last(stream, &view);
    }
    CHECK_STATUS(status, PMIPC_NOT_CONNECTED);
}

static void *execute(void *unused)
{
    virtual_become_sleeper();
    for (;;) {
        sem_wait(&ordered);
        if (order == SLEEP)
            sleep_and_read();
        else
            disconnect();
        atomic_store(&done, true);
    }
    return unused;
}

static void give(enum order what)
{
    order = what;
    atomic_store(&has_checked, false);
    atomic_store(&done, false);
    sem_post(&ordered);
}

void sleeping_start(void)
{
    pthread_t thread;
    pmipc_stream_options options = {.follow_schema = true};
    stream = stream_open(POOL, &options);
    CHECK_EQ(sem_init(&ordered, 0, 0), 0);
    CHECK_EQ(pthread_create(&thread, NULL, execute, NULL), 0);
}

void sleeping_begin(bool connected)
{
    give(SLEEP);
    WAIT_UNTIL(connected ? virtual_is_asleep() : atomic_load(&has_checked));
}

uint64_t sleeping_end(unsigned *ends)
{
    while (!atomic_load(&done)) {
        if (virtual_is_asleep()) {
            if (*ends == 0)
                FAIL("a stream sleeps although there is a new sample: it was not woken");
            --*ends;
            virtual_end_sleep();
        }
        test_yield();
    }
    return delivered;
}

void sleeping_leave(void)
{
    give(DISCONNECT);
    WAIT_UNTIL(atomic_load(&done));
}
