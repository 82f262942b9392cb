/* writer.h: the owner of one pool file: making it, adopting it, handing out slots, growing, retiring. */
#ifndef POOL_WRITER_H
#define POOL_WRITER_H

#include "pool/description.h"
#include "pool/owner_lock.h"
#include "pool/protocol.h"

struct pool_writer {
    struct owner_lock lock;
    uint64_t generation;
    int fd; /* the one that is mapped */
    struct file_identity identity;
    struct pool_description *description;
    char *base; /* the file as it was when it was opened */
    size_t base_bytes;
    uint32_t base_slots;
    char **steps; /* slots it grew by since, one mapping a step */
    uint32_t step_count;
    uint64_t max_bytes;
    bool no_growth;
    bool prefault;
    bool adopted;
    bool has_name;             /* the file was given its name, or adopted with it */
    bool removed;              /* from outside: the file has lost it */
    bool keep_mapped;          /* somebody points into its slots: unmap them only with the handle */
    struct pool_writer *older; /* a writer whose pool this one has replaced, kept for that */
    int64_t next_sweep_ns;     /* not before */
    int64_t next_full_text_ns;
    uint64_t stuck_rows; /* see rows_sweep */
    int64_t next_growth_ns;
    int growth_failure; /* errno of the latest growth that failed; 0: a limit was reached */
    int64_t next_clock_ns;
    int64_t clock_offset_ns;
    struct pool_control *control;
    struct pool_readers *readers;
    struct protocol_producer protocol;
    pmipc_error *error; /* the handle's, for the hot calls */
};

/* Make the pool in an unnamed file, its producer lock held. Nobody can reach it until writer_publish_name links it.
 * `description` is taken over, also on failure. Returns OK, NO_SPACE, NO_MEMORY, PERMISSION, SYSTEM. */
pmipc_status writer_create(struct pool_writer **writer, int folder, struct pool_description *description,
                           const pmipc_producer_options *options, pmipc_error *error);

/* The same for a pool that will take the place of `predecessor`'s: its sequence goes on, and so does its history where
 * samples have the same form and the metadata say the same of them. */
pmipc_status writer_create_successor(struct pool_writer **writer, int folder, struct pool_description *description,
                                     const pmipc_producer_options *options, const struct pool_writer *predecessor,
                                     pmipc_error *error);

/* Take over the pool in the file open as `fd`, whose producer lock is held as `*lock` and moves into the writer on
 * success. `wanted` says what it must be like. `description` is the file's, `fd` the caller's: both are taken over on
 * success only. Returns OK; NOTHING_NEW when the pool is of another kind, retired or damaged and must be replaced;
 * NO_MEMORY; SYSTEM. */
pmipc_status writer_adopt(struct pool_writer **writer, int fd, struct owner_lock *lock,
                          struct pool_description *description, const struct pool_description *wanted,
                          const pmipc_producer_options *options, pmipc_error *error);

/* A slot to fill. Sweeps, grows, gives up history as the design says. Returns OK, FULL, LOST. */
pmipc_status writer_take_slot(struct pool_writer *writer, uint32_t *slot);

/* The header of a slot, and the payload, which follows it. */
struct slot_header *writer_slot_header(const struct pool_writer *writer, uint32_t slot);
char *writer_payload(const struct pool_writer *writer, uint32_t slot);

/* Bytes in front of a payload that nobody reads before the slot is published: its own header, and the padding of the
 * slot before it, which no view shows. */
uint32_t writer_headroom(const struct pool_writer *writer, uint32_t slot);

/* Publish a filled slot. `lengths`: of the variable fields, in their order. Returns OK, LOST (the slot is dropped). */
pmipc_status writer_commit(struct pool_writer *writer, uint32_t slot, int64_t stamp_ns, const uint32_t *lengths,
                           uint64_t valid_bytes);

/* LOST, with the reason, when the pool is not this writer's any more; else OK. */
pmipc_status writer_check_owned(struct pool_writer *writer);

/* Whether the pool is not this writer's any more, or retired. */
bool writer_is_lost(const struct pool_writer *writer);

/* One step of slots more. False: a limit is reached, or writer->growth_failure is set, or the pool is not this writer's
 * any more. */
bool writer_grow(struct pool_writer *writer);

/* Store the offset between the clocks, about once a second. */
void writer_refresh_clock(struct pool_writer *writer, int64_t now_ns);

/* Retire the pool if its file has lost its name: `names` is what file_names found. */
void writer_check_name(struct pool_writer *writer, int names);

/* Clear the rows of dead readers now. */
uint32_t writer_sweep(struct pool_writer *writer);

/* `infos` has room for PIN_ROWS. */
uint32_t writer_describe_readers(struct pool_writer *writer, pmipc_reader_info *infos);

/* Set the handle's error. Return FULL, FULL, LOST. */
pmipc_status writer_full(struct pool_writer *writer, int64_t now_ns);
pmipc_status writer_used_up(struct pool_writer *writer);
pmipc_status writer_lost(struct pool_writer *writer);

/* Mark retired, ring, wake. The name is the registry's business. False: the pool is not this writer's any more. */
bool writer_retire(struct pool_writer *writer);

/* Free everything; the lock goes last. In a forked child nothing shared is touched. */
void writer_close(struct pool_writer *writer);

/* Retire whatever the file holds, of any layout version, without trusting it; its producer lock is held. */
void retire_file(int fd);

#endif
