/* memory.h: mapping pool files, reserving their memory, and how much there is left. */
#ifndef OS_MEMORY_H
#define OS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "polymorph_ipc/status.h"

size_t memory_page_bytes(void);

/* Map part of a file, shared. `label` (a pool's name) is what pmipc_explain_faults says of an address in it.
 * Returns NULL with errno set on failure: EOVERFLOW when this process cannot address so much (32-bit). */
void *memory_map(int fd, uint64_t offset, uint64_t bytes, bool writable, const char *label);

/* Map part of a file twice, back to back, read-only: what runs past the end of the first goes on at its start. `bytes`
 * is a multiple of the page size. Unmap with memory_unmap(address, 2 * bytes). */
void *memory_map_twice(int fd, uint64_t offset, uint64_t bytes, const char *label);

/* What to say when memory_map or memory_map_twice failed with this errno: EAGAIN, which mmap gives when all memory is
 * locked (mlockall) and RLIMIT_MEMLOCK is used up, becomes NO_MEMORY and names the limit and the cure, and so does
 * EOVERFLOW. `text` needs MEMORY_TEXT_BYTES. Returns `text`. */
#define MEMORY_TEXT_BYTES 320
pmipc_status memory_status_of(int os_error);
const char *memory_describe_failure(int os_error, char *text);

void memory_unmap(void *address, size_t bytes);

/* Reserve a range of the file, so that no later store can fail for lack of memory. Large ranges are asked for in huge
 * pages. `address` is where the range is mapped writable. Returns 0 or an errno (ENOSPC for a full tmpfs). */
int memory_reserve(int fd, uint64_t offset, void *address, size_t bytes);

/* Touch every page of a mapping now, and lock it as far as the limits allow. Never fails. Pages of a writable mapping
 * must have been reserved: where the kernel cannot populate, each is touched, which raises SIGBUS where there is no
 * memory for it. */
void memory_prefault(const void *address, size_t bytes, bool writable);

/* What bounds the size of a pool, in words for people. */
struct memory_limit {
    const char *name;
    const char *cure;
    bool is_file_size; /* RLIMIT_FSIZE: removing other pools would not help */
};

/* Bytes by which a file of `used_bytes` can grow: what the file system of `fd`, the memory limits of this process's
 * cgroup and the limit on file sizes have left. Asked before growing: passing the last one is a deadly signal.
 * UINT64_MAX: no limit found. */
uint64_t memory_room(int fd, uint64_t used_bytes, const struct memory_limit **limit);

#endif
