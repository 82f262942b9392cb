/* Between the pin of a reader and its recheck: this program includes the file of the protocol, with a full fence at
 * which the test lets the producer act. */
#include "os/atomic.h"

static void (*at_fence)(void);

static inline void fence_with_action(void)
{
    fence_seq_cst();
    void (*act)(void) = at_fence;
    at_fence = 0;
    if (act)
        act();
}
#define fence_seq_cst fence_with_action
#include "pool/protocol.c"
#include "pool/room.c"

#include "test.h"

#define HISTORY 3
#define SLOTS 6
#define ROW 1
#define CELL 2

static struct {
    struct pool_control control;
    _Atomic uint64_t ring[HISTORY];
    struct pool_readers readers;
} pool;

static struct protocol_producer producer;
static struct protocol_reader reader;

static void set_up(void)
{
    static uint16_t ring_slots[HISTORY], found_slots[HISTORY];
    static uint8_t states[MAX_SLOTS];
    static uint64_t pinned[MAX_SLOTS / 64];
    producer = (struct protocol_producer){.control = &pool.control,
                                          .ring = pool.ring,
                                          .readers = &pool.readers,
                                          .history_len = HISTORY,
                                          .slot_count = SLOTS,
                                          .oldest = 1,
                                          .ring_slots = ring_slots,
                                          .found_slots = found_slots,
                                          .slot_states = states,
                                          .pinned = pinned};
    protocol_begin(&producer, 0);
    reader = (struct protocol_reader){
        .control = &pool.control, .ring = pool.ring, .readers = &pool.readers, .history_len = HISTORY};
    protocol_row_claim(&pool.readers, ROW, 7);
    protocol_row_use(&reader, ROW, 7);
}

static void publish(void)
{
    uint32_t slot;
    CHECK(protocol_take_slot(&producer, &slot));
    (void)protocol_publish(&producer, slot);
}

static void publish_many(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        publish();
}

static void replace_all_history(void)
{
    publish_many(HISTORY);
}

static void replace_oldest(void)
{
    publish();
}

static uint64_t pinned_by_reader(void)
{
    return load_relaxed(&pool.readers.cells[ROW][CELL]);
}

TEST(pin_seq_of_sample_that_leaves_history_leaves_no_pin)
{
    uint64_t entry;
    set_up();
    publish_many(5);
    at_fence = replace_all_history;
    CHECK_EQ(protocol_pin_seq(&reader, CELL, 4, &entry), PIN_EMPTY);
    CHECK(!at_fence);
    CHECK_EQ(pinned_by_reader(), 0);
    CHECK_EQ(protocol_pin_seq(&reader, CELL, 8, &entry), PIN_OK);
    CHECK_EQ(pinned_by_reader(), cell_make(entry_slot(entry), 1, SLOTS));
    protocol_unpin(&reader, CELL);
}

TEST(pin_window_whose_oldest_leaves_history_leaves_no_pin)
{
    uint64_t entries[HISTORY];
    struct protocol_window window;
    set_up();
    publish_many(5);
    at_fence = replace_oldest;
    CHECK_EQ(protocol_pin_window(&reader, CELL, 5, HISTORY, entries, &window), PIN_EMPTY);
    CHECK(!at_fence);
    CHECK_EQ(pinned_by_reader(), 0);
    CHECK_EQ(protocol_pin_window(&reader, CELL, 6, HISTORY, entries, &window), PIN_OK);
    CHECK_EQ(pinned_by_reader(), cell_make(entry_slot(entries[0]), HISTORY, SLOTS));
    protocol_unpin(&reader, CELL);
}

TEST(pin_newest_succeeds_while_history_is_replaced)
{
    uint64_t entry;
    set_up();
    publish_many(5);
    at_fence = replace_all_history;
    CHECK_EQ(protocol_pin_newest(&reader, CELL, &entry), PIN_OK);
    CHECK(!at_fence);
    CHECK_EQ(entry_seq(entry), 8);
    CHECK_EQ(pinned_by_reader(), cell_make(entry_slot(entry), 1, SLOTS));
    protocol_unpin(&reader, CELL);
}

/* The recheck accepts a sample that is still in the ring, although head names a newer one. */
TEST(pin_newest_keeps_sample_that_becomes_second_newest)
{
    uint64_t entry;
    set_up();
    publish_many(5);
    at_fence = replace_oldest;
    CHECK_EQ(protocol_pin_newest(&reader, CELL, &entry), PIN_OK);
    CHECK_EQ(entry_seq(entry), 5);
    publish_many(4 * SLOTS);
    CHECK_EQ(pinned_by_reader(), cell_make(entry_slot(entry), 1, SLOTS));
    CHECK_EQ(producer.slot_states[entry_slot(entry)], SLOT_UNCLEAN);
    protocol_unpin(&reader, CELL);
}

/* The slots of the window are on both sides of a skipped slot: the cell leaves out the longest run of slots that are
 * not part of the window. */
static void check_broken_window(uint64_t newest, uint32_t first, uint32_t span)
{
    uint64_t entries[HISTORY];
    struct protocol_window window;
    while (producer.seq < newest)
        publish();
    CHECK_EQ(protocol_pin_window(&reader, CELL, newest, HISTORY, entries, &window), PIN_OK);
    CHECK(!window.unbroken);
    CHECK_EQ(window.first_slot, first);
    CHECK_EQ(window.span, span);
    CHECK_EQ(pinned_by_reader(), cell_make(first, span, SLOTS));
    protocol_unpin(&reader, CELL);
}

TEST(pin_window_with_skipped_slot_pins_shortest_run)
{
    uint64_t entry;
    set_up();
    publish_many(3);
    CHECK_EQ(protocol_pin_seq(&reader, 0, 3, &entry), PIN_OK);
    CHECK_EQ(entry_slot(entry), 2);
    check_broken_window(10, 1, 4); /* slots 1, 3, 4: the longest gap wraps around */
    check_broken_window(14, 0, 4); /* slots 0, 1, 3 */
    check_broken_window(15, 1, 4);
    protocol_unpin(&reader, 0);
}

/* ---- the owner of the pool ---- */

TEST(adopt_changes_epoch_and_old_owner_stores_no_slot_count)
{
    set_up();
    struct protocol_producer lost = producer;
    CHECK(!protocol_take_over(&producer, SLOTS + 1)); /* not the slot count of the pool */
    CHECK(protocol_is_owner(&lost));
    CHECK(protocol_take_over(&producer, SLOTS));
    CHECK(!protocol_is_owner(&lost));
    CHECK(protocol_is_owner(&producer));
    CHECK(!protocol_grow(&lost, SLOTS + 1));
    CHECK_EQ(lost.slot_count, SLOTS);
    protocol_keep_slot_count(&lost); /* it no longer owns the pool: no store */
    CHECK_EQ(load_relaxed(&pool.control.ownership), ownership_make(2, SLOTS));
    CHECK(protocol_grow(&producer, SLOTS + 1));
    protocol_keep_slot_count(&lost); /* no store, although the slot count differs */
    CHECK_EQ(load_relaxed(&pool.control.ownership), ownership_make(2, SLOTS + 1));
    CHECK_EQ(producer.slot_states[SLOTS], SLOT_CLEAN);
}

TEST(owner_epoch_never_becomes_0)
{
    set_up();
    store_relaxed(&pool.control.ownership, ownership_make(UINT32_MAX, SLOTS));
    CHECK(protocol_take_over(&producer, SLOTS));
    CHECK_EQ(load_relaxed(&pool.control.ownership), ownership_make(1, SLOTS));
}
