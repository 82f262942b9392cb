#include "cdr/arena.h"

#include <stdlib.h>
#include <string.h>

#define CDR_CHUNK_BYTES 4096u

struct cdr_chunk {
    struct cdr_chunk *next;
    size_t used;
    size_t capacity;
    _Alignas(max_align_t) unsigned char bytes[];
};

void *cdr_arena_allocate(struct cdr_arena *arena, size_t bytes)
{
    bytes = (bytes + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    struct cdr_chunk *chunk = arena->chunks;
    if (!chunk || bytes > chunk->capacity - chunk->used) {
        size_t capacity = bytes > CDR_CHUNK_BYTES ? bytes : CDR_CHUNK_BYTES;
        chunk = calloc(1, sizeof *chunk + capacity);
        if (!chunk)
            return NULL;
        chunk->capacity = capacity;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return memory;
}

char *cdr_arena_copy_text(struct cdr_arena *arena, const char *text, size_t length)
{
    char *copy = cdr_arena_allocate(arena, length + 1);
    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

void *cdr_arena_grow(struct cdr_arena *arena, void *items, uint32_t count, uint32_t *capacity, size_t item_bytes)
{
    if (count < *capacity)
        return items;
    uint32_t larger = *capacity ? *capacity * 2 : 8;
    void *moved = cdr_arena_allocate(arena, larger * item_bytes);
    if (!moved)
        return NULL;
    if (count)
        memcpy(moved, items, count * item_bytes);
    *capacity = larger;
    return moved;
}

void cdr_arena_free(struct cdr_arena *arena)
{
    for (struct cdr_chunk *chunk = arena->chunks; chunk;) {
        struct cdr_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    arena->chunks = NULL;
}
