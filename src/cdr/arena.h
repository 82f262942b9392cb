/* arena.h: many small pieces of memory that are freed together. */
#ifndef CDR_ARENA_H
#define CDR_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct cdr_arena {
    struct cdr_chunk *chunks;
};

/* Zeroed, aligned for anything; NULL: no memory. */
void *cdr_arena_allocate(struct cdr_arena *arena, size_t bytes);

/* With a NUL behind it. */
char *cdr_arena_copy_text(struct cdr_arena *arena, const char *text, size_t length);

/* `items` with room for one more than `count`, moved if need be; NULL: no memory. */
void *cdr_arena_grow(struct cdr_arena *arena, void *items, uint32_t count, uint32_t *capacity, size_t item_bytes);

void cdr_arena_free(struct cdr_arena *arena);

#endif
