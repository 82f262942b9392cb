/* stream.h: a reader of a pool, and the views it hands out.
 *
 * A stream is found by name and may be opened before its pool exists. It reconnects by itself when the pool is retired
 * and made anew. It has one cursor: the newest sequence number it has returned.
 *
 * Threads and processes: one thread at a time per stream handle. Views may be released from any thread, and outlive the
 * stream, the producer and the pool. A waiter (below) may sleep in any thread. After fork the child's calls on an
 * inherited stream return PMIPC_FORKED; views inherited over fork stay valid and may be released in both processes.
 *
 * pthread_cancel: pmipc_stream_get_new, get_next, wait_at, wait_any and pmipc_waiter_wait are cancellation points where
 * they sleep. A cancelled wait ends within 100 ms and leaves nothing behind; the stream can be used and closed. No
 * other function of this library acts on a cancellation: it finishes first, also when it takes a second. The
 * asynchronous cancel type (PTHREAD_CANCEL_ASYNCHRONOUS) is not supported. */
#ifndef PMIPC_STREAM_H
#define PMIPC_STREAM_H

#include "pool.h"

PMIPC_BEGIN_DECLS

typedef struct pmipc_stream pmipc_stream;

#define PMIPC_FOREVER (-1) /* a timeout that never ends; 0 polls */
#define PMIPC_MAX_VIEWS 7  /* views a stream can hold without copying */

/** Options of a stream. All zero is the default. */
typedef struct pmipc_stream_options {
    const pmipc_schema *expect; /* the pool must have this schema. NULL: the schema is fixed by the first pool with a
                                   live producer that the stream connects to, or by the first sample it reads */
    const char *folder;         /* registry folder; NULL: $POLYMORPH_IPC_DIR or /dev/shm/polymorph_ipc-<uid> */
    bool follow_schema;         /* accept another schema when the pool is made anew (viewers, tools) */
    bool start_oldest;          /* the cursor starts before the history, so that all of it counts as new; what left
                                   history before the stream was made does not count as lost */
    bool manual_reconnect;      /* gets never open anything: they return NOT_CONNECTED or RETIRED, and
                                   pmipc_stream_reconnect does the opening outside the control loop */
    bool prefault;              /* touch every page when connecting */
} pmipc_stream_options;

/** Where one field of a view lies. access.h has typed pointers that are checked. */
typedef struct pmipc_view_field {
    const void *data; /* 64-byte aligned, read-only; frame i of a window is at data + i * view.frame_stride */
    int64_t length;   /* leading length of the (first) sample: shape[0], less for a variable field, 1 for 0-d */
} pmipc_view_field;

/** A sample, or a window of samples, that stays readable and unchanged until it is released. */
typedef struct pmipc_view {
    uint64_t seq;               /* of the newest sample in it; the first published sample has 1 */
    int64_t stamp_ns;           /* the newest sample's stamp, ns since the epoch unless the producer says otherwise */
    int64_t published_ns;       /* when it was published: age = pmipc_monotonic_ns() - published_ns */
    uint64_t lost;              /* get_next, get_unseen: samples that left history unread since the cursor */
    const pmipc_schema *schema; /* valid as long as the view */
    int64_t frame_stride;       /* bytes from one frame of a window to the next */
    uint32_t frame_count;       /* 1, or the frames of a window, oldest first */
    uint32_t field_count;
    bool copied;   /* the data is a private copy: too many views are held, or the run was broken */
    uint32_t cell; /* internal */
    void *owner;   /* internal; NULL once released */
    pmipc_view_field fields[PMIPC_MAX_FIELDS]; /* the first field_count are set */
} pmipc_view;

/** Make a stream of the pool `name`. The pool need not exist: the stream then connects at a later call.
 *  When it exists, the cursor starts at its newest sample, otherwise all that appears will be new.
 *  Ownership: `*stream` is the caller's until pmipc_stream_close. `options` is copied.
 *  Returns: OK (connected or not); INVALID_NAME, INVALID_ARGUMENT; SCHEMA_MISMATCH; CORRUPT; INCOMPATIBLE; FULL (64
 *  streams are connected; the error names them); UNSUPPORTED (the folder is not on tmpfs); PERMISSION; NO_MEMORY;
 *  SYSTEM. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_open(pmipc_stream **stream, const char *name,
                                                        const pmipc_stream_options *options, pmipc_error *error);

/** The newest sample, whether seen before or not. Moves the cursor to it.
 *  Ownership: on OK the view is the caller's until pmipc_view_release.
 *  Threads: the stream's. Progress: lock-free; connected and with a view to spare, no system call, no allocation.
 *  Returns: OK; NOTHING_NEW (connected, nothing published yet); NOT_CONNECTED; RETIRED (manual_reconnect only); LOST
 * (the program closed the stream's descriptors, and its row was cleared: views taken before are not protected any more.
 * Said once, the next call connects anew; with manual_reconnect until pmipc_stream_reconnect); FORKED; and the failures
 * of connecting: SCHEMA_MISMATCH; CORRUPT; INCOMPATIBLE; FULL; PERMISSION; UNSUPPORTED; NO_MEMORY; SYSTEM. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_get_last(pmipc_stream *stream, pmipc_view *view);

/** The newest sample above the cursor, waiting up to `timeout_ns` (PMIPC_FOREVER, 0 polls) for the pool and the sample.
 *  Moves the cursor. Progress: blocks; one sleep is never longer than 100 ms, so that no lost wake can hang it; a pool
 * that does not exist is looked for every 20 ms. Cancellation point. Returns: as get_last without NOT_CONNECTED (but
 * with manual_reconnect; RETIRED then also when the file was removed by hand and its producer is dead), and TIMEOUT,
 * INTERRUPTED (a signal handler ran: call again to go on waiting). NOTHING_NEW is never returned: a poll that finds
 * nothing gives TIMEOUT. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_get_new(pmipc_stream *stream, int64_t timeout_ns, pmipc_view *view);

/** The oldest sample above the cursor that history still holds, waiting like get_new; `view->lost` says how many were
 *  missed before it. Moves the cursor. Cancellation point. Returns: as get_new. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_get_next(pmipc_stream *stream, int64_t timeout_ns, pmipc_view *view);

/** The newest `max_count` samples as one view, oldest first, but no fewer than `min_count` (1 <= min_count <= max_count
 *  <= history_len). Zero-copy: frames lie `frame_stride` apart; copied only when a skipped slot broke the run.
 *  Leaves the cursor alone.
 *  Returns: as get_last, and TOO_FEW (history holds fewer than min_count); INVALID_ARGUMENT. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_get_window(pmipc_stream *stream, uint32_t min_count,
                                                              uint32_t max_count, pmipc_view *view);

/** Every sample above the cursor that history still holds, as one window; moves the cursor to the newest.
 *  Returns: as get_last; NOTHING_NEW when there is none. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_get_unseen(pmipc_stream *stream, pmipc_view *view);

typedef enum pmipc_at_method {
    PMIPC_AT_NEAREST = 0, /* ties go to the newer sample */
    PMIPC_AT_BEFORE = 1,  /* the latest stamp at or before */
    PMIPC_AT_AFTER = 2    /* the earliest stamp at or after */
} pmipc_at_method;

/** The sample in history whose stamp fits `stamp_ns` best, no further from it than `tolerance_ns` (negative: any).
 *  Stamps need not be in order. Leaves the cursor alone.
 *  Returns: as get_last; NOTHING_NEW when no sample fits; INVALID_ARGUMENT. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_get_at(pmipc_stream *stream, int64_t stamp_ns,
                                                          pmipc_at_method method, int64_t tolerance_ns,
                                                          pmipc_view *view);

/** Wait up to `timeout_ns` (PMIPC_FOREVER, 0 polls) for the pool and for a sample that is stamped at or after
 * `stamp_ns`. Then pmipc_stream_get_at knows all samples around that stamp, as far as history holds them: of a stream
 * whose samples arrive later than another's with the same stamps, the first answer without waiting would be the sample
 * before. Leaves the cursor alone. Threads: the stream's. Progress: blocks; no sleep is longer than 100 ms.
 * Cancellation point. Returns: OK; TIMEOUT; INTERRUPTED (a signal handler ran: call again to go on waiting); with
 * manual_reconnect NOT_CONNECTED and RETIRED; LOST, FORKED and the failures of connecting as get_last. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_wait_at(pmipc_stream *stream, int64_t stamp_ns, int64_t timeout_ns);

/** What there is to know of one frame of a view. */
typedef struct pmipc_frame {
    uint64_t seq;
    int64_t stamp_ns;
    int64_t published_ns;
    pmipc_view_field fields[PMIPC_MAX_FIELDS];
} pmipc_frame;

/** Describe frame `index` (0 is the oldest) of a view. Returns: OK; INVALID_ARGUMENT; CORRUPT (somebody has overwritten
 * its lengths since the view was made). */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_view_frame(const pmipc_view *view, uint32_t index, pmipc_frame *frame);

/** The program makes no use of one sample that it has read, for example because it is too old: that sample does not fix
 * the stream's schema. Call it once for each such read. Threads: the stream's. No system call. */
PMIPC_API void pmipc_stream_disregard(pmipc_stream *stream);

/** Let go of a view: its memory may change from now on. Any thread. Harmless on a released or zeroed view. No system
 * call unless it is the last view of a stream that was closed or has reconnected. */
PMIPC_API void pmipc_view_release(pmipc_view *view);

/** Connect now if the pool exists, if a retired pool was replaced go over to its successor, and if the row was lost
 * claim one anew. Needed only with manual_reconnect. Returns: OK (connected); NOT_CONNECTED; FORKED; and the failures
 * of pmipc_stream_open. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_reconnect(pmipc_stream *stream, pmipc_error *error);

/** The full message of the last failed call on this handle. When there is no pool, it names other users who have one of
 * that name in their default folder, where that can be seen: not for control loops then. */
PMIPC_API void pmipc_stream_last_error(const pmipc_stream *stream, pmipc_error *error);

/** Free the handle. Views stay valid until they are released. In a forked child: frees the child's copy, touches
 * nothing of the parent's. Waiters made from it wake. NULL is allowed. */
PMIPC_API void pmipc_stream_close(pmipc_stream *stream);

/** Connected to a pool that is not retired, by a row that is not lost. Does not connect by itself; no system call. */
PMIPC_API bool pmipc_stream_connected(const pmipc_stream *stream);

/** Connected, and the producer's lock is held (a few system calls). False when the producer died or there is none. */
PMIPC_API bool pmipc_stream_producer_alive(const pmipc_stream *stream);

PMIPC_API const char *pmipc_stream_name(const pmipc_stream *stream);
PMIPC_API uint64_t pmipc_stream_cursor(const pmipc_stream *stream);

/** Move the cursor: samples up to `seq` count as seen. */
PMIPC_API void pmipc_stream_seek(pmipc_stream *stream, uint64_t seq);

/** What the stream is, or was last, connected to: facts of the pool stay after it is gone, as they were then. Zeroed
 * while it never was connected. Pointers are valid until the stream reconnects or is closed. */
typedef struct pmipc_stream_info {
    const pmipc_schema *schema; /* NULL when it was never connected */
    const char *metadata;       /* JSON object text, "" when the pool has none */
    uint64_t incarnation;       /* changes when the pool is made anew, not when it is adopted */
    uint64_t head_seq;          /* newest sample in the pool */
    uint32_t history_len;
    uint32_t slot_count;
    uint32_t origin; /* PMIPC_ORIGIN_* */
    uint32_t row;
    uint64_t received;   /* views handed out */
    uint64_t dropped;    /* samples that left history before get_next or get_unseen reached them, each once */
    uint64_t copies;     /* views that were private copies */
    uint64_t reconnects; /* pools it has gone over to after the first */
    uint32_t views_held; /* in place, of the present connection: 0 to 7; copies do not count */
} pmipc_stream_info;

PMIPC_API void pmipc_stream_get_info(const pmipc_stream *stream, pmipc_stream_info *info);

/** Waiting, apart from the stream, so that another thread may use or close the stream meanwhile. A waiter is a snapshot
 * of what the stream waits for: its pool (or its absence) and its cursor. */
typedef struct pmipc_waiter {
    void *target; /* internal */
} pmipc_waiter;

/** Take a snapshot to wait with. Threads: the stream's. Ownership: release it, also after the stream was closed.
 *  Returns: OK; FORKED; NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_waiter_init(pmipc_waiter *waiter, pmipc_stream *stream);

/** The same for reads that leave the cursor alone (get_at, get_window): wait for a sample above the newest one that is
 * there now. Take the snapshot first, then read, then wait: what is published in between ends the wait at once. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_waiter_init_newest(pmipc_waiter *waiter, pmipc_stream *stream);

/** Sleep until one of the waiters has something for its stream to look at: a sample above the snapshot's, a pool that
 *  appeared, was retired or replaced (also by hand: seen within about 100 ms), a stream closed. `*ready` (may be NULL)
 * is the index of the first such waiter. Up to 127 connected waiters sleep in one futex_waitv; where the kernel has
 * none, or when some have no pool yet, they are looked at every 20 ms. Threads: any. Progress: blocks; no sleep is
 * longer than 100 ms. Cancellation point. Returns: OK; TIMEOUT; INTERRUPTED; INVALID_ARGUMENT; NO_MEMORY (more than 16
 * waiters need some). */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_waiter_wait(const pmipc_waiter *waiters, uint32_t count, int64_t timeout_ns,
                                                        uint32_t *ready);

/** The same in slices, for a caller that has something to do between them, such as handling signals: returns after
 * `slice_ns` (PMIPC_FOREVER: none) at the latest, and is called again with the same deadline, that of pmipc_deadline.
 * Returns: OK; NOTHING_NEW (the slice is over); TIMEOUT (the deadline has passed); INTERRUPTED; INVALID_ARGUMENT;
 * NO_MEMORY. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_waiter_wait_until(const pmipc_waiter *waiters, uint32_t count,
                                                              int64_t deadline_ns, int64_t slice_ns, uint32_t *ready);

/** When a wait of `timeout_ns` that begins now is over, on CLOCK_MONOTONIC: INT64_MAX for PMIPC_FOREVER, the present
 * time for 0. */
PMIPC_API int64_t pmipc_deadline(int64_t timeout_ns);

PMIPC_API void pmipc_waiter_release(pmipc_waiter *waiter);

/** Wait until one of the streams has a sample above its cursor, connecting them as their pools appear. `*ready` is the
 *  index of the first such stream. Threads: the streams'. Progress: as pmipc_waiter_wait. Cancellation point. Returns:
 * OK; TIMEOUT; INTERRUPTED; INVALID_ARGUMENT (no streams); NO_MEMORY; FORKED; with manual_reconnect NOT_CONNECTED and
 * RETIRED; and the failures of pmipc_stream_open for a stream that could not connect (`*ready` tells which; its last
 * error says why). */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_stream_wait_any(pmipc_stream *const *streams, uint32_t count,
                                                            int64_t timeout_ns, uint32_t *ready);

PMIPC_END_DECLS

#endif
