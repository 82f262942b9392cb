/* arena.h: many small pieces of memory that are freed together. */
#ifndef CDR_ARENA_H
#define CDR_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct cdr_arena {
    struct cdr_chunk *chunks;
};

/* Zeroed memory, aligned for any type. NULL: no memory. */
void *cdr_arena_allocate(struct cdr_arena *arena, size_t bytes);

/* A copy that ends with a NUL. NULL: no memory. */
char *cdr_arena_copy_text(struct cdr_arena *arena, const char *text, size_t length);

/* `items` with room for at least one more than `count`, moved if necessary. NULL: no memory. */
void *cdr_arena_grow(struct cdr_arena *arena, void *items, uint32_t count, uint32_t *capacity, size_t item_bytes);

void cdr_arena_free(struct cdr_arena *arena);

#endif
