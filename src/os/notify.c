#include "os/notify.h"

#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

int notify_open(const char *folder)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0)
        return -errno;
    /* linkat shows as IN_CREATE. IN_DELETE_SELF: the folder itself went away. */
    if (inotify_add_watch(fd, folder, IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR) < 0) {
        int failure = -errno;
        close(fd);
        return failure;
    }
    return fd;
}

int notify_wait(int fd, int64_t timeout_ns)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    int ready = ppoll(&item, 1, &timeout, NULL);
    if (ready < 0)
        return errno;
    if (ready == 0)
        return ETIMEDOUT;
    /* What changed does not matter: the caller looks again. Empty the queue. */
    char events[4096];
    while (read(fd, events, sizeof events) > 0)
        ;
    return 0;
}
