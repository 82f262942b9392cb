/* producer.h: the one writer of a pool.
 *
 * Threads and processes: one thread at a time per producer handle. After fork, the child's copy of a handle is inert:
 * its calls return PMIPC_FORKED. One producer per pool: a second one gets PMIPC_BUSY.
 *
 * pthread_cancel: no function in this file is a cancellation point. A cancellation waits until the function has
 * returned, for a second at most. The asynchronous cancel type (PTHREAD_CANCEL_ASYNCHRONOUS) is not supported. */
#ifndef PMIPC_PRODUCER_H
#define PMIPC_PRODUCER_H

#include "pool.h"

PMIPC_BEGIN_DECLS

typedef struct pmipc_producer pmipc_producer;

#define PMIPC_STAMP_NOW INT64_MIN /* stamp the sample with the wall clock at commit */
#define PMIPC_DEFAULT_HISTORY_LEN 10
#define PMIPC_DEFAULT_SPARE 3
#define PMIPC_DEFAULT_GROWTH_BYTES (UINT64_C(1) << 30) /* see pmipc_producer_reserve */

/** Options of a producer. All zero is the default: `pmipc_producer_options options = {0};`. */
typedef struct pmipc_producer_options {
    uint32_t history_len; /* newest samples that stay readable, 1 to 32768; 0: 10 */
    uint32_t spare;       /* slots beyond history_len before the pool has to grow; 0: 3 */
    uint32_t
        mode; /* permission bits of the pool file: 0600, 0660, 0606 or 0666, since streams need to write; 0: 0600 */
    uint32_t origin;      /* PMIPC_ORIGIN_* */
    uint64_t max_bytes;   /* the pool never grows past this many bytes; 0: no limit but memory */
    const char *metadata; /* a JSON object, UTF-8, kept as given and compared byte by byte; NULL: none */
    const char *folder;   /* registry folder; NULL: $POLYMORPH_IPC_DIR or /dev/shm/polymorph_ipc-<uid> */
    bool no_growth; /* real time: never grow, sweep only before FULL; spare must cover the views that may be held + 1.
                       Samples longer than the schema's leading dimension are refused */
    bool prefault;  /* touch and, as far as the limits allow, lock every page now */
    bool keep;      /* pmipc_producer_close leaves the pool behind, readable and adoptable */
    bool recreate;  /* make the pool again when its file was removed from outside; see pmipc_producer_publish */
    bool fixed_capacity; /* refuse samples that are longer than the schema's leading dimension, instead of replacing the
                            pool by a larger one */
} pmipc_producer_options;

/** Create the pool `name`, or adopt the one a dead producer left when schema, history_len, spare, metadata and origin
 * are equal (sequence goes on, streams notice nothing), or replace it when they are not. A pool with more room for
 * variable fields than `schema` asks for is adopted too. Publishes nothing. A pool of another user is adopted only when
 * `mode` gives others write permission and its permission bits and group are those that a new file would get; otherwise
 * it is replaced where the folder permits that. The file gets exactly `mode`; a process that has it open already keeps
 * it open. A file that is not a pool is never replaced. Ownership: `*producer` is the caller's until
 * pmipc_producer_close or _abandon. `schema` and `options` are copied. Progress: waits up to one second for a lock that
 * a dying producer has not let go of yet; not for one of this process's own. Returns: OK; INVALID_NAME,
 * INVALID_ARGUMENT; BUSY (names the other producer); NO_SPACE (says how much is needed and what could be cleaned);
 * UNSUPPORTED (the folder is not on tmpfs); PERMISSION (names the permission or the owner, or a read lock on the file);
 * CORRUPT (the name leads to something that is not a pool); NO_MEMORY; SYSTEM. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_open(pmipc_producer **producer, const char *name,
                                                          const pmipc_schema *schema,
                                                          const pmipc_producer_options *options, pmipc_error *error);

/** Publish a plain tensor of fixed shape: copy it from `data` (contiguous, exactly the schema's bytes, any alignment).
 *  Threads: the producer's. Progress: wait-free but for growth; with no_growth no system call (but one futex wake when
 * a stream sleeps, and one fstat a second), no allocation, no lock. `seq` may be NULL. The pool's file may be removed
 * from outside while the producer lives: by hand, or by systemd-logind, whose RemoveIPC deletes what a user has in
 * /dev/shm when the user's last session ends. A publish or commit notices it within a second, pmipc_producer_sweep at
 * once. The file is retired, so that its streams go where the name leads, and the call returns LOST; nothing was
 * published. With `recreate` it makes the pool again under its name, with the same history, numbers and metadata, and
 * the sample is its next: then it takes the system calls of pmipc_producer_open and a copy of the history, also with
 * no_growth. When that fails (NO_SPACE, PERMISSION, ...; LOST: another pool has the name) a later publish tries again,
 * at most once a second. Returns: OK; SCHEMA_MISMATCH (the schema has several fields or a variable one); WRONG_STATE (a
 * loan is out); INVALID_ARGUMENT (`data` is NULL); FULL (every slot holds the newest sample or is pinned; the error
 * names who holds how many slots. Rows of dead streams were cleared first, also with no_growth, at most every 10 ms. Or
 * all 2^48 sequence numbers are used up: close the producer and open it again, for a new pool); LOST (another producer
 * has taken the pool over, it was retired from outside, or its file was removed); CLOSED (after pmipc_producer_retire);
 * FORKED. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_publish(pmipc_producer *producer, const void *data,
                                                             int64_t stamp_ns, uint64_t *seq);

/** One field's data for pmipc_producer_publish_fields. */
typedef struct pmipc_source {
    const void *data; /* contiguous; may be NULL when it has no bytes */
    int64_t length;   /* leading length of a variable field; ignored for others */
} pmipc_source;

/** Publish any sample: `sources` has one entry per field, in the schema's order; all become visible at once. A variable
 *  field that is longer than the pool has room for makes the pool larger: see pmipc_producer_reserve.
 *  Threads, progress: as pmipc_producer_publish. Returns: the same; SCHEMA_MISMATCH also when a length is negative, or
 * with no_growth or fixed_capacity over the schema's, saying by how much; INVALID_ARGUMENT when `count` is not the
 * schema's or data is NULL; and the failures of pmipc_producer_reserve. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_publish_fields(pmipc_producer *producer,
                                                                    const pmipc_source *sources, uint32_t count,
                                                                    int64_t stamp_ns, uint64_t *seq);

/** One field of a loaned frame. access.h has typed pointers that are checked. */
typedef struct pmipc_loan_field {
    void *data;     /* 64-byte aligned; holds whatever an older frame left there */
    int64_t length; /* leading length: preset to the room there is, the schema's shape[0] (1 for 0-d); lower it for a
                       variable field */
} pmipc_loan_field;

/** A frame that is being filled in place. Only the first field_count entries of `fields` are set. */
typedef struct pmipc_loan {
    uint64_t seq;  /* the sequence number it will have */
    uint32_t slot; /* internal */
    uint32_t field_count;
    uint32_t headroom; /* bytes in front of fields[0].data, 64 at least, that may be scribbled on until the commit: room
                          for what precedes the data when both are received in one piece */
    pmipc_loan_field fields[PMIPC_MAX_FIELDS];
} pmipc_loan;

/** Borrow the next frame to fill it in place, without a copy. One loan at a time; commit or discard it. Memory of a
 * loan must not be written after its commit: streams are reading it. Threads, progress: as pmipc_producer_publish.
 * Returns: OK; WRONG_STATE (a loan is out); FULL; LOST; CLOSED; FORKED. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_loan(pmipc_producer *producer, pmipc_loan *loan);

/** Publish a loaned frame. Where `recreate` made the pool again, `loan->fields[i].data` lead into the new one
 * afterwards. Lengths of variable fields are taken from `loan->fields[i].length`; on SCHEMA_MISMATCH the loan stays
 * out, so that it can be mended or discarded. Returns: OK; SCHEMA_MISMATCH; WRONG_STATE (this loan is not out); LOST
 * (the loan is dropped); CLOSED; FORKED. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_commit(pmipc_producer *producer, pmipc_loan *loan,
                                                            int64_t stamp_ns);

/** Give a loaned frame back unpublished; streams never see it. Harmless when no loan is out. */
PMIPC_API void pmipc_producer_discard(pmipc_producer *producer, pmipc_loan *loan);

/** Make sure that the next sample may have these leading lengths, one for each field; of fields that are not variable
 * they are ignored. Where the pool has less room, a larger one takes its place with the next sample that is published,
 * or committed as a loan: of twice the leading dimension, or of what the sample needs. It has the same name, history
 *  (samples, numbers, stamps) and metadata, and streams go over to it; the sequence goes on. It takes at most
 * max_bytes, with max_bytes 0 at most 1 GiB; while it is made, both take memory. Facts of the handle (schema,
 * incarnation) are those of the larger pool from then on. Discarding a loan takes the room back. Needed only before a
 * loan: pmipc_producer_publish_fields does it by itself. Threads: the producer's. Progress: system calls and a copy of
 * the history when the pool becomes larger, else wait-free. Returns: OK; SCHEMA_MISMATCH (a negative length; no_growth
 * or fixed_capacity, and a longer one); NO_SPACE (max_bytes, or the memory there is); INVALID_ARGUMENT; WRONG_STATE (a
 * loan is out); LOST (taken over, retired, or its file was removed); CLOSED; FORKED; PERMISSION; NO_MEMORY; SYSTEM.
 * Nothing has changed then. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_reserve(pmipc_producer *producer, const int64_t *lengths,
                                                             uint32_t count);

/** With the next sample, replace the pool by one of another schema or other metadata, under the same name and with the
 * same options. Until that sample is published the old pool stays as it is. The sequence goes on; the history does too
 * when the metadata are equal and the schemas differ in leading lengths only. Streams find another schema as they find
 * any: SCHEMA_MISMATCH, or with follow_schema they go on. Returns: as pmipc_producer_reserve. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_producer_replace(pmipc_producer *producer, const pmipc_schema *schema,
                                                             const char *metadata);

/** Loaned frames of the pool as it is now stay mapped until pmipc_producer_close, also when the pool is replaced
 * before. */
PMIPC_API void pmipc_producer_keep_memory(pmipc_producer *producer);

/** The full message of the last failed publish, loan, commit, reserve or replace on this handle. */
PMIPC_API void pmipc_producer_last_error(const pmipc_producer *producer, pmipc_error *error);

/** Retire and remove the pool now (unless made with `keep`) and let go of its lock, but keep the handle's memory:
 * loaned frames that somebody still points at stay mapped until pmipc_producer_close. Publish, loan and commit return
 *  PMIPC_CLOSED from then on. Idempotent; in a forked child it touches nothing shared. */
PMIPC_API void pmipc_producer_retire(pmipc_producer *producer);

/** Clear the rows of streams that died, so that the slots they held are free again. Opening a pool that a dead producer
 * left does it, and publishing when it runs out of slots. With no_growth publishing gives up history first and sweeps
 * only before it returns FULL: call this once a second outside the control loop, or in the slack of a period, to get
 * the history back. An idle producer notices with it that its file was removed. Threads: the producer's. Progress: one
 * fstat, one fcntl for each connected stream, two more for each dead one (about a microsecond each). Returns the rows
 * cleared. */
PMIPC_API uint32_t pmipc_producer_sweep(pmipc_producer *producer);

/** Retire the pool (streams treat it as absent, sleepers wake) and remove it, or leave it when made with `keep`, and
 * free the handle. Views that streams hold stay valid. In a forked child: frees the child's copy, touches nothing
 * shared. NULL is allowed. */
PMIPC_API void pmipc_producer_close(pmipc_producer *producer);

/** Free the handle as if the process had died: the pool stays readable, and the next producer adopts it. NULL is
 * allowed. */
PMIPC_API void pmipc_producer_abandon(pmipc_producer *producer);

/** Facts of the handle; strings and schema are the handle's. Those of the pool change when it is replaced (see
 *  pmipc_producer_reserve): schema, incarnation, epoch, metadata. Then the pointers to schema and metadata are void. */
PMIPC_API const char *pmipc_producer_name(const pmipc_producer *producer);
PMIPC_API const pmipc_schema *pmipc_producer_schema(const pmipc_producer *producer);
PMIPC_API uint32_t pmipc_producer_history_len(const pmipc_producer *producer);
PMIPC_API uint64_t pmipc_producer_incarnation(const pmipc_producer *producer);
PMIPC_API uint64_t
pmipc_producer_epoch(const pmipc_producer *producer); /* 1 for the creator, one more for each adopter */
PMIPC_API const char *pmipc_producer_metadata(const pmipc_producer *producer); /* "" when none */

/** Whether this handle took over a dead producer's pool. */
PMIPC_API bool pmipc_producer_adopted(const pmipc_producer *producer);

/** Sequence number of the newest sample in the pool, 0 when there is none. Numbers start at 1. */
PMIPC_API uint64_t pmipc_producer_seq(const pmipc_producer *producer);

/** Slots the pool has now (it grows when streams hold many views). */
PMIPC_API uint32_t pmipc_producer_slot_count(const pmipc_producer *producer);

/** Describe the connected streams into `readers` (room for `capacity`), after clearing the rows of dead ones. Not for
 * control loops: a system call per stream. Returns how many there are, 0 to 64, also when capacity is less. */
PMIPC_API uint32_t pmipc_producer_readers(pmipc_producer *producer, pmipc_reader_info *readers, uint32_t capacity);

PMIPC_END_DECLS

#endif
