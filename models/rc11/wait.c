/* A stream waits for the last sample, or (RETIRES) for the pool's end: it never sleeps on a bell that nobody will ring any more.
 *
 * The sleep is one look at the bell, as the kernel takes it. Whoever finds it unchanged sleeps for good in this model; if it
 * has changed in the end, that is a sleeper who was woken, and what he does then is another execution. */
#define HISTORY_LEN 1
#define SLOTS 2
#ifndef PUBLISHES
#define PUBLISHES 2
#endif
#ifdef RETIRES
#define AWAITED (PUBLISHES + 1) /* never comes */
#else
#define AWAITED PUBLISHES
#endif
#include "world.h"

static uint32_t slept_on;
static bool asleep;

static bool is_ready(uint64_t seen_seq)
{
    return entry_seq(load_acquire(&control.head)) > seen_seq || load_acquire(&control.retired);
}

static void *wait_for_all(void *unused)
{
    uint64_t seen = 0;
    while (!load_relaxed(&control.retired) && seen < AWAITED) {
        uint32_t bell;
        if (!is_ready(seen) && protocol_wait_begin(&control, &readers, seen, &bell) &&
            load_relaxed(&control.bell) == bell) {
            slept_on = bell;
            asleep = true;
            break;
        }
        seen = entry_seq(load_acquire(&control.head));
    }
    return unused;
}

int main(void)
{
    struct protocol_producer *producer = make_pool();
    pthread_t thread = start(wait_for_all);
    for (int i = 0; i < PUBLISHES; i++) {
        uint32_t slot;
        protocol_take_slot(producer, &slot);
        protocol_publish(producer, slot);
    }
#ifdef RETIRES
    protocol_retire(&control);
#endif
    pthread_join(thread, NULL);
    assert(!asleep || load_relaxed(&control.bell) != slept_on);
    return 0;
}
