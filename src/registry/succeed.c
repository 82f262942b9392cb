/* succeed.c: a producer replaces its own pool, by a larger one or by one of another schema.
 *
 * The successor is created in an unnamed file. Its lock is held, and it contains its first sample. Then
 *   1. linkat gives it a temporary name, which is not a pool's;
 *   2. renameat gives it the pool's name, and the old file loses that name in the same step;
 *   3. the old file is retired, and its lock is released.
 * If the producer is killed before step 2, the old pool is complete and has its name. The next producer adopts it and
 * removes the temporary name. If the producer is killed after step 2, the next producer adopts the successor. The old
 * file then has no name and is not retired. Its streams find that its producer is dead and that the name leads to
 * another file, and connect to that one. At each moment the name leads to one of the two files, which has its sample
 * and its lock. */
#include "registry/succeed.h"

#include <errno.h>

#include "registry/entry.h"

pmipc_status successor_create(const struct pool_place *place, struct pool_writer *predecessor,
                              const pmipc_schema *schema, const pmipc_producer_options *options,
                              struct pool_writer **successor, pmipc_error *error)
{
    int folder;
    struct pool_description *description;
    /* A program that has removed the file may have removed the folder too. */
    pmipc_status status = place_open(place, predecessor->removed, &folder, error);
    if (status)
        return status;
    status = description_make(place->name, schema, options, &description, error);
    if (!status) /* owns description */
        status = writer_create_successor(successor, folder, description, options, predecessor, error);
    file_close(folder);
    return status;
}

/* Remove the entry if it is a pool. In a shared folder a file of another program may have that name. */
static void unlink_unfinished(int folder, const char *next)
{
    int fd = file_open_entry(folder, next, false);
    if (fd >= 0 && entry_has_magic(fd) > 0)
        (void)file_unlink(folder, next);
    file_close(fd);
}

void successor_remove_unfinished(int folder, const char *entry)
{
    char next[NEXT_ENTRY_BYTES];
    next_entry_of(entry, next);
    unlink_unfinished(folder, next);
}

static pmipc_status refuse_removed(const struct pool_place *place, pmipc_error *error)
{
    return error_set(
        error, PMIPC_LOST, 0,
        "pool '%s': another process removed or replaced its file %s, so this producer cannot replace it by a larger "
        "one. Open the producer again",
        place->name, place->path);
}

/* Returns 0 or an errno. */
static int rename_over(const struct pool_place *place, int folder, const struct pool_writer *successor)
{
    char next[NEXT_ENTRY_BYTES];
    next_entry_of(place->entry, next);
    int linked = file_link(successor->fd, folder, next);
    if (linked == -EEXIST) {
        /* It is a dead producer's: only the process that holds the pool's lock uses this name. */
        unlink_unfinished(folder, next);
        linked = file_link(successor->fd, folder, next);
    }
    if (linked < 0)
        return -linked;
    int renamed = file_rename(folder, next, place->entry);
    if (renamed < 0)
        (void)file_unlink(folder, next);
    return -renamed;
}

pmipc_status successor_refuse_taken_name(const struct pool_place *place, pmipc_error *error)
{
    return error_set(
        error, PMIPC_LOST, 0,
        "pool '%s': its file was removed, and another producer has created a pool of that name, %s. Stop that "
        "producer and open this one again, or choose another name",
        place->name, place->path);
}

/* The old file has no name and is already retired. */
static pmipc_status take_free_name(const struct pool_place *place, int folder, const struct pool_writer *successor,
                                   pmipc_error *error)
{
    char reason[ERRNO_TEXT_BYTES];
    int failure = -file_link(successor->fd, folder, place->entry);
    if (failure == EEXIST)
        return successor_refuse_taken_name(place, error);
    if (failure)
        return error_set(error, error_status_of(failure), failure,
                         "pool '%s': its file was removed, and the new file cannot be linked into %s%s: %s",
                         place->name, place->folder, file_reopen_hint(failure), error_describe_errno(failure, reason));
    return PMIPC_OK;
}

pmipc_status successor_install(const struct pool_place *place, struct pool_writer *predecessor,
                               struct pool_writer *successor, pmipc_error *error)
{
    int folder, failure;
    char reason[ERRNO_TEXT_BYTES];
    pmipc_status status = place_open(place, false, &folder, error);
    if (status)
        return status;
    if (predecessor->removed) {
        status = take_free_name(place, folder, successor, error);
        goto close_folder;
    }
    status = writer_check_owned(predecessor);
    int is_entry = file_is_still(predecessor->lock.fd, predecessor->lock.identity) == 0
                       ? 0
                       : file_is_entry(predecessor->lock.fd, folder, place->entry);
    if (status) {
        /* the error is set */
    } else if (is_entry < 0) {
        status = error_of_call(error, -is_entry, place->name, "examine its file");
    } else if (is_entry == 0) {
        status = refuse_removed(place, error);
    } else if ((failure = rename_over(place, folder, successor)) != 0) {
        status = error_set(error, error_status_of(failure), failure,
                           "pool '%s': its file %s cannot be replaced by a larger one%s: %s", place->name, place->path,
                           file_reopen_hint(failure), error_describe_errno(failure, reason));
    } else {
        (void)writer_retire(predecessor, RETIRED_SUCCEEDED);
    }

close_folder:
    successor->has_name = status == PMIPC_OK;
    file_close(folder);
    return status;
}
