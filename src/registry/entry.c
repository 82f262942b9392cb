#include "registry/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "pool/layout.h"

static const char *kind_of(const struct stat *status)
{
    switch (status->st_mode & S_IFMT) {
    case S_IFREG:
        return "a regular file";
    case S_IFDIR:
        return "a folder";
    case S_IFLNK:
        return "a symbolic link";
    case S_IFIFO:
        return "a FIFO";
    case S_IFSOCK:
        return "a socket";
    case S_IFCHR:
    case S_IFBLK:
        return "a device";
    default:
        return "a file of unknown type";
    }
}

pmipc_status entry_is_foreign(const struct pool_place *place, int folder, pmipc_error *error)
{
    struct stat status = {0};
    (void)fstatat(folder, place->entry, &status, AT_SYMLINK_NOFOLLOW);
    return error_set(
        error, PMIPC_CORRUPT, 0,
        "pool '%s': %s is %s of uid %u and not a pool. Move it to another folder, remove it (pmipc_pool_remove "
        "with force, Python: remove_pool(name, force=True)), or choose another pool name",
        place->name, place->path, kind_of(&status), (unsigned)status.st_uid);
}

/* Set the error: which permission is missing, and which user can give it. */
static pmipc_status not_permitted(const struct pool_place *place, int folder, bool writable, int os_error,
                                  pmipc_error *error)
{
    char reason[ERRNO_TEXT_BYTES];
    struct stat status;
    if (os_error == EROFS)
        return error_set(error, PMIPC_PERMISSION, os_error,
                         "pool '%s': %s is mounted read-only. Producers and streams write to a pool's file: mount the "
                         "folder read-write",
                         place->name, place->folder);
    if (fstatat(folder, place->entry, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return error_set(error, error_status_of(os_error), os_error, "pool '%s': cannot open %s: %s", place->name,
                         place->path, error_describe_errno(os_error, reason));
    int read_only = writable ? file_open_entry(folder, place->entry, false) : -EACCES;
    const char *missing = read_only >= 0 ? "write" : "read";
    file_close(read_only);
    error_set(error, PMIPC_PERMISSION, os_error,
              "pool '%s': no permission to %s %s (uid %u, gid %u, mode 0%o); this process is uid %u, gid %u",
              place->name, missing, place->path, (unsigned)status.st_uid, (unsigned)status.st_gid,
              (unsigned)status.st_mode & 07777, (unsigned)geteuid(), (unsigned)getegid());
    if (writable)
        error_append(error,
                     ". Producers and streams read and write this file: have its owner create the pool with mode "
                     "0660 (for its group) or 0666 (for all users)");
    return PMIPC_PERMISSION;
}

pmipc_status entry_open(const struct pool_place *place, int folder, bool writable, int *fd, pmipc_error *error)
{
    char reason[ERRNO_TEXT_BYTES];
    *fd = file_open_entry(folder, place->entry, writable);
    if (*fd >= 0)
        return PMIPC_OK;
    const int failure = -*fd;
    if (failure == ENOENT)
        return error_set(error, PMIPC_NOT_FOUND, ENOENT, "there is no pool '%s' in %s", place->name, place->folder);
    if (failure == EMEDIUMTYPE || failure == ELOOP)
        return entry_is_foreign(place, folder, error);
    if (error_status_of(failure) == PMIPC_PERMISSION)
        return not_permitted(place, folder, writable, failure, error);
    return error_set(error, error_status_of(failure), failure, "pool '%s': cannot open %s: %s", place->name,
                     place->path, error_describe_errno(failure, reason));
}

int entry_has_magic(int fd)
{
    uint64_t magic = 0;
    ssize_t length;
    do
        length = pread(fd, &magic, sizeof magic, 0);
    while (length < 0 && errno == EINTR);
    return length < 0 ? -errno : length == (ssize_t)sizeof magic && magic == POOL_MAGIC;
}
