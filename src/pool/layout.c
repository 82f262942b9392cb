#include "pool/layout.h"

#include <string.h>

#include "os/clock.h"

uint64_t layout_hash(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *c = data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ c[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t layout_fingerprint(void)
{
    const uint64_t facts[] = {
        0x01020304, /* byte order: hashed as bytes */
        sizeof(struct pool_header),
        offsetof(struct pool_header, geometry),
        offsetof(struct pool_header, lineage),
        offsetof(struct pool_header, name),
        offsetof(struct pool_header, checksum),
        sizeof(struct pool_geometry),
        sizeof(struct pool_control),
        offsetof(struct pool_control, ownership),
        offsetof(struct pool_control, overflow),
        offsetof(struct pool_control, consumed_before),
        offsetof(struct pool_control, owner_command),
        sizeof(struct pool_readers),
        offsetof(struct pool_readers, lossless_rows),
        offsetof(struct pool_readers, consumed),
        offsetof(struct pool_readers, room_bell),
        offsetof(struct pool_readers, room_waiting),
        offsetof(struct pool_readers, cells),
        offsetof(struct pool_readers, facts),
        sizeof(struct row_facts),
        offsetof(struct row_facts, owner),
        offsetof(struct row_facts, process),
        offsetof(struct row_facts, consumed),
        sizeof(struct slot_header),
        offsetof(struct slot_header, lengths),
        sizeof(pmipc_field),
        offsetof(pmipc_field, shape),
        CLOCK_OF_AGES,
        PIN_ROWS,
        PIN_CELLS,
        MAX_SLOTS,
    };
    return layout_hash(LAYOUT_HASH_START, facts, sizeof facts);
}

void shared_text_store(_Atomic uint64_t *words, size_t bytes, const char *text)
{
    char padded[256] = {0};
    memcpy(padded, text, strnlen(text, bytes - 1));
    for (size_t i = 0; i < bytes / 8; i++) {
        uint64_t word;
        memcpy(&word, padded + 8 * i, 8);
        store_relaxed(&words[i], word); /* relaxed: only for messages; a mix of two texts is harmless */
    }
}

void shared_text_load(const _Atomic uint64_t *words, size_t bytes, char *text)
{
    for (size_t i = 0; i < bytes / 8; i++) {
        uint64_t word = load_relaxed(&words[i]);
        memcpy(text + 8 * i, &word, 8);
    }
    text[bytes - 1] = '\0';
    /* Another process must not send control characters to a terminal, nor invalid UTF-8 to Python. */
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            *c = '?';
}
