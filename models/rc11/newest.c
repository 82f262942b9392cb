/* A stream reads the newest sample while the producer reuses slots as early as possible. No read is torn, and the
 * sequence numbers never decrease. */
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
#if defined(TWO_CELLS)
#define CELLS 2
#endif
#include "world.h"

#include "reads_newest.h"

#ifdef TWO_CELLS
/* A view is held while the next one is taken. */
static void *read_twice(void *unused)
{
    uint64_t first, second;
    connect(0, 7);
    assert(protocol_pin_newest(&OWN.reader, 0, &first) == PIN_OK);
    assert(protocol_pin_newest(&OWN.reader, 1, &second) == PIN_OK);
    read_sample(first);
    read_sample(second);
    assert(entry_seq(second) >= entry_seq(first));
    protocol_unpin(&OWN.reader, 0);
    read_sample(second);
    protocol_unpin(&OWN.reader, 1);
    return unused;
}
#define read_newest read_twice
#endif

int main(void)
{
    struct protocol_producer *producer = make_pool();
    publish(producer);
    pthread_t thread = start(read_newest);
#ifdef TWO_STREAMS
    pthread_t another = start_with(read_newest, (void *)(uintptr_t)1);
#endif
    for (int i = 0; i < PUBLISHES; i++)
        publish(producer);
    pthread_join(thread, NULL);
#ifdef TWO_STREAMS
    pthread_join(another, NULL);
#endif
    assert(publish(producer)); /* no slot stays pinned */
    return 0;
}
