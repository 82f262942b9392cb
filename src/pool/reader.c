#include "pool/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/cancel.h"
#include "os/clock.h"
#include "os/lock.h"
#include "os/memory.h"
#include "pool/owner_lock.h"

#define VIEW_CELLS (PIN_CELLS - 1)

pmipc_status reader_fail(struct pool_reader *reader, pmipc_status status, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(reader->error, status, errno, "pool '%s': %s", reader->description->header.name, text);
}

/* ---------------------------------------------------------------------------------------------------------------- fork */

static bool has_views(const struct pool_reader *reader)
{
    for (uint32_t i = 0; i < VIEW_CELLS; i++)
        if (load_acquire(&reader->busy[i])) /* [CELL] */
            return true;
    return false;
}

/* Before a fork: when views are live, a row of its own for the child, with copies of their pins. Higher than ours: see scan()
 * in protocol.c. When there is none to be had, the child's views hold only while the parent's do. */
static void reader_before_fork(struct fork_guard *guard)
{
    struct pool_reader *reader = (struct pool_reader *)guard;
    reader->fork_row = NO_ROW;
    reader->fork_lock_fd = -1;
    if (!process_is(reader->generation) || !has_views(reader) || !protocol_row_is_own(&reader->protocol) ||
        !file_is_identical(file_identify(reader->fd), reader->identity))
        return;
    int lock_fd = file_reopen(reader->fd, true);
    if (lock_fd < 0)
        return;
    uint32_t row;
    if (file_keep(lock_fd, &reader->fork_lock_identity) != 0 ||
        rows_claim(reader->readers, lock_fd, reader->protocol.row, &reader->fork_token, &row) != 0) {
        file_close(lock_fd);
        return;
    }
    protocol_row_copy(reader->readers, reader->protocol.row, row);
    reader->fork_row = row;
    reader->fork_lock_fd = lock_fd;
}

static void reader_after_fork_in_parent(struct fork_guard *guard)
{
    struct pool_reader *reader = (struct pool_reader *)guard;
    /* The child has the same open file description: its lock goes on. Had the fork failed, the row would be a dead one. */
    file_close(reader->fork_lock_fd);
    reader->fork_lock_fd = -1;
    reader->fork_row = NO_ROW;
}

static void reader_after_fork_in_child(struct fork_guard *guard)
{
    struct pool_reader *reader = (struct pool_reader *)guard;
    file_close_own(reader->lock_fd, reader->lock_identity); /* the parent's lock goes on */
    reader->lock_fd = -1;
    reader->generation = NO_GENERATION;
    if (reader->fork_row == NO_ROW)
        return;
    reader->lock_fd = reader->fork_lock_fd;
    reader->lock_identity = reader->fork_lock_identity;
    protocol_row_use(&reader->protocol, reader->fork_row, reader->fork_token);
    reader->generation = process_generation();
    reader->fork_row = NO_ROW;
    reader->fork_lock_fd = -1;
    rows_introduce(reader->readers, reader->protocol.row);
}

/* ------------------------------------------------------------------------------------------------------------ lifetime */

static void free_mapping(struct slot_mapping *mapping)
{
    memory_unmap(mapping->base, mapping->twice ? 2 * mapping->bytes : mapping->bytes);
    free(mapping);
}

/* Whether another description than `fd`'s holds the row's lock, and the row was not claimed by another stream: `fd` is then this
 * reader's and no producer's, since a description does not see its own locks. */
static bool sees_own_lock(const struct pool_reader *reader)
{
    return protocol_row_is_own(&reader->protocol) && file_is_own(reader->fd, reader->identity) &&
           lock_is_held(reader->fd, LOCK_BYTE_ROW(reader->protocol.row));
}

/* Whether this reader holds its row's lock, and so may clear the row. To see a lock is not enough: a stream that is claiming the row
 * holds it before it changes the token. Taking it on `lock_fd` succeeds only if that is the holder, or if the holder has just let
 * go; either way this reader holds it from here on. */
static bool holds_row(const struct pool_reader *reader)
{
    return sees_own_lock(reader) && file_is_own(reader->lock_fd, reader->lock_identity) &&
           lock_try(reader->lock_fd, LOCK_BYTE_ROW(reader->protocol.row)) == 0;
}

/* The row is given back, everything is unmapped. In a process that does not own the row, nothing shared is touched. */
static void reader_free(struct pool_reader *reader)
{
    CANCELLATION_DEFERRED(cancel_state);
    fork_mutex_lock();
    fork_guard_remove(&reader->guard);
    if (reader->lock_fd >= 0) {
        if (process_is(reader->generation) && holds_row(reader))
            protocol_row_clear(reader->readers, reader->protocol.row);
        file_close_own(reader->lock_fd, reader->lock_identity);
    }
    fork_mutex_unlock();
    while (reader->mapping) {
        struct slot_mapping *older = reader->mapping->older;
        free_mapping(reader->mapping);
        reader->mapping = older;
    }
    memory_unmap((void *)(uintptr_t)reader->front, reader->front_bytes);
    memory_unmap(reader->readers, reader->readers_bytes);
    file_close_own(reader->fd, reader->identity);
    description_release(reader->description);
    free(reader);
}

/* Returns 0, EAGAIN when all rows are held (*holder: by whom), or another errno. */
static int claim_any(struct pool_reader *reader, uint64_t *token, uint32_t *row, enum rows_holder *holder)
{
    int failure = EAGAIN;
    *holder = ROWS_NOBODY;
    /* Tried again when they are free by now, not for ever. */
    for (int tries = 0; failure == EAGAIN && *holder == ROWS_NOBODY && tries < 8; tries++) {
        failure = rows_claim(reader->readers, reader->lock_fd, NO_ROW, token, row);
        *holder = failure == EAGAIN ? rows_holder_of_all(reader->lock_fd) : ROWS_STREAMS;
    }
    return failure;
}

/* Open, lock and register in one step, under the fork mutex. Returns as claim_any. */
static int take_row(struct pool_reader *reader, enum rows_holder *holder)
{
    uint64_t token;
    uint32_t row;
    reader->lock_fd = file_reopen(reader->fd, true);
    if (reader->lock_fd < 0)
        return -reader->lock_fd;
    int failure = -file_keep(reader->lock_fd, &reader->lock_identity);
    if (!failure)
        failure = claim_any(reader, &token, &row, holder);
    if (failure) {
        file_close(reader->lock_fd);
        return failure;
    }
    protocol_row_use(&reader->protocol, row, token);
    reader->generation = process_generation();
    fork_guard_add(&reader->guard);
    return 0;
}

static pmipc_status claim_row(struct pool_reader *reader, pmipc_error *error)
{
    const char *name = reader->description->header.name;
    enum rows_holder holder = ROWS_NOBODY;
    int failure = process_guard_forks();
    if (!failure) {
        fork_mutex_lock();
        failure = take_row(reader, &holder);
        fork_mutex_unlock();
    }
    if (failure == 0) {
        rows_introduce(reader->readers, reader->protocol.row);
        return PMIPC_OK;
    }
    reader->lock_fd = -1;
    if (failure != EAGAIN) {
        char words[128];
        return error_set(error, error_status_of(failure), failure, "pool '%s': cannot open and lock its file%s: %s",
                         name, file_reopen_hint(failure), error_describe_errno(failure, words));
    }
    if (holder == ROWS_REMOVER)
        return error_set(error, PMIPC_NOT_CONNECTED, 0, "pool '%s' is just being removed", name);
    if (holder == ROWS_READ_LOCK)
        return lock_blocked_by_read_lock(reader->fd, name, error);
    error_set(error, PMIPC_FULL, 0,
              "pool '%s' has all of its %d rows taken, by streams and by forked children that inherited views; ", name,
              PIN_ROWS);
    struct slot_lookup no_pins = {0};
    rows_name_holders(reader->readers, reader->fd, &no_pins, error);
    return PMIPC_FULL;
}

static pmipc_status map_front(struct pool_reader *reader, pmipc_error *error)
{
    const struct pool_geometry *geometry = &reader->description->header.geometry;
    const char *name = reader->description->header.name;
    int64_t bytes = file_bytes(reader->fd);
    if (bytes < 0)
        return error_of_call(error, (int)-bytes, name, "look at its file");
    if (bytes < (int64_t)description_file_bytes(reader->description, geometry->initial_slots))
        return error_set(error, PMIPC_CORRUPT, 0, "pool '%s': its file is cut short (%lld bytes)", name,
                         (long long)bytes);
    reader->front_bytes = (size_t)geometry->readers_offset;
    reader->front = memory_map(reader->fd, 0, reader->front_bytes, false, name);
    reader->readers_bytes = (size_t)(geometry->slots_offset - geometry->readers_offset);
    reader->readers = memory_map(reader->fd, geometry->readers_offset, reader->readers_bytes, true, name);
    if (!reader->front || !reader->readers) {
        char words[MEMORY_TEXT_BYTES];
        int failure = errno;
        return error_set(error, memory_status_of(failure), failure, "pool '%s': cannot map its file: %s", name,
                         memory_describe_failure(failure, words));
    }
    reader->protocol.control = (const struct pool_control *)(reader->front + POOL_CONTROL_OFFSET);
    reader->protocol.ring = (const _Atomic uint64_t *)(reader->front + POOL_RING_OFFSET);
    reader->protocol.readers = reader->readers;
    reader->protocol.history_len = geometry->history_len;
    if (reader_is_retired(reader))
        return PMIPC_RETIRED;
    if (reader->prefault) {
        memory_prefault(reader->front, reader->front_bytes, false);
        memory_prefault(reader->readers, reader->readers_bytes, true);
    }
    return PMIPC_OK;
}

pmipc_status reader_open(struct pool_reader **out, int fd, const char *name, bool prefault, pmipc_error *error)
{
    struct pool_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return error_set(error, PMIPC_NO_MEMORY, ENOMEM, "pool '%s': out of memory", name);
    reader->fd = fd;
    reader->lock_fd = reader->fork_lock_fd = -1;
    reader->fork_row = NO_ROW;
    reader->prefault = prefault;
    reader->guard.prepare = reader_before_fork;
    reader->guard.parent = reader_after_fork_in_parent;
    reader->guard.child = reader_after_fork_in_child;
    pmipc_status status = description_read(fd, name, &reader->description, error);
    if (status) {
        free(reader);
        return status;
    }
    int failure = -file_keep(fd, &reader->identity);
    status = failure ? error_of_call(error, failure, name, "look at its file") : map_front(reader, error);
    if (!status) {
        reader->error = error;
        status = reader_map_slots(reader, reader->description->header.geometry.initial_slots, prefault);
        reader->error = NULL;
    }
    if (!status)
        status = claim_row(reader, error);
    if (status) {
        reader->identity = (struct file_identity){0}; /* fd stays the caller's */
        reader_free(reader);
        return status;
    }
    *out = reader;
    return PMIPC_OK;
}

void reader_drop(struct pool_reader *reader)
{
    if (fetch_add_acq_rel(&reader->released, 1) + 1 == 0) /* [LAST] */
        reader_free(reader);
}

void reader_close(struct pool_reader *reader)
{
    if (!reader)
        return;
    reader->error = NULL;
    atomic_store_explicit(&reader->closed, true, memory_order_release);
    int64_t taken = reader->taken;
    if (fetch_add_acq_rel(&reader->released, -taken) - taken == 0) /* [LAST] */
        reader_free(reader);
}

bool reader_producer_alive(const struct pool_reader *reader, const char *path)
{
    int is_ours = file_is_still(reader->fd, reader->identity);
    if (is_ours < 0)
        return true; /* it cannot be told: nobody leaves a pool for that */
    if (is_ours) {
        if (lock_ask(reader->fd, LOCK_BYTE_PRODUCER) != 0)
            return true;
        if (sees_own_lock(reader))
            return false; /* our descriptor for certain, not a producer's own that got its number */
    }
    int fd = file_open_entry(AT_FDCWD, path, false);
    bool alive =
        fd >= 0 && file_is_identical(file_identify(fd), reader->identity) && lock_is_held(fd, LOCK_BYTE_PRODUCER);
    file_close(fd);
    return alive;
}

__attribute__((cold)) pmipc_status reader_lost(struct pool_reader *reader)
{
    errno = 0;
    return reader_fail(
        reader, PMIPC_LOST,
        "this stream's lock is gone, most likely because the program closed its "
        "descriptors (a daemonizer, os.closerange). Views taken before are not protected any more. The stream "
        "connects anew at its next call; open streams after such a thing");
}

/* ------------------------------------------------------------------------------------------------------------ mappings */

void reader_trim_mappings(struct pool_reader *reader)
{
    struct slot_mapping **link = &reader->mapping->older;
    while (*link) {
        struct slot_mapping *mapping = *link;
        bool used = false;
        for (uint32_t i = 0; i < PIN_CELLS; i++)
            used = used || (load_acquire(&reader->busy[i]) && reader->cell_mapping[i] == mapping); /* [CELL] */
        if (used) {
            link = &mapping->older;
        } else {
            *link = mapping->older;
            free_mapping(mapping);
        }
    }
}

pmipc_status reader_map_slots(struct pool_reader *reader, uint32_t slots, bool twice)
{
    CANCELLATION_DEFERRED(cancel_state);
    int is_ours = file_is_still(reader->fd, reader->identity);
    if (is_ours == 0)
        return reader_lost(reader); /* the number leads to somebody else's file */
    int64_t file = is_ours < 0 ? is_ours : file_bytes(reader->fd);
    if (file < 0)
        return error_of_call(reader->error, (int)-file, reader->description->header.name, "look at its file");
    const struct pool_geometry *geometry = &reader->description->header.geometry;
    if (!description_allows_slots(reader->description, slots) ||
        file < (int64_t)description_file_bytes(reader->description, slots)) {
        errno = 0;
        return reader_fail(reader, PMIPC_CORRUPT,
                           "its control page is damaged or its file cut short: %u slots do not fit into %lld bytes",
                           slots, (long long)file);
    }
    struct slot_mapping *mapping = calloc(1, sizeof *mapping);
    if (!mapping)
        return reader_fail(reader, PMIPC_NO_MEMORY, "out of memory");
    uint64_t bytes = slots * geometry->stride;
    mapping->slot_count = slots;
    mapping->twice = twice;
    const char *name = reader->description->header.name;
    mapping->base = twice ? memory_map_twice(reader->fd, geometry->slots_offset, bytes, name)
                          : memory_map(reader->fd, geometry->slots_offset, bytes, false, name);
    if (!mapping->base) {
        char words[MEMORY_TEXT_BYTES];
        int failure = errno;
        free(mapping);
        memory_describe_failure(failure, words);
        errno = failure;
        return reader_fail(reader, memory_status_of(failure), "cannot map its slots: %s", words);
    }
    mapping->bytes = (size_t)bytes;
    if (reader->prefault)
        memory_prefault(mapping->base, twice ? 2 * mapping->bytes : mapping->bytes, false);
    mapping->older = reader->mapping;
    reader->mapping = mapping;
    reader->mapped_slots = slots;
    reader_trim_mappings(reader);
    return PMIPC_OK;
}

void reader_release_cell(struct pool_reader *reader, uint32_t cell)
{
    if (!process_is(reader->generation))
        return; /* a child that has no row here: the pin is its parent's */
    protocol_unpin(&reader->protocol, cell);
    atomic_store_explicit(&reader->busy[cell], 0, memory_order_release); /* [CELL] */
    reader_drop(reader);
}
