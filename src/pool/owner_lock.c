#include "pool/owner_lock.h"

#include <string.h>

#include "os/lock.h"
#include "pool/layout.h"

static void close_lock_in_child(struct fork_guard *guard)
{
    /* Close, never unlock: unlocking would drop the parent's lock, which is the same open file description. */
    struct owner_lock *lock = (struct owner_lock *)guard;
    file_close_own(lock->fd, lock->identity);
    lock->fd = -1;
    fork_guard_remove(guard);
}

int owner_lock_take(struct owner_lock *lock, int fd)
{
    memset(lock, 0, sizeof *lock);
    lock->guard.child = close_lock_in_child;
    lock->fd = -1;
    int failure = process_guard_forks();
    if (failure)
        return failure;
    fork_mutex_lock();
    int lock_fd = file_reopen(fd, true);
    if (lock_fd < 0) {
        failure = -lock_fd;
    } else if ((failure = -file_keep(lock_fd, &lock->identity)) != 0 ||
               (failure = lock_try(lock_fd, LOCK_BYTE_PRODUCER)) != 0) {
        file_close(lock_fd);
    } else {
        lock->fd = lock_fd;
        fork_guard_add(&lock->guard);
    }
    fork_mutex_unlock();
    return failure;
}

void owner_lock_drop(struct owner_lock *lock)
{
    fork_mutex_lock();
    fork_guard_remove(&lock->guard);
    file_close_own(lock->fd, lock->identity);
    lock->fd = -1;
    fork_mutex_unlock();
}

void owner_lock_move(struct owner_lock *to, struct owner_lock *from)
{
    fork_mutex_lock();
    fork_guard_remove(&from->guard);
    *to = *from;
    from->fd = -1;
    fork_guard_add(&to->guard);
    fork_mutex_unlock();
}
