#include "registry/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/lock.h"
#include "os/memory.h"
#include "registry/entry.h"
#include "registry/retry.h"
#include "registry/succeed.h"

#define UNUSED_POOLS_NAMED 5
#define TRIES_MAX 10000 /* of a claim: far more than retry_wait allows */
#define OWNER_TEXT_BYTES 32

/* " of uid 1000" if the file belongs to another user, else "". `text` has OWNER_TEXT_BYTES. Returns `text`. */
static const char *name_owner(int fd, char *text)
{
    struct stat file;
    text[0] = '\0';
    if (fstat(fd, &file) == 0 && file.st_uid != geteuid())
        snprintf(text, OWNER_TEXT_BYTES, " of uid %u", (unsigned)file.st_uid);
    return text;
}

static pmipc_status busy(const struct pool_place *place, int fd, pmipc_error *error)
{
    struct pool_control control;
    memset(&control, 0, sizeof control);
    ssize_t length = pread(fd, &control, sizeof control, POOL_CONTROL_OFFSET);
    char command[sizeof control.owner_command], owner[OWNER_TEXT_BYTES];
    shared_text_load(control.owner_command, sizeof control.owner_command, command);
    name_owner(fd, owner);
    if (length != (ssize_t)sizeof control || load_relaxed(&control.owner_pid) == 0)
        return error_set(error, PMIPC_BUSY, 0, "pool '%s'%s has another producer; stop it, or choose another name",
                         place->name, owner);
    /* The time is untrusted: the difference of two doubles does not overflow. */
    double since_s = ((double)clock_realtime_ns() - (double)load_relaxed(&control.owner_since_ns)) / 1e9;
    if (owner_lock_is_kept_here(fd))
        return error_set(
            error, PMIPC_BUSY, 0,
            "pool '%s' has another producer in this process (pid %d), for %.1f s. A pool has one producer at a time: "
            "close that producer first (Python: cleanup()), or choose another name",
            place->name, (int)getpid(), since_s);
    /* The pid belongs to the producer's PID namespace: two containers may both have a process 1. */
    bool has_own_pid = load_relaxed(&control.owner_pid) == (uint32_t)getpid();
    return error_set(
        error, PMIPC_BUSY, 0,
        "pool '%s'%s has another producer: pid %d%s '%s', for %.1f s. A pool has one producer at a time: stop that "
        "producer, or choose another name",
        place->name, owner, (int)load_relaxed(&control.owner_pid), has_own_pid ? " of another container" : "", command,
        since_s);
}

/* Whether a producer of this process holds the lock and is not retired. Then the lock will not become free soon, and
 * waiting is useless. */
static bool is_held_by_live_producer_here(int fd)
{
    uint32_t retired = 0;
    const off_t place = POOL_CONTROL_OFFSET + (off_t)offsetof(struct pool_control, retired);
    return owner_lock_is_kept_here(fd) && pread(fd, &retired, sizeof retired, place) == (ssize_t)sizeof retired &&
           !retired;
}

/* Take the producer lock of an existing file. Returns OK, NOTHING_NEW (open the entry again), BUSY, PERMISSION,
 * NO_MEMORY or SYSTEM. */
static pmipc_status lock_existing(const struct pool_place *place, int folder, int fd, struct owner_lock *lock,
                                  int64_t *deadline_ns, pmipc_error *error)
{
    char reason[ERRNO_TEXT_BYTES];
    /* Query the lock before taking it: taking it for a moment would refuse another producer that starts. */
    int failure = lock_is_held(fd, LOCK_BYTE_PRODUCER) ? EAGAIN : owner_lock_take(lock, fd);
    if (failure == EAGAIN && !is_held_by_live_producer_here(fd) && retry_wait(deadline_ns))
        return PMIPC_NOTHING_NEW;
    if (failure == EAGAIN)
        return lock_is_read(fd, LOCK_BYTE_PRODUCER) ? lock_blocked_by_read_lock(fd, place->name, error)
                                                    : busy(place, fd, error);
    if (failure)
        return error_set(error, error_status_of(failure), failure, "pool '%s': cannot lock its file%s: %s", place->name,
                         file_reopen_hint(failure), error_describe_errno(failure, reason));
    int is_entry = file_is_entry(fd, folder, place->entry);
    if (is_entry > 0)
        return PMIPC_OK;
    owner_lock_drop(lock); /* another process has replaced or removed the file */
    return is_entry == 0 ? PMIPC_NOTHING_NEW : error_of_call(error, -is_entry, place->name, "examine its file");
}

/* Give a new pool its name. NOTHING_NEW: the name is already taken. */
static pmipc_status link_new(const struct pool_place *place, int folder, struct pool_writer *writer, pmipc_error *error)
{
    char reason[ERRNO_TEXT_BYTES];
    int failure = -file_link(writer->fd, folder, place->entry);
    if (failure == 0) {
        writer->has_name = true;
        return PMIPC_OK;
    }
    if (failure == EEXIST)
        return PMIPC_NOTHING_NEW;
    return error_set(error, error_status_of(failure), failure, "pool '%s': cannot link its file into %s%s: %s",
                     place->name, place->folder, file_reopen_hint(failure), error_describe_errno(failure, reason));
}

/* Create a pool. NOTHING_NEW: the name is already taken. */
static pmipc_status create(const struct pool_place *place, int folder, const pmipc_schema *schema,
                           const pmipc_producer_options *options, struct pool_writer **writer, pmipc_error *error)
{
    struct pool_description *description;
    pmipc_status status = description_make(place->name, schema, options, &description, error);
    if (!status)
        status = writer_create(writer, folder, description, options, error); /* owns description */
    if (status)
        return status;
    status = link_new(place, folder, *writer, error);
    if (status) {
        writer_close(*writer);
        *writer = NULL;
    }
    return status;
}

/* Remove the name of a file that will be replaced, if the file still has it. `why` it cannot be
 * adopted, for the error. */
static pmipc_status unlink_old(const struct pool_place *place, int folder, int fd, const char *why, pmipc_error *error)
{
    char reason[ERRNO_TEXT_BYTES];
    int is_entry = file_is_entry(fd, folder, place->entry);
    if (is_entry < 0)
        return error_of_call(error, -is_entry, place->name, "examine its file");
    int failure = is_entry ? -file_unlink(folder, place->entry) : 0;
    if (failure == 0 || failure == ENOENT)
        return PMIPC_OK;
    struct stat file = {0}, parent = {0};
    (void)fstat(fd, &file);
    (void)fstat(folder, &parent);
    return error_set(
        error, error_status_of(failure), failure,
        "pool '%s' %s, and its file %s cannot be removed: %s. It belongs to uid %u%s. Have its owner remove it, or "
        "choose another name",
        place->name, why, place->path, error_describe_errno(failure, reason), (unsigned)file.st_uid,
        parent.st_mode & S_ISVTX ? ", and in a sticky folder only its owner may remove it" : "");
}

/* Whether this process may adopt a dead producer's file: its own user's file, or another user's file if `mode` gives
 * others write access, and mode and group are those of a new file. Otherwise another user would decide who can read the
 * samples. Returns 1, 0 or -errno. */
static int may_adopt(int folder, int fd, uint32_t mode)
{
    struct stat file, parent;
    if (fstat(fd, &file) != 0 || fstat(folder, &parent) != 0)
        return -errno;
    if (file.st_uid == geteuid())
        return 1;
    gid_t group = parent.st_mode & S_ISGID ? parent.st_gid : getegid();
    return (mode & 066) != 0 && (file.st_mode & 07777) == mode && file.st_gid == group;
}

/* Adopt the file. NOTHING_NEW: it must be replaced, because *why. */
static pmipc_status adopt(const struct pool_place *place, int folder, int fd, struct owner_lock *lock,
                          const struct pool_description *wanted, const pmipc_producer_options *options,
                          struct pool_writer **writer, const char **why, pmipc_error *error)
{
    *why = "has the history of a dead producer, and this producer does not adopt";
    if (options->no_adopt)
        return PMIPC_NOTHING_NEW;
    int allowed = may_adopt(folder, fd, options->mode);
    *why = "was created by another user with another group or mode than this producer's";
    if (allowed <= 0)
        return allowed == 0 ? PMIPC_NOTHING_NEW : error_of_call(error, -allowed, place->name, "examine its file");
    *why =
        "cannot be adopted: its schema, geometry or metadata differ from this producer's, or it is retired or corrupt";
    struct pool_description *found;
    pmipc_status status = description_read(fd, place->name, &found, error);
    if (status == PMIPC_CORRUPT || status == PMIPC_INCOMPATIBLE)
        return PMIPC_NOTHING_NEW;
    if (status)
        return status;
    status = writer_adopt(writer, fd, lock, found, wanted, options, error);
    if (status)
        description_release(found);
    return status;
}

/* Adopt the file, or retire it and create a new one in its place. The caller holds its producer lock. */
static pmipc_status adopt_or_replace(const struct pool_place *place, int folder, int *fd, struct owner_lock *lock,
                                     const struct pool_description *wanted, const pmipc_producer_options *options,
                                     struct pool_writer **writer, pmipc_error *error)
{
    const char *why;
    int is_pool = entry_has_magic(*fd);
    if (is_pool <= 0)
        return is_pool == 0 ? entry_is_foreign(place, folder, error)
                            : error_of_call(error, -is_pool, place->name, "read its file");
    pmipc_status status = adopt(place, folder, *fd, lock, wanted, options, writer, &why, error);
    if (status == PMIPC_OK)
        *fd = -1;
    if (status != PMIPC_NOTHING_NEW)
        return status;
    /* Unlink before retiring: a pool that cannot be replaced must not be retired. Do both before the new pool is
     * created, which may need the memory of the old one. The old lock is held until the new file has the name, so that
     * no other producer adopts the old file. */
    status = unlink_old(place, folder, *fd, why, error);
    if (status)
        return status;
    retire_file(*fd);
    file_close(*fd);
    *fd = -1;
    status = create(place, folder, &wanted->schema, options, writer, error);
    owner_lock_drop(lock);
    return status;
}

/* Append the pools that no live process uses: cleaning them makes room. */
static void name_unused_pools(const struct pool_place *place, pmipc_error *error)
{
    pmipc_registry *registry;
    pmipc_pool_info *info = malloc(sizeof *info);
    uint64_t bytes = 0;
    uint32_t count = 0;
    char size[SIZE_TEXT_BYTES];
    if (!error || !info || pmipc_registry_open(&registry, place->folder, NULL) != PMIPC_OK) {
        free(info);
        return;
    }
    while (pmipc_registry_next(registry, info) == PMIPC_OK) {
        if (info->status == PMIPC_OK && !info->producer_alive && info->reader_count == 0) {
            if (count++ < UNUSED_POOLS_NAMED)
                error_append(error, "%s'%s'", count == 1 ? ". Unused now: " : ", ", info->name);
            bytes += info->file_bytes;
        }
        pmipc_pool_info_release(info);
    }
    if (count > UNUSED_POOLS_NAMED)
        error_append(error, " and %u more", count - UNUSED_POOLS_NAMED);
    if (count)
        error_append(error, " (%s together)", error_describe_bytes(bytes, size));
    else
        error_append(error, ". Every pool in %s is in use", place->folder);
    pmipc_registry_close(registry);
    free(info);
}

pmipc_status claim_as_producer(const struct pool_place *place, const pmipc_schema *schema,
                               const pmipc_producer_options *options, struct pool_writer **writer, pmipc_error *error)
{
    int folder, fd;
    struct pool_description *wanted;
    int64_t deadline_ns = 0;
    int tries = 0;
    pmipc_status status = place_open(place, true, &folder, error);
    if (status)
        return status;
    status = description_make(place->name, schema, options, &wanted, error);
    if (status)
        goto close_folder;
    do {
        struct owner_lock lock = {.fd = -1};
        status = entry_open(place, folder, true, &fd, error);
        if (status == PMIPC_NOT_FOUND) {
            status = create(place, folder, schema, options, writer, error);
            continue;
        }
        if (status)
            break;
        status = lock_existing(place, folder, fd, &lock, &deadline_ns, error);
        if (!status)
            status = adopt_or_replace(place, folder, &fd, &lock, wanted, options, writer, error);
        owner_lock_drop(&lock);
        file_close(fd);
    } while (status == PMIPC_NOTHING_NEW && ++tries < TRIES_MAX);
    if (status == PMIPC_NOTHING_NEW)
        status = error_set(error, PMIPC_BUSY, 0, "pool '%s': gave up: %s keeps being replaced by other processes",
                           place->name, place->path);
    description_release(wanted);
    if (status == PMIPC_OK)
        successor_remove_unfinished(folder, place->entry);
    if (status == PMIPC_NO_SPACE && error && error->os_error != EFBIG)
        name_unused_pools(place, error);

close_folder:
    file_close(folder);
    return status;
}

void retire_and_unlink(struct pool_writer *writer, const struct pool_place *place)
{
    /* By its path, which needs no descriptor: a program that has no free descriptor still removes its pools. */
    if (writer_retire(writer, RETIRED_ENDED) && file_is_identical(file_identify_path(place->path), writer->identity))
        (void)file_unlink(AT_FDCWD, place->path);
}

pmipc_status claim_as_stream(const struct pool_place *place, bool prefault, bool retry,
                             struct pool_connection **connection, struct file_identity *absent, pmipc_error *error)
{
    int folder, fd;
    int64_t deadline_ns = 0;
    *absent = (struct file_identity){0};
    pmipc_status status = place_open(place, false, &folder, error);
    if (status)
        return status == PMIPC_NOT_FOUND ? PMIPC_NOT_CONNECTED : status;
    do {
        status = entry_open(place, folder, true, &fd, error);
        if (status)
            break;
        status = connection_open(connection, fd, place->name, prefault, error);
        if (status == PMIPC_RETIRED)
            *absent = file_identify(fd);
        if (status)
            file_close(fd);
    } while (status == PMIPC_FULL && retry && retry_wait(&deadline_ns));
    file_close(folder);
    return status == PMIPC_NOT_FOUND || status == PMIPC_RETIRED ? PMIPC_NOT_CONNECTED : status;
}
