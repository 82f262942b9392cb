/* script.h: the format of an input. The first record chooses the pool, each further record is one action. */
#ifndef FUZZ_SCRIPT_H
#define FUZZ_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

struct record {
    uint8_t action; /* the first record: kind of pool */
    uint8_t field;  /* which word to poke, or which stream, view or producer; the first record: state of the file */
    uint16_t index; /* an index of 10 bits, and an inner index of 6 bits; or flags */
    uint32_t delay; /* of a poke: the number of calls or loads from now on */
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
