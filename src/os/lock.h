/* lock.h: liveness as the kernel knows it: open-file-description byte-range locks.
 *
 * The descriptor must be one that was opened for locking only and never mapped: a mapping keeps its open file
 * description alive, and with it the lock. The kernel drops the lock however the process dies. A forked child shares
 * the description, so it may close its copy but never unlock.
 *
 * Only write locks count. They need a descriptor that is open for writing, so that a process which may only read the
 * file never looks like a producer or a stream. Its read lock still keeps others from taking the byte: lock_is_read
 * tells. */
#ifndef OS_LOCK_H
#define OS_LOCK_H

#include <stdbool.h>

/* Take the write lock on one byte, without waiting. Returns 0, EAGAIN when another description has a lock on it, or
 * another errno. */
int lock_try(int fd, int byte);

/* Give one byte back while the descriptor keeps its other locks. Returns 0 or an errno: the kernel needs memory to cut
 * a lock in two. */
int lock_release(int fd, int byte);

/* Whether another description has a write lock on the byte: 1, 0, or -errno. Works on read-only descriptors and changes
 * nothing. */
int lock_ask(int fd, int byte);

/* The same where not to know is as good as no: whoever acts on it takes the lock first. */
bool lock_is_held(int fd, int byte);

/* Whether another description or process has a read lock on the byte. This library takes none. */
bool lock_is_read(int fd, int byte);

/* Whether another description has a write lock on the byte and on its neighbours (the kernel joins the locks of one
 * description). */
bool lock_is_part_of_more(int fd, int byte);

#endif
