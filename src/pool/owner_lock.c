#include "pool/owner_lock.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "os/lock.h"
#include "pool/layout.h"

static void close_lock_in_child(struct fork_guard *guard)
{
    /* Close, never unlock: parent and child share the open file description, so unlocking would release the parent's
     * lock. */
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

static bool is_kept_lock_of(const struct fork_guard *guard, const void *file)
{
    const struct owner_lock *lock = (const struct owner_lock *)guard;
    if (guard->child != close_lock_in_child || !process_is(lock->kept_by))
        return false;
    /* A description does not see its own locks. If this descriptor sees the lock, the program has closed the lock's
     * descriptor, and another one has got its number. */
    return file_is_identical(lock->identity, *(const struct file_identity *)file) &&
           file_is_identical(lock->identity, file_identify(lock->fd)) && !lock_is_held(lock->fd, LOCK_BYTE_PRODUCER);
}

bool owner_lock_is_kept_here(int fd)
{
    const struct file_identity file = file_identify(fd);
    return fork_guard_exists(is_kept_lock_of, &file);
}

pmipc_status lock_blocked_by_read_lock(int fd, const char *name, pmipc_error *error)
{
    struct stat file = {0};
    (void)fstat(fd, &file);
    return error_set(
        error, PMIPC_PERMISSION, EAGAIN,
        "pool '%s': a process holds a read lock on its file, so producers and streams cannot lock it. The file belongs "
        "to uid %u and has mode 0%o. Find the process with lslocks and end it. Create the pool with mode 0600, 0660 or "
        "0666, so that each user who may read the file may also write it",
        name, (unsigned)file.st_uid, (unsigned)file.st_mode & 07777);
}

void owner_lock_move(struct owner_lock *to, struct owner_lock *from)
{
    fork_mutex_lock();
    fork_guard_remove(&from->guard);
    *to = *from;
    from->fd = -1;
    to->kept_by = process_generation();
    fork_guard_add(&to->guard);
    fork_mutex_unlock();
}
