#include "descriptors.h"

#include "test.h"

#include <fcntl.h>
#include <unistd.h>

#define FIRST 3 /* after the standard descriptors */

static bool was_open[DESCRIPTORS_MAX];

void descriptors_note(void)
{
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        was_open[fd] = fcntl(fd, F_GETFD, NULL) >= 0;
}

bool descriptor_is_new(int fd)
{
    return fd >= FIRST && fd < DESCRIPTORS_MAX && !was_open[fd] && fcntl(fd, F_GETFD, NULL) >= 0;
}

bool descriptor_has_lock(int fd)
{
    char path[64], line[256];
    bool found = false;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *facts = fopen(path, "re");
    while (facts && fgets(line, sizeof line, facts))
        found = found || strncmp(line, "lock:", 5) == 0;
    if (facts)
        fclose(facts);
    return found;
}

int descriptor_with_lock(void)
{
    for (int fd = FIRST; fd < DESCRIPTORS_MAX; fd++)
        if (descriptor_is_new(fd) && descriptor_has_lock(fd))
            return fd;
    FAIL("no new descriptor holds a lock");
}

void descriptors_close_new(void)
{
    for (int fd = FIRST; fd < DESCRIPTORS_MAX; fd++)
        if (descriptor_is_new(fd))
            close(fd);
}

void descriptors_close_new_locks(void)
{
    for (int fd = FIRST; fd < DESCRIPTORS_MAX; fd++)
        if (descriptor_is_new(fd) && descriptor_has_lock(fd))
            close(fd);
}

void descriptors_close_all(int channel)
{
    for (int fd = FIRST; fd < DESCRIPTORS_MAX; fd++)
        if (fd != channel)
            close(fd);
}
