#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/atomic.h"

#define PROC_FD_PATH_BYTES 40
#define TICKETED_DESCRIPTORS 4096 /* higher numbers have no ticket: only their file identifies them */

static void proc_fd_path(int fd, char *path)
{
    snprintf(path, PROC_FD_PATH_BYTES, "/proc/self/fd/%d", fd);
}

int file_open_folder(const char *path, bool follow)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    return fd < 0 ? -errno : fd;
}

int file_open_unnamed(int folder, mode_t mode)
{
    int fd = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (fchmod(fd, mode) != 0) { /* the umask must not change the mode */
        int failure = -errno;
        close(fd);
        return failure;
    }
    return fd;
}

int file_set_mode(int fd, mode_t mode)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -errno;
    return (status.st_mode & 07777) == mode || fchmod(fd, mode) == 0 ? 0 : -errno;
}

int file_open_entry(int folder, const char *entry, bool writable)
{
    int flags = (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = openat(folder, entry, flags);
    if (fd < 0)
        return errno == EISDIR || errno == ENXIO || errno == ENODEV ? -EMEDIUMTYPE : -errno;
    struct stat status;
    int failure = fstat(fd, &status) != 0 ? -errno : S_ISREG(status.st_mode) ? 0 : -EMEDIUMTYPE;
    if (!failure) {
        int on_tmpfs = file_is_tmpfs(fd);
        failure = on_tmpfs > 0 ? 0 : on_tmpfs < 0 ? on_tmpfs : -EMEDIUMTYPE;
    }
    if (failure) {
        close(fd);
        return failure;
    }
    return fd;
}

int file_reopen(int fd, bool writable)
{
    char path[PROC_FD_PATH_BYTES];
    proc_fd_path(fd, path);
    int again = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    return again < 0 ? -errno : again;
}

const char *file_reopen_hint(int failure)
{
    return failure == ENOENT || failure == ENOTDIR ? " (is /proc mounted?)" : "";
}

int file_link(int fd, int folder, const char *entry)
{
    char path[PROC_FD_PATH_BYTES];
    proc_fd_path(fd, path);
    return linkat(AT_FDCWD, path, folder, entry, AT_SYMLINK_FOLLOW) == 0 ? 0 : -errno;
}

int file_unlink(int folder, const char *entry)
{
    return unlinkat(folder, entry, 0) == 0 ? 0 : -errno;
}

int file_rename(int folder, const char *from, const char *to)
{
    return renameat(folder, from, folder, to) == 0 ? 0 : -errno;
}

static struct file_identity identity_of(const struct stat *status)
{
    return (struct file_identity){.device = (uint64_t)status->st_dev, .inode = (uint64_t)status->st_ino};
}

struct file_identity file_identify(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? identity_of(&status) : (struct file_identity){0};
}

struct file_identity file_identify_path(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 ? identity_of(&status) : (struct file_identity){0};
}

bool file_is_identical(struct file_identity a, struct file_identity b)
{
    return a.inode != 0 && a.inode == b.inode && a.device == b.device;
}

static _Atomic uint32_t newest_ticket;
static _Atomic uint32_t tickets[TICKETED_DESCRIPTORS]; /* by descriptor */

int file_is_still(int fd, struct file_identity identity)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return errno == EBADF ? 0 : -errno;
    return file_is_identical(identity_of(&status), identity);
}

int file_names(int fd, struct file_identity identity)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !file_is_identical(identity_of(&status), identity))
        return -1;
    return status.st_nlink > INT_MAX ? INT_MAX : (int)status.st_nlink;
}

int file_keep(int fd, struct file_identity *identity)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -errno;
    *identity = identity_of(&status);
    if (fd >= TICKETED_DESCRIPTORS)
        return 0;
    /* Relaxed: the kernel gives out a number only after it was closed, and that orders the accesses. */
    identity->ticket = fetch_add_relaxed(&newest_ticket, 1) + 1;
    store_relaxed(&tickets[fd], identity->ticket);
    return 0;
}

static bool ticket_is_valid(int fd, struct file_identity identity)
{
    return identity.ticket == 0 || load_relaxed(&tickets[fd]) == identity.ticket;
}

bool file_is_own(int fd, struct file_identity identity)
{
    return fd >= 0 && file_is_still(fd, identity) > 0 && ticket_is_valid(fd, identity);
}

void file_close_own(int fd, struct file_identity identity)
{
    if (fd < 0 || identity.inode == 0 || file_is_still(fd, identity) == 0)
        return;
    if (ticket_is_valid(fd, identity))
        file_close(fd);
}

int file_is_entry(int fd, int folder, const char *entry)
{
    struct stat named_file;
    if (fstatat(folder, entry, &named_file, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -errno;
    return file_is_still(fd, identity_of(&named_file));
}

int file_is_tmpfs(int fd)
{
    struct statfs status;
    return fstatfs(fd, &status) == 0 ? status.f_type == TMPFS_MAGIC : -errno;
}

int64_t file_bytes(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? (int64_t)status.st_size : -errno;
}

int file_extend(int fd, uint64_t bytes)
{
    int64_t size = file_bytes(fd);
    if (size < 0 || size >= (int64_t)bytes)
        return size < 0 ? (int)-size : 0;
    int failure;
    do
        failure = fallocate(fd, 0, (off_t)(bytes - 1), 1) == 0 ? 0 : errno;
    while (failure == EINTR);
    return failure;
}

void file_close(int fd)
{
    if (fd < 0)
        return;
    int kept = errno;
    close(fd);
    errno = kept;
}
