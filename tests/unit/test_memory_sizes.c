/* Sizes larger than the address space of a process are refused before anything is mapped. A 32-bit process finds such
 * sizes in pools of a 64-bit process. */
#include "os/memory.h"

#include "pools.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define ADDRESSABLE ((uint64_t)PTRDIFF_MAX)

static int memory_file(void)
{
    int fd = memfd_create("memory_sizes", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)(4 * memory_page_bytes())), 0);
    return fd;
}

TEST(map_beyond_address_space_is_refused)
{
    int fd = memory_file();
    const uint64_t sizes[] = {ADDRESSABLE + 1, ADDRESSABLE + 4097, UINT64_MAX & ~UINT64_C(4095)};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        errno = 0;
        CHECK(memory_map(fd, 0, sizes[i], false, "a pool") == NULL);
        CHECK_EQ(errno, EOVERFLOW);
    }
    close(fd);
}

TEST(map_twice_beyond_address_space_is_refused)
{
    int fd = memory_file();
    /* The last one doubled overflows to two pages: each half would exceed that reservation. */
    const uint64_t sizes[] = {ADDRESSABLE / 2 + 1, ADDRESSABLE, ADDRESSABLE + 1 + 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        errno = 0;
        CHECK(memory_map_twice(fd, 0, sizes[i], "a pool") == NULL);
        CHECK_EQ(errno, EOVERFLOW);
    }
    size_t page = memory_page_bytes();
    char *twice = memory_map_twice(fd, page, page, "a pool");
    CHECK(twice != NULL);
    CHECK_EQ(pwrite(fd, "x", 1, (off_t)page), 1);
    CHECK_EQ(twice[0], 'x');
    CHECK_EQ(twice[page], 'x');
    memory_unmap(twice, 2 * page);
    close(fd);
}

TEST(size_error_names_the_remedy)
{
    char text[MEMORY_TEXT_BYTES];
    CHECK_EQ(memory_status_of(EOVERFLOW), PMIPC_NO_MEMORY);
    CHECK(strstr(memory_describe_failure(EOVERFLOW, text), "larger than this process can address") != NULL);
    CHECK(strstr(text, "history_len") != NULL);
}
