/* connection.h: one connection of one stream to one pool file: its row, its mappings, its views.
 *
 * A reader outlives its stream as long as views or waiters refer to it: the last one to let go frees it, in whatever
 * thread. References are counted in two halves so that taking one costs no atomic operation: `taken` is the stream's
 * thread's alone, `released` is everybody's; closing subtracts the first from the second, and whoever brings that to 0
 * frees. */
#ifndef POOL_CONNECTION_H
#define POOL_CONNECTION_H

#include "os/file.h"
#include "os/process.h"
#include "polymorph_ipc/stream.h"
#include "pool/description.h"
#include "pool/protocol.h"
#include "pool/rows.h"

/* Cells of the row. All but one are for views. The last is for copies and for reading stamps: it is empty between
 * calls.
 */
#define VIEW_CELLS (PIN_CELLS - 1)
#define SPARE_CELL (PIN_CELLS - 1)

#define NO_GENERATION UINT64_MAX /* a child that inherited the reader without live views owns no row */

/* The slot region as it was mapped at some time. Views keep the mapping they came from. */
struct slot_mapping {
    struct slot_mapping *older;
    char *base;
    size_t bytes; /* of one pass */
    uint32_t slot_count;
    bool twice;
};

struct pool_connection {
    struct fork_guard guard; /* first: fork handlers cast it back */
    uint64_t generation;     /* of the process that owns the row, or NO_GENERATION */
    struct protocol_reader protocol;
    struct pool_description *description;
    struct slot_mapping *mapping;    /* the newest */
    _Atomic uint8_t busy[PIN_CELLS]; /* cell in use; set by the stream's thread, cleared by whoever releases */
    struct slot_mapping *cell_mapping[PIN_CELLS];
    uint32_t cell_span[PIN_CELLS]; /* slots it pins */
    int64_t taken;
    _Atomic int64_t released;
    _Atomic bool closed;   /* for waiters */
    uint32_t mapped_slots; /* of the newest mapping */
    int fd;                /* the one that is mapped */
    int lock_fd;           /* holds the row's lock, never mapped */
    struct file_identity identity;
    struct file_identity lock_identity;
    const char *front; /* header, control, ring, description: read-only */
    size_t front_bytes;
    struct pool_readers *readers; /* read-write */
    size_t readers_bytes;
    bool prefault;
    bool had_window;
    uint32_t fork_row; /* between prepare and parent or child: the child's row */
    uint64_t fork_token;
    int fork_lock_fd;
    struct file_identity fork_lock_identity;
    pmipc_error *error; /* the stream's; NULL once it is closed */
};

/* Connect to the pool in the file open as `fd`, which is taken over on OK only. Returns OK; RETIRED; NOT_CONNECTED
 * (somebody is just removing it); FULL (all rows are held; try again for a second); CORRUPT; INCOMPATIBLE; NO_MEMORY;
 * SYSTEM. */
pmipc_status connection_open(struct pool_connection **connection, int fd, const char *name, bool prefault,
                             pmipc_error *error);

/* The stream lets go. Views and waiters may keep it alive. */
void connection_close(struct pool_connection *connection);

/* A reference that is not a view: in the stream's thread. */
static inline void connection_retain(struct pool_connection *connection)
{
    connection->taken++;
}

void connection_drop(struct pool_connection *connection);

/* The newest sample as a view. Returns OK; NOTHING_NEW; LOST (the row is not ours any more); CORRUPT; NO_MEMORY;
 * SYSTEM. */
pmipc_status connection_view_newest(struct pool_connection *connection, pmipc_view *view);

/* Sample `seq` as a view. NOTHING_NEW: history does not hold it. */
pmipc_status connection_view_seq(struct pool_connection *connection, uint64_t seq, pmipc_view *view);

/* The newest max_count samples above `floor`, at least min_count, as a view. TOO_FEW. */
pmipc_status connection_view_window(struct pool_connection *connection, uint64_t floor, uint32_t min_count,
                                    uint32_t max_count, pmipc_view *view);

/* What the pool of an unreleased view is. */
const struct pool_description *view_description(const pmipc_view *view);

/* Stamp of sample `seq`, read under a pin. NOTHING_NEW: history does not hold it. */
pmipc_status connection_stamp_of(struct pool_connection *connection, uint64_t seq, int64_t *stamp_ns);

/* Whether the producer's lock is held. Asked on our descriptor, or where that was closed behind our back, on a new one
 * of the file at `path` if it still is that pool. */
bool connection_producer_alive(const struct pool_connection *connection, const char *path);

static inline uint64_t connection_head_seq(const struct pool_connection *connection)
{
    return entry_seq(load_acquire(&connection->protocol.control->head)); /* [PUB] */
}

static inline uint32_t connection_slot_count(const struct pool_connection *connection)
{
    return ownership_slots(load_relaxed(&connection->protocol.control->ownership));
}

static inline bool connection_is_retired(const struct pool_connection *connection)
{
    return load_relaxed(&connection->protocol.control->retired) != 0;
}

/* Internals shared by reader.c and view.c. */

/* Map at least `slots` slots, twice when `twice`. Returns OK, LOST, CORRUPT, NO_MEMORY, SYSTEM. */
pmipc_status connection_map_slots(struct pool_connection *connection, uint32_t slots, bool twice);

/* What no view uses any more is unmapped. */
void connection_trim_mappings(struct pool_connection *connection);

/* Release one view's cell. Any thread. */
void connection_release_cell(struct pool_connection *connection, uint32_t cell);

/* The row is somebody else's, or our descriptors lead elsewhere: say so. Returns LOST. */
pmipc_status connection_lost(struct pool_connection *connection);

/* A message about this pool, in the stream's error. */
__attribute__((format(printf, 3, 4))) pmipc_status connection_fail(struct pool_connection *connection,
                                                                   pmipc_status status, const char *format, ...);

#endif
