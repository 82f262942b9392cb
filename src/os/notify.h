/* notify.h: waiting for an entry to appear in a folder. */
#ifndef OS_NOTIFY_H
#define OS_NOTIFY_H

#include <stdint.h>

/* Watch the folder for entries that appear or go. Returns a descriptor, or -errno when the system has no watches left
 * (the caller then polls). */
int notify_open(const char *folder);

/* Sleep until the folder changes, at most timeout_ns. Returns 0 when it may have changed, ETIMEDOUT, EINTR. */
int notify_wait(int fd, int64_t timeout_ns);

#endif
