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

#include "reads_newest.h"

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
