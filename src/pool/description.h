/* description.h: geometry, schema and metadata of a pool. Its creator writes them; all others
 * read and check them. */
#ifndef POOL_DESCRIPTION_H
#define POOL_DESCRIPTION_H

#include "os/error.h"
#include "pool/layout.h"

/* The offsets of a sample's fields in a slot's payload. They follow from the schema. */
struct payload_layout {
    uint64_t bytes;
    uint64_t offsets[PMIPC_MAX_FIELDS];
    uint64_t row_bytes[PMIPC_MAX_FIELDS]; /* of one element of the leading dimension */
    uint64_t field_bytes[PMIPC_MAX_FIELDS];
    int32_t length_index[PMIPC_MAX_FIELDS]; /* index of the field's length in the slot header; -1: fixed shape */
    uint32_t variable_count;
};

/* A checked private copy, which does not change. Handles and copied views share it by counted references. */
struct pool_description {
    _Atomic uint32_t references;
    struct pool_header header;
    pmipc_schema schema;
    struct payload_layout payload;
    char *metadata; /* NUL-terminated; "": no metadata */
};

/* Make the description of a new pool. `options` has its defaults filled in. Returns
 * OK, INVALID_ARGUMENT or NO_MEMORY. */
pmipc_status description_make(const char *name, const pmipc_schema *schema, const pmipc_producer_options *options,
                              struct pool_description **description, pmipc_error *error);

/* Read exactly `bytes` bytes of the file of pool `name`. Returns OK, CORRUPT (the file is too short), NO_MEMORY or
 * SYSTEM. */
pmipc_status pool_file_read(int fd, void *buffer, size_t bytes, uint64_t offset, const char *name, pmipc_error *error);

/* The size of that file. Returns OK, NO_MEMORY or SYSTEM. */
pmipc_status pool_file_measure(int fd, uint64_t *bytes, const char *name, pmipc_error *error);

/* Read and check the description in an untrusted pool file, with pread only. Returns OK, CORRUPT, INCOMPATIBLE,
 * NO_MEMORY or SYSTEM. */
pmipc_status description_read(int fd, const char *name, struct pool_description **description, pmipc_error *error);

/* Write the description to the start of a file that is mapped writable at `base`. */
void description_write(const struct pool_description *description, char *base);

/* Let the pool continue the sequence numbers of the pool that it will replace. */
void description_continue(struct pool_description *description, const struct pool_description *predecessor);

/* Whether a producer that wants `wanted` can adopt a pool with this description: it is the same, or has more room for
 * variable fields because the pool was replaced by a larger one. */
bool description_serves(const struct pool_description *existing, const struct pool_description *wanted);

void description_retain(struct pool_description *description);
void description_release(struct pool_description *description);

/* Bytes of the file with this many slots. */
static inline uint64_t description_file_bytes(const struct pool_description *description, uint32_t slots)
{
    return description->header.geometry.slots_offset + slots * description->header.geometry.stride;
}

/* The maximum number of slots that a producer gives the pool: the initial slots and those that 64 streams of this
 * library can pin (docs/decisions/0004), in whole steps. A stream that does not keep the library's limits could
 * otherwise make the pool grow by any number, because streams write the cells. */
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
