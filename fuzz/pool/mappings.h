/* mappings.h: what the library has mapped. Mappings lie in one arena, fenced on both sides, are counted, and may be
 * read as far as their file goes. Who touches one that the library has let go of faults, or is told on by the
 * sanitizer. */
#ifndef FUZZ_MAPPINGS_H
#define FUZZ_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* At the start of an input: nothing is mapped, and no address comes back but those of mappings that are made again. */
void mappings_begin(void);

/* Nothing of the library is mapped any more. */
bool mappings_are_gone(void);

/* Whether these bytes lie in one mapping that the library has, and may be written there. */
bool mappings_have(const void *address, size_t bytes, bool writable);

/* Whether an address lies in the arena: that is, whether others can change what is there. Asked at each load. */
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
