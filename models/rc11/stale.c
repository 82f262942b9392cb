/* A stream whose lock was closed behind its back goes on, while another claims its row: what remains of that, by
 * decision (docs/decisions/0002-liveness.md), is found here. The question is only whether the other one's view is
 * protected.
 *
 * PINS: the stale stream pins, past its look at the token. Without it: it unpins. */
#define HISTORY_LEN 2
#define SLOTS 3
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Used by what rc11_mutants.py makes of protocol.c for this harness: a cell is written by whoever finds in it what he
 * left. */
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
