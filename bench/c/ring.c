/* ring.c: see ring.h. */
#include "ring.h"

#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static size_t slot_stride(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t needed = bytes + 64;
    if (needed >= page) {
        return (needed + page - 1) / page * page;
    }
    size_t stride = 64;
    while (stride < needed) {
        stride *= 2;
    }
    return stride;
}

void ring_open(ring *self, size_t bytes)
{
    const char *folder = getenv("POLYMORPH_IPC_DIR");
    const int fd = open(folder ? folder : "/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        die("cannot make a file in %s: %s", folder ? folder : "/dev/shm", strerror(errno));
    }
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    self->stride = slot_stride(bytes);
    self->slot_count = PMIPC_DEFAULT_HISTORY_LEN + PMIPC_DEFAULT_SPARE;
    self->next = 0;
    const size_t total = (self->stride * self->slot_count + page - 1) / page * page;
    if (ftruncate(fd, (off_t)total)) {
        die("cannot size a ring of %zu bytes: %s", total, strerror(errno));
    }
    self->memory = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (self->memory == MAP_FAILED) {
        die("cannot map a ring of %zu bytes: %s", total, strerror(errno));
    }
    close(fd);
    (void)madvise(self->memory, total, MADV_HUGEPAGE);
    if (madvise(self->memory, total, MADV_POPULATE_WRITE)) {
        memset(self->memory, 0, total);
    }
}

void ring_close(ring *self)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    munmap(self->memory, (self->stride * self->slot_count + page - 1) / page * page);
    self->memory = NULL;
}
