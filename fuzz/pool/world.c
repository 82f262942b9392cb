#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "pokes.h"

#define PAGE_BYTES ((size_t)sysconf(_SC_PAGESIZE))
#define ARENA_BYTES ((size_t)256 << 20)
#define MAPPINGS_MAX 64
#define KEPT_MAX 512
#define START_NS INT64_C(1000000000000)
#define EPOCH_NS INT64_C(1700000000000000000)
#define TICK_NS 100
#define OVERSLEEP 64 /* a sleep may always last longer: a second of patience is over after a few turns */

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

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

uint64_t world_calls, world_loads, world_call_alarm, world_load_alarm;

static int64_t now_ns;
static uint64_t chance;
static char *arena;
static size_t arena_used;
static struct mapping {
    char *begin;
    size_t bytes;
    off_t offset;
    int protection;
    bool in_use;
} mappings[MAPPINGS_MAX], kept[KEPT_MAX];
static uint32_t kept_count;
static uint64_t kept_inode;
static size_t arena_kept; /* where the mappings that are kept end */

/* ------------------------------------------------------------------------------------- what there is behind --wrap */

int __real_fcntl(int fd, int command, ...);
int __real_fstat(int fd, struct stat *status);
ssize_t __real_pread(int fd, void *buffer, size_t bytes, off_t offset);
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *address, size_t bytes);
FILE *__real_fopen(const char *path, const char *mode);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *duration, struct timespec *left);
int __wrap_ppoll(struct pollfd *items, nfds_t count, const struct timespec *timeout, const sigset_t *mask);
long __wrap_syscall(long number, ...);
ssize_t __wrap_getrandom(void *buffer, size_t bytes, unsigned flags);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fstat(int fd, struct stat *status);
ssize_t __wrap_pread(int fd, void *buffer, size_t bytes, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *address, size_t bytes);
FILE *__wrap_fopen(const char *path, const char *mode);

static void note_call(void)
{
    if (++world_calls >= world_call_alarm)
        pokes_fire();
}

/* ------------------------------------------------------------------------------------------------ time and chance */

void world_begin(void)
{
    if (!arena) {
        arena = __real_mmap(NULL, ARENA_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        REQUIRE(arena != MAP_FAILED);
    }
    REQUIRE(world_is_empty());
    arena_used = arena_kept;
    now_ns = START_NS;
    chance = UINT64_C(0x9e3779b97f4a7c15);
    world_calls = world_loads = 0;
    world_call_alarm = world_load_alarm = UINT64_MAX;
}

bool world_is_empty(void)
{
    for (uint32_t i = 0; i < MAPPINGS_MAX; i++)
        if (mappings[i].in_use)
            return false;
    for (uint32_t i = 0; i < kept_count; i++)
        if (kept[i].in_use)
            return false;
    return true;
}

void world_advance(int64_t duration_ns)
{
    now_ns += duration_ns;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    now_ns += TICK_NS;
    int64_t ns = clock == CLOCK_REALTIME ? EPOCH_NS + now_ns : now_ns;
    *now = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    return 0;
}

static void sleep_for(const struct timespec *duration)
{
    note_call();
    if (duration->tv_sec < 1000000) /* far longer than anything in the library sleeps */
        now_ns += OVERSLEEP * (duration->tv_sec * INT64_C(1000000000) + duration->tv_nsec);
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *duration, struct timespec *left)
{
    (void)clock;
    (void)left;
    REQUIRE(flags == 0);
    sleep_for(duration);
    return 0;
}

int __wrap_ppoll(struct pollfd *items, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    (void)items;
    (void)count;
    (void)mask;
    sleep_for(timeout);
    return 0;
}

/* Futexes only. A sleep ends at once if the word has changed, and after its time otherwise: nobody else is there to wake. */
long __wrap_syscall(long number, ...)
{
    va_list arguments;
    va_start(arguments, number);
    REQUIRE(number == SYS_futex || number == SYS_futex_waitv);
    if (number == SYS_futex_waitv) {
        va_end(arguments);
        errno = ENOSYS; /* as on kernels before 5.16 */
        return -1;
    }
    const uint32_t *word = va_arg(arguments, const uint32_t *);
    int operation = va_arg(arguments, int);
    uint32_t expected = va_arg(arguments, uint32_t);
    const struct timespec *timeout = va_arg(arguments, const struct timespec *);
    va_end(arguments);
    REQUIRE(world_has_mapped(word, sizeof *word, false));
    if (operation == FUTEX_WAKE)
        return 0;
    sleep_for(timeout);
    errno = __atomic_load_n(word, __ATOMIC_ACQUIRE) == expected ? ETIMEDOUT : EAGAIN;
    return -1;
}

ssize_t __wrap_getrandom(void *buffer, size_t bytes, unsigned flags)
{
    (void)flags;
    REQUIRE(bytes == sizeof chance);
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    memcpy(buffer, &chance, bytes);
    return (ssize_t)bytes;
}

/* Where the limits of memory are written: there are none here. Looking for them takes longer than an input. */
FILE *__wrap_fopen(const char *path, const char *mode)
{
    if (strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/sys/", 5) == 0) {
        errno = ENOENT;
        return NULL;
    }
    return __real_fopen(path, mode);
}

/* -------------------------------------------------------------------------------------------- system calls and loads */

int __wrap_fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    note_call();
    return __real_fcntl(fd, command, argument);
}

int __wrap_fstat(int fd, struct stat *status)
{
    note_call();
    return __real_fstat(fd, status);
}

ssize_t __wrap_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
    note_call();
    return __real_pread(fd, buffer, bytes, offset);
}

static inline void note_load(const void *address)
{
    if ((size_t)((const char *)address - arena) < ARENA_BYTES && ++world_loads >= world_load_alarm)
        pokes_fire();
}

#ifdef __clang__
/* -fsanitize-coverage=trace-loads: called before each load of the library. */
#define ON_LOAD(bytes)                                     \
    void __sanitizer_cov_load##bytes(const void *address); \
    void __sanitizer_cov_load##bytes(const void *address)  \
    {                                                      \
        note_load(address);                                \
    }
ON_LOAD(1)
ON_LOAD(2)
ON_LOAD(4)
ON_LOAD(8)
ON_LOAD(16)
#endif

/* ------------------------------------------------------------------------------------------------------- mappings */

static char *arena_take(size_t bytes)
{
    size_t page = PAGE_BYTES;
    bytes = (bytes + page - 1) / page * page;
    if (bytes > ARENA_BYTES - arena_used - 2 * page)
        return NULL;
    char *taken = arena + arena_used + page;
    arena_used += bytes + page; /* a fence that nobody can touch between any two */
    return taken;
}

static void put_up_fence(void *address, size_t bytes)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    REQUIRE(__real_mmap(address, bytes, PROT_NONE, flags, -1, 0) == address);
}

void world_keep_mappings(uint64_t inode)
{
    REQUIRE(world_is_empty());
    if (inode == kept_inode && kept_count < KEPT_MAX / 2 && arena_kept < ARENA_BYTES / 2)
        return;
    put_up_fence(arena, arena_used);
    unpoison(arena, arena_used);
    kept_inode = inode;
    kept_count = 0;
    arena_kept = arena_used = 0;
}

/* Mapping and unmapping are most of what an input costs. A mapping of the file that is used for all of them goes on when the
 * library lets go of it, though only the sanitizer knows: whoever touches it then is told on. */
static struct mapping *find_kept(int protection, int fd, off_t offset, size_t bytes)
{
    struct stat status;
    if (__real_fstat(fd, &status) != 0 || status.st_ino != kept_inode)
        return NULL;
    for (uint32_t i = 0; i < kept_count; i++) {
        struct mapping *mapping = &kept[i];
        if (!mapping->in_use && mapping->bytes == bytes && mapping->offset == offset &&
            mapping->protection == protection) {
            unpoison(mapping->begin, bytes);
            mapping->in_use = true;
            return mapping;
        }
    }
    return NULL;
}

static bool is_kept_file(int fd)
{
    struct stat status;
    return kept_count < KEPT_MAX && __real_fstat(fd, &status) == 0 && status.st_ino == kept_inode;
}

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    note_call();
    bool of_library = (flags & MAP_SHARED) || (flags & MAP_NORESERVE);
    if (!of_library || (flags & MAP_FIXED))
        return __real_mmap(address, bytes, protection, flags, fd, offset);
    struct mapping *found = fd >= 0 ? find_kept(protection, fd, offset, bytes) : NULL;
    if (found)
        return found->begin;
    char *wanted = arena_take(bytes);
    uint32_t free_place = 0;
    while (free_place < MAPPINGS_MAX && mappings[free_place].in_use)
        free_place++;
    if (!wanted || free_place == MAPPINGS_MAX) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *mapped = __real_mmap(wanted, bytes, protection, flags | MAP_FIXED, fd, offset);
    if (mapped == MAP_FAILED)
        return mapped;
    const struct mapping made = {mapped, bytes, offset, protection, true};
    if (fd >= 0 && is_kept_file(fd)) {
        kept[kept_count++] = made;
        arena_kept = arena_used;
    } else {
        mappings[free_place] = made;
    }
    return mapped;
}

static struct mapping *find(struct mapping *among, uint32_t count, const void *address, size_t bytes)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t from = (size_t)((const char *)address - among[i].begin);
        if (among[i].in_use && from < among[i].bytes && bytes <= among[i].bytes - from)
            return &among[i];
    }
    return NULL;
}

int __wrap_munmap(void *address, size_t bytes)
{
    struct mapping *mapping = find(kept, kept_count, address, bytes);
    if (mapping)
        poison(address, bytes);
    else if ((mapping = find(mappings, MAPPINGS_MAX, address, bytes)) != NULL)
        put_up_fence(address, bytes); /* the address stays taken: whoever still uses it faults */
    else
        return __real_munmap(address, bytes);
    REQUIRE(mapping->begin == address && mapping->bytes == bytes);
    mapping->in_use = false;
    return 0;
}

bool world_has_mapped(const void *address, size_t bytes, bool writable)
{
    const struct mapping *mapping = find(kept, kept_count, address, bytes);
    if (!mapping)
        mapping = find(mappings, MAPPINGS_MAX, address, bytes);
    return mapping && (!writable || (mapping->protection & PROT_WRITE));
}

void *world_map_for_harness(int fd, size_t bytes)
{
    void *mapped = __real_mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REQUIRE(mapped != MAP_FAILED);
    return mapped;
}
