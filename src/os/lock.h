/* lock.h: byte-range locks of open file descriptions (OFD locks). They show which producer and streams are live: the
 * kernel releases the lock of a process however it dies.
 *
 * The descriptor must be opened for locking only and must never be mapped: a mapping keeps its open file description,
 * and with it the lock, until it is unmapped. A forked child shares the description, so it may close its copy but must
 * not unlock.
 *
 * Only write locks count. They need a descriptor that is open for writing, so a process that may only read the file
 * cannot appear to be a producer or a stream. A read lock of such a process still keeps others from taking the byte;
 * lock_is_read detects this. */
#ifndef OS_LOCK_H
#define OS_LOCK_H

#include <stdbool.h>

/* Take the write lock on one byte, without waiting. Returns 0, EAGAIN when another description has a lock on the byte,
 * or another errno. */
int lock_try(int fd, int byte);

/* Release one byte; the descriptor keeps its other locks. Returns 0 or an errno: the kernel needs memory when it splits
 * a lock in two. */
int lock_release(int fd, int byte);

/* Whether another description has a write lock on the byte. Returns 1, 0 or -errno. Changes nothing and works on
 * read-only descriptors. */
int lock_ask(int fd, int byte);

/* lock_ask(fd, byte) > 0. A failure counts as "no": callers that act on the answer take the lock first. */
bool lock_is_held(int fd, int byte);

/* Whether another description or process has a read lock on the byte. This library takes none. */
bool lock_is_read(int fd, int byte);

/* Whether another description has a write lock on the byte and on a neighboring byte. The kernel reports adjacent locks
 * of one description as one lock. */
bool lock_is_part_of_more(int fd, int byte);

#endif
