/* protocol.c: the algorithm of a pool, and why it is correct.
 *
 * EDGES: a release and an acquire that pair. Both ends carry the label.
 *
 *   [PUB]    The producer writes payload, slot header and slot count, then stores the ring entry and head (release).
 *            A reader loads the entry (acquire), then reads the slot.
 *   [UNPIN]  A reader reads a slot, then empties its cell, or stores the next pin into it (release).
 *            The producer loads the cell in its scan (acquire), then writes the slot.
 *   [ROW]    A reader empties its cells, then removes its row from the bitmap by fetch_and (release).
 *            The producer loads the bitmap in its scan (acquire). A row that it does not scan holds no pins.
 *   [BELL]   A process stores head or retired, then increments bell (release).
 *            A sleeper loads bell (acquire) before everything else.
 *   [RETIRE] A producer publishes its last sample, then stores retired (release).
 *            A stream loads retired (acquire). If it is not 0, the stream finds the last sample in head.
 *
 * FENCES: Dekker pairs. Each side stores, fences, then loads what the other side stores. At least one side sees the
 * other's store.
 *
 *   [HAZARD] The producer removes an entry from ring and head, fences, and reads the cells in a scan.
 *            A reader stores its cell, fences, and reads ring or head again.
 *            So either the reader sees that its entry is gone and gives up the pin, or the scan sees the pin.
 *            The producer writes a slot only after a scan that began after its entry was removed and saw no pin on it.
 *            So no reader reads the slot at that time.
 *
 *   [SLEEP]  The producer stores head, fences, and reads the waiting flag.
 *            A sleeper stores the waiting flag, fences, and reads head and retired again.
 *            So either the sleeper sees the new head and does not sleep, or the producer sees the flag and rings.
 *            The producer clears the flag before it increments bell. The clear may erase a flag that a sleeper sets at
 *            that time. But the sleeper has read bell before it set the flag, and the futex compares that value with
 *            the incremented bell: the sleeper does not sleep.
 *
 * WORDS THAT SEVERAL PROCESSES CHANGE
 *
 *   [OWNER]  A process that clears or claims a row stores 0 as the row's token, then zeroes the cells (release).
 *            A reader loads the token before it stores a cell. A reader that has lost its lock without noticing thus
 *            does not write into a row that another reader has claimed.
 *            No fence closes the gap between load and store: the row may be cleared in between. Then the reader's pins
 *            are cleared with the row, and its next read reports that. Loading the token again after the pin would
 *            detect this only for the last of its views, and costs a nanosecond.
 *
 *   [GROW]   Slot count and owner epoch share one word. An adopter raises the epoch by compare-and-exchange, where it
 *            expects the count that it has mapped. A producer that grows raises the count by compare-and-exchange,
 *            where it expects its own epoch. One of the two is first.
 *            If it is the adopter, the other producer, which lost its lock while it grew the file, finds the new epoch
 *            and stores nothing. If it is the growing producer, the adopter fails and maps the file again.
 *            So the owner knows each count that a stream reads, and a stream's cell never has more slots than the
 *            owner.
 *
 * ORDER: Entries always leave the ring from the oldest on. So a window rechecks only its oldest entry.
 *
 * DEATH: Between the two stores of a publication the ring is one sample ahead of head. Both samples are complete.
 * protocol_adopt stores the newer one as head. The cells of a dead reader keep their slots until a process that holds
 * the row's lock clears them.
 *
 * ABA: A sequence number never repeats within an incarnation. So an entry that has the same value is the same sample,
 * still in its place. A producer that adopts its pool again never goes back either, whatever the ring contains. */
#include "pool/protocol.h"

/* ------------------------------------------------------------------------------------------------ producer */

static uint32_t next_index(uint32_t index, uint32_t end)
{
    return index + 1 == end ? 0 : index + 1;
}

void protocol_begin(struct protocol_producer *producer, uint64_t seq)
{
    producer->seq = seq;
    producer->oldest = seq + 1;
    producer->head = ENTRY_EMPTY;
    producer->ring_index = (uint32_t)((seq + 1) % producer->history_len);
    producer->cursor = 0;
    producer->epoch = 1;
    /* No process has seen these slots. */
    for (uint32_t slot = 0; slot < producer->slot_count; slot++)
        producer->slot_states[slot] = SLOT_CLEAN;
    store_relaxed(&producer->control->ownership, ownership_make(1, producer->slot_count)); /* [PUB] orders it */
}

bool protocol_take_over(struct protocol_producer *producer, uint32_t slot_count)
{
    uint64_t found = load_relaxed(&producer->control->ownership);
    if (ownership_slots(found) != slot_count)
        return false;
    uint32_t epoch = ownership_epoch(found) + 1 ? ownership_epoch(found) + 1 : 1;
    if (!compare_exchange_relaxed(&producer->control->ownership, &found, ownership_make(epoch, slot_count)))
        return false; /* [GROW] the producer before has just grown the pool */
    producer->epoch = epoch;
    producer->slot_count = slot_count;
    fence_seq_cst(); /* before the ring is read: limits what a producer that has lost the pool can still store */
    return true;
}

void protocol_keep_slot_count(const struct protocol_producer *producer)
{
    uint64_t found = load_relaxed(&producer->control->ownership);
    if (ownership_epoch(found) == producer->epoch)
        (void)compare_exchange_relaxed(&producer->control->ownership, &found,
                                       ownership_make(producer->epoch, producer->slot_count));
}

/* Read the ring of the dead producer once, into found_slots, and mark the slots that it names. The ring is sound when
 * slots are unique and in range, each seq is at its index, the sequence numbers are consecutive up to head or one more,
 * and the newest is not older than what this producer has published itself. */
static bool ring_is_sound(const struct protocol_producer *producer, uint64_t head, uint32_t slot_count,
                          uint64_t *newest, uint64_t *oldest)
{
    uint32_t history_len = producer->history_len;
    uint64_t head_seq = entry_seq(head), highest = 0, lowest = SEQ_MAX, found = 0;
    for (uint32_t i = 0; i < history_len; i++) {
        uint64_t entry = load_acquire(&producer->ring[i]); /* [PUB] */
        if (entry == ENTRY_EMPTY)
            continue;
        uint64_t seq = entry_seq(entry);
        uint32_t slot = entry_slot(entry);
        if (seq == 0 || seq % history_len != i || seq > head_seq + 1 || slot >= slot_count ||
            producer->slot_states[slot] != SLOT_UNCLEAN || (seq == head_seq && entry != head))
            return false;
        producer->slot_states[slot] = SLOT_IN_RING;
        producer->found_slots[i] = (uint16_t)slot;
        found++;
        highest = seq > highest ? seq : highest;
        lowest = seq < lowest ? seq : lowest;
    }
    *newest = highest;
    *oldest = found ? lowest : 1;
    if (found == 0) /* nothing was published: giving up history always leaves the newest entry */
        return head == ENTRY_EMPTY && producer->seq == 0;
    return highest >= head_seq && highest >= producer->seq && highest < SEQ_ADOPTED_MAX &&
           highest - lowest + 1 == found;
}

bool protocol_adopt(struct protocol_producer *producer, uint32_t slot_count)
{
    struct pool_control *control = producer->control;
    uint64_t head = load_acquire(&control->head); /* [PUB] */
    uint64_t newest, oldest;
    if (slot_count < 1 || slot_count > MAX_SLOTS)
        return false;
    for (uint32_t slot = 0; slot < slot_count; slot++)
        producer->slot_states[slot] = SLOT_UNCLEAN;
    if (!ring_is_sound(producer, head, slot_count, &newest, &oldest)) {
        /* Restore the states from what this producer itself knows of the ring. */
        for (uint32_t slot = 0; slot < slot_count; slot++)
            producer->slot_states[slot] = SLOT_UNCLEAN;
        for (uint64_t seq = producer->oldest; seq <= producer->seq; seq++)
            producer->slot_states[producer->ring_slots[seq % producer->history_len]] = SLOT_IN_RING;
        return false;
    }
    for (uint32_t i = 0; i < producer->history_len; i++)
        producer->ring_slots[i] = producer->found_slots[i];
    producer->slot_count = slot_count;
    producer->seq = newest;
    producer->oldest = oldest;
    producer->ring_index = (uint32_t)((newest + 1) % producer->history_len);
    producer->cursor = 0;
    producer->head = ENTRY_EMPTY;
    if (newest > 0) {
        uint32_t slot = producer->ring_slots[newest % producer->history_len];
        producer->cursor = next_index(slot, slot_count);
        producer->head = entry_make(newest, slot);
        /* Before the first scan: until head is stored, the slot of the old head is not in the ring, and a scan would
         * make it clean. */
        store_release(&control->head, producer->head); /* [PUB] */
    }
    protocol_ring(control); /* the dead producer may have been killed before it rang */
    fence_seq_cst();        /* [HAZARD] for each entry that the dead producer removed */
    return true;
}

/* Mark the slots from `begin` to before `end`. */
static void mark_run(uint64_t *pinned, uint32_t begin, uint32_t end)
{
    while (begin < end) {
        uint32_t bit = begin % 64;
        uint32_t bits = end - begin < 64 - bit ? end - begin : 64 - bit;
        uint64_t mask = bits == 64 ? ~UINT64_C(0) : ((UINT64_C(1) << bits) - 1) << bit;
        pinned[begin / 64] |= mask;
        begin += bits;
    }
}

/* A cell with more slots than this producer has is not a cell of its streams ([GROW]). It may be a cell of a
 * successor's stream, if this producer has lost the pool and has not noticed. It pins those of its slots that this
 * producer has. Such a cell must not have more slots than a window has samples: otherwise an untrusted one could pin
 * each slot by which the pool will grow. */
static bool cell_is_accepted(const struct protocol_producer *producer, uint64_t cell)
{
    return cell_is_sound(cell, producer->slot_count) ||
           (cell_is_sound(cell, MAX_SLOTS) && cell_count(cell) <= producer->history_len);
}

/* The run of a cell wraps around at the slot count that its reader saw. */
static void mark_cell(struct protocol_producer *producer, uint64_t cell)
{
    if (!cell_is_accepted(producer, cell)) {
        producer->malformed_cells++;
        store_relaxed(&producer->control->malformed_cells, producer->malformed_cells); /* a statistic */
        return;
    }
    uint32_t first = cell_first(cell), count = cell_count(cell), slots = cell_slots(cell);
    uint32_t straight = slots - first < count ? slots - first : count;
    mark_run(producer->pinned, first, first + straight); /* bits from slot_count on are not used */
    mark_run(producer->pinned, 0, count - straight);
}

/* Make each unclean slot clean that no cell pins. The [HAZARD] fence of this scan is the one at the end of the last
 * publication, drop or adoption: all entries that have left the ring did so before it. */
static void scan(struct protocol_producer *producer)
{
    struct pool_readers *readers = producer->readers;
    for (uint32_t word = 0; word <= (producer->slot_count - 1) / 64; word++)
        producer->pinned[word] = 0;
    /* Rows in ascending order, and the bitmap is read again after each row. A fork copies pins from one row to a higher
     * one before the lower row releases them. So a scan that finds the lower cell empty [UNPIN] then finds the bit and
     * the cell of the higher row. */
    uint64_t rows = load_acquire(&readers->rows_in_use); /* [ROW] */
    while (rows) {
        uint32_t row = (uint32_t)__builtin_ctzll(rows);
        for (uint32_t i = 0; i < PIN_CELLS; i++) {
            uint64_t cell = load_acquire(&readers->cells[row][i]); /* [UNPIN] */
            if (cell)
                mark_cell(producer, cell);
        }
        rows = load_acquire(&readers->rows_in_use) & ~((UINT64_C(2) << row) - 1); /* [ROW] */
    }
    for (uint32_t slot = 0; slot < producer->slot_count; slot++)
        if (producer->slot_states[slot] == SLOT_UNCLEAN && !(producer->pinned[slot / 64] >> (slot % 64) & 1))
            producer->slot_states[slot] = SLOT_CLEAN;
}

/* Slots are taken in cyclic order (except with reuses_last), so that windows are unbroken runs. An unclean slot is
 * skipped only after a scan in this call has found it pinned. When no reader holds old slots, there is one scan for as
 * many publications as there are spare slots. */
bool protocol_take_slot(struct protocol_producer *producer, uint32_t *slot)
{
    uint32_t candidate = producer->cursor;
    bool scanned = false;
    for (uint32_t looked_at = 0; looked_at < producer->slot_count; looked_at++) {
        if (producer->slot_states[candidate] == SLOT_UNCLEAN && !scanned) {
            scan(producer);
            scanned = true;
        }
        if (producer->slot_states[candidate] == SLOT_CLEAN) {
            producer->slot_states[candidate] = SLOT_TAKEN;
            producer->cursor = next_index(candidate, producer->slot_count);
            *slot = candidate;
            return true;
        }
        candidate = next_index(candidate, producer->slot_count);
    }
    return false;
}

void protocol_return_slot(struct protocol_producer *producer, uint32_t slot)
{
    producer->slot_states[slot] = SLOT_CLEAN; /* it never became reachable */
    producer->cursor = slot;
}

bool protocol_publish(struct protocol_producer *producer, uint32_t slot)
{
    struct pool_control *control = producer->control;
    uint64_t seq = producer->seq + 1;
    uint32_t index = producer->ring_index;
    uint64_t entry = entry_make(seq, slot);
    if (producer->oldest <= producer->seq && seq - producer->oldest == producer->history_len) {
        producer->slot_states[producer->ring_slots[index]] = SLOT_UNCLEAN; /* its entry is overwritten below */
        producer->oldest++;
        if (producer->reuses_last)
            producer->cursor = producer->ring_slots[index];
    }
    producer->ring_slots[index] = (uint16_t)slot;
    producer->slot_states[slot] = SLOT_IN_RING;
    producer->seq = seq;
    producer->head = entry;
    producer->ring_index = next_index(index, producer->history_len);

    fence_streaming_stores();
    store_release(&producer->ring[index], entry); /* [PUB] */
    store_release(&control->head, entry);         /* [PUB] */
    fence_seq_cst();                              /* [HAZARD] of the next scan, and [SLEEP] */
    if (load_relaxed(&producer->readers->waiting) == 0)
        return false;
    store_relaxed(&producer->readers->waiting, 0); /* ordered before the bump by its release */
    protocol_ring(control);
    return true;
}

bool protocol_grow(struct protocol_producer *producer, uint32_t slot_count)
{
    uint64_t own = ownership_make(producer->epoch, producer->slot_count);
    /* Relaxed: [PUB] of the next entry orders it. */
    if (!compare_exchange_relaxed(&producer->control->ownership, &own, ownership_make(producer->epoch, slot_count)))
        return false; /* [GROW] */
    for (uint32_t slot = producer->slot_count; slot < slot_count; slot++)
        producer->slot_states[slot] = SLOT_CLEAN;
    producer->slot_count = slot_count;
    return true;
}

bool protocol_drop_oldest(struct protocol_producer *producer)
{
    if (producer->oldest >= producer->seq)
        return false;
    uint32_t index = (uint32_t)(producer->oldest % producer->history_len);
    producer->slot_states[producer->ring_slots[index]] = SLOT_UNCLEAN;
    producer->oldest++;
    store_release(&producer->ring[index], ENTRY_EMPTY);
    fence_seq_cst(); /* [HAZARD] */
    return true;
}

void protocol_ring(struct pool_control *control)
{
    fetch_add_release(&control->bell, 1); /* [BELL] */
}

uint32_t protocol_retirement(const struct pool_control *control)
{
    return load_acquire(&control->retired); /* [RETIRE] */
}

void protocol_retire(struct pool_control *control, uint32_t why)
{
    store_release(&control->retired, why); /* [RETIRE] after the last head */
    protocol_ring(control);
}

/* ------------------------------------------------------------------------------------------------- readers */

/* Take the row from its owner, if it has one, and zero its cells. True: as room_leave. */
static bool disown_row(struct pool_readers *readers, uint32_t row)
{
    store_relaxed(&readers->facts[row].owner, 0);
    for (uint32_t i = 0; i < PIN_CELLS; i++)
        store_release(&readers->cells[row][i], 0); /* [UNPIN], [OWNER] */
    return room_leave(readers, row);
}

bool protocol_row_claim(struct pool_readers *readers, uint32_t row, uint64_t token)
{
    const bool rang = disown_row(readers, row);
    store_relaxed(&readers->facts[row].owner, token); /* read by its own process only */
    /* Relaxed: the reader sets this bit, then stores a pin, then fences. A scan that misses the bit has its fence
     * before the reader's fence. Then the reader's recheck sees each entry removed before that scan [HAZARD]. */
    fetch_or_relaxed(&readers->rows_in_use, UINT64_C(1) << row);
    return rang;
}

bool protocol_row_clear(struct pool_readers *readers, uint32_t row)
{
    const bool rang = disown_row(readers, row);
    fetch_and_release(&readers->rows_in_use, ~(UINT64_C(1) << row)); /* [ROW] */
    return rang;
}

void protocol_row_use(struct protocol_reader *reader, uint32_t row, uint64_t token)
{
    reader->row = row;
    reader->cells = reader->readers->cells[row];
    reader->owner = &reader->readers->facts[row].owner;
    reader->token = token;
}

/* The cell that pins the slot of one entry. The slot count is read after the entry: it was stored before it [PUB]. */
static bool single_pin(const struct protocol_reader *reader, uint64_t entry, uint64_t *cell)
{
    uint32_t slots = ownership_slots(load_relaxed(&reader->control->ownership));
    *cell = cell_make(entry_slot(entry), 1, slots);
    return entry_seq(entry) != 0 && slots <= MAX_SLOTS && entry_slot(entry) < slots;
}

void protocol_row_copy(struct pool_readers *readers, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < PIN_CELLS; i++)
        store_release(&readers->cells[to][i], load_relaxed(&readers->cells[from][i]));
    fence_seq_cst(); /* the copies are visible before the caller forks and before the row `from` releases a pin */
}

void protocol_unpin(const struct protocol_reader *reader, uint32_t cell)
{
    if (__builtin_expect(protocol_row_is_own(reader), 1))
        store_release(&reader->cells[cell], 0); /* [UNPIN] */
}

enum pin_result protocol_pin_newest(const struct protocol_reader *reader, uint32_t cell, uint64_t *entry)
{
    _Atomic uint64_t *pin = &reader->cells[cell];
    uint64_t head = load_acquire(&reader->control->head); /* [PUB] */
    for (;;) {
        if (head == ENTRY_EMPTY)
            return PIN_EMPTY;
        uint64_t wanted;
        if (!single_pin(reader, head, &wanted))
            return PIN_CORRUPT;
        if (!protocol_row_is_own(reader))
            return PIN_LOST;
        store_release(pin, wanted);                            /* [UNPIN] of what the cell pinned before */
        fence_seq_cst();                                       /* [HAZARD] */
        uint64_t again = load_acquire(&reader->control->head); /* [PUB] */
        if (again == head || load_acquire(&reader->ring[entry_seq(head) % reader->history_len]) == head) {
            *entry = head;
            return PIN_OK;
        }
        protocol_unpin(reader, cell);
        head = again; /* lock-free: in each further turn the producer has published history_len samples */
    }
}

enum pin_result protocol_pin_seq(const struct protocol_reader *reader, uint32_t cell, uint64_t seq, uint64_t *entry)
{
    _Atomic uint64_t *pin = &reader->cells[cell];
    const _Atomic uint64_t *place = &reader->ring[seq % reader->history_len];
    uint64_t found = load_acquire(place); /* [PUB] */
    if (entry_seq(found) != seq)
        return PIN_EMPTY;
    uint64_t wanted;
    if (seq == 0 || !single_pin(reader, found, &wanted))
        return PIN_CORRUPT;
    if (!protocol_row_is_own(reader))
        return PIN_LOST;
    store_release(pin, wanted); /* [UNPIN] of what the cell pinned before */
    fence_seq_cst();            /* [HAZARD] */
    if (load_acquire(place) != found) {
        protocol_unpin(reader, cell);
        return PIN_EMPTY;
    }
    *entry = found;
    return PIN_OK;
}

/* The smallest cyclic run of slots that contains the slots of all entries: all slots except the longest gap. */
static void smallest_arc(const uint64_t *entries, uint32_t count, uint32_t slots, uint32_t *first, uint32_t *span)
{
    uint64_t used[MAX_SLOTS / 64 + 1];
    for (uint32_t word = 0; word <= slots / 64; word++)
        used[word] = 0;
    for (uint32_t i = 0; i < count; i++)
        used[entry_slot(entries[i]) / 64] |= UINT64_C(1) << (entry_slot(entries[i]) % 64);
    uint32_t gap = 0, longest = 0, slot = 0;
    *first = 0;
    for (uint32_t i = 0; i < 2 * slots; i++) { /* twice around: a gap may wrap around */
        gap = used[slot / 64] >> (slot % 64) & 1 ? 0 : gap + 1;
        slot = next_index(slot, slots);
        if (gap > longest) {
            longest = gap;
            *first = slot;
        }
    }
    *span = slots - longest;
}

enum pin_result protocol_pin_window(const struct protocol_reader *reader, uint32_t cell, uint64_t newest,
                                    uint32_t count, uint64_t *entries, struct protocol_window *window)
{
    _Atomic uint64_t *pin = &reader->cells[cell];
    uint64_t oldest = newest - count + 1;
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = load_acquire(&reader->ring[(oldest + i) % reader->history_len]); /* [PUB] */
        if (entry_seq(entries[i]) != oldest + i)
            return PIN_EMPTY;
    }
    /* Read after the entries: the count that includes all their slots was stored before them [PUB]. */
    uint32_t slots = ownership_slots(load_relaxed(&reader->control->ownership));
    uint32_t first = entry_slot(entries[0]);
    if (slots == 0 || slots > MAX_SLOTS || first >= slots)
        return PIN_CORRUPT;
    bool unbroken = count <= slots;
    uint32_t expected = first;
    for (uint32_t i = 0; i < count; i++) {
        if (entry_slot(entries[i]) >= slots)
            return PIN_CORRUPT;
        unbroken = unbroken && entry_slot(entries[i]) == expected;
        expected = next_index(expected, slots);
    }
    uint32_t span = count;
    if (!unbroken)
        smallest_arc(entries, count, slots, &first, &span);
    if (!protocol_row_is_own(reader))
        return PIN_LOST;
    store_release(pin, cell_make(first, span, slots)); /* [UNPIN] of what the cell pinned before */
    fence_seq_cst();                                   /* [HAZARD] */
    /* Entries leave from the oldest on: while the oldest is in its place, all are. */
    if (load_acquire(&reader->ring[oldest % reader->history_len]) != entries[0]) {
        protocol_unpin(reader, cell);
        return PIN_EMPTY;
    }
    *window = (struct protocol_window){
        .oldest = oldest, .newest = newest, .first_slot = first, .slots = slots, .span = span, .unbroken = unbroken};
    return PIN_OK;
}

bool protocol_wait_begin(const struct pool_control *control, struct pool_readers *readers, uint64_t seen_seq,
                         uint32_t *bell)
{
    *bell = load_acquire(&control->bell); /* [BELL] first: what was stored before a ring is visible below */
    store_relaxed(&readers->waiting, 1);
    fence_seq_cst();                                                                                    /* [SLEEP] */
    return entry_seq(load_acquire(&control->head)) <= seen_seq && load_acquire(&control->retired) == 0; /* [PUB] */
}
