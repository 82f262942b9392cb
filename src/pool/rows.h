/* rows.h: the rows of a pool's readers: claiming one, clearing those of the dead, describing all. */
#ifndef POOL_ROWS_H
#define POOL_ROWS_H

#include "pool/description.h"

#define NO_ROW UINT32_MAX

/* Take the lock of a free row above `above` (NO_ROW: any) on a lock descriptor of its own, and claim the row: *row, and
 * the token by which its owner knows it. Returns 0, EAGAIN when live streams hold them all, or another errno. */
int rows_claim(struct pool_readers *readers, int lock_fd, uint32_t above, uint64_t *token, uint32_t *row);

/* After rows_claim found none: who has them. A remover holds rows, all of them for a moment; a stream's row is the only
 * byte that its description holds. READ_LOCK: one is free but for a read lock (lock.h). NOBODY: one is free by now, as
 * all are when a remover has just let go. */
enum rows_holder { ROWS_STREAMS, ROWS_REMOVER, ROWS_READ_LOCK, ROWS_NOBODY };
enum rows_holder rows_holder_of_all(int lock_fd);

/* Clear the rows of dead readers. A row is cleared only by somebody who holds its lock at that moment. Returns how
 * many. *stuck: rows whose lock could not be given back; tried again. */
uint32_t rows_sweep(struct pool_readers *readers, int lock_fd, uint64_t *stuck);

/* How rows_describe learns which sample lies in a slot, for the oldest one that a row pins. */
struct slot_lookup {
    uint32_t slot_count;                                    /* 0: leave pins out */
    uint64_t (*seq_of)(const void *context, uint32_t slot); /* 0 when it cannot be told */
    const void *context;
};

/* Describe the rows in use. `readers` may be a private copy; `fd` is any descriptor of the file. Returns how many. */
uint32_t rows_describe(const struct pool_readers *readers, int fd, const struct slot_lookup *lookup,
                       pmipc_reader_info *infos, uint32_t capacity);

/* Append "held by pid 12 'python3 view.py' (1 stream, 7 slots), ..." to an error, the dead marked as dead. With a
 * lookup of slots only readers that pin some are named. */
void rows_name_holders(const struct pool_readers *readers, int fd, const struct slot_lookup *lookup,
                       pmipc_error *error);

/* Write the facts of this process into its row. */
void rows_introduce(struct pool_readers *readers, uint32_t row);

#endif
