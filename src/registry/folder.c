#include "registry/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

#define DEFAULT_FOLDER_FORMAT "/dev/shm/polymorph_ipc-%u"
/* Bytes that pool names cannot have. */
#define ENTRY_SLASH '%'
#define ENTRY_NEXT '~'

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == '/';
}

pmipc_status pmipc_name_check(const char *name, pmipc_error *error)
{
    if (!name)
        return error_set(error, PMIPC_INVALID_NAME, 0, "the pool name is NULL");
    size_t length = strnlen(name, PMIPC_MAX_NAME + 1);
    if (length == 0 || length > PMIPC_MAX_NAME)
        return error_set(error, PMIPC_INVALID_NAME, 0, "pool name '%.40s%s' is too %s: a name has 1 to %d bytes", name,
                         length > 40 ? "..." : "", length ? "long" : "short", PMIPC_MAX_NAME);
    for (size_t i = 0; i < length; i++)
        if (!is_name_byte(name[i]))
            return error_set(error, PMIPC_INVALID_NAME, 0,
                             "pool name '%s' has byte 0x%02x at position %zu; allowed are A-Z a-z 0-9 _ - . and /",
                             name, (unsigned char)name[i], i);
    for (const char *component = name;; component++) {
        size_t bytes = strcspn(component, "/");
        if (bytes == 0 || (bytes == 1 && component[0] == '.') || (bytes == 2 && memcmp(component, "..", 2) == 0))
            return error_set(
                error, PMIPC_INVALID_NAME, 0,
                "pool name '%s': no component may be empty, '.' or '..' (names do not begin or end with '/')", name);
        component += bytes;
        if (*component == '\0')
            return PMIPC_OK;
    }
}

/* For a relative path: write the working directory in front. The path stays valid when the program changes its working
 * directory. */
static bool put_working_folder(const char *chosen, char *path, size_t path_bytes)
{
    path[0] = '\0';
    if (chosen[0] == '/')
        return true;
    size_t used = getcwd(path, path_bytes) && path[0] == '/' ? strlen(path) : 0;
    if (used == 0 || used + 2 > path_bytes)
        return false;
    memcpy(path + used, "/", 2);
    return true;
}

pmipc_status pmipc_registry_folder(const char *folder, char *path, size_t path_bytes)
{
    char standard[64];
    const char *chosen = folder && folder[0] ? folder : secure_getenv("POLYMORPH_IPC_DIR");
    snprintf(standard, sizeof standard, DEFAULT_FOLDER_FORMAT, (unsigned)geteuid());
    if (!chosen || !chosen[0])
        chosen = standard;
    if (path_bytes == 0 || !put_working_folder(chosen, path, path_bytes))
        return PMIPC_INVALID_ARGUMENT;
    size_t used = strlen(path), more = strlen(chosen);
    if (used + more >= path_bytes)
        return PMIPC_INVALID_ARGUMENT;
    memcpy(path + used, chosen, more + 1);
    return PMIPC_OK;
}

void place_set_name(struct pool_place *place, const char *name)
{
    memcpy(place->name, name, strlen(name) + 1);
    memcpy(place->entry, name, strlen(name) + 1);
    for (char *c = place->entry; *c; c++)
        if (*c == '/')
            *c = ENTRY_SLASH;
    snprintf(place->path, sizeof place->path, "%s/%s", place->folder, place->entry);
}

pmipc_status place_of(const char *name, const char *folder, struct pool_place *place, pmipc_error *error)
{
    pmipc_status status = pmipc_name_check(name, error);
    if (status)
        return status;
    if (pmipc_registry_folder(folder, place->folder, sizeof place->folder) != PMIPC_OK)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "the registry folder's path is longer than %d bytes",
                         FOLDER_PATH_BYTES - 1);
    place_set_name(place, name);
    return PMIPC_OK;
}

void next_entry_of(const char *entry, char next[NEXT_ENTRY_BYTES])
{
    next[0] = ENTRY_NEXT;
    memcpy(next + 1, entry, strlen(entry) + 1);
}

bool name_of_entry(const char *entry, char *name)
{
    if (strlen(entry) > PMIPC_MAX_NAME || strchr(entry, '/'))
        return false;
    strcpy(name, entry);
    for (char *c = name; *c; c++)
        if (*c == ENTRY_SLASH)
            *c = '/';
    return pmipc_name_check(name, NULL) == PMIPC_OK;
}

/* Whether `path` is this user's default folder. */
static bool is_default(const char *path)
{
    char standard[64];
    snprintf(standard, sizeof standard, DEFAULT_FOLDER_FORMAT, (unsigned)geteuid());
    return strcmp(path, standard) == 0;
}

static pmipc_status cannot_open(const char *path, int os_error, pmipc_error *error)
{
    char reason[ERRNO_TEXT_BYTES];
    struct stat found;
    if (is_default(path) && lstat(path, &found) == 0 && S_ISLNK(found.st_mode))
        return error_set(
            error, PMIPC_PERMISSION, os_error,
            "the registry folder %s is a symbolic link of uid %u. The default folder must be a folder: remove "
            "the link, or set POLYMORPH_IPC_DIR to its target",
            path, (unsigned)found.st_uid);
    pmipc_status status = os_error == ENOENT ? PMIPC_NOT_FOUND : error_status_of(os_error);
    return error_set(error, status, os_error, "cannot open the registry folder %s: %s", path,
                     error_describe_errno(os_error, reason));
}

/* The user whose default folder `path` is; this user if it is not a default folder. */
static uid_t default_user_of(const char *path)
{
    unsigned uid;
    char expected[64];
    if (sscanf(path, DEFAULT_FOLDER_FORMAT, &uid) != 1)
        return geteuid();
    snprintf(expected, sizeof expected, DEFAULT_FOLDER_FORMAT, uid);
    return strcmp(path, expected) == 0 ? (uid_t)uid : geteuid();
}

/* *created: it did not exist before. */
static pmipc_status create_folder(const char *path, bool *created, pmipc_error *error)
{
    char reason[ERRNO_TEXT_BYTES];
    const uid_t user = default_user_of(path);
    if (user != geteuid()) /* for example sudo with a user's environment: the user could not even remove the folder */
        return error_set(
            error, PMIPC_PERMISSION, 0,
            "the registry folder %s does not exist, and this process (uid %u) does not create it: it is the "
            "default folder of uid %u and would belong to the wrong user. Start a producer of that user first, "
            "or set POLYMORPH_IPC_DIR to another folder",
            path, (unsigned)geteuid(), (unsigned)user);
    *created = mkdir(path, 0700) == 0;
    if (*created || errno == EEXIST)
        return PMIPC_OK;
    return error_set(
        error, error_status_of(errno), errno,
        "cannot create the registry folder %s: %s. Set POLYMORPH_IPC_DIR to a folder on tmpfs that you can "
        "write to",
        path, error_describe_errno(errno, reason));
}

pmipc_status folder_open(const char *path, bool create, int *fd, pmipc_error *error)
{
    bool created = false;
    const bool standard = is_default(path);
    int opened = file_open_folder(path, !standard);
    if (opened == -ENOENT && create) {
        pmipc_status status = create_folder(path, &created, error);
        if (status)
            return status;
        opened = file_open_folder(path, !standard);
    }
    if (opened < 0)
        return cannot_open(path, -opened, error);
    struct stat folder;
    int on_tmpfs = fstat(opened, &folder) == 0 ? file_is_tmpfs(opened) : -errno;
    if (on_tmpfs < 0) {
        file_close(opened);
        return cannot_open(path, -on_tmpfs, error);
    }
    if (standard && (folder.st_uid != geteuid() || (folder.st_mode & 022))) {
        file_close(opened);
        return error_set(
            error, PMIPC_PERMISSION, 0,
            "the registry folder %s belongs to uid %u and has mode %03o: it must belong to you (uid %u), and other "
            "users must not have write permission. Remove it, or set POLYMORPH_IPC_DIR",
            path, (unsigned)folder.st_uid, (unsigned)folder.st_mode & 0777, (unsigned)geteuid());
    }
    if (!on_tmpfs) {
        file_close(opened);
        if (created)
            (void)rmdir(path); /* leave nothing behind */
        return error_set(
            error, PMIPC_UNSUPPORTED, 0,
            "the registry folder %s is not on tmpfs: pools would be written to disk. Choose a folder under /dev/shm",
            path);
    }
    *fd = opened;
    return PMIPC_OK;
}

pmipc_status place_open(const struct pool_place *place, bool create, int *fd, pmipc_error *error)
{
    pmipc_error reason = {0};
    pmipc_status status = folder_open(place->folder, create, fd, &reason);
    return status ? error_set(error, status, reason.os_error, "pool '%s': %s", place->name, reason.text) : PMIPC_OK;
}
