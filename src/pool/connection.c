/* connection.c: connecting to a pool, keeping its row over a fork, mapping its slots. */
#include "pool/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/cancel.h"
#include "os/clock.h"
#include "os/futex.h"
#include "os/lock.h"
#include "os/memory.h"
#include "pool/owner_lock.h"

pmipc_status connection_fail(struct pool_connection *connection, pmipc_status status, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(connection->error, status, errno, "pool '%s': %s", connection->description->header.name, text);
}

/* ------------------------------------------------------------------------------------------------------------ fork */

static bool has_views(const struct pool_connection *connection)
{
    for (uint32_t i = 0; i < VIEW_CELLS; i++)
        if (load_acquire(&connection->busy[i])) /* [CELL] */
            return true;
    return false;
}

/* Before a fork: if the stream holds views, claim a row for the child and copy the pins into it. The child's row is
 * above the parent's: see scan() in protocol.c. If no such row is free, the child's views are protected only as long as
 * the parent's. */
static void connection_before_fork(struct fork_guard *guard)
{
    struct pool_connection *connection = (struct pool_connection *)guard;
    connection->fork_row = NO_ROW;
    connection->fork_lock_fd = -1;
    if (!process_is(connection->generation) || !has_views(connection) || !protocol_row_is_own(&connection->protocol) ||
        !file_is_identical(file_identify(connection->fd), connection->identity))
        return;
    int lock_fd = file_reopen(connection->fd, true);
    if (lock_fd < 0)
        return;
    uint32_t row;
    if (file_keep(lock_fd, &connection->fork_lock_identity) != 0 ||
        rows_claim(connection->readers, lock_fd, connection->protocol.row, &connection->fork_token, &row) != 0) {
        file_close(lock_fd);
        return;
    }
    protocol_row_copy(connection->readers, connection->protocol.row, row);
    connection->fork_row = row;
    connection->fork_lock_fd = lock_fd;
}

static void connection_after_fork_in_parent(struct fork_guard *guard)
{
    struct pool_connection *connection = (struct pool_connection *)guard;
    /* The child has the same open file description and keeps the lock. If the fork has failed, the row has no lock and
     * is swept. */
    file_close(connection->fork_lock_fd);
    connection->fork_lock_fd = -1;
    connection->fork_row = NO_ROW;
}

static void connection_after_fork_in_child(struct fork_guard *guard)
{
    struct pool_connection *connection = (struct pool_connection *)guard;
    file_close_own(connection->lock_fd, connection->lock_identity); /* the parent keeps its lock */
    connection->lock_fd = -1;
    connection->generation = NO_GENERATION;
    if (connection->fork_row == NO_ROW)
        return;
    connection->lock_fd = connection->fork_lock_fd;
    connection->lock_identity = connection->fork_lock_identity;
    protocol_row_use(&connection->protocol, connection->fork_row, connection->fork_token);
    connection->generation = process_generation();
    connection->fork_row = NO_ROW;
    connection->fork_lock_fd = -1;
    rows_register(connection->readers, connection->protocol.row);
}

/* -------------------------------------------------------------------------------------------------------- lifetime */

static void free_mapping(struct slot_mapping *mapping)
{
    memory_unmap(mapping->base, mapping->twice ? 2 * mapping->bytes : mapping->bytes);
    free(mapping);
}

/* Whether `fd` is certainly this connection's descriptor. The row has this connection's token, and `fd` sees the row's
 * lock: `lock_fd` still holds it, so the program has not closed the descriptors. This excludes a producer's lock
 * descriptor that has got the number of `fd`. Such a descriptor would not see the producer's lock, because a
 * description does not see its own locks. */
static bool sees_own_lock(const struct pool_connection *connection)
{
    return protocol_row_is_own(&connection->protocol) && file_is_own(connection->fd, connection->identity) &&
           lock_is_held(connection->fd, LOCK_BYTE_ROW(connection->protocol.row));
}

/* Whether this connection holds the lock of its row, and so may clear the row. Seeing a lock is not enough: a stream
 * that claims the row holds the lock before it changes the token. Taking the lock on `lock_fd` succeeds only if
 * `lock_fd` holds it or if it is free. In both cases the connection holds it afterwards. */
static bool holds_row(const struct pool_connection *connection)
{
    return sees_own_lock(connection) && file_is_own(connection->lock_fd, connection->lock_identity) &&
           lock_try(connection->lock_fd, LOCK_BYTE_ROW(connection->protocol.row)) == 0;
}

/* Clear the row and unmap everything. A process that does not own the row leaves shared memory unchanged. */
static void connection_free(struct pool_connection *connection)
{
    CANCELLATION_DEFERRED(cancel_state);
    fork_mutex_lock();
    fork_guard_remove(&connection->guard);
    if (connection->lock_fd >= 0) {
        if (process_is(connection->generation) && holds_row(connection))
            (void)protocol_row_clear(connection->readers, connection->protocol.row); /* it holds no samples any more */
        file_close_own(connection->lock_fd, connection->lock_identity);
    }
    fork_mutex_unlock();
    while (connection->mapping) {
        struct slot_mapping *older = connection->mapping->older;
        free_mapping(connection->mapping);
        connection->mapping = older;
    }
    memory_unmap((void *)(uintptr_t)connection->front, connection->front_bytes);
    memory_unmap(connection->readers, connection->readers_bytes);
    file_close_own(connection->fd, connection->identity);
    description_release(connection->description);
    free(connection);
}

void connection_release_samples(struct pool_connection *connection)
{
    fork_mutex_lock();
    const bool rang = connection->lock_fd >= 0 && process_is(connection->generation) && holds_row(connection) &&
                      room_leave(connection->readers, connection->protocol.row);
    fork_mutex_unlock();
    if (rang)
        futex_wake_all(&connection->readers->room_bell);
}

/* Claim any row. Returns 0, EAGAIN when no row is free (*holder says why), or another errno. */
static int claim_any(struct pool_connection *connection, uint64_t *token, uint32_t *row, enum rows_holder *holder)
{
    int failure = EAGAIN;
    *holder = ROWS_FREE;
    /* Try again when a row has become free, but not forever. */
    for (int tries = 0; failure == EAGAIN && *holder == ROWS_FREE && tries < 8; tries++) {
        failure = rows_claim(connection->readers, connection->lock_fd, NO_ROW, token, row);
        *holder = failure == EAGAIN ? rows_holder_of_all(connection->lock_fd) : ROWS_STREAMS;
    }
    return failure;
}

/* Open the lock descriptor, claim a row and register for forks. The caller holds the fork mutex. Returns the same
 * values as claim_any. */
static int take_row(struct pool_connection *connection, enum rows_holder *holder)
{
    uint64_t token;
    uint32_t row;
    connection->lock_fd = file_reopen(connection->fd, true);
    if (connection->lock_fd < 0)
        return -connection->lock_fd;
    int failure = -file_keep(connection->lock_fd, &connection->lock_identity);
    if (!failure)
        failure = claim_any(connection, &token, &row, holder);
    if (failure) {
        file_close(connection->lock_fd);
        return failure;
    }
    protocol_row_use(&connection->protocol, row, token);
    connection->generation = process_generation();
    fork_guard_add(&connection->guard);
    return 0;
}

static pmipc_status claim_row(struct pool_connection *connection, pmipc_error *error)
{
    const char *name = connection->description->header.name;
    enum rows_holder holder = ROWS_FREE;
    int failure = process_guard_forks();
    if (!failure) {
        fork_mutex_lock();
        failure = take_row(connection, &holder);
        fork_mutex_unlock();
    }
    if (failure == 0) {
        rows_register(connection->readers, connection->protocol.row);
        return PMIPC_OK;
    }
    connection->lock_fd = -1;
    if (failure != EAGAIN) {
        char reason[ERRNO_TEXT_BYTES];
        return error_set(error, error_status_of(failure), failure, "pool '%s': cannot open and lock its file%s: %s",
                         name, file_reopen_hint(failure), error_describe_errno(failure, reason));
    }
    if (holder == ROWS_REMOVER)
        return error_set(error, PMIPC_NOT_CONNECTED, 0, "pool '%s' is being removed by another process", name);
    if (holder == ROWS_READ_LOCK)
        return lock_blocked_by_read_lock(connection->fd, name, error);
    error_set(error, PMIPC_FULL, 0,
              "pool '%s': all of its %d rows are in use by streams and by forked children that inherited views; ", name,
              PIN_ROWS);
    struct slot_lookup no_pins = {0};
    rows_name_holders(connection->readers, connection->fd, &no_pins, error);
    error_append(error, ". Close streams in those processes");
    return PMIPC_FULL;
}

static pmipc_status map_front(struct pool_connection *connection, pmipc_error *error)
{
    const struct pool_geometry *geometry = &connection->description->header.geometry;
    const char *name = connection->description->header.name;
    int64_t bytes = file_bytes(connection->fd);
    if (bytes < 0)
        return error_of_call(error, (int)-bytes, name, "examine its file");
    if (bytes < (int64_t)description_file_bytes(connection->description, geometry->initial_slots))
        return error_set(error, PMIPC_CORRUPT, 0, "pool '%s': its file is truncated (%lld bytes)", name,
                         (long long)bytes);
    connection->front_bytes = (size_t)geometry->readers_offset;
    connection->front = memory_map(connection->fd, 0, connection->front_bytes, false, name);
    connection->readers_bytes = (size_t)(geometry->slots_offset - geometry->readers_offset);
    connection->readers = memory_map(connection->fd, geometry->readers_offset, connection->readers_bytes, true, name);
    if (!connection->front || !connection->readers) {
        char reason[MEMORY_TEXT_BYTES];
        int failure = errno;
        return error_set(error, memory_status_of(failure), failure, "pool '%s': cannot map its file: %s", name,
                         memory_describe_failure(failure, reason));
    }
    connection->protocol.control = (const struct pool_control *)(connection->front + POOL_CONTROL_OFFSET);
    connection->protocol.ring = (const _Atomic uint64_t *)(connection->front + POOL_RING_OFFSET);
    connection->protocol.readers = connection->readers;
    connection->protocol.history_len = geometry->history_len;
    if (connection_is_retired(connection))
        return PMIPC_RETIRED;
    if (connection->prefault) {
        memory_prefault(connection->front, connection->front_bytes, false);
        memory_prefault(connection->readers, connection->readers_bytes, true);
    }
    return PMIPC_OK;
}

pmipc_status connection_open(struct pool_connection **out, int fd, const char *name, bool prefault, pmipc_error *error)
{
    struct pool_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return error_set(error, PMIPC_NO_MEMORY, ENOMEM, "pool '%s': out of memory", name);
    connection->fd = fd;
    connection->lock_fd = connection->fork_lock_fd = -1;
    connection->fork_row = NO_ROW;
    connection->prefault = prefault;
    connection->guard.prepare = connection_before_fork;
    connection->guard.parent = connection_after_fork_in_parent;
    connection->guard.child = connection_after_fork_in_child;
    pmipc_status status = description_read(fd, name, &connection->description, error);
    if (status) {
        free(connection);
        return status;
    }
    int failure = -file_keep(fd, &connection->identity);
    status = failure ? error_of_call(error, failure, name, "examine its file") : map_front(connection, error);
    if (!status) {
        connection->error = error;
        status = connection_map_slots(connection, connection->description->header.geometry.initial_slots, prefault);
        connection->error = NULL;
    }
    if (!status)
        status = claim_row(connection, error);
    if (status) {
        connection->identity = (struct file_identity){0}; /* the caller keeps fd */
        connection_free(connection);
        return status;
    }
    *out = connection;
    return PMIPC_OK;
}

void connection_drop(struct pool_connection *connection)
{
    if (fetch_add_acq_rel(&connection->released, 1) + 1 == 0) /* [LAST] */
        connection_free(connection);
}

void connection_close(struct pool_connection *connection)
{
    if (!connection)
        return;
    connection->error = NULL;
    atomic_store_explicit(&connection->closed, true, memory_order_release);
    int64_t taken = connection->taken;
    if (fetch_add_acq_rel(&connection->released, -taken) - taken == 0) /* [LAST] */
        connection_free(connection);
}

bool connection_producer_alive(const struct pool_connection *connection, const char *path)
{
    int is_own = file_is_still(connection->fd, connection->identity);
    if (is_own < 0)
        return true; /* unknown; a stream does not leave its pool because of that */
    if (is_own) {
        if (lock_ask(connection->fd, LOCK_BYTE_PRODUCER) != 0)
            return true;
        if (sees_own_lock(connection))
            return false;
    }
    int fd = file_open_entry(AT_FDCWD, path, false);
    bool alive =
        fd >= 0 && file_is_identical(file_identify(fd), connection->identity) && lock_is_held(fd, LOCK_BYTE_PRODUCER);
    file_close(fd);
    return alive;
}

__attribute__((cold)) pmipc_status connection_lost(struct pool_connection *connection)
{
    errno = 0;
    return connection_fail(
        connection, PMIPC_LOST,
        "this stream has lost its row: its lock was released, most likely because the program closed all descriptors "
        "(a daemonizer, os.closerange). Views taken before are no longer protected. The stream connects again at its "
        "next call. Open streams after the descriptors are closed");
}

/* -------------------------------------------------------------------------------------------------------- mappings */

void connection_trim_mappings(struct pool_connection *connection)
{
    struct slot_mapping **link = &connection->mapping->older;
    while (*link) {
        struct slot_mapping *mapping = *link;
        bool used = false;
        for (uint32_t i = 0; i < PIN_CELLS; i++)
            used = used || (load_acquire(&connection->busy[i]) && connection->cell_mapping[i] == mapping); /* [CELL] */
        if (used) {
            link = &mapping->older;
        } else {
            *link = mapping->older;
            free_mapping(mapping);
        }
    }
}

pmipc_status connection_map_slots(struct pool_connection *connection, uint32_t slots, bool twice)
{
    CANCELLATION_DEFERRED(cancel_state);
    int is_own = file_is_still(connection->fd, connection->identity);
    if (is_own == 0)
        return connection_lost(connection);
    int64_t file = is_own < 0 ? is_own : file_bytes(connection->fd);
    if (file < 0)
        return error_of_call(connection->error, (int)-file, connection->description->header.name, "examine its file");
    const struct pool_geometry *geometry = &connection->description->header.geometry;
    if (!description_allows_slots(connection->description, slots) ||
        file < (int64_t)description_file_bytes(connection->description, slots)) {
        errno = 0;
        return connection_fail(
            connection, PMIPC_CORRUPT,
            "its control page is corrupt or its file is truncated: %u slots do not fit into %lld bytes", slots,
            (long long)file);
    }
    struct slot_mapping *mapping = calloc(1, sizeof *mapping);
    if (!mapping)
        return connection_fail(connection, PMIPC_NO_MEMORY, "out of memory");
    uint64_t bytes = slots * geometry->stride;
    mapping->slot_count = slots;
    mapping->twice = twice;
    const char *name = connection->description->header.name;
    mapping->base = twice ? memory_map_twice(connection->fd, geometry->slots_offset, bytes, name)
                          : memory_map(connection->fd, geometry->slots_offset, bytes, false, name);
    if (!mapping->base) {
        char reason[MEMORY_TEXT_BYTES];
        int failure = errno;
        free(mapping);
        memory_describe_failure(failure, reason);
        errno = failure;
        return connection_fail(connection, memory_status_of(failure), "cannot map its slots: %s", reason);
    }
    mapping->bytes = (size_t)bytes;
    if (connection->prefault)
        memory_prefault(mapping->base, twice ? 2 * mapping->bytes : mapping->bytes, false);
    mapping->older = connection->mapping;
    connection->mapping = mapping;
    connection->mapped_slots = slots;
    connection_trim_mappings(connection);
    return PMIPC_OK;
}

void connection_release_cell(struct pool_connection *connection, uint32_t cell)
{
    if (!process_is(connection->generation))
        return; /* a forked child without a row: the pin is the parent's */
    protocol_unpin(&connection->protocol, cell);
    atomic_store_explicit(&connection->busy[cell], 0, memory_order_release); /* [CELL] */
    connection_drop(connection);
}
