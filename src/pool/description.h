/* description.h: what a pool is: geometry, schema, metadata. Made by its creator, read and checked by everybody else.
 */
#ifndef POOL_DESCRIPTION_H
#define POOL_DESCRIPTION_H

#include "os/error.h"
#include "pool/layout.h"

/* Where the fields of a sample lie in a slot's payload; follows from the schema alone. */
struct payload_layout {
    uint64_t bytes;
    uint64_t offsets[PMIPC_MAX_FIELDS];
    uint64_t row_bytes[PMIPC_MAX_FIELDS]; /* of one element of the leading dimension */
    uint64_t field_bytes[PMIPC_MAX_FIELDS];
    int32_t length_index[PMIPC_MAX_FIELDS]; /* which of the slot header's lengths is the field's; -1: fixed shape */
    uint32_t variable_count;
};

/* A checked private copy. Shared by handles and copied views: counted references. Never changes once made. */
struct pool_description {
    _Atomic uint32_t references;
    struct pool_header header;
    pmipc_schema schema;
    struct payload_layout payload;
    char *metadata; /* NUL-terminated, "" for none */
};

/* What the creator wants. `options` has its defaults filled in. */
pmipc_status description_make(const char *name, const pmipc_schema *schema, const pmipc_producer_options *options,
                              struct pool_description **description, pmipc_error *error);

/* Read exactly `bytes` of the file of pool `name`. Returns OK, CORRUPT (it is too short), NO_MEMORY, SYSTEM. */
pmipc_status pool_file_read(int fd, void *buffer, size_t bytes, uint64_t offset, const char *name, pmipc_error *error);

/* How long that file is, in *bytes. Returns OK, NO_MEMORY, SYSTEM. */
pmipc_status pool_file_measure(int fd, uint64_t *bytes, const char *name, pmipc_error *error);

/* Read and check the description in a pool file. Trusts nothing; touches the file with pread only.
 * Returns OK, CORRUPT, INCOMPATIBLE, NO_MEMORY, SYSTEM. */
pmipc_status description_read(int fd, const char *name, struct pool_description **description, pmipc_error *error);

/* Write it to the start of a file that is mapped writable at `base`. */
void description_write(const struct pool_description *description, char *base);

/* Make it continue the sequence numbers of a pool that it will replace. */
void description_continue(struct pool_description *description, const struct pool_description *predecessor);

/* Whether a pool of this description can be adopted by a producer that wants `wanted`: the same, or with more room for
 * variable fields, as a pool that has grown. */
bool description_serves(const struct pool_description *existing, const struct pool_description *wanted);

void description_retain(struct pool_description *description);
void description_release(struct pool_description *description);

/* Bytes of the file with this many slots. */
static inline uint64_t description_file_bytes(const struct pool_description *description, uint32_t slots)
{
    return description->header.geometry.slots_offset + slots * description->header.geometry.stride;
}

/* The most slots that a producer gives the pool: what it was made with, and what 64 streams of this library can hold
 * (docs/decisions/0004), in whole steps. Streams write the cells, so one that does not keep to the library's limits
 * could ask for any number. */
static inline uint32_t description_slots_bound(const struct pool_description *description)
{
    const struct pool_geometry *geometry = &description->header.geometry;
    uint32_t held = PIN_ROWS * (2 * geometry->history_len + 15), step = geometry->slots_per_step;
    uint32_t bound = geometry->initial_slots + (held + step - 1) / step * step;
    return bound < MAX_SLOTS ? bound : MAX_SLOTS;
}

/* Whether a pool of this description can have this many slots. */
bool description_allows_slots(const struct pool_description *description, uint32_t slots);

#endif
