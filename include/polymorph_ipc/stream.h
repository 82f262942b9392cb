/* stream.h: reading. A stream reads the pool of one name; a view is a sample, or several, in the pool's memory.
 *
 *     pmipc_stream *commands;                             // the pool need not exist yet
 *     if (pmipc_stream_open(&commands, "arm/cmd", NULL, &error))
 *         fail(error.text);
 *     pmipc_view view;
 *     if (pmipc_stream_get_last(commands, &view) == PMIPC_OK) {
 *         const double *q = pmipc_view_float64(&view, NULL, 7, &error);   // access.h
 *         ...
 *         pmipc_view_release(&view);
 *     }
 *
 * A stream connects to its pool when the pool exists. It has a cursor: the highest sequence number that it has
 * returned. Samples above the cursor are new.
 *
 * When the pool is retired, because its producer was closed or the pool was removed or replaced, the stream first
 * drains it: get_next and get_unseen return each new sample, get_last and get_new return the newest one if it is new,
 * and reads of the history (get_window, get_at) read it for a second at most. Then the stream connects to the next pool
 * of this name. get_last and get_new do not drain a pool that its own producer has replaced by another one.
 *
 * Threads: one thread at a time uses a stream. Any thread may release a view. Any thread may sleep in a waiter (below).
 * A view stays valid after its stream, its producer and its pool are gone.
 *
 * fork: the child's calls on an inherited stream return PMIPC_FORKED. Inherited views stay valid in both processes, and
 * each process may release its own.
 *
 * Control loops: open the stream with `manual_reconnect` and `prefault`. While it is connected and has a view to spare,
 * get_last, and get_new and get_next with timeout 0, make no system call, allocate no memory and take no lock.
 *
 * pthread_cancel: pmipc_stream_get_new, get_next, wait_at, wait_any, pmipc_waiter_wait and pmipc_wait_sleep are
 * cancellation points while they sleep. A cancelled wait ends within 100 ms and releases what it holds; the stream can
 * be used and closed. In all other functions of the library a cancellation acts after the function has returned, after
 * at most a second. PTHREAD_CANCEL_ASYNCHRONOUS is not supported. */
#ifndef PMIPC_STREAM_H
#define PMIPC_STREAM_H

#include "pool.h"

PMIPC_BEGIN_DECLS

#define PMIPC_FOREVER (-1) /* a timeout that never ends. A timeout of 0 does not wait */
#define PMIPC_MAX_VIEWS 7  /* views that a stream can hold in the pool's memory; further ones are private copies */

/** A stream: a reader of the pool of one name. */
typedef struct pmipc_stream pmipc_stream;

/** Options of a stream. Zero is the default of every member: `pmipc_stream_options options = {0};`. */
typedef struct pmipc_stream_options {
    const pmipc_schema *expect; /* read only pools of exactly this schema. NULL: the schema of the first pool with a
                                   live producer that the stream connects to, or of the first sample that it reads */
    const char *folder;         /* the registry folder. NULL: $POLYMORPH_IPC_DIR, or /dev/shm/polymorph_ipc-<uid> */
    bool follow_schema;         /* continue when another pool of the name has another schema (viewers, tools) */
    bool start_oldest;          /* the samples in the history when the stream is opened are new; older samples do not
                                   count as lost */
    bool lossless;              /* hold the samples that get_next and get_unseen have not returned: a producer that is
                                   opened with another `overflow` than PMIPC_OVERFLOW_OLDEST does not overwrite them.
                                   With start_oldest, begin above what lossless streams have read before */
    bool manual_reconnect;      /* only pmipc_stream_open and pmipc_stream_reconnect connect; other calls return
                                   PMIPC_NOT_CONNECTED or PMIPC_RETIRED */
    bool prefault;              /* touch every page of the pool when connecting */
} pmipc_stream_options;

/** The data of one field of a view. access.h has typed, checked pointers to it. */
typedef struct pmipc_view_field {
    const void *data; /* read-only, 64-byte aligned. Frame i of a window is at data + i * view.frame_stride */
    int64_t length;   /* leading length of the oldest frame: shape[0], less for a variable field, 1 for 0-d */
} pmipc_view_field;

/** A sample, or a window of consecutive samples (frames), that stays readable and unchanged until it is released. */
typedef struct pmipc_view {
    uint64_t seq;               /* sequence number of the newest frame; the first sample of a pool has 1 */
    int64_t stamp_ns;           /* stamp of the newest frame; ns since the epoch, or as its producer defines it */
    int64_t published_ns;       /* when the newest frame was published: age = pmipc_monotonic_ns() - published_ns */
    uint64_t lost;              /* get_next and get_unseen: samples above the cursor that left the history unread */
    const pmipc_schema *schema; /* valid until the view is released */
    int64_t frame_stride;       /* bytes from one frame to the next */
    uint32_t frame_count;       /* frames, oldest first; 1: a single sample */
    uint32_t field_count;       /* fields of the schema; the first so many entries of `fields` are set */
    bool copied;                /* the data are a private copy, because the stream holds too many views, or because the
                                   frames are not consecutive in memory */
    uint32_t cell;              /* internal */
    void *owner;                /* internal; NULL after the release */
    pmipc_view_field fields[PMIPC_MAX_FIELDS];
} pmipc_view;

/** Open a stream of the pool `name`, and connect it if the pool exists.
 *
 * The samples that the pool has now are not new, unless start_oldest is set. When the pool does not exist yet, all of
 * its samples will be new.
 *
 * Ownership: `*stream` belongs to the caller until pmipc_stream_close. `options` and the schema in it are copied.
 * `options` may be NULL.
 * Threads: any.
 * Progress: system calls; waits up to a second for a free row.
 * Returns:
 * - PMIPC_OK: `*stream` is set, connected or not
 * - PMIPC_INVALID_ARGUMENT: an option or the folder's path is invalid, or `stream` is NULL
 * - PMIPC_INVALID_NAME: `name` is not a pool name
 * - PMIPC_SCHEMA_MISMATCH: the pool's schema is not `expect`
 * - PMIPC_CORRUPT: the pool file is corrupt, or is not a pool
 * - PMIPC_INCOMPATIBLE: an incompatible build created the pool
 * - PMIPC_FULL: all PMIPC_MAX_READERS rows of the pool are taken; the message names the processes
 * - PMIPC_LOST: another thread of this process closed the pool's descriptors during the call
 * - PMIPC_PERMISSION: no permission for the folder or the file, or a process holds a read lock on the file
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_open(pmipc_stream **stream, const char *name,
                                                        const pmipc_stream_options *options, pmipc_error *error);

/** Read the newest sample, new or not, and move the cursor to it.
 *
 * Ownership: the view belongs to the caller until pmipc_view_release.
 * Threads: the stream's.
 * Progress: lock-free. Connected, and with a view to spare, it makes no system call and allocates no memory.
 * Returns:
 * - PMIPC_OK: `*view` is set
 * - PMIPC_NOTHING_NEW: the pool has no sample yet
 * - PMIPC_NOT_CONNECTED: no pool of this name exists; with manual_reconnect, the stream is not connected
 * - PMIPC_RETIRED: with manual_reconnect, the pool was retired and is drained
 * - PMIPC_SCHEMA_MISMATCH: the pool of this name has another schema than the stream reads
 * - PMIPC_CORRUPT: the pool file is corrupt, or is not a pool
 * - PMIPC_INCOMPATIBLE: an incompatible build created the pool
 * - PMIPC_FULL: all PMIPC_MAX_READERS rows of the pool are taken; the message names the processes
 * - PMIPC_FORKED: the stream belongs to the parent process
 * - PMIPC_LOST: this process has closed the stream's descriptors, so the stream has lost its row: the producer may
 *   overwrite its views. The next call connects again; with manual_reconnect, pmipc_stream_reconnect does
 * - PMIPC_PERMISSION: no permission for the folder or the file, or a process holds a read lock on the file
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_get_last(pmipc_stream *stream, pmipc_view *view);

/** Read the newest sample above the cursor, and move the cursor to it. Wait for the pool and for the sample.
 *
 * `timeout_ns` limits the wait: nanoseconds, PMIPC_FOREVER, or 0 to return at once.
 *
 * Ownership: the view belongs to the caller until pmipc_view_release.
 * Threads: the stream's. Cancellation point.
 * Progress: blocks. No sleep is longer than 100 ms, so a lost wake delays it by that time at most. It looks for an
 * absent pool every 20 ms.
 * Returns:
 * - PMIPC_OK: `*view` is set
 * - PMIPC_TIMEOUT: no new sample within `timeout_ns`
 * - PMIPC_INTERRUPTED: a signal handler ran; call again to continue the wait
 * - PMIPC_NOT_CONNECTED: with manual_reconnect, the stream is not connected
 * - PMIPC_RETIRED: with manual_reconnect, the pool was retired and is drained, or its file was removed and its producer
 *   is dead
 * - PMIPC_SCHEMA_MISMATCH: the pool of this name has another schema than the stream reads
 * - PMIPC_CORRUPT: the pool file is corrupt, or is not a pool
 * - PMIPC_INCOMPATIBLE: an incompatible build created the pool
 * - PMIPC_FULL: all PMIPC_MAX_READERS rows of the pool are taken; the message names the processes
 * - PMIPC_FORKED: the stream belongs to the parent process
 * - PMIPC_LOST: this process has closed the stream's descriptors, so the stream has lost its row: the producer may
 *   overwrite its views. The next call connects again; with manual_reconnect, pmipc_stream_reconnect does
 * - PMIPC_PERMISSION: no permission for the folder or the file, or a process holds a read lock on the file
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_get_new(pmipc_stream *stream, int64_t timeout_ns, pmipc_view *view);

/** Read the oldest sample above the cursor that the history has, and move the cursor to it. Wait for the pool and for
 * the sample.
 *
 * `view->lost` is the number of samples that left the history between the cursor and this sample. `timeout_ns` limits
 * the wait: nanoseconds, PMIPC_FOREVER, or 0 to return at once.
 *
 * Ownership: the view belongs to the caller until pmipc_view_release.
 * Threads: the stream's. Cancellation point.
 * Progress: that of pmipc_stream_get_new.
 * Returns:
 * - PMIPC_OK: `*view` is set
 * - PMIPC_TIMEOUT: no new sample within `timeout_ns`
 * - PMIPC_INTERRUPTED: a signal handler ran; call again to continue the wait
 * - PMIPC_NOT_CONNECTED: with manual_reconnect, the stream is not connected
 * - PMIPC_RETIRED: with manual_reconnect, the pool was retired and is drained, or its file was removed and its producer
 *   is dead
 * - PMIPC_SCHEMA_MISMATCH: the pool of this name has another schema than the stream reads
 * - PMIPC_CORRUPT: the pool file is corrupt, or is not a pool
 * - PMIPC_INCOMPATIBLE: an incompatible build created the pool
 * - PMIPC_FULL: all PMIPC_MAX_READERS rows of the pool are taken; the message names the processes
 * - PMIPC_FORKED: the stream belongs to the parent process
 * - PMIPC_LOST: this process has closed the stream's descriptors, so the stream has lost its row: the producer may
 *   overwrite its views. The next call connects again; with manual_reconnect, pmipc_stream_reconnect does
 * - PMIPC_PERMISSION: no permission for the folder or the file, or a process holds a read lock on the file
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_get_next(pmipc_stream *stream, int64_t timeout_ns, pmipc_view *view);

/** Read the newest `max_count` samples as one view, or as many as the history has, but at least `min_count`.
 *
 * 1 <= min_count <= max_count <= history_len. The cursor does not move. The frames are in the pool's memory,
 * `frame_stride` bytes apart; they are copied when they are not consecutive there, or when the stream holds too many
 * views.
 *
 * Ownership: the view belongs to the caller until pmipc_view_release.
 * Threads: the stream's.
 * Progress: lock-free. The first window of a stream maps the pool a second time.
 * Returns:
 * - PMIPC_OK: `*view` is set
 * - PMIPC_TOO_FEW: the history has fewer than `min_count` samples
 * - PMIPC_INVALID_ARGUMENT: `min_count` or `max_count` is out of range
 * - PMIPC_NOT_CONNECTED: no pool of this name exists; with manual_reconnect, the stream is not connected
 * - PMIPC_RETIRED: with manual_reconnect, the pool was retired and is drained
 * - PMIPC_SCHEMA_MISMATCH: the pool of this name has another schema than the stream reads
 * - PMIPC_CORRUPT: the pool file is corrupt, or is not a pool
 * - PMIPC_INCOMPATIBLE: an incompatible build created the pool
 * - PMIPC_FULL: all PMIPC_MAX_READERS rows of the pool are taken; the message names the processes
 * - PMIPC_FORKED: the stream belongs to the parent process
 * - PMIPC_LOST: this process has closed the stream's descriptors, so the stream has lost its row: the producer may
 *   overwrite its views. The next call connects again; with manual_reconnect, pmipc_stream_reconnect does
 * - PMIPC_PERMISSION: no permission for the folder or the file, or a process holds a read lock on the file
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_get_window(pmipc_stream *stream, uint32_t min_count,
                                                              uint32_t max_count, pmipc_view *view);

/** Read all samples above the cursor that the history has as one view, and move the cursor to the newest.
 *
 * `view->lost` is the number of samples that left the history between the cursor and the oldest frame.
 *
 * Ownership: the view belongs to the caller until pmipc_view_release.
 * Threads: the stream's.
 * Progress: that of pmipc_stream_get_window.
 * Returns:
 * - PMIPC_OK: `*view` is set
 * - PMIPC_NOTHING_NEW: there is no sample above the cursor
 * - PMIPC_NOT_CONNECTED: no pool of this name exists; with manual_reconnect, the stream is not connected
 * - PMIPC_RETIRED: with manual_reconnect, the pool was retired and is drained
 * - PMIPC_SCHEMA_MISMATCH: the pool of this name has another schema than the stream reads
 * - PMIPC_CORRUPT: the pool file is corrupt, or is not a pool
 * - PMIPC_INCOMPATIBLE: an incompatible build created the pool
 * - PMIPC_FULL: all PMIPC_MAX_READERS rows of the pool are taken; the message names the processes
 * - PMIPC_FORKED: the stream belongs to the parent process
 * - PMIPC_LOST: this process has closed the stream's descriptors, so the stream has lost its row: the producer may
 *   overwrite its views. The next call connects again; with manual_reconnect, pmipc_stream_reconnect does
 * - PMIPC_PERMISSION: no permission for the folder or the file, or a process holds a read lock on the file
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_get_unseen(pmipc_stream *stream, pmipc_view *view);

/** Which sample pmipc_stream_get_at reads. */
typedef enum pmipc_at_method {
    PMIPC_AT_NEAREST = 0, /* the stamp that is nearest; the newer sample if two are equally near */
    PMIPC_AT_BEFORE = 1,  /* the latest stamp that is not after the given one */
    PMIPC_AT_AFTER = 2    /* the earliest stamp that is not before the given one */
} pmipc_at_method;

/** Read the sample in the history whose stamp fits `stamp_ns` best.
 *
 * The stamp is at most `tolerance_ns` nanoseconds away from `stamp_ns`; a negative tolerance sets no limit. Stamps need
 * not be in order. The cursor does not move.
 *
 * Ownership: the view belongs to the caller until pmipc_view_release.
 * Threads: the stream's.
 * Progress: lock-free. It reads the stamp of every sample in the history.
 * Returns:
 * - PMIPC_OK: `*view` is set
 * - PMIPC_NOTHING_NEW: no sample fits
 * - PMIPC_INVALID_ARGUMENT: `method` is not a pmipc_at_method
 * - PMIPC_NOT_CONNECTED: no pool of this name exists; with manual_reconnect, the stream is not connected
 * - PMIPC_RETIRED: with manual_reconnect, the pool was retired and is drained
 * - PMIPC_SCHEMA_MISMATCH: the pool of this name has another schema than the stream reads
 * - PMIPC_CORRUPT: the pool file is corrupt, or is not a pool
 * - PMIPC_INCOMPATIBLE: an incompatible build created the pool
 * - PMIPC_FULL: all PMIPC_MAX_READERS rows of the pool are taken; the message names the processes
 * - PMIPC_FORKED: the stream belongs to the parent process
 * - PMIPC_LOST: this process has closed the stream's descriptors, so the stream has lost its row: the producer may
 *   overwrite its views. The next call connects again; with manual_reconnect, pmipc_stream_reconnect does
 * - PMIPC_PERMISSION: no permission for the folder or the file, or a process holds a read lock on the file
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_get_at(pmipc_stream *stream, int64_t stamp_ns,
                                                          pmipc_at_method method, int64_t tolerance_ns,
                                                          pmipc_view *view);

/** Wait for the pool, and for a sample whose stamp is `stamp_ns` or later.
 *
 * Afterwards pmipc_stream_get_at finds all samples around that stamp that the history has. Use it when the samples of
 * one stream are published later than those of another with the same stamps. `timeout_ns` limits the wait: nanoseconds,
 * PMIPC_FOREVER, or 0 to return at once. The cursor does not move.
 *
 * Threads: the stream's. Cancellation point.
 * Progress: that of pmipc_stream_get_new.
 * Returns:
 * - PMIPC_OK: the history has such a sample
 * - PMIPC_TIMEOUT: there was none within `timeout_ns`
 * - PMIPC_INTERRUPTED: a signal handler ran; call again to continue the wait
 * - PMIPC_NOT_CONNECTED: with manual_reconnect, the stream is not connected
 * - PMIPC_RETIRED: with manual_reconnect, the pool was retired and is drained, or its file was removed and its producer
 *   is dead
 * - PMIPC_SCHEMA_MISMATCH: the pool of this name has another schema than the stream reads
 * - PMIPC_CORRUPT: the pool file is corrupt, or is not a pool
 * - PMIPC_INCOMPATIBLE: an incompatible build created the pool
 * - PMIPC_FULL: all PMIPC_MAX_READERS rows of the pool are taken; the message names the processes
 * - PMIPC_FORKED: the stream belongs to the parent process
 * - PMIPC_LOST: this process has closed the stream's descriptors, so the stream has lost its row: the producer may
 *   overwrite its views. The next call connects again; with manual_reconnect, pmipc_stream_reconnect does
 * - PMIPC_PERMISSION: no permission for the folder or the file, or a process holds a read lock on the file
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_wait_at(pmipc_stream *stream, int64_t stamp_ns, int64_t timeout_ns);

/** One frame of a view. */
typedef struct pmipc_frame {
    uint64_t seq;                              /* its sequence number */
    int64_t stamp_ns;                          /* its stamp, as in pmipc_view */
    int64_t published_ns;                      /* when it was published, as in pmipc_view */
    pmipc_view_field fields[PMIPC_MAX_FIELDS]; /* its data and leading lengths; the first view.field_count are set */
} pmipc_frame;

/** Describe frame `index` of a view; frame 0 is the oldest.
 *
 * Threads: any thread that may use the view.
 * Progress: wait-free.
 * Returns:
 * - PMIPC_OK: `*frame` is set
 * - PMIPC_INVALID_ARGUMENT: the view has no such frame or was released, or an argument is NULL
 * - PMIPC_CORRUPT: another process has overwritten the frame's lengths since the view was made */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_view_frame(const pmipc_view *view, uint32_t index, pmipc_frame *frame);

/** Release a view. Its memory may change from now on.
 *
 * Does nothing for a view that is released or zeroed, and for NULL.
 *
 * Threads: any.
 * Progress: wait-free. System calls only for the last view of a stream that was closed or has connected to another
 * pool.
 */
PMIPC_API void pmipc_view_release(pmipc_view *view);

/** State that the program does not use one sample that it has read, for example because it is too old. That sample does
 * not fix the schema of the stream. Call it once for each such sample.
 *
 * Threads: the stream's.
 * Progress: wait-free. */
PMIPC_API void pmipc_stream_disregard(pmipc_stream *stream);

/** Connect to the pool that has the name now.
 *
 * A stream that is connected stays connected, unless its pool was retired and is drained, its pool's file was removed
 * and the producer is dead, or its row was cleared. Only a stream with manual_reconnect needs this call.
 *
 * Threads: the stream's.
 * Progress: system calls; waits up to a second for a free row.
 * Returns:
 * - PMIPC_OK: the stream is connected, or drains a retired pool
 * - PMIPC_NOT_CONNECTED: no pool of this name exists
 * - PMIPC_SCHEMA_MISMATCH: the pool of this name has another schema than the stream reads
 * - PMIPC_CORRUPT: the pool file is corrupt, or is not a pool
 * - PMIPC_INCOMPATIBLE: an incompatible build created the pool
 * - PMIPC_FULL: all PMIPC_MAX_READERS rows of the pool are taken; the message names the processes
 * - PMIPC_FORKED: the stream belongs to the parent process
 * - PMIPC_LOST: another thread of this process closed the pool's descriptors during the call
 * - PMIPC_PERMISSION: no permission for the folder or the file, or a process holds a read lock on the file
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_reconnect(pmipc_stream *stream, pmipc_error *error);

/** Copy the message of the last call on this stream that failed.
 *
 * When the pool does not exist, the message names other users that have a pool of this name in their default folder,
 * where that can be seen.
 *
 * Threads: the stream's.
 * Progress: system calls when the pool does not exist; not for control loops then. */
PMIPC_API void pmipc_stream_last_error(const pmipc_stream *stream, pmipc_error *error);

/** Free the stream.
 *
 * Its views stay valid until they are released. Its waiters wake. In a forked child it frees the child's copy and
 * changes nothing that is shared. NULL is allowed.
 *
 * Threads: the stream's. */
PMIPC_API void pmipc_stream_close(pmipc_stream *stream);

/** Return whether the stream is connected to a pool that is not retired, and has its row. Does not connect it.
 *
 * Threads: the stream's. Progress: wait-free. */
PMIPC_API bool pmipc_stream_connected(const pmipc_stream *stream);

/** Return whether the pool ended in order: it was retired because its producer was closed or the pool was removed or
 * replaced, every sample above the cursor was returned, and the stream is not connected to another pool.
 *
 * False for a killed producer: its pool stays, and the next producer adopts it. Does not connect the stream.
 *
 * Threads: the stream's. Progress: wait-free. */
PMIPC_API bool pmipc_stream_ended(const pmipc_stream *stream);

/** Return whether the stream is connected and the pool's producer lives: whether a process holds the producer's lock.
 *
 * Threads: the stream's. Progress: a few system calls. */
PMIPC_API bool pmipc_stream_producer_alive(const pmipc_stream *stream);

/** Return the pool's name. It belongs to the stream.
 *
 * Threads: the stream's. */
PMIPC_API const char *pmipc_stream_name(const pmipc_stream *stream);

/** Return the cursor: the highest sequence number that the stream has returned, or that pmipc_stream_seek has set.
 *
 * Threads: the stream's. */
PMIPC_API uint64_t pmipc_stream_cursor(const pmipc_stream *stream);

/** Set the cursor to `seq`: samples above it are new, samples up to it are not.
 *
 * Threads: the stream's. */
PMIPC_API void pmipc_stream_seek(pmipc_stream *stream, uint64_t seq);

/** Facts of a stream, and of the pool that it is or was last connected to. */
typedef struct pmipc_stream_info {
    const pmipc_schema *schema; /* NULL before the first connection */
    const char *metadata;       /* a JSON object, "" when the pool has none */
    uint64_t incarnation;       /* the pool's random identity. Adoption does not change it, another pool has another */
    uint64_t head_seq;          /* sequence number of the newest sample in the pool */
    uint32_t history_len;       /* samples in a full history */
    uint32_t slot_count;        /* slots of the pool */
    uint32_t origin;            /* PMIPC_ORIGIN_C, PMIPC_ORIGIN_NUMPY or PMIPC_ORIGIN_TORCH */
    uint32_t row;               /* the stream's row in the pool */
    uint64_t received;          /* views that the stream has returned */
    uint64_t dropped;           /* samples that left the history before get_next or get_unseen reached them */
    uint64_t copies;            /* views that were private copies */
    uint64_t reconnects;        /* pools that the stream has connected to after the first one */
    uint32_t views_held;        /* views in the memory of the present pool, 0 to PMIPC_MAX_VIEWS */
} pmipc_stream_info;

/** Describe the stream. Before the first connection all facts of a pool are zero.
 *
 * Ownership: `schema` and `metadata` belong to the stream, until it connects again or is closed.
 * Threads: the stream's. */
PMIPC_API void pmipc_stream_get_info(const pmipc_stream *stream, pmipc_stream_info *info);

/** A waiter: a snapshot of what a stream waits for, its pool (or the absence of one) and its cursor. A thread can sleep
 * with it while another thread uses or closes the stream. */
typedef struct pmipc_waiter {
    void *target; /* internal */
} pmipc_waiter;

/** Make a waiter for a sample above the cursor of `stream`.
 *
 * Ownership: release it, also after the stream was closed.
 * Threads: the stream's.
 * Returns:
 * - PMIPC_OK: `*waiter` is set
 * - PMIPC_FORKED: the stream belongs to the parent process
 * - PMIPC_NO_MEMORY: out of memory */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_waiter_init(pmipc_waiter *waiter, pmipc_stream *stream);

/** Make a waiter for a sample above the newest sample that the pool has now: for reads that do not move the cursor
 * (get_at, get_window). Make the waiter first, then read, then wait: a sample that is published after the first step
 * ends the wait.
 *
 * Ownership: release it, also after the stream was closed.
 * Threads: the stream's.
 * Returns:
 * - PMIPC_OK: `*waiter` is set
 * - PMIPC_FORKED: the stream belongs to the parent process
 * - PMIPC_NO_MEMORY: out of memory */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_waiter_init_newest(pmipc_waiter *waiter, pmipc_stream *stream);

/** Sleep until one of `count` waiters is ready: there is a sample above its snapshot's, its pool appeared, was retired
 * or replaced, or its stream was closed.
 *
 * `*ready` becomes the index of the first ready waiter; `ready` may be NULL. `timeout_ns` limits the wait: nanoseconds,
 * PMIPC_FOREVER, or 0 to return at once.
 *
 * Threads: any. Cancellation point.
 * Progress: blocks. No sleep is longer than 100 ms. Up to 127 connected waiters sleep in one system call (futex_waitv).
 * More waiters, waiters without a pool, and waiters on a kernel without futex_waitv (before Linux 5.16) are checked
 * every 20 ms. A pool that was replaced by hand is noticed after about 100 ms.
 * Returns:
 * - PMIPC_OK: a waiter is ready
 * - PMIPC_TIMEOUT: none was ready within `timeout_ns`
 * - PMIPC_INTERRUPTED: a signal handler ran; call again to continue the wait
 * - PMIPC_INVALID_ARGUMENT: there is no waiter, or one was released
 * - PMIPC_NO_MEMORY: out of memory; up to 16 waiters need none */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_waiter_wait(const pmipc_waiter *waiters, uint32_t count, int64_t timeout_ns,
                                                        uint32_t *ready);

/** The state of a wait that several calls of pmipc_wait_sleep make. pmipc_wait_begin makes it. */
typedef struct pmipc_wait {
    int64_t deadline_ns;     /* when the wait ends, on CLOCK_MONOTONIC; INT64_MAX: never */
    int64_t slice_ns;        /* the longest time of one call; PMIPC_FOREVER: until the deadline */
    uint32_t spurious_wakes; /* internal */
} pmipc_wait;

/** Begin a wait that ends `timeout_ns` from now, or never (PMIPC_FOREVER), and returns to its caller after each
 * `slice_ns`, or at its end only (PMIPC_FOREVER).
 *
 * Threads: any. Progress: no system call (vDSO). */
PMIPC_API pmipc_wait pmipc_wait_begin(int64_t timeout_ns, int64_t slice_ns);

/** Sleep until one of `count` waiters is ready, the slice is over, or the wait ends: for a caller that has something to
 * do between two sleeps, such as handling signals.
 *
 * After PMIPC_OK, look at the streams. When there is nothing, make new waiters and call this again with the same
 * `wait`.
 * `*ready` becomes the index of the first ready waiter; `ready` may be NULL.
 *
 * Threads: any; one thread at a time uses a pmipc_wait. Cancellation point.
 * Progress: that of pmipc_waiter_wait. When call after call returns PMIPC_OK at once, because the caller cannot read
 * what has made a waiter ready, each further call pauses for 1 ms. Returns:
 * - PMIPC_OK: a waiter is ready
 * - PMIPC_NOTHING_NEW: the slice is over
 * - PMIPC_TIMEOUT: the wait has ended
 * - PMIPC_INTERRUPTED: a signal handler ran; call again to continue the wait
 * - PMIPC_INVALID_ARGUMENT: there is no waiter, one was released, or `wait` is NULL
 * - PMIPC_NO_MEMORY: out of memory; up to 16 waiters need none */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_wait_sleep(pmipc_wait *wait, const pmipc_waiter *waiters, uint32_t count,
                                                       uint32_t *ready);

/** Release a waiter. Does nothing for a waiter that is released or zeroed, and for NULL.
 *
 * Threads: any, while no thread sleeps with it. */
PMIPC_API void pmipc_waiter_release(pmipc_waiter *waiter);

/** Wait until one of `count` streams has a sample above its cursor. Streams connect when their pools appear.
 *
 * `*ready` becomes the index of the first such stream, or of the stream that failed, whose message is in
 * pmipc_stream_last_error; `ready` may be NULL. `timeout_ns` limits the wait: nanoseconds, PMIPC_FOREVER, or 0 to
 * return at once.
 *
 * Threads: the streams'. Cancellation point.
 * Progress: that of pmipc_waiter_wait.
 * Returns:
 * - PMIPC_OK: the stream `*ready` has a new sample
 * - PMIPC_TIMEOUT: no stream has one within `timeout_ns`
 * - PMIPC_INTERRUPTED: a signal handler ran; call again to continue the wait
 * - PMIPC_INVALID_ARGUMENT: there is no stream
 * - PMIPC_NOT_CONNECTED: with manual_reconnect, a stream is not connected
 * - PMIPC_RETIRED: with manual_reconnect, a pool was retired and is drained, or its file was removed and its producer
 *   is dead
 * - PMIPC_SCHEMA_MISMATCH: the pool of this name has another schema than the stream reads
 * - PMIPC_CORRUPT: a pool file is corrupt, or is not a pool
 * - PMIPC_INCOMPATIBLE: an incompatible build created a pool
 * - PMIPC_FULL: all PMIPC_MAX_READERS rows of a pool are taken; the message names the processes
 * - PMIPC_FORKED: a stream belongs to the parent process
 * - PMIPC_LOST: another thread of this process closed a pool's descriptors during the call
 * - PMIPC_PERMISSION: no permission for the folder or a file, or a process holds a read lock on a file
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_wait_any(pmipc_stream *const *streams, uint32_t count,
                                                            int64_t timeout_ns, uint32_t *ready);

PMIPC_END_DECLS

#endif
