/* readers.c: streams that use every kind of read, hoarders that hold many views, and a stream that waits for all pools
 * at once. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reading.h"

void run_stream(void)
{
    while (!must_end()) {
        static struct reading reading;
        uint64_t reads = one_in(3) ? random_below(50) : random_below(20000);
        if (!reading_open(&reading, pool_names[random_below(POOLS)])) {
            pause_us(2000);
            continue;
        }
        for (uint64_t i = 0; i < reads && !must_end(); i++) {
            struct held held;
            while (board->plant == PLANT_STUCK && reading.newest) {
                begin(PLANTED_SLEEP);
                pause();
            }
            if (!reading_read(&reading, &held))
                break;
            if (held.view.owner)
                reading_keep(&reading, &held);
            if (one_in(50))
                pause_us(2000);
        }
        if (board->plant == PLANT_MAPPING && must_end())
            return;
        begin("stream_close");
        reading_close(&reading);
        check_status(PMIPC_OK, ALLOW(OK), NULL);
    }
}

/* ---- a hoarder: another thread releases its views ---- */

struct handover {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a view was added, or done was set */
    struct held views[64];
    unsigned count;
    bool done;
};

static void *release_views(void *context)
{
    struct handover *handover = context;
    hide_calls_of_this_thread();
    for (;;) {
        struct held held = {.view = {.owner = NULL}};
        pthread_mutex_lock(&handover->mutex);
        while (handover->count == 0 && !handover->done)
            pthread_cond_wait(&handover->changed, &handover->mutex);
        if (handover->count > 0)
            held = handover->views[--handover->count];
        pthread_mutex_unlock(&handover->mutex);
        if (!held.view.owner)
            break;
        held_release(&held);
    }
    return NULL;
}

static void hand_over(struct handover *handover, struct held *held)
{
    pthread_mutex_lock(&handover->mutex);
    bool room = handover->count < sizeof handover->views / sizeof handover->views[0];
    if (room)
        handover->views[handover->count++] = *held;
    pthread_cond_signal(&handover->changed);
    pthread_mutex_unlock(&handover->mutex);
    if (!room)
        held_release(held);
    held->view.owner = NULL;
}

void run_hoarder(void)
{
    while (!must_end()) {
        static struct reading reading;
        struct handover handover = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
        pthread_t thread;
        if (!reading_open(&reading, pool_names[random_below(POOLS)])) {
            pause_us(2000);
            continue;
        }
        if (pthread_create(&thread, NULL, release_views, &handover) != 0) {
            found(FOUND_WRONG, "hoarder: no thread");
            return;
        }
        for (uint64_t i = random_below(3000); i > 0 && !must_end(); i--) {
            struct held held;
            if (!reading_read(&reading, &held))
                break;
            if (!held.view.owner)
                continue;
            count(&board->held);
            struct held *place = &reading.held[random_below(HELD_MAX)];
            if (place->view.owner)
                hand_over(&handover, place);
            *place = held;
            pause_us(1000);
        }
        begin("stream_close");
        reading_close(&reading);
        pthread_mutex_lock(&handover.mutex);
        handover.done = true;
        pthread_cond_signal(&handover.changed);
        pthread_mutex_unlock(&handover.mutex);
        pthread_join(thread, NULL);
        check_status(PMIPC_OK, ALLOW(OK), NULL);
    }
}

/* ---- a wait for all pools ---- */

void run_waiter(void)
{
    static struct reading all[POOLS];
    pmipc_stream *streams[POOLS];
    for (int i = 0; i < POOLS; i++) {
        const pmipc_stream_options options = {.follow_schema = true};
        pmipc_error error = {0};
        all[i] = (struct reading){.name = pool_names[i], .pool = frame_pool(pool_names[i]), .follows = true};
        begin("stream_open");
        if (check_status(pmipc_stream_open(&all[i].stream, pool_names[i], &options, &error), ALLOW(OK), error.text))
            return;
        streams[i] = all[i].stream;
    }
    while (!must_end()) {
        uint32_t ready = POOLS;
        int64_t timeout_ns = one_in(2) ? PMIPC_FOREVER : 50000000;
        begin("wait_any");
        pmipc_status status =
            check_status(pmipc_stream_wait_any(streams, POOLS, timeout_ns, &ready),
                         ALLOW(OK) | ALLOW(INTERRUPTED) | (timeout_ns < 0 ? 0 : ALLOW(TIMEOUT)), NULL);
        if (status)
            continue;
        struct held held;
        if (ready >= POOLS)
            found(FOUND_WRONG, "wait_any: stream %u of %d is ready", ready, POOLS);
        else if (reading_read(&all[ready], &held) && held.view.owner)
            reading_keep(&all[ready], &held);
    }
    for (int i = 0; i < POOLS; i++)
        reading_close(&all[i]);
}
