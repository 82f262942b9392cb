/* primitives.h: read and write CDR primitives, with a sticky error.
 *
 * The first fault is stored in the input with its position. Later reads return nothing, so callers check for a fault
 * only in loops and at the end. */
#ifndef CDR_PRIMITIVES_H
#define CDR_PRIMITIVES_H

#include <string.h>

#include "polymorph_ipc/cdr.h"

#define CDR_HEADER_BYTES 4u
#define CDR_VENDOR_COUNT UINT32_MAX /* the count of a uint8[] whose bytes are not in the message */

enum cdr_fault_kind {
    CDR_NO_FAULT = 0,
    CDR_NO_HEADER,
    CDR_ENCAPSULATION, /* count: the encapsulation identifier */
    CDR_TRUNCATED,     /* needed, left */
    CDR_COUNT,         /* count, needed, left */
    CDR_ABOVE_BOUND,   /* count, needed: the bound */
    CDR_UNTERMINATED,  /* count: the length */
    CDR_VENDOR_BUFFER,
    CDR_DELIMITER, /* count: the end that it gives, needed: the end of the elements */
    CDR_NOT_BOOL   /* count: the byte */
};

struct cdr_fault {
    enum cdr_fault_kind kind;
    uint64_t position; /* in the message, including the header */
    uint64_t count;
    uint64_t needed;
    uint64_t left;
};

struct cdr_input {
    const uint8_t *body; /* after the header; alignment is relative to it */
    size_t bytes;
    size_t position;
    bool swapped;
    bool version2; /* XCDR2: alignment of at most 4; lists of strings and messages have a delimiter */
    struct cdr_fault fault;
};

/* Start reading: check the header of the message. */
void cdr_input_start(struct cdr_input *input, const void *bytes, size_t byte_count);

/* Store a fault at the current position, if it is the first, and move to the end so that nothing more is read. */
void cdr_input_fail(struct cdr_input *input, enum cdr_fault_kind kind, uint64_t count, uint64_t needed);

/* Append a description of the fault to the text of `error`, and return the status of the fault. */
pmipc_status cdr_fault_report(const struct cdr_fault *fault, pmipc_error *error);

static inline bool cdr_input_is_valid(const struct cdr_input *input)
{
    return input->fault.kind == CDR_NO_FAULT;
}

static inline size_t cdr_padding(size_t position, size_t alignment)
{
    return -position & (alignment - 1);
}

/* The next `count` primitives of `item_bytes` each, after padding for alignment (none for 0 primitives). NULL: the
 * message is too short. The product cannot overflow: a type's fixed part is at most 2^30 bytes (types.h), and a count
 * is less than 2^32. */
static inline const uint8_t *cdr_read_items(struct cdr_input *input, uint64_t count, uint32_t item_bytes)
{
    size_t alignment = input->version2 && item_bytes > 4 ? 4 : item_bytes;
    size_t padding = count ? cdr_padding(input->position, alignment) : 0;
    uint64_t needed = padding + count * item_bytes;
    if (__builtin_expect(needed > input->bytes - input->position, 0)) {
        cdr_input_fail(input, CDR_TRUNCATED, count, needed);
        return NULL;
    }
    const uint8_t *items = input->body + input->position + padding;
    input->position += needed;
    return items;
}

static inline uint32_t cdr_read_u32(struct cdr_input *input)
{
    const uint8_t *item = cdr_read_items(input, 1, 4);
    uint32_t value = 0;
    if (item)
        memcpy(&value, item, sizeof value);
    return input->swapped ? __builtin_bswap32(value) : value;
}

/* The count of a sequence. It is checked against its bound (0: none), and against the bytes that are left for elements
 * of at least `element_bytes` each (1 or more). Only the count of octets may mean a vendor's buffer. It is 0
 * after a fault. */
uint32_t cdr_read_count(struct cdr_input *input, uint64_t element_bytes, uint32_t bound, bool is_octets);

/* One string (item_bytes 1) or wstring (4), of at most `bound` characters (0: any number). */
pmipc_cdr_span cdr_read_text(struct cdr_input *input, uint32_t item_bytes, uint32_t bound);

/* Read the delimiter of a list of strings or messages, which only XCDR2 has. Returns where the list must end, which
 * cdr_delimiter_end checks. */
static inline size_t cdr_delimiter_begin(struct cdr_input *input)
{
    if (!input->version2)
        return 0;
    uint32_t length = cdr_read_u32(input);
    return input->position + length;
}

static inline void cdr_delimiter_end(struct cdr_input *input, size_t end)
{
    if (input->version2 && input->position != end)
        cdr_input_fail(input, CDR_DELIMITER, end, input->position);
}

/* Index of the first of `count` bytes that is neither 0 nor 1; `count` if all are valid. */
uint64_t cdr_find_invalid_bool(const uint8_t *bytes, uint64_t count);

struct cdr_output {
    uint8_t *body;
    size_t capacity;
    size_t position; /* counts on beyond the capacity, to give the size that is needed */
    bool swapped;
};

/* Start writing with the header. Nothing is written to a buffer that is too small for it. */
void cdr_output_start(struct cdr_output *output, void *buffer, size_t capacity, bool swapped);

/* Write padding and then items, which are in native byte order. NULL: zeros. */
void cdr_write_items(struct cdr_output *output, const void *items, uint64_t count, uint32_t item_bytes);

static inline void cdr_write_u32(struct cdr_output *output, uint32_t value)
{
    cdr_write_items(output, &value, 1, 4);
}

void cdr_write_text(struct cdr_output *output, const pmipc_cdr_span *text, uint32_t item_bytes);

#endif
