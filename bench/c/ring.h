/* ring.h: shared memory written by hand, with the slots of a pool and nothing else.
 *
 * Every copy is compared with it, so it has the layout of a pool: the same file system, stride, number of slots and
 * payload offset, huge pages requested and every page populated. */
#ifndef PMIPC_BENCH_RING_H
#define PMIPC_BENCH_RING_H

#include <stddef.h>
#include <stdint.h>

typedef struct ring {
    unsigned char *memory;
    size_t stride;
    uint32_t slot_count;
    uint32_t next;
} ring;

/** Map a ring for samples of `bytes`; it is shared with children forked afterwards. */
void ring_open(ring *self, size_t bytes);

void ring_close(ring *self);

/** Advance to the next slot. Returns the address of its payload. */
static inline unsigned char *ring_advance(ring *self)
{
    unsigned char *payload = self->memory + (size_t)self->next * self->stride + 64;
    self->next = self->next + 1 == self->slot_count ? 0 : self->next + 1;
    return payload;
}

#endif
