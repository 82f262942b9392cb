/* memory.h: mapping pool files, reserving their memory, and the room that is left. */
#ifndef OS_MEMORY_H
#define OS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "polymorph_ipc/status.h"

size_t memory_page_bytes(void);

/* Map part of a file, shared. `label`, the pool's name, is what pmipc_explain_faults prints for an address in the
 * mapping. Returns NULL with errno set on failure: EOVERFLOW when a 32-bit process cannot address so many bytes. */
void *memory_map(int fd, uint64_t offset, uint64_t bytes, bool writable, const char *label);

/* Map part of a file twice, back to back, read-only: a run that goes beyond the end of the first mapping continues at
 * the start of the range. `bytes` is a multiple of the page size. Unmap with memory_unmap(address, 2 * bytes). Failures
 * are those of memory_map. */
void *memory_map_twice(int fd, uint64_t offset, uint64_t bytes, const char *label);

/* Status and error text when memory_map or memory_map_twice failed with this errno. Two are special, give NO_MEMORY,
 * and say what to do: EAGAIN (the process locks all memory with mlockall, and RLIMIT_MEMLOCK is used up) and EOVERFLOW.
 * `text` has MEMORY_TEXT_BYTES. Returns `text`. */
#define MEMORY_TEXT_BYTES 320
pmipc_status memory_status_of(int os_error);
const char *memory_describe_failure(int os_error, char *text);

void memory_unmap(void *address, size_t bytes);

/* Reserve a range of the file, so that no later store fails for lack of memory. Large ranges request huge pages.
 * `address` is where the range is mapped writable. Returns 0 or an errno (ENOSPC for a full tmpfs). */
int memory_reserve(int fd, uint64_t offset, void *address, size_t bytes);

/* Fault in every page of a mapping now, and lock it as far as the limits allow. Never fails. The pages of a writable
 * mapping must be reserved: where the kernel cannot populate them, each is touched, and without memory that raises
 * SIGBUS. */
void memory_prefault(const void *address, size_t bytes, bool writable);

/* A limit on the size of a pool, as texts for error messages. */
struct memory_limit {
    const char *name;
    const char *advice;
    bool is_file_size; /* RLIMIT_FSIZE: removing other pools does not help */
};

/* Bytes by which a file of `used_bytes` can grow: the smallest room that is left of the file system of `fd`, of the
 * memory limits of this process's cgroup and of RLIMIT_FSIZE. *limit is the one that has the least room. Call it before
 * the file grows: exceeding RLIMIT_FSIZE raises SIGXFSZ, which ends the process. UINT64_MAX: no limit found. */
uint64_t memory_room(int fd, uint64_t used_bytes, const struct memory_limit **limit);

#endif
