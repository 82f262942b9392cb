/* view.c: turning pins into views: single samples, windows without a copy, and copies when no cell is free. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pool/connection.h"

#define CELL_COPY UINT32_MAX /* view->cell of a private copy: owner is a struct copy_block */
#define HOARD_ALLOWANCE 8    /* slots beyond history_len that one stream's views may cover */

/* The memory of a copied view. It refers to the description, not to the connection: copies keep no
 * row and no mapping. */
struct copy_block {
    struct pool_description *description;
    void *memory;
};

static const struct slot_header *header_of(const struct pool_description *description, const char *frame)
{
    return (const struct slot_header *)(frame + slot_header_offset(&description->header.geometry));
}

/* A free cell for a view, or PIN_CELLS when there is no free one. Only the stream's thread takes cells. */
static uint32_t free_cell(struct pool_connection *connection)
{
    for (uint32_t i = 0; i < VIEW_CELLS; i++)
        if (load_acquire(&connection->busy[i]) == 0) /* [CELL]: the release of the last view is complete */
            return i;
    return PIN_CELLS;
}

static uint32_t pinned_slots(const struct pool_connection *connection)
{
    uint32_t slots = 0;
    for (uint32_t i = 0; i < VIEW_CELLS; i++) /* relaxed: the limit need not be exact */
        slots += load_relaxed(&connection->busy[i]) ? connection->cell_span[i] : 0;
    return slots;
}

/* The cell for the next view. SPARE_CELL, which means a copy, if no cell is free or if the stream's views pin too many
 * slots. Only windows can pin too many. */
static uint32_t cell_or_spare(struct pool_connection *connection)
{
    uint32_t cell = free_cell(connection);
    if (cell == PIN_CELLS ||
        (connection->had_window && pinned_slots(connection) > connection->protocol.history_len + HOARD_ALLOWANCE))
        return SPARE_CELL;
    return cell;
}

/* The fields of a frame. Lengths are read from the slot and checked. */
static bool fill_fields(const struct pool_description *description, const char *frame, pmipc_view_field *fields)
{
    const struct slot_header *header = header_of(description, frame);
    const pmipc_schema *schema = &description->schema;
    const struct payload_layout *payload = &description->payload;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const pmipc_field *field = &schema->fields[i];
        fields[i].data = frame + payload->offsets[i];
        fields[i].length = field->ndim ? field->shape[0] : 1;
        if (payload->length_index[i] < 0)
            continue;
        uint32_t length = load_relaxed(&header->lengths[payload->length_index[i]]);
        if (length > (uint64_t)field->shape[0])
            return false;
        fields[i].length = length;
    }
    return true;
}

static pmipc_status corrupt_sample(struct pool_connection *connection, const char *what, uint64_t seq)
{
    /* If the row is lost, the pin was cleared with it, and the producer may have written the slot. */
    if (!protocol_row_is_own(&connection->protocol))
        return connection_lost(connection);
    errno = 0;
    return connection_fail(connection, PMIPC_CORRUPT,
                           "%s of sample %llu is corrupt; if its producer is dead, remove the pool", what,
                           (unsigned long long)seq);
}

static pmipc_status corrupt_entry(struct pool_connection *connection)
{
    errno = 0;
    return connection_fail(connection, PMIPC_CORRUPT,
                           "its control page is corrupt; if its producer is dead, remove the pool");
}

/* The status of a pin that failed. */
static pmipc_status pin_failed(struct pool_connection *connection, enum pin_result result)
{
    switch (result) {
    case PIN_EMPTY:
        return PMIPC_NOTHING_NEW;
    case PIN_CORRUPT:
        return corrupt_entry(connection);
    case PIN_OK:
    case PIN_LOST:
        break;
    }
    return connection_lost(connection);
}

/* Fill in a view except owner and cell. `frame` is the oldest frame, `newest` the seq of the newest. */
static pmipc_status fill_view(struct pool_connection *connection, const char *frame, uint64_t newest, uint32_t count,
                              pmipc_view *view)
{
    const struct pool_description *description = connection->description;
    int64_t stride = (int64_t)description->header.geometry.stride;
    const struct slot_header *last = header_of(description, frame + (int64_t)(count - 1) * stride);
    if (load_relaxed(&last->seq) != newest)
        return corrupt_sample(connection, "the slot header", newest);
    view->seq = newest;
    view->stamp_ns = load_relaxed(&last->stamp_ns);
    view->published_ns = load_relaxed(&last->published_ns);
    view->lost = 0;
    view->schema = &description->schema;
    view->frame_stride = stride;
    view->frame_count = count;
    view->field_count = description->schema.field_count;
    view->copied = false;
    if (!fill_fields(description, frame, view->fields))
        return corrupt_sample(connection, "the length", newest - count + 1);
    return PMIPC_OK;
}

/* For windows: check that each frame is the sample that the ring names, and has valid lengths. */
static pmipc_status check_frames(struct pool_connection *connection, const char *frame, uint64_t oldest, uint32_t count)
{
    pmipc_view_field fields[PMIPC_MAX_FIELDS];
    bool variable = connection->description->payload.variable_count > 0;
    for (uint32_t i = 0; i < count; i++, frame += connection->description->header.geometry.stride) {
        if (load_relaxed(&header_of(connection->description, frame)->seq) != oldest + i)
            return corrupt_sample(connection, "the slot header", oldest + i);
        if (variable && !fill_fields(connection->description, frame, fields))
            return corrupt_sample(connection, "the length", oldest + i);
    }
    return PMIPC_OK;
}

static void record_read(struct pool_connection *connection, uint64_t seq)
{
    store_relaxed(&connection->readers->facts[connection->protocol.row].last_seq, seq); /* a fact */
}

/* Private memory for `count` frames, with the stride of slots. */
static char *allocate_copy(struct pool_connection *connection, uint32_t count, pmipc_view *view)
{
    size_t stride = (size_t)connection->description->header.geometry.stride;
    struct copy_block *block = calloc(1, sizeof *block);
    void *memory = NULL;
    if (!block || posix_memalign(&memory, CACHE_LINE_BYTES, count * stride) != 0) {
        free(block);
        connection_fail(connection, PMIPC_NO_MEMORY,
                        "out of memory for a private copy of %zu bytes; release views, or read fewer samples at a time",
                        count * stride);
        return NULL;
    }
    block->memory = memory;
    block->description = connection->description;
    description_retain(connection->description);
    view->owner = block;
    view->cell = CELL_COPY;
    return memory;
}

static void free_copy(pmipc_view *view)
{
    struct copy_block *block = view->owner;
    description_release(block->description);
    free(block->memory);
    free(block);
}

/* Make a view by copying the samples that SPARE_CELL pins, and empty the cell. */
static pmipc_status view_by_copy(struct pool_connection *connection, const uint64_t *entries,
                                 const struct slot_mapping *mapping, uint64_t newest, uint32_t count, pmipc_view *view)
{
    const struct pool_geometry *geometry = &connection->description->header.geometry;
    pmipc_status status = PMIPC_NO_MEMORY;
    char *copy = allocate_copy(connection, count, view);
    if (copy) {
        for (uint32_t i = 0; i < count; i++)
            memcpy(copy + i * geometry->stride, mapping->base + entry_slot(entries[i]) * geometry->stride,
                   (size_t)slot_header_offset(geometry) + sizeof(struct slot_header));
        status = count > 1 ? check_frames(connection, copy, newest - count + 1, count) : PMIPC_OK;
        if (!status)
            status = fill_view(connection, copy, newest, count, view);
        if (status)
            free_copy(view);
    }
    protocol_unpin(&connection->protocol, SPARE_CELL);
    if (status) {
        view->owner = NULL;
        return status;
    }
    view->copied = true;
    fetch_add_relaxed(&connection->readers->facts[connection->protocol.row].copies, 1);
    record_read(connection, newest);
    return PMIPC_OK;
}

/* Make a view of the sample that `cell` pins. */
static pmipc_status view_of_pin(struct pool_connection *connection, uint32_t cell, uint64_t entry, pmipc_view *view)
{
    uint32_t slot = entry_slot(entry);
    pmipc_status status = PMIPC_OK;
    if (__builtin_expect(slot >= connection->mapped_slots, 0))
        status = connection_map_slots(connection, connection_slot_count(connection), false);
    if (!status && slot >= connection->mapped_slots)
        status = corrupt_entry(connection);
    if (!status && cell == SPARE_CELL)
        return view_by_copy(connection, &entry, connection->mapping, entry_seq(entry), 1, view);
    if (!status)
        status =
            fill_view(connection, connection->mapping->base + slot * connection->description->header.geometry.stride,
                      entry_seq(entry), 1, view);
    if (status) {
        protocol_unpin(&connection->protocol, cell);
        view->owner = NULL;
        return status;
    }
    connection->cell_mapping[cell] = connection->mapping;
    connection->cell_span[cell] = 1;
    store_relaxed(&connection->busy[cell], 1);
    connection->taken++;
    view->owner = connection;
    view->cell = cell;
    record_read(connection, entry_seq(entry));
    return PMIPC_OK;
}

/* Load the header and the first cache line of the payload while the pin is made. They come from the producer's cache.
 * It is only a hint: the producer may reuse the slot before it is pinned. */
static void prefetch_newest(const struct pool_connection *connection)
{
    uint32_t slot = entry_slot(load_relaxed(&connection->protocol.control->head));
    if (slot >= connection->mapped_slots)
        return;
    const struct pool_geometry *geometry = &connection->description->header.geometry;
    const char *frame = connection->mapping->base + slot * geometry->stride;
    __builtin_prefetch(frame);
    __builtin_prefetch(frame + slot_header_offset(geometry));
}

pmipc_status connection_view_newest(struct pool_connection *connection, pmipc_view *view)
{
    uint64_t entry;
    prefetch_newest(connection);
    uint32_t cell = cell_or_spare(connection);
    enum pin_result pinned = protocol_pin_newest(&connection->protocol, cell, &entry);
    return pinned == PIN_OK ? view_of_pin(connection, cell, entry, view) : pin_failed(connection, pinned);
}

pmipc_status connection_view_seq(struct pool_connection *connection, uint64_t seq, pmipc_view *view)
{
    uint64_t entry;
    uint32_t cell = cell_or_spare(connection);
    enum pin_result pinned = protocol_pin_seq(&connection->protocol, cell, seq, &entry);
    return pinned == PIN_OK ? view_of_pin(connection, cell, entry, view) : pin_failed(connection, pinned);
}

pmipc_status connection_stamp_of(struct pool_connection *connection, uint64_t seq, int64_t *stamp_ns)
{
    uint64_t entry;
    enum pin_result pinned = protocol_pin_seq(&connection->protocol, SPARE_CELL, seq, &entry);
    if (pinned != PIN_OK)
        return pin_failed(connection, pinned);
    pmipc_status status = PMIPC_OK;
    if (entry_slot(entry) >= connection->mapped_slots)
        status = connection_map_slots(connection, connection_slot_count(connection), false);
    if (!status && entry_slot(entry) >= connection->mapped_slots)
        status = corrupt_entry(connection);
    if (!status) {
        const char *frame =
            connection->mapping->base + entry_slot(entry) * connection->description->header.geometry.stride;
        const struct slot_header *header = header_of(connection->description, frame);
        *stamp_ns = load_relaxed(&header->stamp_ns);
        if (load_relaxed(&header->seq) != seq)
            status = corrupt_sample(connection, "the slot header", seq);
    }
    protocol_unpin(&connection->protocol, SPARE_CELL);
    return status;
}

/* Provide a mapping in which the pinned window is contiguous: mapped twice if the window wraps around. */
static pmipc_status map_window(struct pool_connection *connection, const struct protocol_window *window, bool twice)
{
    const struct slot_mapping *mapping = connection->mapping;
    bool fits = twice ? mapping->twice && mapping->slot_count == window->slots : mapping->slot_count >= window->slots;
    return fits ? PMIPC_OK : connection_map_slots(connection, window->slots, twice || mapping->twice);
}

/* Make a view of the window that `cell` pins. */
static pmipc_status view_of_window(struct pool_connection *connection, uint32_t cell, const uint64_t *entries,
                                   const struct protocol_window *window, uint32_t count, pmipc_view *view)
{
    bool wraps_around = window->first_slot + count > window->slots;
    pmipc_status status = map_window(connection, window, window->unbroken && wraps_around);
    if (!status && cell == SPARE_CELL)
        return view_by_copy(connection, entries, connection->mapping, window->newest, count, view);
    const char *frame =
        status ? NULL
               : connection->mapping->base + window->first_slot * connection->description->header.geometry.stride;
    if (!status)
        status = check_frames(connection, frame, window->oldest, count);
    if (!status)
        status = fill_view(connection, frame, window->newest, count, view);
    if (status) {
        protocol_unpin(&connection->protocol, cell);
        view->owner = NULL;
        return status;
    }
    connection->cell_mapping[cell] = connection->mapping;
    connection->cell_span[cell] = window->span;
    store_relaxed(&connection->busy[cell], 1);
    connection->taken++;
    view->owner = connection;
    view->cell = cell;
    record_read(connection, window->newest);
    return PMIPC_OK;
}

/* How many samples history holds, from `newest` down to above `floor`; at most max_count. */
static uint32_t count_available(const struct pool_connection *connection, uint64_t newest, uint64_t floor,
                                uint32_t max_count)
{
    const struct protocol_reader *protocol = &connection->protocol;
    uint64_t limit = newest > floor ? newest - floor : 0;
    limit = limit < max_count ? limit : max_count;
    limit = limit < protocol->history_len ? limit : protocol->history_len;
    /* Usually `limit`; fewer if history was given up. */
    uint32_t count = 0;
    while (count < limit) {
        uint64_t entry =
            load_relaxed(&protocol->ring[(newest - count) % protocol->history_len]); /* relaxed: the pin checks it */
        if (entry_seq(entry) != newest - count)
            break;
        count++;
    }
    return count;
}

pmipc_status connection_view_window(struct pool_connection *connection, uint64_t floor, uint32_t min_count,
                                    uint32_t max_count, pmipc_view *view)
{
    uint64_t on_stack[256];
    uint64_t *entries = on_stack;
    if (max_count > sizeof on_stack / sizeof on_stack[0] && !(entries = malloc(max_count * sizeof *entries)))
        return connection_fail(connection, PMIPC_NO_MEMORY, "out of memory");
    uint32_t cell = cell_or_spare(connection);
    connection->had_window = true;
    pmipc_status status;
    for (;;) { /* lock-free: in each further turn the producer has published */
        uint64_t newest = connection_head_seq(connection);
        uint32_t count = count_available(connection, newest, floor, max_count);
        if (count < min_count || count == 0) {
            if (connection_head_seq(connection) != newest)
                continue;
            status = PMIPC_TOO_FEW;
            break;
        }
        struct protocol_window window;
        enum pin_result pinned = protocol_pin_window(&connection->protocol, cell, newest, count, entries, &window);
        if (pinned == PIN_EMPTY)
            continue;
        if (pinned != PIN_OK) {
            status = pinned == PIN_LOST ? connection_lost(connection) : corrupt_entry(connection);
            break;
        }
        if (!window.unbroken && cell != SPARE_CELL) { /* a broken run is copied */
            protocol_unpin(&connection->protocol, cell);
            cell = SPARE_CELL;
            continue;
        }
        status = view_of_window(connection, cell, entries, &window, count, view);
        break;
    }
    if (entries != on_stack)
        free(entries);
    return status;
}

const struct pool_description *view_description(const pmipc_view *view)
{
    return view->cell == CELL_COPY ? ((struct copy_block *)view->owner)->description
                                   : ((struct pool_connection *)view->owner)->description;
}

pmipc_status pmipc_view_frame(const pmipc_view *view, uint32_t index, pmipc_frame *frame)
{
    if (!view || !view->owner || !frame || index >= view->frame_count)
        return PMIPC_INVALID_ARGUMENT;
    const struct pool_description *description = view_description(view);
    /* The first field is at the start of the slot. */
    const char *slot = (const char *)view->fields[0].data + (int64_t)index * view->frame_stride;
    const struct slot_header *header = header_of(description, slot);
    frame->seq = load_relaxed(&header->seq);
    frame->stamp_ns = load_relaxed(&header->stamp_ns);
    frame->published_ns = load_relaxed(&header->published_ns);
    /* The lengths were checked when the view was made. Another process may have changed them since. */
    return fill_fields(description, slot, frame->fields) ? PMIPC_OK : PMIPC_CORRUPT;
}

void pmipc_view_release(pmipc_view *view)
{
    if (!view || !view->owner)
        return;
    if (view->cell == CELL_COPY)
        free_copy(view);
    else
        connection_release_cell(view->owner, view->cell);
    view->owner = NULL;
}
