/* world.h: a pool that is small enough to explore every execution, with the product's own protocol.c.
 *
 * The layout is the product's too. Only two loop bounds are smaller: the number of cells of a row (CELLS) and the
 * maximum number of slots. A harness defines HISTORY_LEN and SLOTS before it includes this file, and MAX_SLOT_COUNT if
 * its pool grows.
 *
 * Payloads are plain memory: the checker reports each pair of conflicting accesses that nothing orders, for example a
 * torn read. Private memory of a producer or reader is thread-local. The checker requires that each word of it is
 * written before it is read.
 *
 * Harnesses model the kernel: a lock is a mutex, a death is a thread whose stores have no more effect, a futex is one
 * comparison of the bell. */
#ifndef RC11_WORLD_H
#define RC11_WORLD_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef MAX_SLOT_COUNT
#define MAX_SLOT_COUNT SLOTS
#endif

#ifndef REUSES_LAST
#define REUSES_LAST 0
#endif

#define static_assert _Static_assert /* the checker's assert.h does not define it */

/* The memory model has no streaming stores. See README.md for the product's store fence. */
#define fence_streaming_stores fence_streaming_stores_of_the_machine
#include "os/atomic.h"
#undef fence_streaming_stores
static inline void fence_streaming_stores(void)
{
}

#include "pool/layout.h"
#undef PIN_CELLS
#ifndef CELLS
#define CELLS 1
#endif
#define PIN_CELLS CELLS
#undef MAX_SLOTS
#define MAX_SLOTS MAX_SLOT_COUNT

#ifdef CRASH_AT
#include "crash.h"
#endif

/* Without padding, a struct is copied word by word, as the checker requires. */
#undef bool
#define bool uint32_t
#include "pool/protocol.c"
#include "pool/room.c"
#undef bool
#define bool _Bool

static struct pool_control control;
static struct pool_readers readers;
static _Atomic uint64_t ring[HISTORY_LEN];
static uint64_t payload[MAX_SLOT_COUNT]; /* the sample's seq; plain, so that a race is an error */

/* ------------------------------------------------------------------------------------------------ producers */

/* Two producers: one that dies, and its successor. They may run in the same thread, one after the other, because the
 * lock orders them. */
struct private_memory {
    struct protocol_producer producers[2];
    struct protocol_reader reader;
    uint64_t entries[HISTORY_LEN];
    uint64_t pinned[2][1];
    uint16_t ring_slots[2][HISTORY_LEN];
    uint16_t found_slots[2][HISTORY_LEN];
    uint8_t slot_states[2][MAX_SLOT_COUNT];
};

/* A vector, because the checker cannot initialize a thread-local struct. */
typedef uint64_t private_words __attribute__((vector_size(1024)));
static _Thread_local __attribute__((nodebug)) private_words own_words;
static_assert(sizeof(struct private_memory) <= sizeof own_words, "private memory fits");
#define OWN (*(struct private_memory *)&own_words)

static struct protocol_producer *make_producer(uint32_t which)
{
    struct protocol_producer *producer = &OWN.producers[which];
    producer->control = &control;
    producer->ring = ring;
    producer->readers = &readers;
    producer->history_len = HISTORY_LEN;
    producer->epoch = 1;
    producer->slot_count = SLOTS;
    producer->seq = 0;
    producer->seq_limit = SEQ_MAX;
    producer->floor = 0;
    producer->head = ENTRY_EMPTY;
    producer->oldest = 1;
    producer->ring_index = 0;
    producer->cursor = 0;
    producer->reuses_last = REUSES_LAST;
    producer->malformed_cells = 0;
    producer->ring_slots = OWN.ring_slots[which];
    producer->found_slots = OWN.found_slots[which];
    producer->slot_states = OWN.slot_states[which];
    producer->pinned = OWN.pinned[which];
    for (uint32_t i = 0; i < HISTORY_LEN; i++)
        OWN.ring_slots[which][i] = OWN.found_slots[which][i] = 0;
    for (uint32_t i = 0; i < MAX_SLOT_COUNT; i++)
        OWN.slot_states[which][i] = SLOT_UNCLEAN;
    OWN.pinned[which][0] = 0;
    return producer;
}

static inline struct protocol_producer *make_pool(void)
{
    struct protocol_producer *producer = make_producer(0);
    protocol_begin(producer, 0);
    return producer;
}

/* Publish the next sample if a slot is clean. */
static inline bool publish(struct protocol_producer *producer)
{
    uint32_t slot;
    if (!protocol_take_slot(producer, &slot))
        return false;
    payload[slot] = producer->seq + 1;
    protocol_publish(producer, slot);
    assert(producer->malformed_cells == 0);
    return true;
}

/* -------------------------------------------------------------------------------------------------- readers */

/* Let this thread read with that row. */
static void use_row(uint32_t row, uint64_t token)
{
    OWN.reader.control = &control;
    OWN.reader.ring = ring;
    OWN.reader.readers = &readers;
    OWN.reader.history_len = HISTORY_LEN;
    protocol_row_use(&OWN.reader, row, token);
}

static inline void connect(uint32_t row, uint64_t token)
{
    protocol_row_claim(&readers, row, token);
    use_row(row, token);
}

/* What the user of a view does with a pinned sample. */
static inline void read_sample(uint64_t entry)
{
    assert(entry_slot(entry) < MAX_SLOT_COUNT);
    assert(payload[entry_slot(entry)] == entry_seq(entry));
}

static inline pthread_t start_with(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    pthread_create(&thread, NULL, run, argument);
    return thread;
}

static inline pthread_t start(void *(*run)(void *))
{
    return start_with(run, NULL);
}

#endif
