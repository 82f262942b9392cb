/* A stream reads the newest sample while the producer reuses slots as soon as it may: no torn read, and seq never goes back. */
#ifndef HISTORY_LEN
#define HISTORY_LEN 1
#endif
#ifndef SLOTS
#define SLOTS (HISTORY_LEN + 1)
#endif
#ifndef PUBLISHES
#define PUBLISHES 2
#endif
#ifndef READS
#define READS 1
#endif
#include "world.h"

static void *read_newest(void *unused)
{
    uint64_t last = 0;
    connect(0, 7); /* in the same breath: the row's bit is as new to the producer as the pin is */
    for (int i = 0; i < READS; i++) {
        uint64_t entry;
        assert(protocol_pin_newest(&OWN.reader, 0, &entry) == PIN_OK);
        read_sample(entry);
        assert(entry_seq(entry) >= last);
        last = entry_seq(entry);
        protocol_unpin(&OWN.reader, 0);
    }
    return unused;
}

int main(void)
{
    struct protocol_producer *producer = make_pool();
    publish(producer);
    pthread_t thread = start(read_newest);
    for (int i = 0; i < PUBLISHES; i++)
        publish(producer);
    pthread_join(thread, NULL);
    assert(publish(producer)); /* nothing stays pinned */
    return 0;
}
