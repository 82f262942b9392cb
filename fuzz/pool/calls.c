/* calls.c: the functions that the linker's --wrap puts between the library and the system. Calls that read the pool
 * file or change its mappings are counted: before each, the fuzzer may write into the file. Calls on this process's own
 * tmpfs go to tmpfs.c, all others to Linux. */
#include <errno.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fuzz.h"
#include "mappings.h"
#include "tmpfs.h"
#include "world.h"

#define FOLDERS 4
#define FREE_BLOCKS (1 << 20) /* of the tmpfs: 4 GB */

/* A call with the same arguments for tmpfs.c and for Linux, distinguished by its first descriptor or path. */
#define CALL(type, name, parameters, is_ours, ours, arguments) \
    type __real_##name parameters;                             \
    type __wrap_##name parameters;                             \
    type __wrap_##name parameters                              \
    {                                                          \
        return is_ours ? ours : __real_##name arguments;       \
    }

/* Whether a folder and a path lead into this process's tmpfs. */
static bool is_ours(int folder, const char *path)
{
    return path[0] == '/' ? tmpfs_has_path(path) : tmpfs_has_descriptor(folder);
}

/* ------------------------------------------------------------------------------------------ paths and descriptors */

int __real_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

static int open_either(int folder, const char *path, int flags, mode_t mode)
{
    return is_ours(folder, path) ? tmpfs_open(folder, path, flags, mode) : __real_openat(folder, path, flags, mode);
}

static bool takes_mode(int flags)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

int __wrap_openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = takes_mode(flags) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_either(folder, path, flags, mode);
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = takes_mode(flags) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_either(AT_FDCWD, path, flags, mode);
}

CALL(int, close, (int fd), tmpfs_has_descriptor(fd), tmpfs_close(fd), (fd))
CALL(int, dup, (int fd), tmpfs_has_descriptor(fd), tmpfs_dup(fd), (fd))
CALL(int, fchmod, (int fd, mode_t mode), tmpfs_has_descriptor(fd), tmpfs_chmod(fd, mode), (fd, mode))
CALL(int, ftruncate, (int fd, off_t size), tmpfs_has_descriptor(fd), tmpfs_resize(fd, size, true), (fd, size))
CALL(int, fallocate, (int fd, int mode, off_t offset, off_t bytes), tmpfs_has_descriptor(fd),
     tmpfs_resize(fd, offset + bytes, false), (fd, mode, offset, bytes))
CALL(int, lstat, (const char *path, struct stat *status), tmpfs_has_path(path), tmpfs_lstat(AT_FDCWD, path, status),
     (path, status))
CALL(int, fstatat, (int folder, const char *path, struct stat *status, int flags), is_ours(folder, path),
     tmpfs_lstat(folder, path, status), (folder, path, status, flags))
CALL(int, linkat, (int from, const char *path, int folder, const char *entry, int flags), tmpfs_has_descriptor(folder),
     tmpfs_link(path, folder, entry), (from, path, folder, entry, flags))
CALL(int, unlinkat, (int folder, const char *path, int flags), is_ours(folder, path), tmpfs_unlink(folder, path, flags),
     (folder, path, flags))
CALL(int, mkdir, (const char *path, mode_t mode), tmpfs_has_path(path), tmpfs_make(path, S_IFDIR | mode), (path, mode))
CALL(int, mkfifo, (const char *path, mode_t mode), tmpfs_has_path(path), tmpfs_make(path, S_IFIFO | mode), (path, mode))
CALL(int, symlink, (const char *target, const char *path), tmpfs_has_path(path), tmpfs_make(path, S_IFLNK | 0777),
     (target, path))
CALL(ssize_t, read, (int fd, void *buffer, size_t bytes), tmpfs_has_descriptor(fd), tmpfs_read(fd, buffer, bytes, 0),
     (fd, buffer, bytes))
CALL(ssize_t, pwrite, (int fd, const void *buffer, size_t bytes, off_t offset), tmpfs_has_descriptor(fd),
     tmpfs_write(fd, buffer, bytes, offset), (fd, buffer, bytes, offset))

int __real_fstatfs(int fd, struct statfs *status);
int __wrap_fstatfs(int fd, struct statfs *status);
int __wrap_fstatfs(int fd, struct statfs *status)
{
    if (!tmpfs_has_descriptor(fd))
        return __real_fstatfs(fd, status);
    *status =
        (struct statfs){.f_type = TMPFS_MAGIC, .f_bsize = 4096, .f_blocks = 2 * FREE_BLOCKS, .f_bavail = FREE_BLOCKS};
    return 0;
}

/* -------------------------------------------------------------------------------------------------------- counted
 * calls */

int __real_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status)
{
    world_note_call();
    return tmpfs_has_descriptor(fd) ? tmpfs_fstat(fd, status) : __real_fstat(fd, status);
}

ssize_t __real_pread(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t __wrap_pread(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t __wrap_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
    world_note_call();
    return tmpfs_has_descriptor(fd) ? tmpfs_read(fd, buffer, bytes, offset) : __real_pread(fd, buffer, bytes, offset);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    world_note_call();
    return tmpfs_has_descriptor(fd) ? tmpfs_lock(fd, command, argument) : __real_fcntl(fd, command, argument);
}

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    world_note_call();
    return mappings_add(address, bytes, protection, flags, fd, offset);
}

int __wrap_munmap(void *address, size_t bytes);
int __wrap_munmap(void *address, size_t bytes)
{
    return mappings_remove(address, bytes);
}

/* Hints, which have no effect in this tmpfs. */
CALL(int, madvise, (void *address, size_t bytes, int advice), mappings_include(address), 0, (address, bytes, advice))
CALL(int, mlock, (const void *address, size_t bytes), mappings_include(address), 0, (address, bytes))

/* ------------------------------------------------------------------------------------------------------ folders */

/* The DIR of a folder of the tmpfs points to one of these. */
static struct folder {
    int fd;
    uint32_t next;
    struct dirent entry;
    bool is_open;
} folders[FOLDERS];

static struct folder *folder_of(DIR *directory)
{
    for (int i = 0; i < FOLDERS; i++)
        if ((void *)directory == &folders[i] && folders[i].is_open)
            return &folders[i];
    return NULL;
}

DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd)
{
    if (!tmpfs_has_descriptor(fd))
        return __real_fdopendir(fd);
    struct folder *folder = folders;
    while (folder->is_open)
        REQUIRE(++folder < folders + FOLDERS);
    *folder = (struct folder){.fd = fd, .is_open = true};
    return (DIR *)(void *)folder;
}

static struct dirent *next_entry(struct folder *folder)
{
    const char *name = tmpfs_entry(folder->next++);
    if (!name)
        return NULL;
    snprintf(folder->entry.d_name, sizeof folder->entry.d_name, "%s", name);
    return &folder->entry;
}

static int close_folder(struct folder *folder)
{
    folder->is_open = false;
    return tmpfs_close(folder->fd);
}

CALL(struct dirent *, readdir, (DIR * directory), folder_of(directory), next_entry(folder_of(directory)), (directory))
CALL(int, closedir, (DIR * directory), folder_of(directory), close_folder(folder_of(directory)), (directory))
