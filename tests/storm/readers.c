/* readers.c: streams that read in every way, hoarders that keep what they read, and one that waits for all pools at
 * once. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reading.h"

void play_stream(void)
{
    while (!is_over()) {
        static struct reading reading;
        uint64_t reads = one_in(3) ? chance(50) : chance(20000);
        if (!reading_open(&reading, pool_names[chance(POOLS)])) {
            pause_us(2000);
            continue;
        }
        for (uint64_t i = 0; i < reads && !is_over(); i++) {
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
        if (board->plant == PLANT_MAPPING && is_over())
            return;
        begin("stream_close");
        reading_close(&reading);
        judge(PMIPC_OK, MAY(OK), NULL);
    }
}

/* ---- a hoarder: its views are released by another thread ---- */

struct hand_over {
    pthread_mutex_t mutex;
    struct held views[64];
    unsigned count;
    bool done;
};

static void *release_views(void *context)
{
    struct hand_over *between = context;
    step_aside();
    for (bool done = false; !done;) {
        struct held held = {.view = {.owner = NULL}};
        pthread_mutex_lock(&between->mutex);
        if (between->count > 0)
            held = between->views[--between->count];
        else
            done = between->done;
        pthread_mutex_unlock(&between->mutex);
        if (held.view.owner)
            held_release(&held);
        else
            usleep(200);
    }
    return NULL;
}

static void hand_over(struct hand_over *between, struct held *held)
{
    pthread_mutex_lock(&between->mutex);
    bool room = between->count < sizeof between->views / sizeof between->views[0];
    if (room)
        between->views[between->count++] = *held;
    pthread_mutex_unlock(&between->mutex);
    if (!room)
        held_release(held);
    held->view.owner = NULL;
}

void play_hoarder(void)
{
    while (!is_over()) {
        static struct reading reading;
        struct hand_over between = {.mutex = PTHREAD_MUTEX_INITIALIZER};
        pthread_t thread;
        if (!reading_open(&reading, pool_names[chance(POOLS)])) {
            pause_us(2000);
            continue;
        }
        if (pthread_create(&thread, NULL, release_views, &between) != 0) {
            found(FOUND_WRONG, "hoarder: no thread");
            return;
        }
        for (uint64_t i = chance(3000); i > 0 && !is_over(); i--) {
            struct held held;
            if (!reading_read(&reading, &held))
                break;
            if (!held.view.owner)
                continue;
            count(&board->held);
            struct held *place = &reading.held[chance(HELD_MAX)];
            if (place->view.owner)
                hand_over(&between, place);
            *place = held;
            pause_us(1000);
        }
        begin("stream_close");
        reading_close(&reading);
        pthread_mutex_lock(&between.mutex);
        between.done = true;
        pthread_mutex_unlock(&between.mutex);
        pthread_join(thread, NULL);
        judge(PMIPC_OK, MAY(OK), NULL);
    }
}

/* ---- one that waits for all pools ---- */

void play_waiter(void)
{
    static struct reading all[POOLS];
    pmipc_stream *streams[POOLS];
    for (int i = 0; i < POOLS; i++) {
        const pmipc_stream_options options = {.follow_schema = true};
        pmipc_error error = {0};
        all[i] = (struct reading){.name = pool_names[i], .pool = frame_pool(pool_names[i]), .follows = true};
        begin("stream_open");
        if (judge(pmipc_stream_open(&all[i].stream, pool_names[i], &options, &error), MAY(OK), error.text))
            return;
        streams[i] = all[i].stream;
    }
    while (!is_over()) {
        uint32_t ready = POOLS;
        int64_t timeout_ns = one_in(2) ? PMIPC_FOREVER : 50000000;
        begin("wait_any");
        pmipc_status status = judge(pmipc_stream_wait_any(streams, POOLS, timeout_ns, &ready),
                                    MAY(OK) | MAY(INTERRUPTED) | (timeout_ns < 0 ? 0 : MAY(TIMEOUT)), NULL);
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
