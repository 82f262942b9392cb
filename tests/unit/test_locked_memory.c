/* A process locks all its memory (mlockall) within a small RLIMIT_MEMLOCK: mapping a pool then fails with EAGAIN
 * ("Resource temporarily unavailable"). The error must name the limit and the remedy. */
#include "pools.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KB UINT64_C(1024)
#define FRAME_BYTES (200 * 1000)

/* Drop all capabilities: with CAP_IPC_LOCK there is no limit. */
static void drop_right_to_lock(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    CHECK_EQ(syscall(SYS_capget, &header, data), 0);
    for (int i = 0; i < 2; i++)
        data[i].permitted = data[i].inheritable = data[i].effective = 0;
    CHECK_EQ(syscall(SYS_capset, &header, data), 0);
}

/* From now on this process may lock that many bytes, and every new mapping is locked. */
static void lock_all_within(uint64_t bytes)
{
    const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};
    CHECK_EQ(mlockall(MCL_FUTURE), 0);
    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

static void check_names_the_limit(const pmipc_error *error, uint64_t limit_bytes)
{
    char limit[32];
    snprintf(limit, sizeof limit, "%llu KB", (unsigned long long)(limit_bytes / KB));
    CHECK_EQ(error->os_error, EAGAIN);
    CHECK_HAS(error->text, "pool 'p'");
    CHECK_HAS(error->text, "RLIMIT_MEMLOCK");
    CHECK_HAS(error->text, "ulimit -l");
    CHECK_HAS(error->text, limit);
}

static void allow_locking(void)
{
    const struct rlimit limit = {.rlim_cur = 4096 * KB, .rlim_max = 4096 * KB};
    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    drop_right_to_lock();
}

TEST_WITH(producer_open_beyond_memlock_limit_names_the_limit, .native = "mlockall", .bare = "little memory of its own")
{
    allow_locking();
    lock_all_within(512 * KB);
    pmipc_schema schema = bytes_schema(FRAME_BYTES);
    pmipc_producer *producer;
    static pmipc_error error;
    CHECK_STATUS(pmipc_producer_open(&producer, "p", &schema, NULL, &error), PMIPC_NO_MEMORY);
    check_names_the_limit(&error, 512 * KB);
}

TEST_WITH(stream_open_beyond_memlock_limit_names_the_limit, .native = "mlockall", .bare = "little memory of its own")
{
    static const uint64_t limits[] = {512 * KB, 8 * KB}; /* enough for all except the slots; not enough for anything */
    allow_locking();
    pmipc_producer *producer = bytes_producer("p", FRAME_BYTES, 4);
    publish_frame(producer);
    pmipc_stream *other = stream_open("p", NULL); /* the first use allocates memory */
    for (int i = 0; i < 2; i++) {
        lock_all_within(limits[i]);
        pmipc_stream *stream;
        static pmipc_error error;
        CHECK_STATUS(pmipc_stream_open(&stream, "p", NULL, &error), PMIPC_NO_MEMORY);
        check_names_the_limit(&error, limits[i]);
    }
    CHECK_EQ(munlockall(), 0);
    CHECK_EQ(read_newest(other), 1);
    pmipc_stream_close(other);
    pmipc_producer_close(producer);
}

TEST_WITH(growth_beyond_memlock_limit_names_the_limit, .native = "mlockall", .bare = "little memory of its own")
{
    allow_locking();
    pmipc_schema schema = bytes_schema(FRAME_BYTES);
    const pmipc_producer_options options = {.history_len = 1, .spare = 3};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[PMIPC_MAX_VIEWS];
    uint32_t held = 0;
    lock_all_within(64 * KB);
    pmipc_status status;
    pmipc_loan loan;
    while ((status = pmipc_producer_loan(producer, &loan)) == PMIPC_OK) {
        CHECK_OK(pmipc_producer_commit(producer, &loan, 0));
        CHECK_OK(pmipc_stream_get_last(stream, &views[held++]));
        CHECK(held < PMIPC_MAX_VIEWS);
    }
    CHECK_STATUS(status, PMIPC_FULL);
    static pmipc_error error;
    pmipc_producer_last_error(producer, &error);
    check_names_the_limit(&error, 64 * KB);
    CHECK_EQ(munlockall(), 0);
    for (uint32_t i = 0; i < held; i++)
        pmipc_view_release(&views[i]);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
