/* remove.c: removing one pool by name, or all unused pools. The removing process holds the pool's producer lock.
 * Without force it also holds the lock of each row, so that no stream can connect at that time. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/cancel.h"
#include "os/file.h"
#include "os/lock.h"
#include "pool/rows.h"
#include "pool/writer.h"
#include "registry/elsewhere.h"
#include "registry/entry.h"
#include "registry/inspect.h"
#include "registry/retry.h"
#include "registry/succeed.h"

static pmipc_status held_by_producer(int fd, const char *name, pmipc_error *error)
{
    pmipc_pool_info *info = malloc(sizeof *info);
    if (info && inspect_file(fd, name, info, NULL) == PMIPC_OK)
        error_set(
            error, PMIPC_BUSY, 0,
            "pool '%s' has a live producer: pid %d '%s'. A pool with a live producer is never removed; stop it first",
            name, info->producer_pid, info->producer_command);
    else
        error_set(error, PMIPC_BUSY, 0,
                  "pool '%s' has a live producer. A pool with a live producer is never removed; stop it first", name);
    pmipc_pool_info_release(info);
    free(info);
    return PMIPC_BUSY;
}

static pmipc_status held_by_streams(int fd, const char *name, pmipc_error *error)
{
    pmipc_pool_info *info = malloc(sizeof *info);
    error_set(error, PMIPC_BUSY, 0, "pool '%s' is used by live streams", name);
    if (info && inspect_file(fd, name, info, NULL) == PMIPC_OK)
        for (uint32_t i = 0; i < info->reader_count; i++)
            error_append(error, "%spid %d '%s'", i ? ", " : ": ", info->readers[i].pid, info->readers[i].command);
    error_append(error, ". Stop them, or remove the pool with force: views that they hold stay valid");
    pmipc_pool_info_release(info);
    free(info);
    return PMIPC_BUSY;
}

/* Lock all rows. BUSY: a live stream holds one. The caller closes the descriptor, which releases the locks. */
static pmipc_status take_all_rows(int lock_fd, const char *name, pmipc_error *error)
{
    for (uint32_t row = 0; row < PIN_ROWS; row++) {
        const int byte = LOCK_BYTE_ROW(row);
        int failure = lock_is_held(lock_fd, byte) ? EAGAIN : lock_try(lock_fd, byte);
        if (failure == EAGAIN && lock_is_read(lock_fd, byte))
            return lock_blocked_by_read_lock(lock_fd, name, error);
        if (failure)
            return failure == EAGAIN ? held_by_streams(lock_fd, name, error)
                                     : error_of_call(error, failure, name, "lock its file");
    }
    return PMIPC_OK;
}

/* Check that the file has the incarnation and owner epoch that the caller expects. Only under the producer lock is the
 * answer final, because then no process adopts the pool. Returns OK, NOT_FOUND (another pool, or a corrupt one),
 * NO_MEMORY or SYSTEM. */
static pmipc_status check_expected(int fd, const char *name, const pmipc_remove_options *options, pmipc_error *error)
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
        return error_set(error, PMIPC_NOT_FOUND, 0,
                         "pool '%s' is no longer the expected pool: another process has replaced or adopted it", name);
    return PMIPC_OK;
}

/* Remove the pool in an open file. NOTHING_NEW: the name leads to another file. */
static pmipc_status remove_file(const struct pool_place *place, int folder, int fd, const pmipc_remove_options *options,
                                pmipc_error *error)
{
    const char *name = place->name;
    struct owner_lock lock;
    pmipc_status status = check_expected(fd, name, options, error);
    if (status)
        return status;
    int failure = lock_is_held(fd, LOCK_BYTE_PRODUCER) ? EAGAIN : owner_lock_take(&lock, fd);
    if (failure == EAGAIN)
        return lock_is_read(fd, LOCK_BYTE_PRODUCER) ? lock_blocked_by_read_lock(fd, name, error)
                                                    : held_by_producer(fd, name, error);
    if (failure)
        return error_of_call(error, failure, name, "lock its file");
    int is_entry = file_is_entry(fd, folder, place->entry);
    if (is_entry < 0) {
        status = error_of_call(error, -is_entry, name, "examine its file");
    } else if (is_entry == 0) {
        status = PMIPC_NOTHING_NEW;
    } else if ((status = check_expected(fd, name, options, error)) != PMIPC_OK) {
        /* it was adopted, or cannot be read */
    } else if (!options->force && (status = take_all_rows(lock.fd, name, error)) != PMIPC_OK) {
        /* live streams use it */
    } else {
        int unlinked = file_unlink(folder, place->entry); /* before retiring: a pool that cannot be removed stays */
        if (unlinked == 0 || unlinked == -ENOENT) {
            retire_file(fd);
            successor_remove_unfinished(folder, place->entry);
        } else {
            status = error_of_call(error, -unlinked, name, "remove its file");
        }
    }
    owner_lock_drop(&lock);
    return status;
}

/* An entry that is not a pool is removed only with force, and is not read. A folder is refused. */
static pmipc_status remove_foreign(const struct pool_place *place, int folder, const pmipc_remove_options *options,
                                   pmipc_error *error)
{
    if (options->incarnation || options->owner_epoch)
        return error_set(error, PMIPC_NOT_FOUND, 0,
                         "pool '%s' is no longer the expected pool: another process has replaced or adopted it",
                         place->name);
    if (!options->force)
        return entry_is_foreign(place, folder, error);
    char reason[ERRNO_TEXT_BYTES];
    int unlinked = file_unlink(folder, place->entry);
    if (unlinked == 0 || unlinked == -ENOENT)
        return PMIPC_OK;
    pmipc_status status = unlinked == -EISDIR ? PMIPC_UNSUPPORTED : error_status_of(-unlinked);
    return error_set(error, status, -unlinked, "pool '%s': %s is not a pool and cannot be removed: %s", place->name,
                     place->path, error_describe_errno(-unlinked, reason));
}

static pmipc_status remove_entry(const struct pool_place *place, int folder, const pmipc_remove_options *options,
                                 uint64_t *bytes, pmipc_error *error)
{
    int64_t deadline_ns = 0;
    for (;;) {
        int fd;
        pmipc_status status = entry_open(place, folder, true, &fd, error);
        if (status == PMIPC_CORRUPT)
            return remove_foreign(place, folder, options, error);
        if (status)
            return status;
        int64_t size = file_bytes(fd);
        *bytes = size > 0 ? (uint64_t)size : 0;
        int is_pool = entry_has_magic(fd);
        if (is_pool < 0)
            status = error_of_call(error, -is_pool, place->name, "read its file");
        else
            status = is_pool ? remove_file(place, folder, fd, options, error)
                             : remove_foreign(place, folder, options, error);
        file_close(fd);
        if (status == PMIPC_BUSY ? options->no_wait || !retry_wait(&deadline_ns) : status != PMIPC_NOTHING_NEW)
            return status;
    }
}

pmipc_status pmipc_pool_remove(const char *name, const char *folder, const pmipc_remove_options *given,
                               pmipc_error *error)
{
    CANCELLATION_DEFERRED(cancel_state);
    pmipc_remove_options options = {0};
    if (given)
        options = *given;
    struct pool_place place;
    int folder_fd;
    uint64_t bytes;
    pmipc_status status = place_of(name, folder, &place, error);
    if (status)
        return status;
    status = place_open(&place, false, &folder_fd, error);
    if (!status) {
        status = remove_entry(&place, folder_fd, &options, &bytes, error);
        file_close(folder_fd);
    }
    if (status == PMIPC_NOT_FOUND)
        elsewhere_name(&place, error);
    return status;
}

/* Whether an entry belongs to another user. False if unknown. */
static bool is_of_another_user(const struct pool_place *place, int folder)
{
    struct stat status;
    return fstatat(folder, place->entry, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_uid != geteuid();
}

/* Remove the entry if it is an unused pool. Also returns OK in these cases:
 * - The pool is in use, or is already removed.
 * - The entry is not a pool, or belongs to another user and may not be removed. The callback gets the reason. */
static pmipc_status clean_entry(const struct pool_place *place, int folder, pmipc_clean_callback visit, void *context,
                                pmipc_error *reason)
{
    const pmipc_remove_options options = {.no_wait = true};
    uint64_t bytes = 0;
    pmipc_status status = remove_entry(place, folder, &options, &bytes, reason);
    if (status == PMIPC_BUSY || status == PMIPC_NOT_FOUND)
        return PMIPC_OK;
    bool is_left = status == PMIPC_CORRUPT || (status == PMIPC_PERMISSION && is_of_another_user(place, folder));
    if (visit && (status == PMIPC_OK || is_left))
        visit(place->name, bytes, is_left ? reason->text : NULL, context);
    return is_left ? PMIPC_OK : status;
}

pmipc_status pmipc_registry_clean(const char *folder, pmipc_clean_callback visit, void *context, pmipc_error *error)
{
    CANCELLATION_DEFERRED(cancel_state);
    pmipc_registry *registry = NULL;
    struct pool_place place;
    int folder_fd;
    if (pmipc_registry_folder(folder, place.folder, sizeof place.folder) != PMIPC_OK)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "the folder's path is too long");
    pmipc_status status = folder_open(place.folder, false, &folder_fd, error);
    if (status)
        return status == PMIPC_NOT_FOUND ? PMIPC_OK : status;
    pmipc_pool_info *info = malloc(sizeof *info);
    status = info ? pmipc_registry_open(&registry, folder, error)
                  : error_set(error, PMIPC_NO_MEMORY, ENOMEM, "cannot clean the registry folder %s: out of memory",
                              place.folder);
    if (status)
        goto close_folder;
    while (pmipc_registry_next(registry, info) == PMIPC_OK) {
        pmipc_error reason;
        place_set_name(&place, info->name);
        pmipc_pool_info_release(info);
        pmipc_status failure = clean_entry(&place, folder_fd, visit, context, &reason);
        if (failure && !status) { /* report the first failure, and go on with the other pools */
            status = failure;
            if (error)
                *error = reason;
        }
    }
    pmipc_registry_close(registry);

close_folder:
    free(info);
    file_close(folder_fd);
    return status;
}
