/* pattern.h: bytes that prove their integrity. They depend on a key and on their position, so a mixture of two patterns
 * with different keys is always detected. */
#ifndef PMIPC_TEST_PATTERN_H
#define PMIPC_TEST_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/** A number with well mixed bits (the last steps of splitmix64), to make keys of small numbers. */
uint64_t pattern_mix(uint64_t number);

/** Fill `bytes` bytes; any alignment. */
void pattern_fill(void *data, size_t bytes, uint64_t key);

/** The index of the first 8-byte word from `first_word` on that differs from the pattern; SIZE_MAX: none. */
size_t pattern_find_difference(const void *data, size_t bytes, uint64_t key, size_t first_word);

#endif
