/* A producer publishes and retires its pool. A stream that finds the pool retired then finds the last sample: nothing
 * is published after it, and nothing before it is missing. */
#define HISTORY_LEN 1
#define SLOTS 2
#define PUBLISHES 2
#include "world.h"

static void *drain(void *unused)
{
    connect(0, 7);
    if (protocol_retirement(&control) == 0)
        return unused;
    uint64_t entry;
    assert(protocol_pin_newest(&OWN.reader, 0, &entry) == PIN_OK);
    assert(entry_seq(entry) == PUBLISHES);
    read_sample(entry);
    protocol_unpin(&OWN.reader, 0);
    return unused;
}

int main(void)
{
    struct protocol_producer *producer = make_pool();
    pthread_t thread = start(drain);
    for (int i = 0; i < PUBLISHES; i++)
        publish(producer);
    protocol_retire(&control, RETIRED_ENDED);
    pthread_join(thread, NULL);
    return 0;
}
