/* stream.h: the inside of a stream's handle. */
#ifndef API_STREAM_H
#define API_STREAM_H

#include "api/target.h"
#include "registry/claim.h"

struct pmipc_stream {
    uint64_t generation;
    struct pool_connection *connection; /* NULL: not connected */
    struct wait_anchor *anchor;
    uint64_t cursor;
    uint64_t seen_by_windows; /* newest sample there was when windows or stamps were last read: these move no cursor */
    struct pool_description *description; /* of the pool it is or was last connected to; NULL: none yet */
    uint64_t dropped_up_to;               /* what was lost up to this sample is in `dropped` */
    uint64_t last_head_seq;               /* when it was disconnected */
    uint32_t last_slot_count;
    uint64_t first_cursor;       /* where the cursor began in this pool */
    int64_t leave_retired_ns;    /* when reads of history leave a retired pool with unread samples; 0: not yet */
    uint64_t unchanged_reads;    /* since anything new was seen; now and then they look whether the pool was orphaned */
    struct file_identity absent; /* the retired file that the name leads to, if any */
    pmipc_schema schema;         /* expected, or of the pool it is or was last connected to; field_count 0: none yet */
    uint64_t disregarded;        /* of `received`: samples that do not fix the schema */
    bool met_producer;           /* has connected to a pool whose producer lived, which fixes the schema */
    bool follow_schema;
    bool expects; /* the schema was given, not seen */
    bool start_oldest;
    bool manual_reconnect;
    bool prefault;
    bool takes_new; /* get_new, get_next or get_unseen was called: unread samples are wanted */
    bool has_ended; /* the last connection ended because its pool was retired, and not succeeded */
    bool made;      /* pmipc_stream_open has returned: pools that appear from now on are all new */
    uint64_t received, dropped, copies, connections;
    pmipc_error error;
};

/* What a read asks for, which decides what it still takes from a retired pool. */
enum stream_read {
    READ_HISTORY, /* moves no cursor: what is there for a second, in case other reads of this stream take the samples */
    READ_NEWEST,  /* the newest sample, once; where the same producer continues in another pool, that pool's instead */
    READ_EVERY    /* each sample above the cursor */
};

/* Connected when it returns OK. `patient`: may take a second when all rows are held; polls may not. NOT_CONNECTED,
 * RETIRED (manual), and failures. */
pmipc_status stream_connect(pmipc_stream *stream, enum stream_read read, bool patient);

/* Whether the connected pool is retired and holds a sample above the cursor that such a read returns before the stream
 * goes over to another pool. */
bool stream_drains(const pmipc_stream *stream, enum stream_read read);

/* RETIRED: somebody else has removed the pool's file, its producer is dead, and the stream reconnects manually. */
pmipc_status stream_orphaned(pmipc_stream *stream);

/* Connected for a read that does not wait, to the pool that has the name: also when the one so far was orphaned. `seen`
 * is the newest sample that a read has come across, and moves on: only where nothing new comes is there a reason to
 * look. */
pmipc_status stream_connect_to_read(pmipc_stream *stream, uint64_t *seen);

/* Whether a waiter has seen that the connected pool is orphaned and it still is, or a look of our own finds it: one
 * every 100 ms. */
bool stream_finds_orphan(pmipc_stream *stream);

/* Nothing new for a while: perhaps the file was removed from outside and its producer is dead. Then go over to the pool
 * that has the name now. Looks now and then only, or when a waiter has seen it. True: it was so. */
bool stream_leave_orphan(pmipc_stream *stream);

/* The same with manual reconnection, where no pool is left unasked: RETIRED when a waiter has found it orphaned, or a
 * wait would never end; else NOTHING_NEW. */
pmipc_status stream_check_orphan(pmipc_stream *stream);

/* Let go of the pool, if there is one, but remember what it was. */
void stream_disconnect(pmipc_stream *stream);

/* A wait of the thread that uses the streams: look, sleep, look again. */
struct stream_wait {
    pmipc_stream *const *streams;
    uint32_t count;
    /* OK: the wait is over. NOTHING_NEW: sleep until a stream has something to look at. Else: the wait has failed. */
    pmipc_status (*look)(struct stream_wait *wait);
    bool by_stamp;               /* what is new is above stream->seen_by_windows, not above the cursor */
    bool allocated;              /* a cancellation frees `targets` */
    struct wait_target *targets; /* room for `count`, zeroed */
    int cancel_state;            /* what it was before the caller deferred cancellation */
    uint32_t ready;              /* the stream that the last sleep or look ended with */
};

/* The rest of a wait, whose first look returned NOTHING_NEW and whose timeout is not 0. Called with cancellation
 * deferred. Returns what a look returned, if not NOTHING_NEW; TIMEOUT; INTERRUPTED. */
pmipc_status stream_wait(struct stream_wait *wait, int64_t timeout_ns);

/* The ring holds nothing above the cursor although head is `newest`, and stays so. With a history of one, that is how a
 * producer killed between its two stores leaves it: head itself can be pinned. Otherwise head is damaged, and reading
 * what it names tells. NOTHING_NEW: head has moved on; look at the ring again. */
pmipc_status stream_take_head(pmipc_stream *stream, uint64_t newest, pmipc_view *view);

/* So many samples behind the cursor have left history. A sample is dropped once, also when the cursor went back and
 * another read comes across the same gap. */
void stream_count_lost(pmipc_stream *stream, uint64_t lost);

static inline void stream_count_view(pmipc_stream *stream, const pmipc_view *view)
{
    stream->received++;
    stream->copies += view->copied;
}

/* A read has failed. A stream that has lost its row reports it in this call and connects again in the next; a retired
 * pool whose unread samples are damaged is left. Returns `status`. */
__attribute__((cold)) pmipc_status stream_failed_read(pmipc_stream *stream, pmipc_status status);

/* What a read ended with. */
static inline pmipc_status stream_end_read(pmipc_stream *stream, pmipc_status status)
{
    return __builtin_expect(status >= PMIPC_INVALID_ARGUMENT, 0) ? stream_failed_read(stream, status) : status;
}

#endif
