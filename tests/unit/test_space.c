/* Shared memory runs out: creation fails with an error that names a remedy, and a pool that cannot grow keeps working.
 */
#include "helper.h"
#include "pools.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define KB INT64_C(1024)
#define MB (1024 * KB)

/* ---- a small tmpfs ---- */

static char small_folder[256];

static void write_text(const char *path, const char *format, ...)
{
    va_list arguments;
    FILE *file = fopen(path, "we");
    if (!file)
        return;
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    fclose(file);
}

/* Give this process a private mount namespace. Needs root or a user namespace. */
static bool unshare_mounts(void)
{
    unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return false;
        write_text("/proc/self/setgroups", "deny");
        write_text("/proc/self/uid_map", "%u %u 1", uid, uid);
        write_text("/proc/self/gid_map", "%u %u 1", gid, gid);
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* Mount a tmpfs of this size, visible only to this process, and make it the registry folder. */
static void mount_small_tmpfs(const char *size)
{
    snprintf(small_folder, sizeof small_folder, "%s/small", test_folder());
    char options[64];
    snprintf(options, sizeof options, "size=%s,mode=0700", size);
    if (!unshare_mounts() || mkdir(small_folder, 0700) != 0 || mount("none", small_folder, "tmpfs", 0, options) != 0)
        test_skip("no small tmpfs can be mounted here (needs root or user namespaces)");
    setenv("POLYMORPH_IPC_DIR", small_folder, 1);
}

static void unmount_small_tmpfs(void)
{
    CHECK_EQ(folder_entries(small_folder), 0);
    CHECK_EQ(umount2(small_folder, MNT_DETACH), 0);
    CHECK_EQ(rmdir(small_folder), 0);
}

/* The same shortage without privileges: a file size limit. Exceeding it raises SIGXFSZ. */
static void limit_file_size(uint64_t bytes)
{
    const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void check_no_space(const char *name, int64_t bytes, pmipc_error *error)
{
    pmipc_schema schema = bytes_schema(bytes);
    pmipc_producer *producer;
    memset(error, 0, sizeof *error);
    CHECK_STATUS(pmipc_producer_open(&producer, name, &schema, NULL, error), PMIPC_NO_SPACE);
    CHECK_EQ(error->status, PMIPC_NO_SPACE);
    CHECK_HAS(error->text, name);
}

TEST(pool_larger_than_tmpfs_returns_no_space_and_leaves_no_file)
{
    mount_small_tmpfs("4m");
    pmipc_error error;
    check_no_space("too_big", 2 * MB, &error);
    CHECK_EQ(folder_entries(small_folder), 0);
    pmipc_producer *producer = bytes_producer("small", 50 * KB, 4); /* a pool that fits is created */
    for (int i = 0; i < 50; i++)
        publish_frame(producer);
    pmipc_stream *stream = stream_open("small", NULL);
    CHECK_EQ(read_newest(stream), 50);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    unmount_small_tmpfs();
}

TEST(no_space_error_names_pools_that_clean_would_remove)
{
    mount_small_tmpfs("4m");
    pmipc_producer *producer = bytes_producer("dead/camera", 200 * KB, 10);
    publish_frame(producer);
    pmipc_producer_abandon(producer);
    pmipc_error error;
    check_no_space("next", 200 * KB, &error);
    CHECK_HAS(error.text, "dead/camera");
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
    producer = bytes_producer("next", 200 * KB, 10);
    publish_frames(producer, 30);
    pmipc_producer_close(producer);
    unmount_small_tmpfs();
}

/* Memory is reserved at creation: filling the rest of the tmpfs later does not cause a fault in the producer. */
TEST(producer_does_not_fault_when_tmpfs_is_full)
{
    mount_small_tmpfs("4m");
    pmipc_producer *producer = bytes_producer("p", 100 * KB, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    char path[300];
    snprintf(path, sizeof path, "%s/filler", small_folder);
    FILE *filler = fopen(path, "we");
    CHECK(filler);
    static char block[65536];
    while (fwrite(block, 1, sizeof block, filler) == sizeof block && fflush(filler) == 0)
        continue;
    fclose(filler);
    for (int i = 0; i < 100; i++)
        publish_and_read(producer, stream);
    unlink(path);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    unmount_small_tmpfs();
}

/* A stream holds so many views that the pool needs more slots, and the file cannot grow: the producer gives up history,
 * but never the newest sample and never a held view. */
static void check_failed_growth(pmipc_producer *producer)
{
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[PMIPC_MAX_VIEWS];
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        publish_frames(producer, 3);
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
    }
    for (int i = 0; i < 50; i++)
        publish_and_read(producer, stream);
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
    }
    publish_frames(producer, 20);
    pmipc_view window;
    CHECK_OK(pmipc_stream_get_window(stream, 8, 8, &window));
    check_view(&window);
    pmipc_view_release(&window);
    pmipc_stream_close(stream);
}

TEST(failed_growth_on_full_tmpfs_keeps_pool_working)
{
    mount_small_tmpfs("4m");
    pmipc_producer *producer = bytes_producer("p", 300 * KB, 8); /* eleven slots, and space for two more */
    uint32_t slots = pmipc_producer_slot_count(producer);
    check_failed_growth(producer);
    CHECK(pmipc_producer_slot_count(producer) <= slots + 2);
    pmipc_producer_close(producer);
    unmount_small_tmpfs();
}

/* ---- cgroups ---- */

/* A memory limit as a container sees it: at the root of the cgroup file system, although /proc/self/cgroup names a
 * subgroup. */
static void fake_cgroup_root(uint64_t limit, uint64_t used, uint64_t cache)
{
    char groups[300];
    snprintf(groups, sizeof groups, "%s/groups", test_folder());
    write_text(groups, "1:name=systemd:/\n0::/system.slice/robot.service\n");
    bool mounted = unshare_mounts() && mount(groups, "/proc/self/cgroup", NULL, MS_BIND, NULL) == 0 &&
                   mount("none", "/sys/fs/cgroup", "tmpfs", 0, "size=1m,mode=0755") == 0;
    unlink(groups);
    if (!mounted)
        test_skip("nothing can be mounted over /sys/fs/cgroup (needs root or user namespaces)");
    write_text("/sys/fs/cgroup/memory.max", "%" PRIu64 "\n", limit);
    write_text("/sys/fs/cgroup/memory.current", "%" PRIu64 "\n", used);
    write_text("/sys/fs/cgroup/memory.stat", "anon 1\ninactive_file %" PRIu64 "\nactive_file 0\n", cache);
}

TEST(pool_larger_than_cgroup_limit_returns_no_space)
{
    fake_cgroup_root(100000000, 95000000, 2500000);
    pmipc_error error;
    check_no_space("too_big", MB, &error);
    CHECK_HAS(error.text, "the cgroup's memory limit has 7.5 MB left");
    CHECK_EQ(folder_entries(test_folder()), 0);
    pmipc_producer *producer = bytes_producer("p", 400 * KB, 10);
    uint32_t slots = pmipc_producer_slot_count(producer);
    write_text("/sys/fs/cgroup/memory.current", "100000000\n");
    write_text("/sys/fs/cgroup/memory.stat", "inactive_file 0\n");
    check_failed_growth(producer); /* growth has no space either */
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    pmipc_producer_close(producer);
}

/* ---- the file size limit ---- */

TEST(pool_larger_than_file_size_limit_returns_no_space)
{
    limit_file_size(MB);
    pmipc_error error;
    check_no_space("too_big", 2 * MB - 64, &error); /* a slot with its header is 2 MB for every page size */
    CHECK_HAS(error.text, "needs 27.");
    CHECK_HAS(error.text, "(13 slots of 2097152 bytes)");
    CHECK_HAS(error.text, "RLIMIT_FSIZE) has 1.0 MB left");
    CHECK_HAS(error.text, "ulimit -f");
    CHECK(!strstr(error.text, "Docker") && !strstr(error.text, "in use"));
    CHECK_EQ(folder_entries(test_folder()), 0);
    limit_file_size(20000);
    check_no_space("tiny", 64, &error);
    CHECK_HAS(error.text, "KB of shared memory");
    CHECK_HAS(error.text, "has 20.0 KB left");
    limit_file_size(MB);
    pmipc_producer *producer = bytes_producer("small", 10 * KB, 4);
    publish_frames(producer, 50);
    pmipc_producer_close(producer);
}

TEST(failed_growth_at_file_size_limit_keeps_pool_working)
{
    pmipc_producer *producer = bytes_producer("p", 100 * KB, 8);
    uint64_t bytes = pool_file_bytes("p");
    uint32_t slots = pmipc_producer_slot_count(producer);
    limit_file_size(bytes + 50 * KB);
    check_failed_growth(producer);
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    CHECK_EQ(pool_file_bytes("p"), bytes);
    pmipc_producer_close(producer);
}

TEST(sizes_beyond_any_memory_are_refused)
{
    const int64_t sizes[] = {INT64_C(1) << 40, INT64_C(1) << 50, INT64_C(1) << 58, INT64_C(1) << 62, INT64_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pmipc_schema schema = bytes_schema(sizes[i]);
        pmipc_producer *producer;
        pmipc_error error = {0};
        pmipc_status status = pmipc_producer_open(&producer, "huge", &schema, NULL, &error);
        if (status != PMIPC_NO_SPACE && status != PMIPC_INVALID_ARGUMENT)
            FAIL("%" PRId64 " bytes: %s", sizes[i], pmipc_status_name(status));
        CHECK(error.text[0] != '\0');
    }
    pmipc_schema schema = bytes_schema(INT64_C(1) << 48);
    pmipc_producer_options options = {.history_len = PMIPC_MAX_HISTORY_LEN}; /* the product exceeds 2^63 */
    pmipc_producer *producer;
    pmipc_status status = pmipc_producer_open(&producer, "huge", &schema, &options, NULL);
    CHECK(status == PMIPC_NO_SPACE || status == PMIPC_INVALID_ARGUMENT);
    CHECK_EQ(folder_entries(test_folder()), 0);
}

/* No descriptors left: a status, and open handles keep working. */
TEST(open_without_free_descriptor_returns_status)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frame(producer);
    pmipc_schema schema = bytes_schema(64);
    struct rlimit before;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (rlim_t limit = 3; limit < 40; limit++) {
        const struct rlimit few = {.rlim_cur = limit, .rlim_max = before.rlim_max};
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
        pmipc_stream *stream = NULL;
        pmipc_producer *other = NULL;
        pmipc_error error = {0};
        pmipc_status opened = pmipc_stream_open(&stream, "p", NULL, &error);
        if (opened != PMIPC_OK) { /* the error names the pool and not /proc */
            CHECK_HAS(error.text, "pool 'p'");
            CHECK_HAS(error.text, "Too many open files");
            CHECK(!strstr(error.text, "/proc"));
        } else {
            pmipc_view view;
            if (pmipc_stream_get_last(stream, &view) == PMIPC_OK)
                pmipc_view_release(&view);
            pmipc_status status = pmipc_stream_get_new(stream, 1000, &view);
            CHECK(status != PMIPC_OK);
            pmipc_stream_close(stream);
        }
        if (pmipc_stream_open(&stream, "absent", NULL, NULL) == PMIPC_OK) {
            pmipc_view view;
            CHECK(pmipc_stream_get_new(stream, 1000, &view) != PMIPC_OK);
            pmipc_stream_close(stream);
        }
        if (pmipc_producer_open(&other, "other", &schema, NULL, NULL) == PMIPC_OK)
            pmipc_producer_close(other);
        pmipc_pool_info *info = calloc(1, sizeof *info);
        if (pmipc_pool_inspect("p", NULL, info, NULL) == PMIPC_OK)
            pmipc_pool_info_release(info);
        free(info);
        CHECK_EQ(publish_frame(producer), limit - 1);
    }
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_EQ(folder_entries(test_folder()), 1);
    pmipc_producer_close(producer);
}
