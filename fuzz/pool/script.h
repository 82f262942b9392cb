/* script.h: what an input says: its first record chooses the pool, each of the others is one action. */
#ifndef FUZZ_SCRIPT_H
#define FUZZ_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

struct record {
    uint8_t action; /* the first record: kind of pool */
    uint8_t field;  /* what to poke, or which stream, view, producer; the first record: how much was published */
    uint16_t index; /* which of several: 10 bits, and 6 bits more for arrays within arrays; or flags */
    uint32_t delay; /* of a poke: calls or loads from now on */
    uint64_t value;
};

#define RECORD_BYTES 16
#define RECORDS_MAX 48

static inline uint32_t index_outer(uint16_t index)
{
    return index & 0x3ff;
}

static inline uint32_t index_inner(uint16_t index)
{
    return index >> 10;
}

#endif
