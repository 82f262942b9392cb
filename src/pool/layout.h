/* layout.h: every struct that processes share, and its offset in a pool file.
 *
 *   offset          region       written by     mapped by streams  contents
 *   0               header       creator, once  read-only          magic, version, fingerprint, geometry, checksum
 *   4096            control      producer       read-only          head, retired, bell, slot count, epoch, facts
 *   ring_offset     ring         producer       read-only          history_len entries, indexed by seq mod history_len
 *   schema_offset   description  creator, once  read-only          fields, dtype descriptions, metadata
 *   readers_offset  readers      streams        read-write         flags, row bitmaps, pin rows, row facts
 *   slots_offset    slots        producer       read-only          slot_count slots of `stride` bytes: payload, header
 *
 * If a slot takes a page or more, a page before the first slot is its headroom (pmipc_loan.headroom).
 *
 * readers_offset, slots_offset and the size of the slot region are multiples of the page size, so that the slot region
 * can be mapped twice, back to back. The file only grows, at its end, by whole slots.
 *
 * magic, layout_version, retired, bell and the lock bytes have the same offsets in every layout version, so that each
 * build can ring, retire and remove the pools of all others. A lock byte is a position in the file, not its content:
 * byte 0 is the producer's, byte 1 + i is that of row i.
 *
 * Shared memory is untrusted. The header is copied before it is checked. Everything else is read once per use and
 * checked at every use. */
#ifndef POOL_LAYOUT_H
#define POOL_LAYOUT_H

#include <assert.h>
#include <stdint.h>

#include "os/atomic.h"
#include "polymorph_ipc/producer.h"
#include "polymorph_ipc/registry.h"

#define CACHE_LINE_BYTES 64
#define POOL_MAGIC UINT64_C(0x314c4f4f50434950) /* "PICPOOL1" in little endian */
#define POOL_LAYOUT_VERSION 2u
#define POOL_HEADER_BYTES 4096u
#define POOL_CONTROL_OFFSET 4096u
#define POOL_RING_OFFSET 4608u

#define PIN_ROWS PMIPC_MAX_READERS
#define PIN_CELLS 8      /* a row is one cache line */
#define MAX_SLOTS 65472u /* an entry has 16 bits for a slot; one page of the smallest slots less */

#define LOCK_BYTE_PRODUCER 0
#define LOCK_BYTE_ROW(row) (1 + (int)(row))

/* Offsets and sizes of a pool file. They follow from the schema and the options (plan_geometry in description.c). */
struct pool_geometry {
    uint32_t page_bytes;
    uint32_t history_len;
    uint32_t initial_slots;
    uint32_t slots_per_step; /* slots that one growth adds: a page of them, or one */
    uint32_t spare;
    uint32_t reserved;
    uint64_t schema_offset;
    uint64_t schema_bytes; /* fields, then descriptions */
    uint64_t metadata_offset;
    uint64_t metadata_bytes; /* with its NUL; 0: no metadata */
    uint64_t readers_offset;
    uint64_t slots_offset;
    uint64_t stride;        /* bytes from one slot to the next */
    uint64_t payload_bytes; /* of one slot */
};

/* A slot begins with its payload, so that the payload of a large sample begins at a page. The slot header follows it.
 */
static inline uint64_t slot_header_offset(const struct pool_geometry *geometry)
{
    return (geometry->payload_bytes + CACHE_LINE_BYTES - 1) & ~(uint64_t)(CACHE_LINE_BYTES - 1);
}

struct pool_header {
    uint64_t magic;
    uint32_t layout_version;
    uint32_t header_bytes; /* sizeof(struct pool_header) */
    uint64_t fingerprint;  /* of sizes and offsets: builds with another layout refuse the pool */
    uint64_t incarnation;  /* random identity of this pool file, never 0 */
    struct pool_geometry geometry;
    uint32_t field_count;
    uint32_t text_bytes;
    uint32_t origin; /* PMIPC_ORIGIN_* */
    uint32_t reserved;
    int64_t created_ns; /* since the epoch */
    uint64_t lineage; /* incarnation of the first pool in a line of pools that continue each other's sequence numbers */
    char name[PMIPC_MAX_NAME + 8];
    uint64_t checksum; /* of this struct with checksum 0, and of the description */
};

/* Shared text, for messages, consists of atomic words: one process may read it while another writes it. */
#define SHARED_TEXT_WORDS(bytes) ((bytes) / 8)

/* Why a pool is retired. Any other value than 0 counts as RETIRED_ENDED. */
enum {
    RETIRED_ENDED = 1,     /* its producer was closed, or the pool was removed or replaced by the library */
    RETIRED_SUCCEEDED = 2, /* the same producer continues in a pool of the same name */
    RETIRED_UNLINKED = 3   /* another program has removed the name of its file */
};

struct pool_control {
    /* The cache line that each read of a stream accesses. */
    _Atomic uint64_t head;    /* the newest entry; 0: nothing is published */
    _Atomic uint32_t retired; /* RETIRED_*; 0: not retired */
    _Atomic uint32_t bell;    /* futex; incremented when a stream waits, and always by adoption and retirement */
    /* The owner's epoch (1 for the creator, one more for each adopter) and the slot count in one word (ownership_make
     * in protocol.h). The slot count is stored before the first entry that needs it. */
    _Atomic uint64_t ownership;
    uint8_t reserved1[CACHE_LINE_BYTES - 24];

    /* Facts, which are written rarely. */
    _Atomic int64_t clock_offset_ns;  /* realtime minus CLOCK_OF_AGES, refreshed about once a second */
    _Atomic int64_t owner_since_ns;   /* since the epoch */
    _Atomic uint32_t owner_pid;       /* in the owner's PID namespace: for messages only */
    _Atomic uint32_t overflow;        /* PMIPC_OVERFLOW_* of the owner */
    _Atomic uint64_t grown;           /* how often the pool has grown */
    _Atomic uint64_t given_up;        /* history entries that were removed early because no other slot was free */
    _Atomic uint64_t malformed_cells; /* invalid pin cells that scans have found */
    _Atomic uint64_t cleared_rows;    /* rows of dead streams that were cleared */
    /* Samples up to this one were consumed in the pool that this one continues. Written before the pool has a name. */
    _Atomic uint64_t consumed_before;
    _Atomic uint64_t owner_command[SHARED_TEXT_WORDS(128)];
    uint8_t reserved4[512 - 64 - 64 - 128];
};

/* The pages that streams write. */
struct pool_readers {
    _Atomic uint32_t waiting; /* a flag, not a count: a killed waiter costs one unneeded wake */
    uint8_t reserved0[CACHE_LINE_BYTES - 4];
    _Atomic uint64_t rows_in_use;
    uint8_t reserved1[CACHE_LINE_BYTES - 8];
    /* Back pressure (room.c). */
    _Atomic uint64_t lossless_rows; /* bitmap of the rows of lossless streams */
    uint8_t reserved2[CACHE_LINE_BYTES - 8];
    _Atomic uint64_t consumed; /* the highest seq that a lossless stream has consumed */
    uint8_t reserved3[CACHE_LINE_BYTES - 8];
    _Atomic uint32_t room_bell;    /* futex; incremented when a stream has made room and the flag is set */
    _Atomic uint32_t room_waiting; /* a flag, as `waiting`: the producer waits for room */
    uint8_t reserved4[4096 - 4 * CACHE_LINE_BYTES - 8];
    _Atomic uint64_t cells[PIN_ROWS][PIN_CELLS];
    struct row_facts {
        _Atomic uint32_t pid;
        uint32_t reserved0;
        _Atomic uint64_t last_seq;
        _Atomic uint64_t dropped;
        _Atomic uint64_t copies;
        _Atomic int64_t since_ns;
        _Atomic uint64_t owner;    /* token of the stream that claimed the row; 0: not claimed */
        _Atomic uint64_t process;  /* process_identity of the stream's process; a pid is not unique across containers */
        _Atomic uint64_t consumed; /* cursor of a lossless stream (room.c); beside last_seq, which each read stores */
        _Atomic uint64_t command[SHARED_TEXT_WORDS(32)];
        uint64_t reserved1[4];
    } facts[PIN_ROWS];
};

/* Written before the slot's entry is stored, and not changed while the slot is reachable or pinned. The members are
 * atomic because inspection reads them without a pin. slot_header_offset gives its place. */
struct slot_header {
    _Atomic uint64_t seq;
    _Atomic int64_t stamp_ns;
    _Atomic int64_t published_ns;
    _Atomic uint64_t valid_bytes;                        /* of the payload */
    _Atomic uint32_t lengths[PMIPC_MAX_VARIABLE_FIELDS]; /* of the variable fields, in their order */
};

static_assert(sizeof(struct pool_header) <= POOL_HEADER_BYTES, "the header fits into the smallest page");
static_assert(offsetof(struct pool_header, magic) == 0, "fixed in every layout version");
static_assert(offsetof(struct pool_header, layout_version) == 8, "fixed in every layout version");
static_assert(offsetof(struct pool_control, retired) == 8, "fixed in every layout version");
static_assert(offsetof(struct pool_control, bell) == 12, "fixed in every layout version");
static_assert(offsetof(struct pool_control, clock_offset_ns) == CACHE_LINE_BYTES,
              "facts do not share the cache line of head");
static_assert(sizeof(struct pool_control) == POOL_RING_OFFSET - POOL_CONTROL_OFFSET, "the ring follows the control");
static_assert(POOL_RING_OFFSET % CACHE_LINE_BYTES == 0, "the ring is aligned");
static_assert(offsetof(struct pool_readers, rows_in_use) == CACHE_LINE_BYTES,
              "the flag and the bitmap do not share a cache line");
static_assert(offsetof(struct pool_readers, lossless_rows) == 2 * CACHE_LINE_BYTES &&
                  offsetof(struct pool_readers, consumed) == 3 * CACHE_LINE_BYTES &&
                  offsetof(struct pool_readers, room_bell) == 4 * CACHE_LINE_BYTES,
              "the words of back pressure do not share a cache line");
static_assert(offsetof(struct pool_readers, cells) == 4096, "rows are cache lines");
static_assert(sizeof(((struct pool_readers *)0)->cells[0]) == CACHE_LINE_BYTES, "a row is one cache line");
static_assert(offsetof(struct pool_readers, facts) == 8192, "facts and cells are on different pages");
static_assert(sizeof(struct row_facts) == 128, "facts of two rows do not share a cache line");
static_assert(sizeof(struct pool_readers) == 16384, "whole pages of 4, 8 and 16 KB");
static_assert(sizeof(struct slot_header) == CACHE_LINE_BYTES, "the payload is aligned if its slot is");
static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "shared words must be lock-free");

/* FNV-1a: continue `hash`, which is LAYOUT_HASH_START at first, over these bytes. */
#define LAYOUT_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t layout_hash(uint64_t hash, const void *data, size_t bytes);

/* A hash of every size and offset above. */
uint64_t layout_fingerprint(void);

/* Store and load shared text. `bytes` is a multiple of 8 and at most 256. The loaded text is NUL-terminated printable
 * ASCII; '?' replaces all other bytes. */
void shared_text_store(_Atomic uint64_t *words, size_t bytes, const char *text);
void shared_text_load(const _Atomic uint64_t *words, size_t bytes, char *text);

#endif
