/* owner_lock.h: the lock that the producer of a pool file holds. */
#ifndef POOL_OWNER_LOCK_H
#define POOL_OWNER_LOCK_H

#include "os/error.h"
#include "os/file.h"
#include "os/process.h"

/* The producer lock of a file, on its own descriptor. It is registered for forks as long as it is held. */
struct owner_lock {
    struct fork_guard guard;
    int fd; /* -1: not held */
    struct file_identity identity;
    /* Generation of the process in which a producer holds it; 0: it is held only for a moment. */
    uint64_t kept_by;
};

/* Take the lock of the file open as `fd`. Returns 0, EAGAIN (another description has a lock on the byte) or another
 * errno. */
int owner_lock_take(struct owner_lock *lock, int fd);
void owner_lock_drop(struct owner_lock *lock);

/* For a file open as `fd` whose lock is held: whether a producer of this process holds it. Then the lock stays held
 * until that producer is closed. */
bool owner_lock_is_kept_here(int fd);

/* Set the error for a byte of pool `name`'s file that a read lock keeps from being locked. Returns PERMISSION. */
pmipc_status lock_blocked_by_read_lock(int fd, const char *name, pmipc_error *error);

/* Move a held lock into a producer, where it stays: the list of fork guards points to it. */
void owner_lock_move(struct owner_lock *to, struct owner_lock *from);

#endif
