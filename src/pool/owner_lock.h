/* owner_lock.h: being the producer of a pool file: its lock, on a descriptor of its own, registered for fork. */
#ifndef POOL_OWNER_LOCK_H
#define POOL_OWNER_LOCK_H

#include "os/error.h"
#include "os/file.h"
#include "os/process.h"

/* Holding the producer lock of a file, on a descriptor of its own. Registered for fork from the moment it is held. */
struct owner_lock {
    struct fork_guard guard;
    int fd; /* -1: not held */
    struct file_identity identity;
    /* Generation of the process in which it is a producer's; 0, which none has: held for a moment only. */
    uint64_t kept_by;
};

/* Take the lock of the file open as `fd`. Returns 0, EAGAIN when another producer holds it, or another errno. */
int owner_lock_take(struct owner_lock *lock, int fd);
void owner_lock_drop(struct owner_lock *lock);

/* Whether it is a producer of this very process that holds the lock of the file open as `fd`, which somebody holds: it
 * goes when that one is closed, not before. */
bool owner_lock_is_kept_here(int fd);

/* The error when a byte of pool `name`'s file cannot be locked because of a read lock. Returns PERMISSION. */
pmipc_status lock_blocked_by_read_lock(int fd, const char *name, pmipc_error *error);

/* Move a held lock to where it will stay, with a producer: the list of guards points at it. */
void owner_lock_move(struct owner_lock *to, struct owner_lock *from);

#endif
