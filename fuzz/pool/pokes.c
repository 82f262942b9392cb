#include "pokes.h"

#include <stddef.h>

#include "pool/layout.h"
#include "pool_file.h"
#include "world.h"

#define PENDING_MAX 8
#define CALLS_AHEAD 64
#define LOADS_AHEAD 1024

enum region { HEADER, CONTROL, RING, FIELDS, TEXT, METADATA, READERS, CELLS, FACTS, SLOTS, PAYLOAD, ANYWHERE };

struct field {
    enum region region;
    uint32_t offset;
    uint32_t width; /* 1, 2, 4 or 8 */
    uint32_t count; /* elements of an array; the inner bits of the index choose one */
};

#define MEMBER(region, type, member, many)                                                       \
    {                                                                                            \
        region, offsetof(struct type, member), sizeof(((struct type *)0)->member) / (many), many \
    }
#define GEOMETRY(member) MEMBER(HEADER, pool_header, geometry.member, 1)
#define OF_FIELD(member, many)                                                                   \
    {                                                                                            \
        FIELDS, offsetof(pmipc_field, member), sizeof(((pmipc_field *)0)->member) / (many), many \
    }

static const struct field fields[] = {
    MEMBER(HEADER, pool_header, magic, 1),
    MEMBER(HEADER, pool_header, layout_version, 1),
    MEMBER(HEADER, pool_header, header_bytes, 1),
    MEMBER(HEADER, pool_header, fingerprint, 1),
    MEMBER(HEADER, pool_header, incarnation, 1),
    GEOMETRY(page_bytes),
    GEOMETRY(history_len),
    GEOMETRY(initial_slots),
    GEOMETRY(slots_per_step),
    GEOMETRY(spare),
    GEOMETRY(reserved),
    GEOMETRY(schema_offset),
    GEOMETRY(schema_bytes),
    GEOMETRY(metadata_offset),
    GEOMETRY(metadata_bytes),
    GEOMETRY(readers_offset),
    GEOMETRY(slots_offset),
    GEOMETRY(stride),
    GEOMETRY(payload_bytes),
    MEMBER(HEADER, pool_header, field_count, 1),
    MEMBER(HEADER, pool_header, text_bytes, 1),
    MEMBER(HEADER, pool_header, origin, 1),
    MEMBER(HEADER, pool_header, created_ns, 1),
    MEMBER(HEADER, pool_header, name, PMIPC_MAX_NAME + 8),
    MEMBER(HEADER, pool_header, checksum, 1),
    OF_FIELD(name, PMIPC_MAX_FIELD_NAME + 1),
    OF_FIELD(dtype, 1),
    OF_FIELD(itemsize, 1),
    OF_FIELD(ndim, 1),
    OF_FIELD(flags, 1),
    OF_FIELD(shape, PMIPC_MAX_NDIM),
    OF_FIELD(descr_offset, 1),
    OF_FIELD(descr_bytes, 1),
    {TEXT, 0, 1, 1},
    {METADATA, 0, 1, 1},
    MEMBER(CONTROL, pool_control, head, 1),
    MEMBER(CONTROL, pool_control, retired, 1),
    MEMBER(CONTROL, pool_control, bell, 1),
    {CONTROL, offsetof(struct pool_control, ownership), 4, 1},     /* slot count */
    {CONTROL, offsetof(struct pool_control, ownership) + 4, 4, 1}, /* owner's epoch */
    MEMBER(CONTROL, pool_control, clock_offset_ns, 1),
    MEMBER(CONTROL, pool_control, owner_since_ns, 1),
    MEMBER(CONTROL, pool_control, owner_pid, 1),
    MEMBER(CONTROL, pool_control, grown, 1),
    MEMBER(CONTROL, pool_control, given_up, 1),
    MEMBER(CONTROL, pool_control, malformed_cells, 1),
    MEMBER(CONTROL, pool_control, cleared_rows, 1),
    MEMBER(CONTROL, pool_control, owner_command, SHARED_TEXT_WORDS(128)),
    {RING, 0, 8, 1},
    MEMBER(READERS, pool_readers, waiting, 1),
    MEMBER(READERS, pool_readers, rows_in_use, 1),
    {CELLS, offsetof(struct pool_readers, cells), 8, PIN_CELLS},
    MEMBER(FACTS, row_facts, pid, 1),
    MEMBER(FACTS, row_facts, last_seq, 1),
    MEMBER(FACTS, row_facts, dropped, 1),
    MEMBER(FACTS, row_facts, copies, 1),
    MEMBER(FACTS, row_facts, since_ns, 1),
    MEMBER(FACTS, row_facts, owner, 1),
    MEMBER(FACTS, row_facts, command, SHARED_TEXT_WORDS(32)),
    MEMBER(SLOTS, slot_header, seq, 1),
    MEMBER(SLOTS, slot_header, stamp_ns, 1),
    MEMBER(SLOTS, slot_header, published_ns, 1),
    MEMBER(SLOTS, slot_header, valid_bytes, 1),
    MEMBER(SLOTS, slot_header, lengths, PMIPC_MAX_VARIABLE_FIELDS),
    {PAYLOAD, 0, 8, 64},
    {ANYWHERE, 0, 4, 1},
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])
static_assert(FIELD_COUNT < 256, "a byte names a field");
const uint8_t poke_field_count = FIELD_COUNT;

/* The offset of the word, by the geometry that the file has now. That geometry may be corrupt. */
static uint64_t place_of_field(const struct field *field, const struct record *record, const char *base)
{
    const struct pool_header *header = (const struct pool_header *)base;
    const struct pool_geometry *geometry = &header->geometry;
    const uint64_t outer = index_outer(record->index), inner = index_inner(record->index);
    const uint64_t within = field->offset + inner % field->count * field->width;
    switch (field->region) {
    case HEADER:
        return within;
    case CONTROL:
        return POOL_CONTROL_OFFSET + within;
    case RING:
        return POOL_RING_OFFSET + outer * field->width;
    case FIELDS:
        return geometry->schema_offset + outer % PMIPC_MAX_FIELDS * sizeof(pmipc_field) + within;
    case TEXT:
        return geometry->schema_offset + header->field_count * sizeof(pmipc_field) + outer;
    case METADATA:
        return geometry->metadata_offset + outer;
    case READERS:
        return geometry->readers_offset + within;
    case CELLS:
        return geometry->readers_offset + outer % PIN_ROWS * CACHE_LINE_BYTES + within;
    case FACTS:
        return geometry->readers_offset + offsetof(struct pool_readers, facts) +
               outer % PIN_ROWS * sizeof(struct row_facts) + within;
    case SLOTS:
        return geometry->slots_offset + outer * geometry->stride + slot_header_offset(geometry) + within;
    case PAYLOAD:
        return geometry->slots_offset + outer * geometry->stride + within;
    case ANYWHERE:
        break;
    }
    return (uint64_t)record->index * 4;
}

void poke_now(const struct record *record, bool raw)
{
    const struct field *field = &fields[record->field % FIELD_COUNT];
    size_t size;
    char *base = pool_file_bytes(&size);
    if (size < POOL_RING_OFFSET)
        return;
    uint64_t place = place_of_field(field, record, base) / field->width * field->width;
    if (place > size - sizeof record->value)
        return;
    memcpy(base + place, &record->value, field->width); /* machines with libFuzzer are little endian */
    bool is_description =
        field->region == HEADER || field->region == FIELDS || field->region == TEXT || field->region == METADATA;
    if (is_description && !raw)
        pool_file_update_checksum();
}

/* -------------------------------------------------------------------------------------------------------- delayed */

static struct pending {
    const struct record *record;
    uint64_t call; /* UINT64_MAX: not at a call */
    uint64_t load;
} pending[PENDING_MAX];
static uint32_t pending_count;

void pokes_begin(void)
{
    pending_count = 0;
}

static void set_alarms(void)
{
    world_call_alarm = world_load_alarm = UINT64_MAX;
    for (uint32_t i = 0; i < pending_count; i++) {
        if (pending[i].call < world_call_alarm)
            world_call_alarm = pending[i].call;
        if (pending[i].load < world_load_alarm)
            world_load_alarm = pending[i].load;
    }
}

static void add(const struct record *record, uint64_t call, uint64_t load)
{
    if (pending_count == PENDING_MAX)
        return;
    pending[pending_count++] = (struct pending){record, call, load};
    set_alarms();
}

void poke_at_call(const struct record *record)
{
    add(record, world_calls + 1 + record->delay % CALLS_AHEAD, UINT64_MAX);
}

void poke_at_load(const struct record *record)
{
    add(record, UINT64_MAX, world_loads + 1 + record->delay % LOADS_AHEAD);
}

void pokes_fire(void)
{
    const struct record *due[PENDING_MAX];
    uint32_t due_count = 0, left = 0;
    for (uint32_t i = 0; i < pending_count; i++) {
        if (pending[i].call <= world_calls || pending[i].load <= world_loads)
            due[due_count++] = pending[i].record;
        else
            pending[left++] = pending[i];
    }
    pending_count = left;
    world_call_alarm = world_load_alarm = UINT64_MAX; /* poking makes system calls too */
    for (uint32_t i = 0; i < due_count; i++)
        poke_now(due[i], false);
    set_alarms();
}
