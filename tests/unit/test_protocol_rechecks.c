/* Between a reader's pin and its second look: the protocol's own file, with a full fence at which the test lets the
 * producer act. */
#include "os/atomic.h"

static void (*at_fence)(void);

static inline void fence_with_an_act(void)
{
    fence_seq_cst();
    void (*act)(void) = at_fence;
    at_fence = 0;
    if (act)
        act();
}
#define fence_seq_cst fence_with_an_act
#include "pool/protocol.c"

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

static void begin(void)
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

static void replace_the_oldest(void)
{
    publish();
}

static uint64_t pinned_by_the_reader(void)
{
    return load_relaxed(&pool.readers.cells[ROW][CELL]);
}

TEST(a_sample_that_leaves_history_while_it_is_pinned_by_its_number_is_not_pinned)
{
    uint64_t entry;
    begin();
    publish_many(5);
    at_fence = replace_all_history;
    CHECK_EQ(protocol_pin_seq(&reader, CELL, 4, &entry), PIN_EMPTY);
    CHECK(!at_fence);
    CHECK_EQ(pinned_by_the_reader(), 0);
    CHECK_EQ(protocol_pin_seq(&reader, CELL, 8, &entry), PIN_OK);
    CHECK_EQ(pinned_by_the_reader(), cell_make(entry_slot(entry), 1, SLOTS));
    protocol_unpin(&reader, CELL);
}

TEST(a_window_whose_oldest_sample_leaves_history_while_it_is_pinned_is_not_pinned)
{
    uint64_t entries[HISTORY];
    struct protocol_window window;
    begin();
    publish_many(5);
    at_fence = replace_the_oldest;
    CHECK_EQ(protocol_pin_window(&reader, CELL, 5, HISTORY, entries, &window), PIN_EMPTY);
    CHECK(!at_fence);
    CHECK_EQ(pinned_by_the_reader(), 0);
    CHECK_EQ(protocol_pin_window(&reader, CELL, 6, HISTORY, entries, &window), PIN_OK);
    CHECK_EQ(pinned_by_the_reader(), cell_make(entry_slot(entries[0]), HISTORY, SLOTS));
    protocol_unpin(&reader, CELL);
}

TEST(the_newest_sample_is_pinned_although_history_is_replaced_meanwhile)
{
    uint64_t entry;
    begin();
    publish_many(5);
    at_fence = replace_all_history;
    CHECK_EQ(protocol_pin_newest(&reader, CELL, &entry), PIN_OK);
    CHECK(!at_fence);
    CHECK_EQ(entry_seq(entry), 8);
    CHECK_EQ(pinned_by_the_reader(), cell_make(entry_slot(entry), 1, SLOTS));
    protocol_unpin(&reader, CELL);
}

/* One that is in the ring still is as good as head. */
TEST(the_newest_sample_that_becomes_the_second_newest_meanwhile_is_kept)
{
    uint64_t entry;
    begin();
    publish_many(5);
    at_fence = replace_the_oldest;
    CHECK_EQ(protocol_pin_newest(&reader, CELL, &entry), PIN_OK);
    CHECK_EQ(entry_seq(entry), 5);
    publish_many(4 * SLOTS);
    CHECK_EQ(pinned_by_the_reader(), cell_make(entry_slot(entry), 1, SLOTS));
    CHECK_EQ(producer.slot_states[entry_slot(entry)], SLOT_UNCLEAN);
    protocol_unpin(&reader, CELL);
}

/* The window's slots lie on both sides of a skipped one: the cell leaves out the longest run of slots that it does not
 * use. */
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
    CHECK_EQ(pinned_by_the_reader(), cell_make(first, span, SLOTS));
    protocol_unpin(&reader, CELL);
}

TEST(a_window_with_a_skipped_slot_pins_the_fewest_consecutive_slots)
{
    uint64_t entry;
    begin();
    publish_many(3);
    CHECK_EQ(protocol_pin_seq(&reader, 0, 3, &entry), PIN_OK);
    CHECK_EQ(entry_slot(entry), 2);
    check_broken_window(10, 1, 4); /* slots 1, 3, 4: the longest gap goes over the end */
    check_broken_window(14, 0, 4); /* slots 0, 1, 3 */
    check_broken_window(15, 1, 4);
    protocol_unpin(&reader, 0);
}

/* ---- who owns the pool ---- */

TEST(a_taken_over_pool_has_another_epoch_and_its_slot_count)
{
    begin();
    struct protocol_producer robbed = producer;
    CHECK(!protocol_take_over(&producer, SLOTS + 1)); /* not what is there */
    CHECK(protocol_is_owner(&robbed));
    CHECK(protocol_take_over(&producer, SLOTS));
    CHECK(!protocol_is_owner(&robbed));
    CHECK(protocol_is_owner(&producer));
    CHECK(!protocol_grow(&robbed, SLOTS + 1));
    CHECK_EQ(robbed.slot_count, SLOTS);
    protocol_keep_slot_count(&robbed); /* not its own any more */
    CHECK_EQ(load_relaxed(&pool.control.ownership), ownership_make(2, SLOTS));
    CHECK(protocol_grow(&producer, SLOTS + 1));
    protocol_keep_slot_count(&robbed); /* nor when the slot count is another than it knows */
    CHECK_EQ(load_relaxed(&pool.control.ownership), ownership_make(2, SLOTS + 1));
    CHECK_EQ(producer.slot_states[SLOTS], SLOT_CLEAN);
}

TEST(an_epoch_never_becomes_0_which_stands_for_any)
{
    begin();
    store_relaxed(&pool.control.ownership, ownership_make(UINT32_MAX, SLOTS));
    CHECK(protocol_take_over(&producer, SLOTS));
    CHECK_EQ(load_relaxed(&pool.control.ownership), ownership_make(1, SLOTS));
}
