/* mappings.h: what the library has mapped. Mappings are in one arena, fenced on both sides, are counted, and can be
 * read up to the end of their file. A use of an unmapped one faults, or the sanitizer reports it. */
#ifndef FUZZ_MAPPINGS_H
#define FUZZ_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Call at the start of an input. Nothing is mapped. Addresses are reused only for mappings that are made again. */
void mappings_begin(void);

/* Whether the library has unmapped everything. */
bool mappings_are_gone(void);

/* Whether these bytes are in one mapping that the library has, and may be written there. */
bool mappings_have(const void *address, size_t bytes, bool writable);

/* Whether an address is in the arena, so that other processes can change its content. Checked at each load. */
#define ARENA_BYTES ((size_t)256 << 20)
extern char *mappings_arena;
static inline bool mappings_include(const void *address)
{
    return (size_t)((const char *)address - mappings_arena) < ARENA_BYTES;
}

/* As the calls of Linux. What is not shared, and no reservation, is none of ours: Linux has it. */
void *mappings_add(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
int mappings_remove(void *address, size_t bytes);

/* A file of this process's tmpfs has another size now. */
void mappings_follow_size(uint32_t file);

#endif
