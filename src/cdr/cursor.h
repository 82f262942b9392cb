/* cursor.h: reading and writing CDR primitives, with an error that sticks.
 *
 * The first thing that is wrong is noted in the cursor with its position; from then on reads give nothing and move
 * nothing, so that callers look at the fault where it suits them (and in every loop). */
#ifndef CDR_CURSOR_H
#define CDR_CURSOR_H

#include <string.h>

#include "polymorph_ipc/cdr.h"

#define CDR_HEADER_BYTES 4u
#define CDR_VENDOR_COUNT UINT32_MAX /* instead of a uint8[]'s count: its bytes are elsewhere */

enum cdr_fault_kind {
    CDR_SOUND = 0,
    CDR_NO_HEADER,
    CDR_ENCAPSULATION, /* count: the identifier */
    CDR_TRUNCATED,     /* needed, left */
    CDR_COUNT,         /* count, needed, left */
    CDR_ABOVE_BOUND,   /* count, needed: the bound */
    CDR_UNTERMINATED,  /* count: the length */
    CDR_VENDOR_BUFFER,
    CDR_DELIMITER, /* count: what it says, needed: what it should say */
    CDR_NOT_BOOL   /* count: the byte */
};

struct cdr_fault {
    enum cdr_fault_kind kind;
    uint64_t position; /* in the message, header included */
    uint64_t count;
    uint64_t needed;
    uint64_t left;
};

struct cdr_reader {
    const uint8_t *body; /* behind the header; alignment counts from here */
    size_t bytes;
    size_t position;
    bool swapped;
    bool version2; /* XCDR2: nothing is aligned to more than 4, collections of strings and messages have a delimiter */
    struct cdr_fault fault;
};

/* Begin with the message's header. */
void cdr_reader_start(struct cdr_reader *reader, const void *bytes, size_t byte_count);

/* Note a fault at the current position, unless there is one, and move to the end: nothing is read any more. */
void cdr_reader_fail(struct cdr_reader *reader, enum cdr_fault_kind kind, uint64_t count, uint64_t needed);

/* Put a fault into words behind what `error` says already, and return the status that fits it. */
pmipc_status cdr_fault_describe(const struct cdr_fault *fault, pmipc_error *error);

static inline bool cdr_reader_is_sound(const struct cdr_reader *reader)
{
    return reader->fault.kind == CDR_SOUND;
}

static inline size_t cdr_padding(size_t position, size_t alignment)
{
    return -position & (alignment - 1);
}

/* `count` primitives of `item_bytes` each, aligned; none needs no padding. NULL: they are not there.
 * The product cannot wrap: a type's fixed part is at most 2^30 bytes (types.h), a count less than 2^32. */
static inline const uint8_t *cdr_read_items(struct cdr_reader *reader, uint64_t count, uint32_t item_bytes)
{
    size_t alignment = reader->version2 && item_bytes > 4 ? 4 : item_bytes;
    size_t padding = count ? cdr_padding(reader->position, alignment) : 0;
    uint64_t needed = padding + count * item_bytes;
    if (__builtin_expect(needed > reader->bytes - reader->position, 0)) {
        cdr_reader_fail(reader, CDR_TRUNCATED, count, needed);
        return NULL;
    }
    const uint8_t *items = reader->body + reader->position + padding;
    reader->position += needed;
    return items;
}

static inline uint32_t cdr_read_u32(struct cdr_reader *reader)
{
    const uint8_t *item = cdr_read_items(reader, 1, 4);
    uint32_t value = 0;
    if (item)
        memcpy(&value, item, sizeof value);
    return reader->swapped ? __builtin_bswap32(value) : value;
}

/* The count of a sequence, checked against its bound (0: none) and against what is left for elements that take at least
 * `element_bytes` each (1 or more). Only that of octets may stand for a vendor's buffer. 0 when it is not sound. */
uint32_t cdr_read_count(struct cdr_reader *reader, uint64_t element_bytes, uint32_t bound, bool is_octets);

/* One string (item_bytes 1) or wstring (4), of at most `bound` characters (0: any number). */
pmipc_cdr_span cdr_read_text(struct cdr_reader *reader, uint32_t item_bytes, uint32_t bound);

/* The delimiter of a collection of strings or messages, which only XCDR2 has; the matching end checks it. */
static inline size_t cdr_delimiter_begin(struct cdr_reader *reader)
{
    if (!reader->version2)
        return 0;
    uint32_t length = cdr_read_u32(reader);
    return reader->position + length;
}

static inline void cdr_delimiter_end(struct cdr_reader *reader, size_t end)
{
    if (reader->version2 && reader->position != end)
        cdr_reader_fail(reader, CDR_DELIMITER, end, reader->position);
}

/* Index of the first of `count` bytes that is neither 0 nor 1; `count` when all are. */
uint64_t cdr_find_bad_bool(const uint8_t *bytes, uint64_t count);

struct cdr_writer {
    uint8_t *body;
    size_t capacity;
    size_t position; /* goes on counting when the capacity is exceeded: the size that is needed */
    bool swapped;
};

/* Begin with the header. A buffer that is too small for it is as good as none. */
void cdr_writer_start(struct cdr_writer *writer, void *buffer, size_t capacity, bool swapped);

/* Align, and write items that are in native byte order; NULL: zeros. */
void cdr_write_items(struct cdr_writer *writer, const void *items, uint64_t count, uint32_t item_bytes);

static inline void cdr_write_u32(struct cdr_writer *writer, uint32_t value)
{
    cdr_write_items(writer, &value, 1, 4);
}

void cdr_write_text(struct cdr_writer *writer, const pmipc_cdr_span *text, uint32_t item_bytes);

#endif
