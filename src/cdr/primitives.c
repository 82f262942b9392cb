#include "cdr/primitives.h"

#include "os/error.h"

enum { CDR_BIG_ENDIAN_ID = 0, CDR_LITTLE_ENDIAN_ID = 1 };

static const bool cdr_host_is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

/* Indexed by the encapsulation identifier. */
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

void cdr_input_start(struct cdr_input *input, const void *bytes, size_t byte_count)
{
    memset(input, 0, sizeof *input);
    if (byte_count < CDR_HEADER_BYTES) {
        input->fault = (struct cdr_fault){.kind = CDR_NO_HEADER, .left = byte_count};
        return;
    }
    const uint8_t *header = bytes;
    uint32_t identifier = (uint32_t)header[0] << 8 | header[1];
    input->body = header + CDR_HEADER_BYTES;
    input->bytes = byte_count - CDR_HEADER_BYTES;
    input->version2 = identifier == 6 || identifier == 7;
    input->swapped = (identifier & 1) != cdr_host_is_little;
    if (identifier > 1 && !input->version2) {
        cdr_input_fail(input, CDR_ENCAPSULATION, identifier, 0);
        input->fault.position = 0;
    }
}

__attribute__((cold, noinline)) void cdr_input_fail(struct cdr_input *input, enum cdr_fault_kind kind, uint64_t count,
                                                    uint64_t needed)
{
    if (input->fault.kind == CDR_NO_FAULT)
        input->fault = (struct cdr_fault){
            .kind = kind,
            .position = CDR_HEADER_BYTES + input->position,
            .count = count,
            .needed = needed,
            .left = input->bytes - input->position,
        };
    input->position = input->bytes;
}

pmipc_status cdr_fault_report(const struct cdr_fault *fault, pmipc_error *error)
{
    unsigned long long count = fault->count, needed = fault->needed, left = fault->left, position = fault->position;
    pmipc_status status = PMIPC_CORRUPT;
    switch (fault->kind) {
    case CDR_NO_FAULT:
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

uint32_t cdr_read_count(struct cdr_input *input, uint64_t element_bytes, uint32_t bound, bool is_octets)
{
    uint32_t count = cdr_read_u32(input);
    if (is_octets && count == CDR_VENDOR_COUNT)
        cdr_input_fail(input, CDR_VENDOR_BUFFER, count, 0);
    else if (bound && count > bound)
        cdr_input_fail(input, CDR_ABOVE_BOUND, count, bound);
    else if (count * element_bytes > input->bytes - input->position)
        cdr_input_fail(input, CDR_COUNT, count, count * element_bytes);
    else
        return count;
    return 0;
}

pmipc_cdr_span cdr_read_text(struct cdr_input *input, uint32_t item_bytes, uint32_t bound)
{
    pmipc_cdr_span text = {"", 0};
    uint32_t length = cdr_read_u32(input);
    if (length == 0)
        return text;
    /* The length of a string includes its NUL. A wstring has no NUL. */
    uint32_t characters = item_bytes == 1 ? length - 1 : length;
    const uint8_t *data = NULL;
    if (bound && characters > bound)
        cdr_input_fail(input, CDR_ABOVE_BOUND, characters, bound);
    else if ((uint64_t)length * item_bytes > input->bytes - input->position)
        cdr_input_fail(input, CDR_COUNT, length, (uint64_t)length * item_bytes);
    else
        data = cdr_read_items(input, length, item_bytes);
    if (data && item_bytes == 1 && data[characters] != '\0') {
        cdr_input_fail(input, CDR_UNTERMINATED, length, 0);
        data = NULL;
    }
    if (data)
        text = (pmipc_cdr_span){data, characters};
    return text;
}

uint64_t cdr_find_invalid_bool(const uint8_t *bytes, uint64_t count)
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

/* One loop per size. The bytes may be unaligned. */
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

void cdr_output_start(struct cdr_output *output, void *buffer, size_t capacity, bool swapped)
{
    memset(output, 0, sizeof *output);
    output->swapped = swapped;
    if (capacity < CDR_HEADER_BYTES)
        return;
    uint8_t *header = buffer;
    memset(header, 0, CDR_HEADER_BYTES);
    header[1] = cdr_host_is_little != swapped ? CDR_LITTLE_ENDIAN_ID : CDR_BIG_ENDIAN_ID;
    output->body = header + CDR_HEADER_BYTES;
    output->capacity = capacity - CDR_HEADER_BYTES;
}

void cdr_write_items(struct cdr_output *output, const void *items, uint64_t count, uint32_t item_bytes)
{
    if (count == 0)
        return;
    size_t padding = cdr_padding(output->position, item_bytes);
    size_t begin = output->position + padding;
    output->position = begin + count * item_bytes;
    if (output->position > output->capacity)
        return;
    memset(output->body + begin - padding, 0, padding);
    if (items)
        pmipc_cdr_copy(output->body + begin, items, count, item_bytes, output->swapped);
    else
        memset(output->body + begin, 0, count * item_bytes);
}

void cdr_write_text(struct cdr_output *output, const pmipc_cdr_span *text, uint32_t item_bytes)
{
    uint64_t terminator = item_bytes == 1;
    cdr_write_u32(output, (uint32_t)(text->count + terminator));
    cdr_write_items(output, text->data, text->count, item_bytes);
    cdr_write_items(output, NULL, terminator, 1);
}
