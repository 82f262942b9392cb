/* ring.h: shared memory as one would write it by hand: the same slots as a pool's, and nothing else.
 *
 * It is what every copy is compared with, so it is built like a pool: on the same file system, with the same stride,
 * number of slots and place of the payload, huge pages asked for and every page populated. */
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

/** Where the payload of the slot after the last one goes. */
static inline unsigned char *ring_advance(ring *self)
{
    unsigned char *payload = self->memory + (size_t)self->next * self->stride + 64;
    self->next = self->next + 1 == self->slot_count ? 0 : self->next + 1;
    return payload;
}

#endif
