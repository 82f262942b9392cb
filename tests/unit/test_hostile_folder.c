/* Registry folders of another user, on another file system, absent, or not a directory. */
#include "helper.h"
#include "pools.h"
#include "sleeper.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES 500
#define TMPFS_MAGIC_NUMBER 0x01021994

static char file_path[512];

typedef pmipc_status (*folder_call)(pmipc_error *error);

static pmipc_status open_a_producer(pmipc_error *error)
{
    pmipc_schema schema = bytes_schema(BYTES);
    pmipc_producer *producer = NULL;
    pmipc_status status = pmipc_producer_open(&producer, "p", &schema, NULL, error);
    if (status == PMIPC_OK)
        pmipc_producer_close(producer);
    return status;
}

static pmipc_status open_a_stream(pmipc_error *error)
{
    pmipc_stream *stream = NULL;
    pmipc_status status = pmipc_stream_open(&stream, "p", NULL, error);
    if (status == PMIPC_OK) {
        pmipc_view view;
        status = pmipc_stream_get_last(stream, &view);
        pmipc_stream_last_error(stream, error);
        pmipc_stream_close(stream);
    }
    return status;
}

static pmipc_status inspect_a_pool(pmipc_error *error)
{
    pmipc_pool_info *info = calloc(1, sizeof *info);
    pmipc_status status = pmipc_pool_inspect("p", NULL, info, error);
    pmipc_pool_info_release(info);
    free(info);
    return status;
}

static pmipc_status remove_a_pool(pmipc_error *error)
{
    return pmipc_pool_remove("p", NULL, NULL, error);
}

static pmipc_status list_pools(pmipc_error *error)
{
    pmipc_registry *registry = NULL;
    pmipc_status status = pmipc_registry_open(&registry, NULL, error);
    if (status == PMIPC_OK)
        pmipc_registry_close(registry);
    return status;
}

/* Run `body` in a child that is an ordinary user: root ignores permissions. */
static void run_as_ordinary_user(void (*body)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            FAIL("setuid: %s", strerror(errno));
        body();
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void check_all_denied(void)
{
    const folder_call calls[] = {open_a_producer, open_a_stream, inspect_a_pool, remove_a_pool, list_pools};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        pmipc_error error = {0};
        pmipc_status status = calls[i](&error);
        if (status != PMIPC_PERMISSION)
            FAIL("call %zu: %s: %s", i, pmipc_status_name(status), error.text);
        CHECK(error.text[0] != '\0');
    }
}

TEST(folder_of_another_user_is_permission_error)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    pmipc_producer_abandon(producer);
    CHECK_EQ(chmod(test_folder(), geteuid() == 0 ? 0700 : 0), 0);
    run_as_ordinary_user(check_all_denied);
    CHECK_EQ(chmod(test_folder(), 0700), 0);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

static void check_pool_denied(void)
{
    const folder_call calls[] = {open_a_producer, open_a_stream, inspect_a_pool};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        pmipc_error error = {0};
        pmipc_status status = calls[i](&error);
        if (status != PMIPC_PERMISSION)
            FAIL("call %zu: %s: %s", i, pmipc_status_name(status), error.text);
        CHECK(error.text[0] != '\0');
    }
    pmipc_registry *registry;
    pmipc_pool_info *info = calloc(1, sizeof *info);
    CHECK_OK(pmipc_registry_open(&registry, NULL, NULL));
    CHECK_OK(pmipc_registry_next(registry, info));
    CHECK_TEXT(info->name, "p");
    CHECK_STATUS(info->status, PMIPC_PERMISSION);
    CHECK(info->problem[0] != '\0');
    pmipc_pool_info_release(info);
    pmipc_registry_close(registry);
    free(info);
}

/* The folder is accessible, the pool is not (mode 0600). */
TEST(pool_of_another_user_is_permission_error_and_listed_so)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    publish_frame(producer);
    pool_path("p", file_path, sizeof file_path);
    CHECK_EQ(chmod(test_folder(), 01777), 0);
    if (geteuid() != 0)
        CHECK_EQ(chmod(file_path, 0), 0);
    run_as_ordinary_user(check_pool_denied);
    if (geteuid() != 0)
        CHECK_EQ(chmod(file_path, 0600), 0);
    CHECK_EQ(chmod(test_folder(), 0700), 0);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

static void replace_and_remove_in_a_sticky_folder(void)
{
    pmipc_schema schema = bytes_schema(2 * BYTES);
    pmipc_producer *producer;
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_producer_open(&producer, "p", &schema, NULL, &error), PMIPC_PERMISSION);
    CHECK_HAS(error.text, file_path);
    CHECK_HAS(error.text, "uid 0");
    CHECK_HAS(error.text, "sticky");
    CHECK_STATUS(pmipc_pool_remove("p", NULL, NULL, &error), PMIPC_PERMISSION);
}

/* The folder is writable and sticky, the pool is writable, but only the owner of the file may unlink it. */
TEST_WITH(pool_that_cannot_be_replaced_is_not_retired, .two_users = true)
{
    pmipc_schema schema = bytes_schema(BYTES);
    pmipc_producer_options options = {.history_len = 4, .mode = 0666};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    publish_frame(producer);
    pool_path("p", file_path, sizeof file_path);
    pmipc_producer_abandon(producer);
    CHECK_EQ(chmod(test_folder(), 01777), 0);
    run_as_ordinary_user(replace_and_remove_in_a_sticky_folder);
    CHECK_EQ(chmod(test_folder(), 0700), 0);
    pmipc_pool_info *info = inspect("p");
    CHECK(!info->retired);
    inspect_release(info);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

static void read_as_another_user(void)
{
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
}

TEST(pool_with_open_mode_is_read_by_other_users)
{
    pmipc_schema schema = bytes_schema(BYTES);
    pmipc_producer_options options = {.mode = 0666};
    CHECK_EQ(chmod(test_folder(), 0755), 0);
    pmipc_producer *producer = producer_open("p", &schema, &options);
    publish_frame(producer);
    run_as_ordinary_user(read_as_another_user);
    pmipc_producer_close(producer);
}

/* Takes the first of these folders that is not on tmpfs; /proc never is. */
TEST(folder_not_on_tmpfs_is_refused)
{
    const char *candidates[] = {".", "/var/tmp", "/proc"};
    char folder[512] = "";
    for (int i = 0; i < 3 && !folder[0]; i++) {
        struct statfs facts;
        if (statfs(candidates[i], &facts) != 0 || facts.f_type == TMPFS_MAGIC_NUMBER)
            continue;
        snprintf(folder, sizeof folder, "%s/pmipc-test-XXXXXX", candidates[i]);
        if (i < 2 && !mkdtemp(folder))
            folder[0] = '\0';
        if (i == 2)
            snprintf(folder, sizeof folder, "/proc");
    }
    setenv("POLYMORPH_IPC_DIR", folder, 1);
    pmipc_error error = {0};
    CHECK(open_a_producer(&error) >= PMIPC_INVALID_ARGUMENT);
    CHECK(error.text[0] != '\0');
    if (strcmp(folder, "/proc") != 0) {
        CHECK_HAS(error.text, "tmpfs");
        CHECK_EQ(folder_entries(folder), 0);
        CHECK_EQ(rmdir(folder), 0);
        CHECK(open_a_producer(&error) == PMIPC_UNSUPPORTED);
        CHECK(access(folder, F_OK) != 0); /* the call created it to check the file system and removed it again */
    }
}

static char absent[512];

static void open_producer_in_absent_folder(void *producer)
{
    *(pmipc_producer **)producer = bytes_producer("p", BYTES, 4);
    publish_frame(*(pmipc_producer **)producer);
}

/* A folder created by a stream could belong to the wrong user, for example with `sudo`. */
TEST(stream_creates_no_folder_and_connects_once_it_exists)
{
    snprintf(absent, sizeof absent, "%s/absent", test_folder());
    setenv("POLYMORPH_IPC_DIR", absent, 1);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_get_new(stream, 30000000, &view), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_wait_any(&stream, 1, 30000000, NULL), PMIPC_TIMEOUT);
    CHECK_STATUS(inspect_a_pool(&error), PMIPC_NOT_FOUND);
    CHECK_STATUS(remove_a_pool(&error), PMIPC_NOT_FOUND);
    CHECK_OK(list_pools(&error));
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
    CHECK_EQ(access(absent, F_OK), -1);
    waker other;
    pmipc_producer *producer = NULL;
    when_i_sleep(&other, open_producer_in_absent_folder, &producer);
    CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
    pthread_join(other.thread, NULL);
    CHECK_EQ(view.seq, 1);
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    CHECK_EQ(rmdir(absent), 0);
}

/* With sudo and the user's environment the folder would belong to root, and the user could not remove it from /dev/shm.
 */
TEST(producer_does_not_create_default_folder_of_another_user)
{
    char words[64];
    const unsigned other = (unsigned)geteuid() + 1000000000u;
    pmipc_error error = {0};
    snprintf(absent, sizeof absent, "/dev/shm/polymorph_ipc-%u", other);
    setenv("POLYMORPH_IPC_DIR", absent, 1);
    CHECK_STATUS(open_a_producer(&error), PMIPC_PERMISSION);
    snprintf(words, sizeof words, "default folder of uid %u", other);
    CHECK_HAS(error.text, words);
    CHECK_EQ(access(absent, F_OK), -1);
}

TEST(folder_that_is_a_file_is_refused)
{
    char path[512];
    snprintf(path, sizeof path, "%s/file", test_folder());
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(close(fd), 0);
    setenv("POLYMORPH_IPC_DIR", path, 1);
    const folder_call calls[] = {open_a_producer, open_a_stream, inspect_a_pool, remove_a_pool, list_pools};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        pmipc_error error = {0};
        pmipc_status status = calls[i](&error);
        CHECK(status != PMIPC_OK);
    }
    unlink(path);
}
