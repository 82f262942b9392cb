/* A stream reads one sample after the other, as get_next does. It pins the requested sample, or none. */
#define HISTORY_LEN 2
#define SLOTS 3
#ifndef PUBLISHES
#define PUBLISHES 3
#endif
#include "world.h"

static void *read_all(void *unused)
{
    connect(0, 7);
    for (uint64_t seq = 1; seq <= 2; seq++) {
        uint64_t entry;
        enum pin_result result = protocol_pin_seq(&OWN.reader, 0, seq, &entry);
        assert(result == PIN_OK || result == PIN_EMPTY);
        if (result != PIN_OK)
            continue;
        assert(entry_seq(entry) == seq);
        read_sample(entry);
        protocol_unpin(&OWN.reader, 0);
    }
    return unused;
}

int main(void)
{
    struct protocol_producer *producer = make_pool();
    publish(producer);
    pthread_t thread = start(read_all);
    for (int i = 0; i < PUBLISHES; i++)
        publish(producer);
    pthread_join(thread, NULL);
    return 0;
}
