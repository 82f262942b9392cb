/* mappings.h: the mappings of the library. They are in one arena, with an inaccessible page on both sides, and can be
 * read up to the end of their file. An access to memory that the library has unmapped faults, or the sanitizer reports
 * it. */
#ifndef FUZZ_MAPPINGS_H
#define FUZZ_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Call at the start of an input, when nothing is mapped. An address is reused only for the same mapping. */
void mappings_begin(void);

/* Whether the library has unmapped everything. */
bool mappings_are_gone(void);

/* Whether these bytes are in one mapping of the library and, if `writable`, may be written. */
bool mappings_have(const void *address, size_t bytes, bool writable);

/* Whether an address is in the arena, where the fuzzer may change memory. Called at each load. */
#define ARENA_BYTES ((size_t)256 << 20)
extern char *mappings_arena;
static inline bool mappings_include(const void *address)
{
    return (size_t)((const char *)address - mappings_arena) < ARENA_BYTES;
}

/* The calls of Linux. A mapping that is neither shared nor a reservation is passed on to Linux. */
void *mappings_add(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
int mappings_remove(void *address, size_t bytes);

/* The size of a file of this process's tmpfs has changed. */
void mappings_follow_size(uint32_t file);

#endif
