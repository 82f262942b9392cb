/* The protocol among threads on one piece of memory. Each handle maps the pool at another address, also within one
 * process, so ThreadSanitizer treats the mappings as different memory. Here the file of the protocol runs on memory
 * that all threads share, with plain accesses to the slots: under `make tsan` a missing synchronizing edge is a data
 * race on a slot; elsewhere it may appear as a wrong word. */
#include "pool/protocol.c"
#include "pool/room.c"

#include "pattern.h"
#include "test.h"

#include <pthread.h>

#define HISTORY 3
#define SLOTS 6
#define WORDS 16
#define READERS 3
#define FRAMES_PER_READER 4000 /* also with a sanitizer, which detects the races */

static struct {
    struct pool_control control;
    _Atomic uint64_t ring[HISTORY];
    struct pool_readers readers;
    uint64_t slots[SLOTS][WORDS]; /* plain memory: only the protocol prevents races */
} pool;

static _Atomic unsigned readers_at_work;

static void fill(uint32_t slot, uint64_t seq)
{
    pattern_fill(pool.slots[slot], sizeof pool.slots[slot], seq);
}

static void check(uint32_t slot, uint64_t seq)
{
    const size_t word = pattern_find_difference(pool.slots[slot], sizeof pool.slots[slot], seq, 0);
    if (word != SIZE_MAX)
        FAIL("slot %u: word %zu is not that of sample %" PRIu64, slot, word, seq);
}

/* ---- the producer ---- */

static void producer_init(struct protocol_producer *producer)
{
    static uint16_t ring_slots[HISTORY], found_slots[HISTORY];
    static uint8_t states[MAX_SLOTS];
    static uint64_t pinned[MAX_SLOTS / 64];
    *producer = (struct protocol_producer){.control = &pool.control,
                                           .ring = pool.ring,
                                           .readers = &pool.readers,
                                           .history_len = HISTORY,
                                           .slot_count = SLOTS,
                                           .oldest = 1,
                                           .ring_slots = ring_slots,
                                           .found_slots = found_slots,
                                           .slot_states = states,
                                           .pinned = pinned};
}

static void publish_until_readers_are_done(void)
{
    struct protocol_producer producer;
    producer_init(&producer);
    protocol_begin(&producer, 0);
    for (uint64_t turn = 0; load_acquire(&readers_at_work) > 0; turn++) {
        uint32_t slot;
        if (turn % 1000 == 999) { /* as when the producer dies and another adopts the pool */
            producer_init(&producer);
            CHECK(protocol_adopt(&producer, SLOTS));
        }
        if (!protocol_take_slot(&producer, &slot)) {
            (void)protocol_drop_oldest(&producer);
            test_yield();
            continue;
        }
        fill(slot, producer.seq + 1);
        if (turn % 50 == 49)
            protocol_return_slot(&producer, slot);
        else
            (void)protocol_publish(&producer, slot);
    }
}

/* ---- the readers ---- */

static void reader_init(struct protocol_reader *reader, uint32_t row, uint64_t token)
{
    *reader = (struct protocol_reader){
        .control = &pool.control, .ring = pool.ring, .readers = &pool.readers, .history_len = HISTORY};
    protocol_row_claim(&pool.readers, row, token);
    protocol_row_use(reader, row, token);
}

static unsigned read_newest(const struct protocol_reader *reader, uint32_t cell)
{
    uint64_t entry;
    if (protocol_pin_newest(reader, cell, &entry) != PIN_OK)
        return 0;
    check(entry_slot(entry), entry_seq(entry));
    return 1;
}

static unsigned read_one(const struct protocol_reader *reader, uint32_t cell)
{
    uint64_t newest = entry_seq(load_relaxed(&pool.control.head)),
             entry; /* a sequence number; the pin reads the ring again */
    if (newest < HISTORY || protocol_pin_seq(reader, cell, newest - newest % HISTORY, &entry) != PIN_OK)
        return 0;
    check(entry_slot(entry), entry_seq(entry));
    return 1;
}

static unsigned read_window(const struct protocol_reader *reader, uint32_t cell)
{
    uint64_t newest = entry_seq(load_relaxed(&pool.control.head)), entries[HISTORY];
    struct protocol_window window;
    if (newest < 2 || protocol_pin_window(reader, cell, newest, 2, entries, &window) != PIN_OK)
        return 0;
    check(entry_slot(entries[0]), entry_seq(entries[0]));
    check(entry_slot(entries[1]), entry_seq(entries[1]));
    return 1;
}

/* Each reader reads in one way and uses one cell, so that each synchronizing edge has a reader that depends only on it.
 * The reader clears the cell, or pins over it, or clears its row with the pin in it. After each of these, and while the
 * cell is pinned, it yields so that the producer scans. */
static void *read_frames(void *context)
{
    static unsigned (*const ways[READERS])(const struct protocol_reader *, uint32_t) = {read_newest, read_one,
                                                                                        read_window};
    uint32_t row = *(const uint32_t *)context;
    struct protocol_reader reader;
    reader_init(&reader, row, 1);
    unsigned frames = 0;
    for (uint64_t turn = 2; frames < FRAMES_PER_READER; turn++) {
        unsigned got = ways[row](&reader, 0);
        frames += got;
        if (turn % 5 == 0)
            test_yield();
        if (turn % 3 == 0 || !got) {
            protocol_unpin(&reader, 0);
            test_yield();
        }
        if (turn % 7 == 0) {
            protocol_row_clear(&pool.readers, row);
            test_yield();
            reader_init(&reader, row, turn);
        }
    }
    protocol_row_clear(&pool.readers, row);
    atomic_fetch_sub_explicit(&readers_at_work, 1, memory_order_release);
    return NULL;
}

TEST(threads_that_share_slots_by_the_protocol_never_race)
{
    static uint32_t rows[READERS] = {0, 1, 2};
    pthread_t threads[READERS];
    atomic_store(&readers_at_work, READERS);
    for (int i = 0; i < READERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, read_frames, &rows[i]), 0);
    publish_until_readers_are_done();
    for (int i = 0; i < READERS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}
