/* remove.c: taking pools away: one by name, or all that nobody uses. Whoever removes a pool holds its producer lock, and unless
 * forced also the lock of every row, so that no stream is in the middle of connecting. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/lock.h"
#include "pool/rows.h"
#include "pool/writer.h"
#include "registry/folder.h"
#include "registry/inspect.h"
#include "registry/succeed.h"

#define PATIENCE_NS 1000000000
#define RETRY_INTERVAL_NS 2000000

static pmipc_status held_by_producer(int fd, const char *name, pmipc_error *error)
{
    pmipc_pool_info *info = malloc(sizeof *info);
    if (info && inspect_file(fd, name, info, NULL) == PMIPC_OK)
        error_set(error, PMIPC_BUSY, 0, "pool '%s' has a living producer: pid %d '%s'; stop it first", name,
                  info->producer_pid, info->producer_command);
    else
        error_set(error, PMIPC_BUSY, 0, "pool '%s' has a living producer; stop it first", name);
    pmipc_pool_info_release(info);
    free(info);
    return PMIPC_BUSY;
}

static pmipc_status held_by_streams(int fd, const char *name, pmipc_error *error)
{
    pmipc_pool_info *info = malloc(sizeof *info);
    error_set(error, PMIPC_BUSY, 0, "pool '%s' is used by living streams", name);
    if (info && inspect_file(fd, name, info, NULL) == PMIPC_OK)
        for (uint32_t i = 0; i < info->reader_count; i++)
            error_append(error, "%spid %d '%s'", i ? ", " : ": ", info->readers[i].pid, info->readers[i].command);
    error_append(error, "; stop them, or remove it by force: what they hold stays valid");
    pmipc_pool_info_release(info);
    free(info);
    return PMIPC_BUSY;
}

/* Returns 0, EAGAIN when a living stream has one, or another errno. The caller closes the descriptor, and with it the locks taken
 * so far. */
static int take_all_rows(int lock_fd)
{
    for (uint32_t row = 0; row < PIN_ROWS; row++) {
        int failure = lock_is_held(lock_fd, LOCK_BYTE_ROW(row)) ? EAGAIN : lock_try(lock_fd, LOCK_BYTE_ROW(row));
        if (failure)
            return failure;
    }
    return 0;
}

/* OK when the file is what the caller means. Final under the producer lock only: then nobody adopts it meanwhile. NOT_FOUND when
 * it is another, or none that can be recognized; NO_MEMORY and SYSTEM when that cannot be told. */
static pmipc_status check_meant(int fd, const char *name, const pmipc_remove_options *options, pmipc_error *error)
{
    struct pool_description *description = NULL;
    pmipc_status status = PMIPC_OK;
    uint64_t ownership = 0, incarnation = 0;
    if (options->owner_epoch)
        status = pool_file_read(fd, &ownership, sizeof ownership,
                                POOL_CONTROL_OFFSET + offsetof(struct pool_control, ownership), name, error);
    if (!status && options->incarnation)
        status = description_read(fd, name, &description, error);
    if (description)
        incarnation = description->header.incarnation;
    description_release(description);
    if (status == PMIPC_NO_MEMORY || status == PMIPC_SYSTEM)
        return status;
    if (status || ownership_epoch(ownership) != options->owner_epoch || incarnation != options->incarnation)
        return error_set(error, PMIPC_NOT_FOUND, 0, "pool '%s' is another one by now", name);
    return PMIPC_OK;
}

/* One try. NOTHING_NEW: the name leads elsewhere by now. */
static pmipc_status remove_file(int folder, const char *entry, const char *name, int fd,
                                const pmipc_remove_options *options, pmipc_error *error)
{
    struct owner_lock lock;
    pmipc_status status = check_meant(fd, name, options, error);
    if (status)
        return status;
    int failure = lock_is_held(fd, LOCK_BYTE_PRODUCER) ? EAGAIN : owner_lock_take(&lock, fd);
    if (failure == EAGAIN)
        return held_by_producer(fd, name, error);
    if (failure)
        return error_of_call(error, failure, name, "lock its file");
    int is_entry = file_is_entry(fd, folder, entry);
    if (is_entry < 0) {
        status = error_of_call(error, -is_entry, name, "look at its file");
    } else if (is_entry == 0) {
        status = PMIPC_NOTHING_NEW;
    } else if ((status = check_meant(fd, name, options, error)) != PMIPC_OK) {
        /* it has been adopted, or cannot be read */
    } else if (!options->force && (failure = take_all_rows(lock.fd)) != 0) {
        status =
            failure == EAGAIN ? held_by_streams(fd, name, error) : error_of_call(error, failure, name, "lock its file");
    } else {
        int unlinked = file_unlink(folder, entry); /* first: what cannot be removed must not be retired */
        if (unlinked == 0 || unlinked == -ENOENT) {
            retire_file(fd);
            successor_forget_unfinished(folder, entry);
        } else {
            status = error_of_call(error, -unlinked, name, "remove its file");
        }
    }
    owner_lock_drop(&lock);
    return status;
}

/* What is no pool file at all (FIFO, symlink, ...) is unlinked as it is. A folder is refused: it may be anybody's. */
static pmipc_status remove_foreign(int folder, const char *entry, const char *name, pmipc_error *error)
{
    char words[128];
    int unlinked = file_unlink(folder, entry);
    if (unlinked == 0 || unlinked == -ENOENT)
        return PMIPC_OK;
    pmipc_status status = unlinked == -EISDIR ? PMIPC_UNSUPPORTED : error_status_of(-unlinked);
    return error_set(error, status, -unlinked, "pool '%s': its entry is no pool and cannot be removed: %s", name,
                     error_describe_errno(-unlinked, words));
}

static pmipc_status remove_entry(int folder, const char *entry, const char *name, const pmipc_remove_options *options,
                                 uint64_t *bytes, pmipc_error *error)
{
    int64_t deadline_ns = clock_monotonic_ns() + (options->no_patience ? 0 : PATIENCE_NS);
    for (;;) {
        int fd = file_open_entry(folder, entry, true);
        if (fd == -ENOENT)
            return error_set(error, PMIPC_NOT_FOUND, ENOENT, "there is no pool '%s'", name);
        if (fd == -EMEDIUMTYPE || fd == -ELOOP)
            return remove_foreign(folder, entry, name, error);
        if (fd < 0)
            return error_of_call(error, -fd, name, "open its file");
        int64_t size = file_bytes(fd);
        *bytes = size > 0 ? (uint64_t)size : 0;
        pmipc_status status = remove_file(folder, entry, name, fd, options, error);
        file_close(fd);
        /* Whoever was killed just now may still hold a lock while its memory is torn down. */
        if (status != PMIPC_NOTHING_NEW && (status != PMIPC_BUSY || clock_monotonic_ns() >= deadline_ns))
            return status;
        if (status == PMIPC_BUSY)
            clock_pause_ns(RETRY_INTERVAL_NS);
    }
}

pmipc_status pmipc_pool_remove(const char *name, const char *folder, const pmipc_remove_options *given,
                               pmipc_error *error)
{
    pmipc_remove_options options = {0};
    if (given)
        options = *given;
    struct pool_place place;
    int folder_fd;
    uint64_t bytes;
    pmipc_status status = place_of(name, folder, &place, error);
    if (!status)
        status = place_open(&place, false, &folder_fd, error);
    if (status)
        return status;
    status = remove_entry(folder_fd, place.entry, name, &options, &bytes, error);
    if (status == PMIPC_NOT_FOUND && !options.incarnation && !options.owner_epoch)
        error_set(error, PMIPC_NOT_FOUND, ENOENT, "there is no pool '%s' in %s", name, place.folder);
    file_close(folder_fd);
    return status;
}

pmipc_status pmipc_registry_clean(const char *folder, pmipc_removed_callback removed, void *context, pmipc_error *error)
{
    pmipc_registry *registry = NULL;
    char path[FOLDER_PATH_BYTES];
    int folder_fd;
    if (pmipc_registry_folder(folder, path, sizeof path) != PMIPC_OK)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "the folder's path is too long");
    pmipc_status status = folder_open(path, false, &folder_fd, error);
    if (status)
        return status == PMIPC_NOT_FOUND ? PMIPC_OK : status;
    pmipc_pool_info *info = malloc(sizeof *info);
    status =
        info ? pmipc_registry_open(&registry, folder, error)
             : error_set(error, PMIPC_NO_MEMORY, ENOMEM, "cannot clean the registry folder %s: out of memory", path);
    if (status)
        goto close_folder;
    const pmipc_remove_options options = {.no_patience = true};
    pmipc_status first_failure = PMIPC_OK;
    while (pmipc_registry_next(registry, info) == PMIPC_OK) {
        struct pool_place place;
        uint64_t bytes = 0;
        pmipc_error reason;
        status = place_of(info->name, folder, &place, &reason);
        if (!status)
            status = remove_entry(folder_fd, place.entry, info->name, &options, &bytes, &reason);
        if (status == PMIPC_OK && removed)
            removed(info->name, bytes, context);
        /* In use is not a failure, and a folder is nobody's pool; one that cannot be removed does not keep the others from being. */
        if (status && status != PMIPC_BUSY && status != PMIPC_NOT_FOUND && status != PMIPC_UNSUPPORTED &&
            !first_failure) {
            first_failure = status;
            if (error)
                *error = reason;
        }
        pmipc_pool_info_release(info);
    }
    pmipc_registry_close(registry);
    status = first_failure;

close_folder:
    free(info);
    file_close(folder_fd);
    return status;
}
