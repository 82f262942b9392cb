/* producer.h: publishing. A pool has one producer.
 *
 *     pmipc_producer *arm;
 *     if (pmipc_producer_open(&arm, "arm/q", &schema, NULL, &error))
 *         fail(error.text);
 *     pmipc_loan loan;                                    // fill the slot in place, without a copy
 *     if (pmipc_producer_loan(arm, &loan) == PMIPC_OK) {
 *         read_encoders(loan.fields[0].data);
 *         status = pmipc_producer_commit(arm, &loan, PMIPC_STAMP_NOW);
 *     }
 *
 * Threads: one thread at a time uses a producer. Different producers are independent of each other.
 *
 * fork: the child's copy of a producer does nothing. Its calls return PMIPC_FORKED.
 *
 * Control loops: open the producer with `no_growth` and `prefault`, and without `recreate`. Publish, loan and commit
 * then allocate no memory, take no lock, and make these system calls only: one futex wake when a stream sleeps, one
 * fstat per second, and the sweep before PMIPC_FULL.
 *
 * pthread_cancel: pmipc_producer_wait_room is a cancellation point while it sleeps, and so are publish and loan with
 * PMIPC_OVERFLOW_WAIT. A cancelled wait ends within 100 ms. No other function in this file is one: a cancellation acts
 * after the function has returned, after at most a second. PTHREAD_CANCEL_ASYNCHRONOUS is not supported. */
#ifndef PMIPC_PRODUCER_H
#define PMIPC_PRODUCER_H

#include "pool.h"

PMIPC_BEGIN_DECLS

#define PMIPC_STAMP_NOW INT64_MIN                      /* a stamp: the time of CLOCK_REALTIME at the commit */
#define PMIPC_DEFAULT_HISTORY_LEN 10                   /* samples */
#define PMIPC_DEFAULT_SPARE 3                          /* slots */
#define PMIPC_DEFAULT_GROWTH_BYTES (UINT64_C(1) << 30) /* bytes; see pmipc_producer_reserve */

/** A producer: the one writer of a pool. */
typedef struct pmipc_producer pmipc_producer;

/** Options of a producer. Zero is the default of every member: `pmipc_producer_options options = {0};`. */
typedef struct pmipc_producer_options {
    uint32_t history_len; /* newest samples that stay readable, 1 to PMIPC_MAX_HISTORY_LEN; 0: 10 */
    uint32_t spare;       /* slots in addition to history_len at creation; 0: 3 */
    uint32_t mode;        /* permission bits of the pool file: 0600, 0660, 0606 or 0666; 0: 0600. Streams write to the
                             file too, so read permission alone is refused */
    uint32_t origin;      /* PMIPC_ORIGIN_C, PMIPC_ORIGIN_NUMPY or PMIPC_ORIGIN_TORCH */
    uint64_t max_bytes;   /* the most bytes that the pool file may have; 0: no limit */
    const char *metadata; /* a JSON object, UTF-8; stored and compared as these bytes. NULL: none */
    const char *folder;   /* the registry folder. NULL: $POLYMORPH_IPC_DIR, or /dev/shm/polymorph_ipc-<uid> */
    bool no_growth;       /* never grow the pool, and never replace it by a larger one: give up history when no slot is
                             free. `spare` should be the number of views that streams may hold, plus 1 */
    bool prefault;        /* when the pool is opened, touch every page and lock it as far as RLIMIT_MEMLOCK allows */
    bool keep;            /* pmipc_producer_close leaves the pool: readable, and the next producer adopts it */
    bool no_adopt;        /* replace the pool of a dead producer instead of adopting it, so that new streams do not read
                             its history. Connected streams drain it. For commands */
    bool recreate;        /* create the pool again when another program removes its file: see pmipc_producer_publish */
    uint32_t overflow;    /* PMIPC_OVERFLOW_OLDEST, PMIPC_OVERFLOW_REFUSE or PMIPC_OVERFLOW_WAIT. With the last two, a
                             sample stays in the history until every connected lossless stream has read it, or while
                             none is connected, until one has. For commands */
    bool fixed_capacity;  /* refuse samples that are longer than the schema's leading dimension; otherwise a larger pool
                             replaces this one */
} pmipc_producer_options;

/** Open the pool `name` for writing: create it, adopt it, or replace it. Publishes nothing.
 *
 * - There is no pool of this name: a new one is created.
 * - The pool's producer is dead, and the pool has this schema, history_len, spare, metadata and origin: it is adopted.
 *   The history stays, the sequence continues, streams stay connected. A pool that has more room for variable fields
 *   than `schema` is adopted too.
 * - The pool's producer is dead, and something differs or `no_adopt` is set: a new pool replaces it.
 * - The pool belongs to another user: it is adopted only when `mode` gives others write permission, and its permission
 *   bits and group are those that a new file would get. Otherwise it is replaced, where the folder permits that.
 * - A file of this name is not a pool: it is never replaced.
 *
 * The pool file gets the permission bits `mode`. A process that has the file open keeps its access.
 *
 * Ownership: `*producer` belongs to the caller, until pmipc_producer_close or pmipc_producer_abandon. `schema` and
 * `options` are copied. `options` may be NULL.
 * Threads: any.
 * Progress: waits up to a second for the lock of another process that is dying. Does not wait for a producer of the
 * same process.
 * Returns:
 * - PMIPC_OK: `*producer` is set
 * - PMIPC_INVALID_ARGUMENT: the schema, an option or the folder's path is invalid, or `producer` is NULL
 * - PMIPC_INVALID_NAME: `name` is not a pool name
 * - PMIPC_BUSY: the pool has another producer, which the message names; or other processes keep replacing its file
 * - PMIPC_CORRUPT: a file of this name is not a pool
 * - PMIPC_NO_SPACE: too little shared memory, or max_bytes is too small; the message says how much is needed, and which
 *   pools could be removed
 * - PMIPC_PERMISSION: no permission for the folder or the file, or a process holds a read lock on the file
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NOT_FOUND: the folder is a symbolic link whose target does not exist, or was removed during the call
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_open(pmipc_producer **producer, const char *name,
                                                          const pmipc_schema *schema,
                                                          const pmipc_producer_options *options, pmipc_error *error);

/** Publish a sample of a plain tensor of fixed shape.
 *
 * `data` has the bytes of the tensor: contiguous, of any alignment. They are copied. `stamp_ns` is the sample's stamp
 * in ns since the epoch, or PMIPC_STAMP_NOW. `*seq` becomes its sequence number; `seq` may be NULL.
 *
 * When no slot is free, the producer clears the rows of dead streams, then grows the pool, then gives up history. With
 * no_growth it gives up history first, and clears rows only before it returns PMIPC_FULL, at most every 10 ms.
 *
 * Another program may remove the pool file while the producer lives. systemd-logind does that when the user's last
 * session ends (RemoveIPC). Publish and commit notice it within a second, pmipc_producer_sweep at once. The pool is
 * then retired, and the call returns PMIPC_LOST. With `recreate` the call creates the pool again, with the same
 * history, sequence and metadata, and the sample goes into the new pool. If that fails, a later call tries again, at
 * most once a second.
 *
 * Threads: the producer's.
 * Progress: wait-free while a slot is free. Creating the pool again makes the system calls of pmipc_producer_open and
 * copies the history, also with no_growth.
 * Returns:
 * - PMIPC_OK: the sample is published
 * - PMIPC_SCHEMA_MISMATCH: the schema has several fields or a variable one; use pmipc_producer_publish_fields
 * - PMIPC_INVALID_ARGUMENT: `data` is NULL
 * - PMIPC_WRONG_STATE: a loan is out
 * - PMIPC_FULL: each slot holds the newest sample or is pinned by a stream, and the message names these streams; or
 *   lossless streams have not read the oldest sample (see `overflow`), and the message names them; or all 2^48 sequence
 *   numbers are used, and the producer must be opened again
 * - PMIPC_INTERRUPTED: with PMIPC_OVERFLOW_WAIT, a signal handler ran during the wait
 * - PMIPC_LOST: another producer has adopted the pool, another process has retired it, or its file was removed
 * - PMIPC_CLOSED: after pmipc_producer_retire
 * - PMIPC_FORKED: the producer belongs to the parent process
 * - PMIPC_NO_SPACE: a new pool is needed (`recreate`, reserve, replace), and there is too little shared memory for it
 * - PMIPC_NO_MEMORY: a new pool is needed, and memory is used up
 * - PMIPC_PERMISSION: a new pool is needed, and the folder does not permit it
 * - PMIPC_UNSUPPORTED: a new pool is needed, and the folder is no longer on tmpfs
 * - PMIPC_NOT_FOUND: a new pool is needed, and the folder does not exist
 * - PMIPC_SYSTEM: a new pool is needed, and a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_publish(pmipc_producer *producer, const void *data,
                                                             int64_t stamp_ns, uint64_t *seq);

/** The data of one field, for pmipc_producer_publish_fields. */
typedef struct pmipc_source {
    const void *data; /* contiguous, of any alignment; may be NULL when the field has no bytes */
    int64_t length;   /* leading length of a variable field; ignored for other fields */
} pmipc_source;

/** Publish a sample of any schema: all fields become visible together.
 *
 * `sources` has `count` entries: one for each field, in the order of the schema. The data are copied. `stamp_ns` is the
 * sample's stamp in ns since the epoch, or PMIPC_STAMP_NOW. `*seq` becomes its sequence number; `seq` may be NULL. When
 * a variable field is longer than the pool has room for, a larger pool takes its place: see pmipc_producer_reserve.
 *
 * Threads: the producer's.
 * Progress: that of pmipc_producer_publish while the sample has room in the pool, otherwise that of
 * pmipc_producer_reserve.
 * Returns:
 * - PMIPC_OK: the sample is published
 * - PMIPC_SCHEMA_MISMATCH: a length is negative; or it is too long, and no_growth or fixed_capacity is set
 * - PMIPC_INVALID_ARGUMENT: `sources` is NULL, `count` is not the schema's, or the data of a field are NULL
 * - PMIPC_WRONG_STATE: a loan is out
 * - PMIPC_FULL: each slot holds the newest sample or is pinned by a stream, and the message names these streams; or
 *   lossless streams have not read the oldest sample (see `overflow`), and the message names them; or all 2^48 sequence
 *   numbers are used, and the producer must be opened again
 * - PMIPC_INTERRUPTED: with PMIPC_OVERFLOW_WAIT, a signal handler ran during the wait
 * - PMIPC_LOST: another producer has adopted the pool, another process has retired it, or its file was removed
 * - PMIPC_CLOSED: after pmipc_producer_retire
 * - PMIPC_FORKED: the producer belongs to the parent process
 * - PMIPC_NO_SPACE: a new pool is needed (a longer sample, `recreate`, reserve, replace), and max_bytes or the shared
 *   memory is too small for it
 * - PMIPC_NO_MEMORY: a new pool is needed, and memory is used up
 * - PMIPC_PERMISSION: a new pool is needed, and the folder does not permit it
 * - PMIPC_UNSUPPORTED: a new pool is needed, and the folder is no longer on tmpfs
 * - PMIPC_NOT_FOUND: a new pool is needed, and the folder does not exist
 * - PMIPC_SYSTEM: a new pool is needed, and a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_publish_fields(pmipc_producer *producer,
                                                                    const pmipc_source *sources, uint32_t count,
                                                                    int64_t stamp_ns, uint64_t *seq);

/** One field of a loan. access.h has typed, checked pointers to the data. */
typedef struct pmipc_loan_field {
    void *data;     /* 64-byte aligned; it has the bytes of an older sample */
    int64_t length; /* leading length, shape[0] at first (1 for 0-d). Lower it for a variable field */
} pmipc_loan_field;

/** A slot that the caller fills in place. */
typedef struct pmipc_loan {
    uint64_t seq;         /* the sequence number that the sample will have */
    uint32_t slot;        /* internal */
    uint32_t field_count; /* fields of the schema; the first so many entries of `fields` are set */
    uint32_t headroom;    /* bytes before fields[0].data that may be overwritten until the commit, often 0: for a header
                             that is received together with the data */
    pmipc_loan_field fields[PMIPC_MAX_FIELDS];
} pmipc_loan;

/** Take the next slot, to fill it in place without a copy.
 *
 * A producer has one loan at a time. Commit or discard it. Do not write to its memory after the commit: streams read
 * it. When no slot is free, this does what pmipc_producer_publish does.
 *
 * Ownership: the memory belongs to the caller until pmipc_producer_commit or pmipc_producer_discard.
 * Threads: the producer's.
 * Progress: that of pmipc_producer_publish.
 * Returns:
 * - PMIPC_OK: `*loan` is set
 * - PMIPC_WRONG_STATE: a loan is out
 * - PMIPC_FULL: each slot holds the newest sample or is pinned by a stream, and the message names these streams; or
 *   lossless streams have not read the oldest sample (see `overflow`), and the message names them; or all 2^48 sequence
 *   numbers are used, and the producer must be opened again
 * - PMIPC_INTERRUPTED: with PMIPC_OVERFLOW_WAIT, a signal handler ran during the wait
 * - PMIPC_LOST: another producer has adopted the pool, another process has retired it, or its file was removed
 * - PMIPC_CLOSED: after pmipc_producer_retire
 * - PMIPC_FORKED: the producer belongs to the parent process
 * - PMIPC_NO_SPACE: a new pool is needed (`recreate`), and there is too little shared memory for it
 * - PMIPC_NO_MEMORY: a new pool is needed, and memory is used up
 * - PMIPC_PERMISSION: a new pool is needed, and the folder does not permit it
 * - PMIPC_UNSUPPORTED: a new pool is needed, and the folder is no longer on tmpfs
 * - PMIPC_NOT_FOUND: a new pool is needed, and the folder does not exist
 * - PMIPC_SYSTEM: a new pool is needed, and a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_loan(pmipc_producer *producer, pmipc_loan *loan);

/** Publish a loaned slot.
 *
 * The lengths of variable fields are taken from `loan->fields[i].length`. `stamp_ns` is the sample's stamp in ns since
 * the epoch, or PMIPC_STAMP_NOW. When `recreate` has created the pool again, `loan->fields[i].data` point into the new
 * pool afterwards.
 *
 * Threads: the producer's.
 * Progress: that of pmipc_producer_publish.
 * Returns:
 * - PMIPC_OK: the sample is published
 * - PMIPC_SCHEMA_MISMATCH: a length is negative or has no room in the loan. The loan stays out: correct the length, or
 *   discard the loan
 * - PMIPC_WRONG_STATE: this loan was committed or discarded before
 * - PMIPC_LOST: another producer has adopted the pool, another process has retired it, or its file was removed. The
 *   loan is discarded
 * - PMIPC_CLOSED: after pmipc_producer_retire
 * - PMIPC_FORKED: the producer belongs to the parent process
 * - PMIPC_NO_SPACE: a new pool is needed (`recreate`, reserve, replace), and there is too little shared memory for it.
 *   The loan is discarded, also with the following statuses
 * - PMIPC_NO_MEMORY: a new pool is needed, and memory is used up
 * - PMIPC_PERMISSION: a new pool is needed, and the folder does not permit it
 * - PMIPC_UNSUPPORTED: a new pool is needed, and the folder is no longer on tmpfs
 * - PMIPC_NOT_FOUND: a new pool is needed, and the folder does not exist
 * - PMIPC_SYSTEM: a new pool is needed, and a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_commit(pmipc_producer *producer, pmipc_loan *loan,
                                                            int64_t stamp_ns);

/** Give a loaned slot back without publishing it.
 *
 * Does nothing when this loan is not out, and when an argument is NULL.
 *
 * Threads: the producer's. */
PMIPC_API void pmipc_producer_discard(pmipc_producer *producer, pmipc_loan *loan);

/** Make room for a sample of these leading lengths.
 *
 * `lengths` has `count` entries: one for each field, in the order of the schema. Entries of fields that are not
 * variable are ignored. pmipc_producer_publish_fields does this by itself; it is needed before a loan.
 *
 * When the pool has too little room, a larger pool is prepared. It has twice the leading dimension, or as much as the
 * sample needs. With the next sample it takes the old pool's place: the same name, history and metadata, and the
 * sequence continues. Connected streams change to it. It has at most max_bytes, or PMIPC_DEFAULT_GROWTH_BYTES if
 * max_bytes is 0. While both pools exist, both use memory. From this call on, the facts of the producer (schema,
 * incarnation) are those of the larger pool. Discarding a loan discards the larger pool.
 *
 * Threads: the producer's.
 * Progress: wait-free when the pool has room. Otherwise it makes system calls and copies the history.
 * Returns:
 * - PMIPC_OK: the next sample may have these lengths
 * - PMIPC_SCHEMA_MISMATCH: a length is negative; or it is too long, and no_growth or fixed_capacity is set
 * - PMIPC_INVALID_ARGUMENT: `lengths` is NULL, or `count` is not the schema's
 * - PMIPC_WRONG_STATE: a loan is out
 * - PMIPC_LOST: another producer has adopted the pool, another process has retired it, or its file was removed
 * - PMIPC_CLOSED: after pmipc_producer_retire
 * - PMIPC_FORKED: the producer belongs to the parent process
 * - PMIPC_NO_SPACE: max_bytes or the shared memory is too small for the larger pool
 * - PMIPC_NO_MEMORY: memory is used up
 * - PMIPC_PERMISSION: the folder does not permit it
 * - PMIPC_UNSUPPORTED: the folder is no longer on tmpfs
 * - PMIPC_NOT_FOUND: the folder does not exist
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_reserve(pmipc_producer *producer, const int64_t *lengths,
                                                             uint32_t count);

/** Replace the pool by one of another schema or other metadata, with the next sample.
 *
 * The new pool has the same name and options. Until the next sample is published, the old pool stays as it is. The
 * sequence continues. The history continues when the metadata are equal and the schemas differ in the leading
 * dimensions of variable fields only. A connected stream finds the new schema as pmipc_stream_options says:
 * PMIPC_SCHEMA_MISMATCH, or with follow_schema it continues. `metadata` may be NULL: none.
 *
 * Threads: the producer's.
 * Progress: makes system calls, and may copy the history.
 * Returns:
 * - PMIPC_OK: the next sample goes into the new pool
 * - PMIPC_INVALID_ARGUMENT: a pool cannot carry this schema, or the metadata are too long
 * - PMIPC_WRONG_STATE: a loan is out
 * - PMIPC_LOST: another producer has adopted the pool, another process has retired it, or its file was removed
 * - PMIPC_CLOSED: after pmipc_producer_retire
 * - PMIPC_FORKED: the producer belongs to the parent process
 * - PMIPC_NO_SPACE: max_bytes or the shared memory is too small for the new pool
 * - PMIPC_NO_MEMORY: memory is used up
 * - PMIPC_PERMISSION: the folder does not permit it
 * - PMIPC_UNSUPPORTED: the folder is no longer on tmpfs
 * - PMIPC_NOT_FOUND: the folder does not exist
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_replace(pmipc_producer *producer, const pmipc_schema *schema,
                                                             const char *metadata);

/** Keep the memory of all loans of the present pool mapped until pmipc_producer_close, also when another pool replaces
 * it.
 *
 * Threads: the producer's. */
PMIPC_API void pmipc_producer_keep_memory(pmipc_producer *producer);

/** Set how long publish and loan wait for lossless streams, with PMIPC_OVERFLOW_WAIT: nanoseconds, PMIPC_FOREVER (the
 * default) or 0. After it they return PMIPC_FULL.
 *
 * Threads: the producer's. */
PMIPC_API void pmipc_producer_set_timeout(pmipc_producer *producer, int64_t timeout_ns);

/** Wait until lossless streams leave room for the next sample.
 *
 * `timeout_ns` limits the wait: nanoseconds, PMIPC_FOREVER, or 0 to look once. With PMIPC_OVERFLOW_OLDEST there is
 * always room. A lossless stream whose process dies holds its samples for 100 ms at most.
 *
 * Threads: the producer's. Cancellation point.
 * Progress: blocks. No sleep is longer than 100 ms.
 * Returns:
 * - PMIPC_OK: there is room
 * - PMIPC_TIMEOUT: lossless streams left no room within `timeout_ns`
 * - PMIPC_INTERRUPTED: a signal handler ran; call again to continue the wait
 * - PMIPC_LOST: another producer has adopted the pool, another process has retired it, or its file was removed
 * - PMIPC_CLOSED: after pmipc_producer_retire
 * - PMIPC_FORKED: the producer belongs to the parent process */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_wait_room(pmipc_producer *producer, int64_t timeout_ns);

/** Copy the message of the last publish, loan, commit, reserve or replace that failed.
 *
 * Threads: the producer's. */
PMIPC_API void pmipc_producer_last_error(const pmipc_producer *producer, pmipc_error *error);

/** Retire and remove the pool, or leave it if it was opened with `keep`. The handle stays.
 *
 * The memory of loans stays mapped until pmipc_producer_close. Publish, loan and commit return PMIPC_CLOSED from now
 * on. A second call does nothing. In a forked child it changes nothing that is shared.
 *
 * Threads: the producer's. */
PMIPC_API void pmipc_producer_retire(pmipc_producer *producer);

/** Clear the rows of dead streams, so that the slots they pinned are free again.
 *
 * Adopting a pool does this, and so does publishing when no slot is free. With no_growth, publishing gives up history
 * first and sweeps only before it returns PMIPC_FULL: call this once a second outside of the control loop, or in the
 * slack of a period. It also notices at once that the pool file was removed.
 *
 * Threads: the producer's.
 * Progress: one fstat, one fcntl for each connected stream and two more for each dead one: about a microsecond each.
 * Returns the number of rows that it cleared. */
PMIPC_API uint32_t pmipc_producer_sweep(pmipc_producer *producer);

/** Retire and remove the pool, or leave it if it was opened with `keep`, and free the handle.
 *
 * Connected streams wake, drain the pool and treat it as absent then. Their views stay valid. In a forked child it
 * frees the child's copy and changes nothing that is shared. NULL is allowed.
 *
 * Threads: the producer's. */
PMIPC_API void pmipc_producer_close(pmipc_producer *producer);

/** Free the handle and leave the pool, as if the process had died: it stays readable, and the next producer adopts it.
 *
 * NULL is allowed.
 *
 * Threads: the producer's. */
PMIPC_API void pmipc_producer_abandon(pmipc_producer *producer);

/** Return the pool's name. It belongs to the producer.
 *
 * Threads: the producer's, as of the following functions. */
PMIPC_API const char *pmipc_producer_name(const pmipc_producer *producer);

/** Return the pool's schema. It belongs to the producer, until another pool replaces this one. */
PMIPC_API const pmipc_schema *pmipc_producer_schema(const pmipc_producer *producer);

/** Return the pool's metadata, "" if it has none. They belong to the producer, until another pool replaces this one. */
PMIPC_API const char *pmipc_producer_metadata(const pmipc_producer *producer);

/** Return the number of samples in a full history. */
PMIPC_API uint32_t pmipc_producer_history_len(const pmipc_producer *producer);

/** Return the pool's random identity. It changes when another pool replaces this one, not when the pool is adopted. */
PMIPC_API uint64_t pmipc_producer_incarnation(const pmipc_producer *producer);

/** Return the pool's owner epoch: 1 for the producer that created it, one more for each producer that adopted it. */
PMIPC_API uint64_t pmipc_producer_epoch(const pmipc_producer *producer);

/** Return whether this producer has adopted the pool. */
PMIPC_API bool pmipc_producer_adopted(const pmipc_producer *producer);

/** Return the sequence number of the newest sample. The first sample has 1; 0: no sample yet. */
PMIPC_API uint64_t pmipc_producer_seq(const pmipc_producer *producer);

/** Return the number of slots that the pool has now. */
PMIPC_API uint32_t pmipc_producer_slot_count(const pmipc_producer *producer);

/** Describe the connected streams, after clearing the rows of dead ones.
 *
 * `readers` has room for `capacity` entries.
 *
 * Threads: the producer's.
 * Progress: one system call for each stream; not for control loops.
 * Returns the number of connected streams, 0 to PMIPC_MAX_READERS, also when it is more than `capacity`. */
PMIPC_API uint32_t pmipc_producer_readers(pmipc_producer *producer, pmipc_reader_info *readers, uint32_t capacity);

PMIPC_END_DECLS

#endif
