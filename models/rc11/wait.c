/* A stream waits for the last sample or, with RETIRES, for the end of the pool. It never sleeps on a bell that will not
 * ring again.
 *
 * A sleep is one comparison of the bell, as the kernel makes it. In this model a stream that finds the bell unchanged
 * sleeps until the end. If the bell has changed by then, the sleeper was woken; another execution shows what it does
 * next. */
#define HISTORY_LEN 1
#define SLOTS 2
#ifndef PUBLISHES
#define PUBLISHES 2
#endif
#ifdef RETIRES
#define AWAITED (PUBLISHES + 1) /* is never published */
#else
#define AWAITED PUBLISHES
#endif
#include "world.h"

#ifdef TWO_STREAMS
#define STREAMS 2
#else
#define STREAMS 1
#endif

static uint32_t slept_on[STREAMS];
static bool asleep[STREAMS];

static bool is_ready(uint64_t seen_seq)
{
    return entry_seq(load_acquire(&control.head)) > seen_seq || load_acquire(&control.retired);
}

static void *wait_for_all(void *stream)
{
    const size_t me = (size_t)(uintptr_t)stream;
    uint64_t seen = 0;
    while (!load_relaxed(&control.retired) && seen < AWAITED) {
        uint32_t bell;
        if (!is_ready(seen) && protocol_wait_begin(&control, &readers, seen, &bell) &&
            load_relaxed(&control.bell) == bell) {
            slept_on[me] = bell;
            asleep[me] = true;
            break;
        }
        seen = entry_seq(load_acquire(&control.head));
    }
    return NULL;
}

int main(void)
{
    struct protocol_producer *producer = make_pool();
    pthread_t threads[STREAMS];
    for (size_t i = 0; i < STREAMS; i++)
        threads[i] = start_with(wait_for_all, (void *)(uintptr_t)i);
    for (int i = 0; i < PUBLISHES; i++) {
        uint32_t slot;
        protocol_take_slot(producer, &slot);
        protocol_publish(producer, slot);
    }
#ifdef RETIRES
    protocol_retire(&control, RETIRED_ENDED);
#endif
    for (size_t i = 0; i < STREAMS; i++) {
        pthread_join(threads[i], NULL);
        assert(!asleep[i] || load_relaxed(&control.bell) != slept_on[i]);
    }
    return 0;
}
