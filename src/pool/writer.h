/* writer.h: the owner of a pool file: creating and adopting it, publishing, growing, retiring.
 *
 * writer.c creates, adopts, retires and closes; writer_successor.c creates a pool that continues another one;
 * writer_publish.c takes and publishes slots; writer_room.c waits for lossless streams; writer_facts.c and
 * writer_slots.c serve all of them. */
#ifndef POOL_WRITER_H
#define POOL_WRITER_H

#include "pool/description.h"
#include "pool/owner_lock.h"
#include "pool/protocol.h"

struct pool_writer {
    struct owner_lock lock;
    uint64_t generation;
    int fd; /* of the mappings */
    struct file_identity identity;
    struct pool_description *description;
    char *base; /* the mapping of the file as it was at creation or adoption */
    size_t base_bytes;
    uint32_t base_slots;
    char **steps; /* mappings of the slots that the pool has grown by since, one for each step */
    uint32_t step_count;
    uint64_t max_bytes;
    bool no_growth;
    bool prefault;
    uint32_t overflow; /* PMIPC_OVERFLOW_* */
    bool adopted;
    bool has_name;                   /* the file has got its name, or was adopted with it */
    bool removed;                    /* another program has removed the name */
    bool keep_mapped;                /* a user has pointers into its slots: unmap them only when the handle is closed */
    struct pool_writer *predecessor; /* the writer whose pool this one will replace; NULL: none */
    struct pool_writer *older;       /* the writer of the replaced pool, kept because of keep_mapped */
    int64_t next_sweep_ns;           /* no sweep before */
    int64_t next_full_text_ns;
    int64_t timeout_ns; /* how long a publication waits for lossless streams; PMIPC_FOREVER */
    int64_t next_unread_text_ns;
    uint64_t unread_text_floor;
    uint64_t stuck_rows; /* see rows_sweep */
    int64_t next_growth_ns;
    int growth_failure; /* errno of the latest failed growth; 0: a limit was reached */
    int64_t next_clock_ns;
    int64_t clock_offset_ns;
    struct pool_control *control;
    struct pool_readers *readers;
    struct protocol_producer protocol;
    pmipc_error *error; /* of the handle, for calls without an error argument */
};

/* Create the pool in an unnamed file and take its producer lock. No other process can reach the file until it gets a
 * name. The call owns `description`, also on failure. Returns OK, NO_SPACE, NO_MEMORY, PERMISSION or SYSTEM. */
pmipc_status writer_create(struct pool_writer **writer, int folder, struct pool_description *description,
                           const pmipc_producer_options *options, pmipc_error *error);

/* writer_create for a pool that will replace `predecessor`'s. It continues the sequence numbers. If history_len,
 * metadata and schema are the same (variable fields may have more room), it also gets a copy of the history. */
pmipc_status writer_create_successor(struct pool_writer **writer, int folder, struct pool_description *description,
                                     const pmipc_producer_options *options, struct pool_writer *predecessor,
                                     pmipc_error *error);

/* Adopt the pool in the file open as `fd`. `*lock` is its producer lock, `description` its description, `wanted` the
 * description that the producer wants. On OK the writer owns `fd`, the lock and `description`. Returns:
 * - PMIPC_OK
 * - PMIPC_NOTHING_NEW: the pool differs from `wanted`, or is retired or corrupt, and must be replaced
 * - PMIPC_PERMISSION, PMIPC_NO_MEMORY, PMIPC_SYSTEM */
pmipc_status writer_adopt(struct pool_writer **writer, int fd, struct owner_lock *lock,
                          struct pool_description *description, const struct pool_description *wanted,
                          const pmipc_producer_options *options, pmipc_error *error);

/* Take a slot to fill. If no slot is clean, it sweeps, then grows, then gives up history. Returns OK, FULL,
 * LOST, or INTERRUPTED (writer_make_room). */
pmipc_status writer_take_slot(struct pool_writer *writer, uint32_t *slot);

/* Called when the next sample is above protocol.seq_limit. Looks for room, sweeps dead streams, and waits if the writer
 * does that: then it is a cancellation point. Returns OK, FULL, INTERRUPTED or LOST. */
pmipc_status writer_make_room(struct pool_writer *writer);

/* Sleep until the next sample may be published. Cancellation point. Returns OK, TIMEOUT, INTERRUPTED or LOST. */
pmipc_status writer_wait_room(struct pool_writer *writer, int64_t timeout_ns, int cancel_state);

/* The header of a slot, and the payload, which follows it. */
struct slot_header *writer_slot_header(const struct pool_writer *writer, uint32_t slot);
char *writer_payload(const struct pool_writer *writer, uint32_t slot);

/* Bytes before a payload that the producer may write before it publishes the slot: the slot's header, and the padding
 * of the slot before it, which is not part of any view. */
uint32_t writer_headroom(const struct pool_writer *writer, uint32_t slot);

/* Publish a filled slot. `lengths` are those of the variable fields, in their order. Returns OK, or LOST (the slot is
 * returned). */
pmipc_status writer_commit(struct pool_writer *writer, uint32_t slot, int64_t stamp_ns, const uint32_t *lengths,
                           uint64_t valid_bytes);

/* Returns OK, or LOST with the reason when this writer does not own the pool any more. */
pmipc_status writer_check_owned(struct pool_writer *writer);

/* Whether the pool is retired, or this writer does not own it any more. */
bool writer_is_lost(const struct pool_writer *writer);

/* Add one step of slots. False: a limit is reached, writer->growth_failure is set, or this writer does not own the pool
 * any more. */
bool writer_grow(struct pool_writer *writer);

/* Store the offset between the clocks; called about once a second. */
void writer_refresh_clock(struct pool_writer *writer, int64_t now_ns);

/* Retire the pool if its file has lost its name: `names` is what file_names found. */
void writer_check_name(struct pool_writer *writer, int names);

/* Clear the rows of dead streams now. Returns their number. */
uint32_t writer_sweep(struct pool_writer *writer);

/* Describe the connected streams. `infos` has room for PIN_ROWS. Returns their number. */
uint32_t writer_describe_readers(struct pool_writer *writer, pmipc_reader_info *infos);

/* Set the handle's error: no slot is free (FULL), the sequence numbers are used up (FULL), the pool is lost (LOST). */
pmipc_status writer_full(struct pool_writer *writer, int64_t now_ns);
pmipc_status writer_used_up(struct pool_writer *writer);
pmipc_status writer_lost(struct pool_writer *writer);

/* Mark the pool retired, ring, and wake all sleepers. The caller removes the name. False: this writer does not own the
 * pool any more. */
bool writer_retire(struct pool_writer *writer, uint32_t why);

/* Free everything; the lock is released last. */
void writer_close(struct pool_writer *writer);

/* Retire an untrusted pool file of any layout version. The caller holds its producer lock. */
void retire_file(int fd);

#endif
