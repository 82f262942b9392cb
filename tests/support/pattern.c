#include "pattern.h"

#include <string.h>

#define STEP UINT64_C(0x9e3779b97f4a7c15)

uint64_t pattern_mix(uint64_t number)
{
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

void pattern_fill(void *data, size_t bytes, uint64_t key)
{
    const size_t words = bytes / 8;
    for (size_t i = 0; i < words; i++) {
        uint64_t word = key + i * STEP;
        memcpy((char *)data + i * 8, &word, 8);
    }
    uint64_t last = key + words * STEP;
    memcpy((char *)data + words * 8, &last, bytes % 8);
}

size_t pattern_find_difference(const void *data, size_t bytes, uint64_t key, size_t first_word)
{
    const size_t words = bytes / 8;
    for (size_t i = first_word; i < words; i++) {
        uint64_t word = key + i * STEP;
        if (memcmp((const char *)data + i * 8, &word, 8) != 0)
            return i;
    }
    uint64_t last = key + words * STEP;
    return memcmp((const char *)data + words * 8, &last, bytes % 8) == 0 ? SIZE_MAX : words;
}
