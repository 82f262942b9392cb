/* connection.h: the connection of a stream to a pool file: its row, its mappings, its views.
 *
 * A connection outlives its stream as long as views or waiters refer to it. The last release frees it, in any thread.
 * Two counters count the references, so that taking one needs no atomic operation. Only the stream's thread counts
 * `taken`. All threads count `released`. Closing subtracts `taken` from `released`. From then on the release that makes
 * `released` 0 frees the connection. */
#ifndef POOL_CONNECTION_H
#define POOL_CONNECTION_H

#include "os/file.h"
#include "os/process.h"
#include "polymorph_ipc/stream.h"
#include "pool/description.h"
#include "pool/protocol.h"
#include "pool/rows.h"

/* Cells of the row: all but the last are for views. The last is for copies and for reading stamps, and is empty between
 * calls. */
#define VIEW_CELLS (PIN_CELLS - 1)
#define SPARE_CELL (PIN_CELLS - 1)

#define NO_GENERATION UINT64_MAX /* in a forked child that has no row of its own */

/* A mapping of the slot region. A view keeps the mapping that it points into. */
struct slot_mapping {
    struct slot_mapping *older;
    char *base;
    size_t bytes; /* of the region, mapped once */
    uint32_t slot_count;
    bool twice;
};

struct pool_connection {
    struct fork_guard guard; /* first: the fork handlers cast it to the connection */
    uint64_t generation;     /* of the process that owns the row, or NO_GENERATION */
    struct protocol_reader protocol;
    struct pool_description *description;
    struct slot_mapping *mapping;    /* the newest */
    _Atomic uint8_t busy[PIN_CELLS]; /* cell in use; set by the stream's thread, cleared by the thread that releases */
    struct slot_mapping *cell_mapping[PIN_CELLS];
    uint32_t cell_span[PIN_CELLS]; /* number of slots that the cell pins */
    int64_t taken;
    _Atomic int64_t released;
    _Atomic bool closed;   /* for waiters */
    uint32_t mapped_slots; /* of the newest mapping */
    int fd;                /* of the mappings */
    int lock_fd;           /* holds the row's lock; never mapped */
    struct file_identity identity;
    struct file_identity lock_identity;
    const char *front; /* header, control, ring, description: read-only */
    size_t front_bytes;
    struct pool_readers *readers; /* read-write */
    size_t readers_bytes;
    bool prefault;
    bool had_window;
    uint32_t fork_row; /* the child's row, during a fork */
    uint64_t fork_token;
    int fork_lock_fd;
    struct file_identity fork_lock_identity;
    pmipc_error *error; /* of the stream; NULL after the stream was closed */
};

/* Connect to the pool in the file open as `fd`. On OK the connection owns `fd`. Returns:
 * - PMIPC_OK
 * - PMIPC_RETIRED
 * - PMIPC_NOT_CONNECTED: another process is removing the pool
 * - PMIPC_FULL: all rows are in use; a dying process may release one within a second
 * - PMIPC_PERMISSION: the file cannot be opened again for its lock, or a read lock blocks it
 * - PMIPC_CORRUPT, PMIPC_INCOMPATIBLE: the file
 * - PMIPC_NO_MEMORY, PMIPC_SYSTEM */
pmipc_status connection_open(struct pool_connection **connection, int fd, const char *name, bool prefault,
                             pmipc_error *error);

/* The stream releases the connection. Views and waiters may still keep it. */
void connection_close(struct pool_connection *connection);

/* For a lossless stream: hold no samples any more. Views stay. */
void connection_release_samples(struct pool_connection *connection);

/* Take a reference that is not a view. Only the stream's thread may call it. */
static inline void connection_retain(struct pool_connection *connection)
{
    connection->taken++;
}

/* Release a reference. Any thread may call it. */
void connection_drop(struct pool_connection *connection);

/* The newest sample as a view. Returns OK, NOTHING_NEW, LOST (the stream has lost its row), CORRUPT, NO_MEMORY or
 * SYSTEM. */
pmipc_status connection_view_newest(struct pool_connection *connection, pmipc_view *view);

/* Sample `seq` as a view. Returns OK, NOTHING_NEW (history does not hold it), LOST, CORRUPT, NO_MEMORY or SYSTEM. */
pmipc_status connection_view_seq(struct pool_connection *connection, uint64_t seq, pmipc_view *view);

/* The newest samples above `floor` as one view, at least min_count and at most max_count. Returns OK, TOO_FEW, LOST,
 * CORRUPT, NO_MEMORY or SYSTEM. */
pmipc_status connection_view_window(struct pool_connection *connection, uint64_t floor, uint32_t min_count,
                                    uint32_t max_count, pmipc_view *view);

/* The description of the pool of a view that is not released. */
const struct pool_description *view_description(const pmipc_view *view);

/* The stamp of sample `seq`, read under a pin. Returns OK, NOTHING_NEW (history does not hold it), LOST, CORRUPT,
 * NO_MEMORY or SYSTEM. */
pmipc_status connection_stamp_of(struct pool_connection *connection, uint64_t seq, int64_t *stamp_ns);

/* Whether the producer's lock is held. If the program has closed the connection's descriptor, the file at `path` is
 * opened instead, and used if it is still that pool. */
bool connection_producer_alive(const struct pool_connection *connection, const char *path);

static inline uint64_t connection_head_seq(const struct pool_connection *connection)
{
    return entry_seq(load_acquire(&connection->protocol.control->head)); /* [PUB] */
}

/* What lossless streams had consumed when this pool replaced another one whose history it continues; 0: none. */
static inline uint64_t connection_consumed_before(const struct pool_connection *connection)
{
    const uint64_t seq = load_relaxed(&connection->protocol.control->consumed_before); /* [PUB] of its file's name */
    const uint64_t newest = connection_head_seq(connection);
    return seq < newest ? seq : newest;
}

static inline uint32_t connection_slot_count(const struct pool_connection *connection)
{
    return ownership_slots(load_relaxed(&connection->protocol.control->ownership));
}

static inline bool connection_is_retired(const struct pool_connection *connection)
{
    return load_relaxed(&connection->protocol.control->retired) != 0;
}

/* Shared by connection.c and view.c. */

/* Map `slots` slots; with `twice`, twice, back to back. Returns OK, LOST, CORRUPT, NO_MEMORY or SYSTEM. */
pmipc_status connection_map_slots(struct pool_connection *connection, uint32_t slots, bool twice);

/* Unmap the older mappings that no view uses. */
void connection_trim_mappings(struct pool_connection *connection);

/* Release the cell of a view. Any thread may call it. */
void connection_release_cell(struct pool_connection *connection, uint32_t cell);

/* Set the error of a lost row: another process has cleared or claimed it, or the connection's descriptor refers to
 * another file. Returns LOST. */
pmipc_status connection_lost(struct pool_connection *connection);

/* Set the stream's error to a message about this pool. Returns `status`. */
__attribute__((format(printf, 3, 4))) pmipc_status connection_fail(struct pool_connection *connection,
                                                                   pmipc_status status, const char *format, ...);

#endif
