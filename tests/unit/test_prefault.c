/* prefault: every page is mapped before a control loop begins. */
#include "pools.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

/* ---- every page is mapped when the handle is opened ---- */

/* Rss and size of all mappings of the pool file in this process, in KB. */
typedef struct residency {
    unsigned mappings;
    unsigned long long resident_kb;
    unsigned long long size_kb;
} residency;

static residency residency_of(const char *name)
{
    char path[512], line[1024];
    struct stat facts;
    residency found = {0};
    bool is_pool = false;
    unsigned long long inode, kb;
    pool_path(name, path, sizeof path);
    CHECK_EQ(stat(path, &facts), 0);
    FILE *maps = fopen("/proc/self/smaps", "re");
    CHECK(maps);
    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%*x-%*x %*s %*x %*x:%*x %llu", &inode) ==
            1) { /* the first line of a mapping; the name may be absent */
            is_pool = inode == facts.st_ino;
            found.mappings += is_pool;
        } else if (is_pool && sscanf(line, "Size: %llu", &kb) == 1) {
            found.size_kb += kb;
        } else if (is_pool && sscanf(line, "Rss: %llu", &kb) == 1) {
            found.resident_kb += kb;
        }
    }
    fclose(maps);
    return found;
}

static void check_all_is_resident(const char *name, unsigned mappings)
{
    residency now = residency_of(name);
    CHECK(now.mappings >= mappings);
    CHECK_EQ(now.resident_kb, now.size_kb);
}

/* A long ring: the kernel maps some neighbors of a page that is read, but not that many. */
#define LONG_HISTORY 30000

static pmipc_producer *open_long_pool(bool prefault)
{
    pmipc_schema schema = bytes_schema(8);
    const pmipc_producer_options options = {.history_len = LONG_HISTORY, .prefault = prefault};
    return producer_open("p", &schema, &options);
}

/* Front (header, control page, ring), rows, and the slots twice. */
TEST(prefault_maps_every_page_of_stream_at_connect)
{
    pmipc_producer *producer = open_long_pool(false);
    publish_frames(producer, 3);
    pmipc_producer_abandon(producer);
    const pmipc_stream_options options = {.prefault = true};
    pmipc_stream *stream = stream_open("p", &options);
    check_all_is_resident("p", 4);
    CHECK_EQ(read_newest(stream), 3);
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

TEST(prefault_maps_every_page_of_producer_at_open)
{
    pmipc_producer *producer = open_long_pool(true);
    CHECK(!pmipc_producer_adopted(producer));
    check_all_is_resident("p", 1);
    pmipc_producer_abandon(producer);
    producer = open_long_pool(true);
    CHECK(pmipc_producer_adopted(producer));
    check_all_is_resident("p", 1);
    pmipc_producer_close(producer);
}

/* ---- no page is touched for the first time after that ---- */

static long faults(void)
{
    struct rusage usage;
    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_minflt;
}

static long faults_of_a_round(bool prefault)
{
    const int64_t bytes = 100000;
    static char frame[100000];
    pmipc_schema schema = bytes_schema(bytes);
    const pmipc_producer_options options = {.history_len = 8, .prefault = prefault};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    memset(frame, 0, sizeof frame);
    long before = faults();
    for (int i = 0; i < 16; i++)
        CHECK_OK(pmipc_producer_publish(producer, frame, 0, NULL));
    long of_producer = faults() - before;
    const pmipc_stream_options stream_options = {.prefault = prefault};
    pmipc_stream *stream = stream_open("p", &stream_options);
    before = faults();
    pmipc_view view;
    unsigned sum = 0;
    CHECK_OK(pmipc_stream_get_window(stream, 8, 8, &view));
    for (int64_t i = 0; i < 8; i++)
        for (int64_t byte = 0; byte < bytes; byte += 1024)
            sum += ((const unsigned char *)view.fields[0].data)[i * view.frame_stride + byte];
    CHECK_EQ(sum, 0);
    long of_stream = faults() - before;
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    if (prefault && (of_producer > 8 || of_stream > 8))
        FAIL("%ld faults while publishing, %ld while reading", of_producer, of_stream);
    return of_producer < of_stream ? of_producer : of_stream;
}

TEST_WITH(publish_and_read_after_prefault_cause_no_page_fault, .native = "page faults of its own only",
          .bare = "page faults of its own only")
{
    faults_of_a_round(true);
    faults_of_a_round(true); /* the first round has run all code */
    CHECK(faults_of_a_round(false) > 8);
}

/* ---- Linux before 5.14 has no MADV_POPULATE_*. mlock, which would also map the pages, fails here. ---- */

static bool is_old_kernel;
static unsigned refused;

int madvise(void *address, size_t bytes, int advice)
{
    if (is_old_kernel && (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)) {
        refused++;
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_madvise, address, bytes, advice);
}

int mlock(const void *address, size_t bytes)
{
    if (!is_old_kernel)
        return (int)syscall(SYS_mlock, address, bytes);
    errno = ENOMEM;
    return -1;
}

TEST(prefault_on_old_kernel_maps_every_page_of_stream)
{
    pmipc_producer *producer = open_long_pool(false);
    publish_frames(producer, 3);
    pmipc_producer_abandon(producer);
    is_old_kernel = true;
    const pmipc_stream_options options = {.prefault = true};
    pmipc_stream *stream = stream_open("p", &options);
    CHECK(refused >= 3);
    check_all_is_resident("p", 4);
    CHECK_EQ(read_newest(stream), 3);
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

/* Pages beyond the end of the file must not be touched. */
static void check_short_files_with_prefault(void)
{
    char path[512];
    struct stat facts;
    const int64_t page_bytes = sysconf(_SC_PAGESIZE);
    pmipc_producer_abandon(open_long_pool(false));
    pool_path("p", path, sizeof path);
    CHECK_EQ(stat(path, &facts), 0);
    for (int64_t bytes = facts.st_size - page_bytes; bytes >= 2 * page_bytes; bytes -= page_bytes) {
        CHECK_EQ(truncate(path, bytes), 0);
        const pmipc_stream_options options = {.prefault = true};
        pmipc_stream *stream;
        CHECK_STATUS(pmipc_stream_open(&stream, "p", &options, NULL), PMIPC_CORRUPT);
    }
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

TEST(prefault_of_truncated_pool_is_corrupt_on_any_kernel)
{
    check_short_files_with_prefault();
    is_old_kernel = true;
    check_short_files_with_prefault();
}

TEST(prefault_on_old_kernel_maps_producer_and_keeps_contents)
{
    is_old_kernel = true;
    pmipc_producer *producer = open_long_pool(true);
    CHECK(refused >= 1);
    check_all_is_resident("p", 1);
    publish_frames(producer, LONG_HISTORY);
    pmipc_producer_abandon(producer);
    producer = open_long_pool(true);
    CHECK(pmipc_producer_adopted(producer));
    check_all_is_resident("p", 1);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(stream, LONG_HISTORY, LONG_HISTORY, &view));
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
