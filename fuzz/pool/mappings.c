#include "mappings.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "tmpfs.h"

#define PAGE_BYTES_LEAST 4096
#define MAPPINGS_MAX 1024
#define NO_FILE UINT32_MAX

#if defined(__clang__)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
void __asan_poison_memory_region(const volatile void *address, size_t bytes);
void __asan_unpoison_memory_region(const volatile void *address, size_t bytes);
#define poison __asan_poison_memory_region
#define unpoison __asan_unpoison_memory_region
#else
#define poison(address, bytes) ((void)(address), (void)(bytes))
#define unpoison(address, bytes) ((void)(address), (void)(bytes))
#endif

void *__real_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *address, size_t bytes);

char *mappings_arena;
static size_t arena_used; /* bytes of the arena that are in use */
static size_t arena_kept; /* bytes at its start that contain kept mappings */
static size_t page_bytes;

static struct mapping {
    char *begin;
    size_t bytes;
    off_t offset;
    int protection;
    uint32_t file;   /* of tmpfs.c, or NO_FILE */
    uint32_t copies; /* how often the file's range is mapped, back to back */
    bool in_use;
    bool is_kept;
} mappings[MAPPINGS_MAX];
static uint32_t mapping_count; /* includes mappings that are not in use; kept ones are first */
static uint32_t in_use_count;
static uint16_t mapping_of_page[ARENA_BYTES / PAGE_BYTES_LEAST]; /* 1 + index of the mapping, or 0 */

/* ----------------------------------------------------------------------------------------------------------- arena */

static void protect(void *address, size_t bytes)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    REQUIRE(__real_mmap(address, bytes, PROT_NONE, flags, -1, 0) == address);
}

static size_t whole_pages(size_t bytes)
{
    return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

static size_t page_of(const void *address)
{
    return (size_t)((const char *)address - mappings_arena) / page_bytes;
}

void mappings_begin(void)
{
    if (!mappings_arena) {
        page_bytes = (size_t)sysconf(_SC_PAGESIZE);
        mappings_arena = __real_mmap(NULL, ARENA_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        REQUIRE(mappings_arena != MAP_FAILED);
    }
    REQUIRE(in_use_count == 0);
    if (mapping_count > MAPPINGS_MAX / 2 || arena_kept > ARENA_BYTES / 2) {
        protect(mappings_arena, arena_used);
        unpoison(mappings_arena, arena_used);
        arena_kept = mapping_count = 0;
    }
    while (mapping_count && !mappings[mapping_count - 1].is_kept)
        mapping_count--;
    memset(&mapping_of_page[arena_kept / page_bytes], 0,
           (arena_used - arena_kept) / page_bytes * sizeof mapping_of_page[0]);
    arena_used = arena_kept;
}

bool mappings_are_gone(void)
{
    return in_use_count == 0;
}

static struct mapping *find(const void *address, size_t bytes)
{
    if (!mappings_arena || !mappings_include(address) || !mapping_of_page[page_of(address)])
        return NULL;
    struct mapping *mapping = &mappings[mapping_of_page[page_of(address)] - 1];
    size_t from = (size_t)((const char *)address - mapping->begin);
    return mapping->in_use && from < mapping->bytes && bytes <= mapping->bytes - from ? mapping : NULL;
}

bool mappings_have(const void *address, size_t bytes, bool writable)
{
    if (bytes == 0) /* an empty range may be at the very end */
        return true;
    const struct mapping *mapping = find(address, bytes);
    return mapping && (!writable || (mapping->protection & PROT_WRITE));
}

/* -------------------------------------------------------------------------------------------- up to the file's end */

static void show_contents(const struct mapping *mapping)
{
    const size_t end = whole_pages(tmpfs_bytes(mapping->file)), bytes = mapping->bytes / mapping->copies;
    const size_t there = end > (size_t)mapping->offset ? end - (size_t)mapping->offset : 0;
    const size_t visible = there < bytes ? there : bytes;
    for (uint32_t i = 0; i < mapping->copies; i++) {
        unpoison(mapping->begin + i * bytes, visible);
        poison(mapping->begin + i * bytes + visible, bytes - visible);
    }
}

void mappings_follow_size(uint32_t file)
{
    for (uint32_t i = 0; i < mapping_count && in_use_count; i++)
        if (mappings[i].in_use && mappings[i].file == file)
            show_contents(&mappings[i]);
}

/* ----------------------------------------------------------------------------------------------------------- calls */

/* A kept mapping of this range that the library has unmapped. */
static struct mapping *find_kept(size_t bytes, int protection, uint32_t file, off_t offset)
{
    for (uint32_t i = 0; i < mapping_count; i++)
        if (mappings[i].file == file && mappings[i].offset == offset && mappings[i].bytes == bytes &&
            mappings[i].protection == protection && mappings[i].is_kept && !mappings[i].in_use)
            return &mappings[i];
    return NULL;
}

static struct mapping *make(size_t bytes, int protection, int flags, int fd, off_t offset)
{
    const size_t taken = whole_pages(bytes) + page_bytes; /* with an inaccessible page between any two mappings */
    if (mapping_count == MAPPINGS_MAX || taken < bytes || taken > ARENA_BYTES - arena_used - page_bytes)
        return NULL;
    char *wanted = mappings_arena + arena_used + page_bytes;
    if (__real_mmap(wanted, bytes, protection, flags | MAP_FIXED, fd, offset) != wanted)
        return NULL;
    unpoison(wanted, whole_pages(bytes));
    arena_used += taken;
    for (size_t page = page_of(wanted); page < page_of(wanted + taken - page_bytes); page++)
        mapping_of_page[page] = (uint16_t)(mapping_count + 1);
    mappings[mapping_count] = (struct mapping){wanted, bytes, offset, protection, NO_FILE, 1, false, false};
    return &mappings[mapping_count++];
}

static void *add(size_t bytes, int protection, int flags, int fd, off_t offset)
{
    const uint32_t file = tmpfs_has_descriptor(fd) ? tmpfs_hold(fd) : NO_FILE;
    struct mapping *mapping = file == NO_FILE ? NULL : find_kept(bytes, protection, file, offset);
    if (!mapping)
        mapping = make(bytes, protection, flags, file == NO_FILE ? fd : tmpfs_memory(file), offset);
    if (!mapping) {
        if (file != NO_FILE)
            tmpfs_release(file);
        errno = ENOMEM;
        return MAP_FAILED;
    }
    mapping->file = file;
    mapping->in_use = true;
    in_use_count++;
    if (file == NO_FILE)
        return mapping->begin;
    if (!mapping->is_kept) {
        mapping->is_kept = true;
        arena_kept = arena_used;
    }
    show_contents(mapping);
    return mapping->begin;
}

/* Replace part of a reservation by a mapping. */
static void *replace(char *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    struct mapping *mapping = find(address, bytes);
    REQUIRE(mapping && mapping->bytes % bytes == 0);
    const bool is_ours = tmpfs_has_descriptor(fd);
    if (is_ours && mapping->file == NO_FILE)
        mapping->file = tmpfs_hold(fd);
    mapping->offset = offset;
    mapping->protection = protection;
    mapping->copies = (uint32_t)(mapping->bytes / bytes);
    void *mapped = __real_mmap(address, bytes, protection, flags, is_ours ? tmpfs_memory(mapping->file) : fd, offset);
    if (is_ours)
        show_contents(mapping);
    return mapped;
}

void *mappings_add(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    if (!(flags & (MAP_SHARED | MAP_NORESERVE)))
        return __real_mmap(address, bytes, protection, flags, fd, offset);
    return flags & MAP_FIXED ? replace(address, bytes, protection, flags, fd, offset)
                             : add(bytes, protection, flags, fd, offset);
}

/* Mapping takes most of the time of an input. So a mapping of this process's tmpfs is kept, and only the sanitizer
 * treats it as unmapped. */
int mappings_remove(void *address, size_t bytes)
{
    struct mapping *mapping = find(address, bytes);
    if (!mapping)
        return __real_munmap(address, bytes);
    REQUIRE(mapping->begin == address && mapping->bytes == bytes);
    if (mapping->file != NO_FILE)
        tmpfs_release(mapping->file);
    mapping->in_use = false;
    in_use_count--;
    if (mapping->is_kept)
        poison(address, bytes);
    else
        protect(address, bytes); /* the address stays reserved: a use of it faults */
    return 0;
}
