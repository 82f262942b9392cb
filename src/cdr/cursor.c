#include "cdr/cursor.h"

#include "os/error.h"

enum { CDR_BIG_ENDIAN_ID = 0, CDR_LITTLE_ENDIAN_ID = 1 };

static const bool cdr_host_is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

/* By the encapsulation identifier. */
static const char *const cdr_encapsulations[] = {
    "CDR, big endian",
    "CDR, little endian",
    "parameter list CDR, big endian",
    "parameter list CDR, little endian",
    "unknown",
    "unknown",
    "CDR2, big endian",
    "CDR2, little endian",
    "delimited CDR2, big endian",
    "delimited CDR2, little endian",
    "parameter list CDR2, big endian",
    "parameter list CDR2, little endian",
};

#define CDR_ENCAPSULATIONS (sizeof cdr_encapsulations / sizeof cdr_encapsulations[0])

void cdr_reader_start(struct cdr_reader *reader, const void *bytes, size_t byte_count)
{
    memset(reader, 0, sizeof *reader);
    if (byte_count < CDR_HEADER_BYTES) {
        reader->fault = (struct cdr_fault){.kind = CDR_NO_HEADER, .left = byte_count};
        return;
    }
    const uint8_t *header = bytes;
    uint32_t identifier = (uint32_t)header[0] << 8 | header[1];
    reader->body = header + CDR_HEADER_BYTES;
    reader->bytes = byte_count - CDR_HEADER_BYTES;
    reader->version2 = identifier == 6 || identifier == 7;
    reader->swapped = (identifier & 1) != cdr_host_is_little;
    if (identifier > 1 && !reader->version2) {
        cdr_reader_fail(reader, CDR_ENCAPSULATION, identifier, 0);
        reader->fault.position = 0;
    }
}

__attribute__((cold, noinline)) void cdr_reader_fail(struct cdr_reader *reader, enum cdr_fault_kind kind,
                                                     uint64_t count, uint64_t needed)
{
    if (reader->fault.kind == CDR_SOUND)
        reader->fault = (struct cdr_fault){
            .kind = kind,
            .position = CDR_HEADER_BYTES + reader->position,
            .count = count,
            .needed = needed,
            .left = reader->bytes - reader->position,
        };
    reader->position = reader->bytes;
}

pmipc_status cdr_fault_describe(const struct cdr_fault *fault, pmipc_error *error)
{
    unsigned long long count = fault->count, needed = fault->needed, left = fault->left, position = fault->position;
    pmipc_status status = PMIPC_CORRUPT;
    switch (fault->kind) {
    case CDR_SOUND:
        return PMIPC_OK;
    case CDR_NO_HEADER:
        error_append(error, "the message has %llu bytes, its header alone takes %u", left, CDR_HEADER_BYTES);
        break;
    case CDR_ENCAPSULATION:
        error_append(error, "its encoding 0x%04llx (%s) is not supported; only plain CDR is", count,
                     count < CDR_ENCAPSULATIONS ? cdr_encapsulations[count] : "unknown");
        status = PMIPC_UNSUPPORTED;
        break;
    case CDR_TRUNCATED:
        error_append(error, "needs %llu bytes, %llu are left", needed, left);
        break;
    case CDR_COUNT:
        error_append(error, "count %llu needs %llu bytes, %llu are left", count, needed, left);
        break;
    case CDR_ABOVE_BOUND:
        error_append(error, "count %llu, at most %llu are allowed", count, needed);
        break;
    case CDR_UNTERMINATED:
        error_append(error, "a string of length %llu does not end with NUL", count);
        break;
    case CDR_VENDOR_BUFFER:
        error_append(error, "count 0xffffffff stands for a vendor-backed buffer, whose bytes are not in the message");
        status = PMIPC_UNSUPPORTED;
        break;
    case CDR_DELIMITER:
        error_append(error, "its delimiter says that it ends at byte %llu of the body, its elements end at %llu", count,
                     needed);
        break;
    case CDR_NOT_BOOL:
        error_append(error, "%llu is not a valid bool (0 or 1)", count);
        break;
    }
    error_append(error, " (at byte %llu)", position);
    if (error)
        error->status = status;
    return status;
}

uint32_t cdr_read_count(struct cdr_reader *reader, uint64_t element_bytes, uint32_t bound, bool is_octets)
{
    uint32_t count = cdr_read_u32(reader);
    if (is_octets && count == CDR_VENDOR_COUNT)
        cdr_reader_fail(reader, CDR_VENDOR_BUFFER, count, 0);
    else if (bound && count > bound)
        cdr_reader_fail(reader, CDR_ABOVE_BOUND, count, bound);
    else if (count * element_bytes > reader->bytes - reader->position)
        cdr_reader_fail(reader, CDR_COUNT, count, count * element_bytes);
    else
        return count;
    return 0;
}

pmipc_cdr_span cdr_read_text(struct cdr_reader *reader, uint32_t item_bytes, uint32_t bound)
{
    pmipc_cdr_span text = {"", 0};
    uint32_t length = cdr_read_u32(reader);
    if (length == 0)
        return text;
    /* A string's length counts its NUL, a wstring has none. */
    uint32_t characters = item_bytes == 1 ? length - 1 : length;
    const uint8_t *data = NULL;
    if (bound && characters > bound)
        cdr_reader_fail(reader, CDR_ABOVE_BOUND, characters, bound);
    else if ((uint64_t)length * item_bytes > reader->bytes - reader->position)
        cdr_reader_fail(reader, CDR_COUNT, length, (uint64_t)length * item_bytes);
    else
        data = cdr_read_items(reader, length, item_bytes);
    if (data && item_bytes == 1 && data[characters] != '\0') {
        cdr_reader_fail(reader, CDR_UNTERMINATED, length, 0);
        data = NULL;
    }
    if (data)
        text = (pmipc_cdr_span){data, characters};
    return text;
}

uint64_t cdr_find_bad_bool(const uint8_t *bytes, uint64_t count)
{
    uint8_t all = 0;
    for (uint64_t i = 0; i < count; i++)
        all |= bytes[i];
    if (all <= 1)
        return count;
    uint64_t bad = 0;
    while (bytes[bad] <= 1)
        bad++;
    return bad;
}

/* One loop per size, over bytes that need not be aligned. */
#define CDR_SWAP_LOOP(bits)                                                  \
    for (uint64_t i = 0; i < count; i++) {                                   \
        uint##bits##_t item;                                                 \
        memcpy(&item, (const uint8_t *)from + i * sizeof item, sizeof item); \
        item = __builtin_bswap##bits(item);                                  \
        memcpy((uint8_t *)to + i * sizeof item, &item, sizeof item);         \
    }

void pmipc_cdr_copy(void *to, const void *from, uint64_t count, uint32_t item_bytes, bool swapped)
{
    if (count == 0)
        return;
    if (!swapped || item_bytes == 1) {
        memcpy(to, from, count * item_bytes);
    } else if (item_bytes == 2) {
        CDR_SWAP_LOOP(16)
    } else if (item_bytes == 4) {
        CDR_SWAP_LOOP(32)
    } else {
        CDR_SWAP_LOOP(64)
    }
}

void cdr_writer_start(struct cdr_writer *writer, void *buffer, size_t capacity, bool swapped)
{
    memset(writer, 0, sizeof *writer);
    writer->swapped = swapped;
    if (capacity < CDR_HEADER_BYTES)
        return;
    uint8_t *header = buffer;
    memset(header, 0, CDR_HEADER_BYTES);
    header[1] = cdr_host_is_little != swapped ? CDR_LITTLE_ENDIAN_ID : CDR_BIG_ENDIAN_ID;
    writer->body = header + CDR_HEADER_BYTES;
    writer->capacity = capacity - CDR_HEADER_BYTES;
}

void cdr_write_items(struct cdr_writer *writer, const void *items, uint64_t count, uint32_t item_bytes)
{
    if (count == 0)
        return;
    size_t padding = cdr_padding(writer->position, item_bytes);
    size_t begin = writer->position + padding;
    writer->position = begin + count * item_bytes;
    if (writer->position > writer->capacity)
        return;
    memset(writer->body + begin - padding, 0, padding);
    if (items)
        pmipc_cdr_copy(writer->body + begin, items, count, item_bytes, writer->swapped);
    else
        memset(writer->body + begin, 0, count * item_bytes);
}

void cdr_write_text(struct cdr_writer *writer, const pmipc_cdr_span *text, uint32_t item_bytes)
{
    uint64_t terminator = item_bytes == 1;
    cdr_write_u32(writer, (uint32_t)(text->count + terminator));
    cdr_write_items(writer, text->data, text->count, item_bytes);
    cdr_write_items(writer, NULL, terminator, 1);
}
