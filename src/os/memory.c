#include "os/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/atomic.h"
#include "os/error.h"
#include "os/faults.h"

_Static_assert(sizeof(off_t) == 8, "pool files may be larger than 2 GB: compile with _FILE_OFFSET_BITS=64");

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

size_t memory_page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* A 64-bit process may have created a pool that a 32-bit process cannot address. The difference between two pointers
 * into one mapping must fit into a ptrdiff_t. */
static bool is_addressable(uint64_t bytes)
{
    if (bytes <= PTRDIFF_MAX)
        return true;
    errno = EOVERFLOW;
    return false;
}

void *memory_map(int fd, uint64_t offset, uint64_t bytes, bool writable, const char *label)
{
    if (!is_addressable(bytes))
        return NULL;
    int access = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *address = mmap(NULL, (size_t)bytes, access, MAP_SHARED, fd, (off_t)offset);
    if (address == MAP_FAILED)
        return NULL;
    faults_add_range(address, (size_t)bytes, writable, label);
    return address;
}

void *memory_map_twice(int fd, uint64_t offset, uint64_t bytes, const char *label)
{
    if (!is_addressable(bytes) || !is_addressable(2 * bytes))
        return NULL;
    const size_t half_bytes = (size_t)bytes, both_bytes = 2 * half_bytes;
    /* Reserve the whole range first; both halves then replace it. No other mapping can be placed in between. */
    char *address = mmap(NULL, both_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED)
        return NULL;
    for (char *half = address; half < address + both_bytes; half += half_bytes) {
        if (mmap(half, half_bytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) == MAP_FAILED) {
            int failure = errno;
            munmap(address, both_bytes);
            errno = failure;
            return NULL;
        }
    }
    faults_add_range(address, both_bytes, false, label);
    return address;
}

pmipc_status memory_status_of(int os_error)
{
    return os_error == EAGAIN || os_error == EOVERFLOW ? PMIPC_NO_MEMORY : error_status_of(os_error);
}

const char *memory_describe_failure(int os_error, char *text)
{
    if (os_error == EOVERFLOW) {
        snprintf(
            text, MEMORY_TEXT_BYTES,
            "it is larger than this process can address with pointers of %zu bits. Use a 64-bit process, a smaller "
            "history_len or smaller samples",
            8 * sizeof(void *));
        return text;
    }
    struct rlimit limit;
    if (os_error != EAGAIN || getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return error_describe_errno(os_error, text);
    snprintf(text, MEMORY_TEXT_BYTES,
             "this process locks all memory that it maps (mlockall), and this would exceed its limit on locked memory, "
             "RLIMIT_MEMLOCK, which is %llu KB. Raise the limit (ulimit -l, LimitMEMLOCK=, limits.conf), or lock less "
             "memory (errno %d)",
             (unsigned long long)(limit.rlim_cur / 1024), os_error);
    return text;
}

void memory_unmap(void *address, size_t bytes)
{
    if (!address)
        return;
    faults_remove_range(address);
    munmap(address, bytes);
}

int memory_reserve(int fd, uint64_t offset, void *address, size_t bytes)
{
    if (bytes >= 2 * HUGE_PAGE_BYTES) {
        (void)madvise(address, bytes, MADV_HUGEPAGE); /* a hint: shmem_enabled decides */
        if (madvise(address, bytes, MADV_POPULATE_WRITE) == 0)
            return 0;
        if (errno == EFAULT) /* a store would raise SIGBUS: the file system is full */
            return ENOSPC;
        if (errno != EINVAL) /* EINVAL: before Linux 5.14 */
            return errno;
    }
    int failure;
    do
        failure = fallocate(fd, 0, (off_t)offset, (off_t)bytes) == 0 ? 0 : errno;
    while (failure == EINTR);
    return failure;
}

/* Linux before 5.14 cannot populate a mapping of a file on request. A writable page is touched by an atomic
 * read-modify-write that keeps the value, so that the first store later does not fault either. Other processes may
 * store into the same page at the same time, even into the same word (streams store into their cells). The operation is
 * atomic, so it never writes an older value over theirs. */
static void touch_pages(const void *address, size_t bytes, bool writable)
{
    size_t page_bytes = memory_page_bytes();
    for (size_t offset = 0; offset < bytes; offset += page_bytes) {
        if (writable)
            fetch_or_relaxed((_Atomic unsigned char *)((uintptr_t)address + offset), 0);
        else
            (void)*(const volatile unsigned char *)((uintptr_t)address + offset);
    }
}

void memory_prefault(const void *address, size_t bytes, bool writable)
{
    int how = writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
    if (madvise((void *)(uintptr_t)address, bytes, how) != 0 && errno == EINVAL)
        touch_pages(address, bytes, writable);
    (void)mlock(address, bytes); /* RLIMIT_MEMLOCK may refuse it; the pages are present anyway */
}

/* The number that follows `key` in a cgroup file; `otherwise` for "max", a missing file, or a file without a number. */
static uint64_t read_number(const char *folder, const char *file, const char *key, uint64_t otherwise)
{
    char path[512];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, file) >= sizeof path)
        return otherwise;
    FILE *stream = fopen(path, "re");
    if (!stream)
        return otherwise;
    char line[256];
    uint64_t number = otherwise;
    size_t key_bytes = strlen(key);
    while (fgets(line, sizeof line, stream)) {
        if (strncmp(line, key, key_bytes) != 0)
            continue;
        char *end;
        unsigned long long parsed = strtoull(line + key_bytes, &end, 10);
        if (end != line + key_bytes)
            number = parsed;
        break;
    }
    fclose(stream);
    return number;
}

/* The kernel reclaims the page cache of ordinary files when memory is short, but not shared memory. So the room is the
 * limit, less the usage, plus the file cache. */
static uint64_t cgroup_room(const char *folder, const char *limit_file, const char *usage_file)
{
    uint64_t limit = read_number(folder, limit_file, "", UINT64_MAX);
    if (limit >= (UINT64_MAX >> 2)) /* v1 writes "no limit" as a huge number */
        return UINT64_MAX;
    uint64_t used = read_number(folder, usage_file, "", 0);
    uint64_t cache =
        read_number(folder, "memory.stat", "inactive_file ", 0) + read_number(folder, "memory.stat", "active_file ", 0);
    used = used > cache ? used - cache : 0;
    return limit > used ? limit - used : 0;
}

static uint64_t own_cgroup_room(void)
{
    uint64_t room = cgroup_room("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes");
    FILE *stream = fopen("/proc/self/cgroup", "re");
    if (!stream)
        return room;
    char line[400], folder[480];
    while (fgets(line, sizeof line, stream)) {
        line[strcspn(line, "\n")] = '\0';
        char *second = strchr(line, ':');
        char *path = second ? strchr(second + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        bool unified = second[1] == '\0';
        if (!unified && strcmp(second + 1, "memory") != 0)
            continue;
        /* Each level up to the root has a limit. In a container the root is the container's own cgroup. */
        for (;;) {
            snprintf(folder, sizeof folder, "/sys/fs/cgroup%s%s", unified ? "" : "/memory", path);
            uint64_t level = unified ? cgroup_room(folder, "memory.max", "memory.current")
                                     : cgroup_room(folder, "memory.limit_in_bytes", "memory.usage_in_bytes");
            if (level < room)
                room = level;
            char *last = strrchr(path, '/');
            if (!last)
                break;
            *last = '\0';
        }
    }
    fclose(stream);
    return room;
}

static uint64_t file_size_room(uint64_t used_bytes)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return limit.rlim_cur > used_bytes ? limit.rlim_cur - used_bytes : 0;
}

uint64_t memory_room(int fd, uint64_t used_bytes, const struct memory_limit **limit)
{
    static const struct memory_limit of_file_system = {
        "the file system",
        "Remove unused pools (clean_pools), lower history_len, or raise the limit (Docker: --shm-size)", false};
    static const struct memory_limit of_cgroup = {
        "the cgroup's memory limit",
        "Remove unused pools (clean_pools), lower history_len, or raise the limit (Docker: --memory)", false};
    static const struct memory_limit of_file_size = {"the limit on the size of a file (RLIMIT_FSIZE)",
                                                     "Lower history_len, or raise the limit (ulimit -f)", true};
    struct statfs status;
    uint64_t room = UINT64_MAX;
    *limit = &of_file_system;
    /* A tmpfs without a size limit reports 0 blocks. */
    if (fstatfs(fd, &status) == 0 && status.f_blocks > 0)
        room = (uint64_t)status.f_bavail * (uint64_t)status.f_bsize;
    uint64_t cgroup = own_cgroup_room(), file_size = file_size_room(used_bytes);
    if (cgroup < room) {
        *limit = &of_cgroup;
        room = cgroup;
    }
    if (file_size < room) {
        *limit = &of_file_size;
        room = file_size;
    }
    return room;
}
