#include "os/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#endif

static struct flock one_byte(short type, int byte)
{
    /* l_pid must be 0 for OFD locks. */
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1, .l_pid = 0};
}

int lock_try(int fd, int byte)
{
    struct flock lock = one_byte(F_WRLCK, byte);
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    return errno == EACCES ? EAGAIN : errno;
}

int lock_release(int fd, int byte)
{
    struct flock lock = one_byte(F_UNLCK, byte);
    return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

int lock_ask(int fd, int byte)
{
    struct flock lock = one_byte(F_RDLCK, byte); /* only write locks conflict with it */
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 ? lock.l_type != F_UNLCK : -errno;
}

bool lock_is_held(int fd, int byte)
{
    return lock_ask(fd, byte) > 0;
}

bool lock_is_read(int fd, int byte)
{
    struct flock lock = one_byte(F_WRLCK, byte); /* conflicts with the byte's write lock or read locks */
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_RDLCK;
}

bool lock_is_part_of_more(int fd, int byte)
{
    struct flock lock = one_byte(F_RDLCK, byte);
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_len != 1;
}
