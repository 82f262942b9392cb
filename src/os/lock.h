/* lock.h: liveness as the kernel knows it: open-file-description byte-range locks.
 *
 * The descriptor must be one that was opened for locking only and never mapped: a mapping keeps its open file description
 * alive, and with it the lock. The kernel drops the lock however the process dies. A forked child shares the description,
 * so it may close its copy but never unlock. */
#ifndef OS_LOCK_H
#define OS_LOCK_H

#include <stdbool.h>

/* Take the exclusive lock on one byte, without waiting. Returns 0, EAGAIN when somebody has it, or another errno. */
int lock_try(int fd, int byte);

/* Give one byte back while the descriptor keeps its other locks. Returns 0 or an errno: the kernel needs memory to cut a lock in
 * two. */
int lock_release(int fd, int byte);

/* Whether somebody else's description holds the byte: 1, 0, or -errno. Works on read-only descriptors and disturbs nobody. */
int lock_ask(int fd, int byte);

/* The same where not to know is as good as no: whoever acts on it takes the lock first. */
bool lock_is_held(int fd, int byte);

/* Whether somebody else's description holds the byte together with its neighbours (the kernel joins the locks of one
 * description). */
bool lock_is_part_of_more(int fd, int byte);

#endif
