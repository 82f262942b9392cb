/* rows.h: the rows of a pool's readers: claiming, sweeping and describing them. */
#ifndef POOL_ROWS_H
#define POOL_ROWS_H

#include "pool/description.h"

#define NO_ROW UINT32_MAX

/* Take the lock of a free row above `above` (NO_ROW: any row) on `lock_fd`, which holds no other lock, and claim the
 * row. *token is the random token that the row now has. Returns 0, EAGAIN when no such row is
 * free, or another errno. */
int rows_claim(struct pool_readers *readers, int lock_fd, uint32_t above, uint64_t *token, uint32_t *row);

/* Why rows_claim found no free row. A removing process holds several rows with one description; a stream holds one. */
enum rows_holder {
    ROWS_STREAMS,   /* live streams hold all rows */
    ROWS_REMOVER,   /* a process that removes the pool holds some */
    ROWS_READ_LOCK, /* a row has no owner but a read lock (lock.h) */
    ROWS_FREE       /* a row has become free since */
};
enum rows_holder rows_holder_of_all(int lock_fd);

/* Clear the rows of dead streams. Only a process that holds a row's lock may clear it. Returns the number of cleared
 * rows. *stuck: rows whose lock could not be released; the next sweep tries again. */
uint32_t rows_sweep(struct pool_readers *readers, int lock_fd, uint64_t *stuck);

/* How rows_describe finds the sample in a slot, for the oldest sample that a row pins. */
struct slot_lookup {
    uint32_t slot_count;                                    /* 0: do not describe pins */
    uint64_t (*seq_of)(const void *context, uint32_t slot); /* returns 0 if unknown */
    const void *context;
};

/* Describe the rows in use. `readers` may be a private copy; `fd` is any descriptor of the
 * file. Returns their number. */
uint32_t rows_describe(const struct pool_readers *readers, int fd, const struct slot_lookup *lookup,
                       pmipc_reader_info *infos, uint32_t capacity);

/* Append "held by pid 12 'python3 view.py' (1 stream, 7 slots), ..." to an error. Dead streams are marked. If `lookup`
 * has slots, only readers that pin slots are named. */
void rows_name_holders(const struct pool_readers *readers, int fd, const struct slot_lookup *lookup,
                       pmipc_error *error);

/* Append what lossless streams have not read: "pid 12 'python3 arm.py' has 10 unread samples, ...". `newest` is the
 * newest sample. */
void rows_name_lossless(const struct pool_readers *readers, int fd, uint64_t newest, pmipc_error *error);

/* Write the facts of this process into its row. */
void rows_register(struct pool_readers *readers, uint32_t row);

#endif
