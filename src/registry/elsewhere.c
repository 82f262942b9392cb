#include "registry/elsewhere.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

#define FOLDERS_NAMED 4

static const char shared_memory[] = "/dev/shm";
static const char folder_prefix[] = "polymorph_ipc-";

/* Whether `name` is the name of the default folder of `uid`. */
static bool is_folder_of(const char *name, uid_t uid)
{
    char expected[64];
    snprintf(expected, sizeof expected, "%s%u", folder_prefix, (unsigned)uid);
    return strcmp(name, expected) == 0;
}

/* Whether `name` is the default folder of another user, was created by that user, and has the entry.
 * *uid is that user. */
static bool has_entry(int parent, const char *name, const char *entry, uid_t *uid)
{
    struct stat status;
    if (strncmp(name, folder_prefix, sizeof folder_prefix - 1) != 0 || is_folder_of(name, geteuid()))
        return false;
    int folder = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool has = folder >= 0 && fstat(folder, &status) == 0 && is_folder_of(name, status.st_uid);
    *uid = has ? status.st_uid : 0;
    has = has && fstatat(folder, entry, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
    file_close(folder);
    return has;
}

void elsewhere_name(const struct pool_place *place, pmipc_error *error)
{
    const size_t front = sizeof shared_memory - 1;
    if (!error || error->os_error != ENOENT || strncmp(place->folder, shared_memory, front) != 0 ||
        place->folder[front] != '/' || !is_folder_of(place->folder + front + 1, geteuid()))
        return;
    DIR *parent = opendir(shared_memory);
    uint32_t count = 0;
    const struct dirent *found;
    while (parent && count < FOLDERS_NAMED && (found = readdir(parent)) != NULL) {
        uid_t uid;
        if (has_entry(dirfd(parent), found->d_name, place->entry, &uid))
            error_append(error, "%suid %u has a pool of this name in %s/%s", count++ ? ", " : ". ", (unsigned)uid,
                         shared_memory, found->d_name);
    }
    if (count)
        error_append(error, ": run as that user, or set POLYMORPH_IPC_DIR to that folder");
    if (parent)
        closedir(parent);
}
