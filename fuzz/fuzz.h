/* fuzz.h: included by every fuzz target. A target is one function, which runs under libFuzzer, and as a test on each
 * input of the corpus. */
#ifndef PMIPC_FUZZ_H
#define PMIPC_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <polymorph_ipc/cdr.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Abort if a property does not hold. */
#define REQUIRE(condition)                                                            \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

static inline void *require_memory(size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    REQUIRE(memory != NULL);
    return memory;
}

#endif
