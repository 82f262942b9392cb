/* The producer is killed while it publishes the sample that a stream waits for. Adoption wakes the stream at the
 * latest. */
#define HISTORY_LEN 1
#define SLOTS 3
#ifndef CRASH_AT
#define CRASH_AT 2
#endif
#include "world.h"

static uint32_t slept_on;
static bool asleep;

static void *wait_for_second(void *unused)
{
    uint32_t bell;
    while (entry_seq(load_acquire(&control.head)) < 2) {
        if (protocol_wait_begin(&control, &readers, 1, &bell) && load_relaxed(&control.bell) == bell) {
            slept_on = bell;
            asleep = true;
            break;
        }
    }
    return unused;
}

int main(void)
{
    struct protocol_producer *first = make_pool();
    publish(first);
    pthread_t thread = start(wait_for_second);
    stores_left = CRASH_AT;
    publish(first);
    stores_left = IMMORTAL;
    struct protocol_producer *successor = make_producer(1);
    assert(protocol_adopt(successor, SLOTS));
    if (successor->seq < 2)
        publish(successor);
    pthread_join(thread, NULL);
    assert(!asleep || load_relaxed(&control.bell) != slept_on);
    return 0;
}
