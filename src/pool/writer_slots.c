/* writer_slots.c: the addresses of a writer's slots, and growing. */
#include <errno.h>
#include <stdlib.h>

#include "os/memory.h"
#include "pool/writer.h"

static char *slot_address(const struct pool_writer *writer, uint32_t slot)
{
    const struct pool_geometry *geometry = &writer->description->header.geometry;
    if (slot < writer->base_slots)
        return writer->base + geometry->slots_offset + slot * geometry->stride;
    uint32_t beyond = slot - writer->base_slots;
    return writer->steps[beyond / geometry->slots_per_step] + (beyond % geometry->slots_per_step) * geometry->stride;
}

struct slot_header *writer_slot_header(const struct pool_writer *writer, uint32_t slot)
{
    return (struct slot_header *)(slot_address(writer, slot) +
                                  slot_header_offset(&writer->description->header.geometry));
}

char *writer_payload(const struct pool_writer *writer, uint32_t slot)
{
    return slot_address(writer, slot);
}

uint32_t writer_headroom(const struct pool_writer *writer, uint32_t slot)
{
    const struct pool_geometry *geometry = &writer->description->header.geometry;
    uint64_t headroom = 0;
    if (slot == 0) /* the space after the rows of readers */
        headroom = geometry->slots_offset - geometry->readers_offset - sizeof(struct pool_readers);
    else if (slot_address(writer, slot - 1) + geometry->stride == slot_address(writer, slot))
        /* the space after the header of the slot before; none in another mapping */
        headroom = geometry->stride - slot_header_offset(geometry) - sizeof(struct slot_header);
    return headroom < UINT32_MAX ? (uint32_t)headroom : UINT32_MAX;
}

/* Whether the limits allow one more step. Reaching a limit is not a failure. */
static bool may_grow(const struct pool_writer *writer, uint32_t slots, uint64_t offset, uint64_t end)
{
    const struct memory_limit *limit;
    return slots <= description_slots_bound(writer->description) && (!writer->max_bytes || end <= writer->max_bytes) &&
           memory_room(writer->fd, offset, &limit) >= end - offset;
}

/* Extend the file by one step and map it. Each step has its own mapping, so that the addresses of older slots do not
 * change. Returns 0 or an errno. */
static int map_step(struct pool_writer *writer, uint64_t offset, uint64_t end)
{
    char **steps = realloc(writer->steps, (writer->step_count + 1) * sizeof *steps);
    if (!steps)
        return ENOMEM;
    writer->steps = steps;
    int failure = file_extend(writer->fd, end);
    if (failure)
        return failure;
    char *address = memory_map(writer->fd, offset, end - offset, true, writer->description->header.name);
    if (!address)
        return errno;
    size_t bytes = (size_t)(end - offset);
    failure = memory_reserve(writer->fd, offset, address, bytes);
    if (failure) {
        memory_unmap(address, bytes);
        return failure; /* the file keeps its size; the next growth reserves the same range */
    }
    steps[writer->step_count++] = address;
    return 0;
}

bool writer_grow(struct pool_writer *writer)
{
    uint32_t slots = writer->protocol.slot_count + writer->description->header.geometry.slots_per_step;
    uint64_t offset = description_file_bytes(writer->description, writer->protocol.slot_count);
    uint64_t end = description_file_bytes(writer->description, slots);
    /* The program may have closed the descriptor, and its number may refer to another file. */
    int is_own = file_is_still(writer->fd, writer->identity);
    writer->growth_failure = is_own < 0 ? -is_own : is_own == 0 ? EBADF : 0;
    if (writer->growth_failure || !may_grow(writer, slots, offset, end))
        return false;
    writer->growth_failure = map_step(writer, offset, end);
    if (writer->growth_failure)
        return false;
    if (!protocol_grow(&writer->protocol, slots)) { /* the lock was lost, and the pool has another owner */
        memory_unmap(writer->steps[--writer->step_count], (size_t)(end - offset));
        return false;
    }
    fetch_add_relaxed(&writer->control->grown, 1);
    return true;
}
