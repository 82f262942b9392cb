/* stream.h: what a stream's handle has, and what its reads and waits share. */
#ifndef API_STREAM_H
#define API_STREAM_H

#include "api/target.h"
#include "registry/claim.h"

struct pmipc_stream {
    uint64_t read_generation; /* `generation`, or that of no process: a lossless stream's reads leave the fast path */
    uint64_t generation;
    struct pool_connection *connection; /* NULL: not connected */
    struct stream_shared *shared;
    uint64_t cursor;
    uint64_t seen_by_windows; /* head when a window or a stamp was last read, which does not move the cursor */
    struct pool_description *description; /* of the pool it is or was last connected to; NULL: none yet */
    uint64_t dropped_up_to;               /* lost samples up to this one are counted in `dropped` */
    uint64_t last_head_seq;               /* of that pool when it was disconnected */
    uint32_t last_slot_count;
    uint64_t first_cursor;       /* where the cursor began in this pool */
    int64_t leave_retired_ns;    /* when reads of history leave a retired pool with unread samples; 0: not yet */
    uint64_t unchanged_reads;    /* since the last orphan check: reads that found nothing new */
    struct file_identity absent; /* the retired file that has the pool's name; zero: none */
    pmipc_schema schema;         /* expected, or of the pool it is or was last connected to; field_count 0: none yet */
    uint64_t disregarded;        /* of `received`: samples that do not fix the schema */
    bool met_producer;           /* it has connected to a pool with a live producer, which fixes the schema */
    bool follow_schema;
    bool expects; /* `schema` was given by the caller */
    bool start_oldest;
    bool lossless;
    bool manual_reconnect;
    bool prefault;
    bool takes_new; /* get_new, get_next or get_unseen was called: unread samples are wanted */
    bool has_ended; /* the last pool ended in order */
    bool made;      /* pmipc_stream_open has returned: all samples of a pool that appears now are new */
    uint64_t received, dropped, copies, connections;
    pmipc_error error;
};

/* What a read asks for. It decides which samples of a retired pool the read returns. */
enum stream_read {
    READ_HISTORY, /* the history, for up to a second while samples are unread; the cursor does not move */
    READ_NEWEST,  /* the newest sample, once, unless the same producer continues in another pool */
    READ_EVERY    /* each sample above the cursor */
};

/* Connect, if the stream is not connected. `patient`: wait up to a second for a free row. Returns OK: connected, or
 * draining; STREAM_IS_LOSSLESS; FORKED; RETIRED (with manual_reconnect); NOT_CONNECTED; failures. */
pmipc_status stream_connect(pmipc_stream *stream, enum stream_read read, bool patient);

/* A read that moves the cursor is to be repeated between stream_begin_lossless and stream_end_lossless. Only
 * stream_connect returns it. */
#define STREAM_IS_LOSSLESS ((pmipc_status)15)

/* What the read of a lossless stream begins and ends with: the end releases the samples up to the cursor. */
void stream_begin_lossless(pmipc_stream *stream);
void stream_end_lossless(pmipc_stream *stream);

/* stream_connect with READ_EVERY for a call that does not move the cursor. */
pmipc_status stream_connect_lossless(pmipc_stream *stream);

/* After a lossless stream has connected: hold the samples above its cursor. `is_first`: the cursor is where
 * start_oldest begins, and rises to what lossless streams have consumed before. */
void stream_join(pmipc_stream *stream, bool is_first);

/* Release the samples up to the cursor of a lossless stream. */
void stream_consume(pmipc_stream *stream);

/* Whether the connected pool is retired and has a sample above the cursor that such a read returns before the stream
 * connects to another pool. */
bool stream_drains(const pmipc_stream *stream, enum stream_read read);

/* Set the error of a stream with manual_reconnect whose pool is orphaned. Returns RETIRED. */
pmipc_status stream_fail_orphaned(pmipc_stream *stream);

/* Connect for a read that does not wait. When head is not above `*seen`, leave an orphaned pool now and then. `*seen`
 * becomes head. */
pmipc_status stream_connect_to_read(pmipc_stream *stream, uint64_t *seen);

/* Whether the connected pool is orphaned. Checks when a target has found it so, otherwise at most every 100 ms. */
bool stream_is_orphaned(pmipc_stream *stream);

/* Disconnect from an orphaned pool. Called by reads that find nothing new. Checks when a target has found the pool
 * orphaned, otherwise in every 64th call. Returns whether it has disconnected; never with manual_reconnect. */
bool stream_leave_orphaned(pmipc_stream *stream);

/* With manual_reconnect: RETIRED when a target has found the pool orphaned and it still is, because the wait would
 * never end. Otherwise NOTHING_NEW. */
pmipc_status stream_check_orphaned(pmipc_stream *stream);

/* Disconnect, if the stream is connected, and keep the facts of the pool. */
void stream_disconnect(pmipc_stream *stream);

/* A wait of the thread that uses the streams: look, sleep, look again. */
struct stream_wait {
    pmipc_stream *const *streams;
    uint32_t count;
    /* OK: the wait is over. NOTHING_NEW: sleep until a stream should look. Other: the wait has failed. */
    pmipc_status (*look)(struct stream_wait *wait);
    bool by_stamp;               /* sleep until a sample is above stream->seen_by_windows, not above the cursor */
    bool allocated;              /* a cancellation frees `targets` */
    struct wait_target *targets; /* room for `count`, zeroed */
    int cancel_state;            /* what it was before the caller deferred cancellation */
    uint32_t ready;              /* the stream that ended the last sleep or look */
};

/* The rest of a wait whose first look returned NOTHING_NEW and whose timeout is not 0. Called with cancellation
 * deferred. Returns what a look returned, if not NOTHING_NEW; TIMEOUT; INTERRUPTED. */
pmipc_status stream_wait(struct stream_wait *wait, int64_t timeout_ns);

/* View head, when the ring has no sample above the cursor although head is `newest`. A producer that was killed between
 * its two stores leaves a history of one like that. Otherwise head is corrupt, and the view's checks find that.
 * NOTHING_NEW: head has changed; read the ring again. */
pmipc_status stream_take_head(pmipc_stream *stream, uint64_t newest, pmipc_view *view);

/* Count `lost` samples above the cursor as dropped. Each sample is counted once, also when the cursor was set back. */
void stream_count_lost(pmipc_stream *stream, uint64_t lost);

static inline void stream_count_view(pmipc_stream *stream, const pmipc_view *view)
{
    stream->received++;
    stream->copies += view->copied;
}

/* Called when a read has failed. A stream that has lost its row returns LOST in this call and connects again in the
 * next. A stream leaves a retired pool whose unread samples are corrupt. Returns `status`. */
__attribute__((cold)) pmipc_status stream_failed_read(pmipc_stream *stream, pmipc_status status);

/* The status of a read. */
static inline pmipc_status stream_end_read(pmipc_stream *stream, pmipc_status status)
{
    return __builtin_expect(status >= PMIPC_INVALID_ARGUMENT, 0) ? stream_failed_read(stream, status) : status;
}

#endif
