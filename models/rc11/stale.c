/* The program has closed a stream's lock descriptor. The stream continues, while another stream claims its row. What
 * can still happen then, by decision (docs/decisions/0002-liveness.md), is found here: whether the other stream's view
 * is protected.
 *
 * PINS: the stale stream pins, after it has checked the token. Without PINS: it unpins. */
#define HISTORY_LEN 2
#define SLOTS 3
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* For the changed protocol.c that rc11_experiments.py makes: a stream writes a cell only if the cell has the value that
 * the stream has stored last. */
static _Thread_local uint64_t tag, left_in_cell;

static inline bool replace_cell(_Atomic uint64_t *cell, uint64_t value)
{
    uint64_t expected = left_in_cell;
    if (!atomic_compare_exchange_strong_explicit(cell, &expected, value | tag, memory_order_release,
                                                 memory_order_relaxed))
        return false;
    left_in_cell = value | tag;
    return true;
}

#include "world.h"

static void connect_tagged(uint64_t token)
{
    connect(0, token);
#ifdef TAGGED
    tag = token << 48;
#else
    tag = 0;
#endif
    left_in_cell = tag;
}

static void *other(void *unused)
{
    uint64_t entry;
    connect_tagged(8);
    if (protocol_pin_seq(&OWN.reader, 0, 1, &entry) == PIN_OK)
        read_sample(entry);
    return unused;
}

static void *stale(void *unused)
{
    uint64_t entry;
    connect_tagged(7);
#ifndef PINS
    if (protocol_pin_seq(&OWN.reader, 0, 1, &entry) != PIN_OK)
        return unused;
#endif
    pthread_t thread = start(other);
#ifdef PINS
    protocol_pin_seq(&OWN.reader, 0, 2, &entry);
#else
    protocol_unpin(&OWN.reader, 0);
#endif
    pthread_join(thread, NULL);
    return unused;
}

int main(void)
{
    struct protocol_producer *producer = make_pool();
    publish(producer);
    publish(producer);
    pthread_t thread = start(stale);
    publish(producer);
    publish(producer);
    pthread_join(thread, NULL);
    return 0;
}
