/* Files in the registry folder that are not pools or are damaged pools: no call hangs or crashes, and no file that is
 * not a pool is changed. */
#include "helper.h"
#include "pools.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BYTES 500

static char file_path[512];

/* Store the path of a pool of this name in file_path: create the pool and look for its file. */
static void find_path(const char *name)
{
    pmipc_producer *producer = bytes_producer(name, BYTES, 4);
    pool_path(name, file_path, sizeof file_path);
    pmipc_producer_close(producer);
}

static void write_file(const char *path, const void *data, size_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, data, bytes), (ssize_t)bytes);
    close(fd);
}

static char *read_file(const char *path, size_t *bytes)
{
    struct stat facts;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && fstat(fd, &facts) == 0);
    *bytes = (size_t)facts.st_size;
    char *data = malloc(*bytes);
    CHECK_EQ(read(fd, data, *bytes), facts.st_size);
    close(fd);
    return data;
}

/* Every call on "p" fails with an error text; listing the folder works. */
static void check_no_pool(void)
{
    pmipc_error error = {0};
    pmipc_pool_info *info = calloc(1, sizeof *info);
    pmipc_status status = pmipc_pool_inspect("p", NULL, info, &error);
    CHECK(status >= PMIPC_INVALID_ARGUMENT);
    CHECK(error.text[0] != '\0');
    pmipc_stream *stream = NULL;
    status = pmipc_stream_open(&stream, "p", NULL, &error);
    if (status == PMIPC_OK) {
        pmipc_view view;
        CHECK(pmipc_stream_get_last(stream, &view) != PMIPC_OK);
        CHECK(!pmipc_stream_connected(stream));
        pmipc_stream_close(stream);
    }
    pmipc_registry *registry;
    CHECK_OK(pmipc_registry_open(&registry, NULL, NULL));
    while ((status = pmipc_registry_next(registry, info)) == PMIPC_OK) {
        CHECK(strcmp(info->name, "p") == 0);
        CHECK(info->status >= PMIPC_INVALID_ARGUMENT);
        CHECK(info->problem[0] != '\0');
        pmipc_pool_info_release(info);
    }
    CHECK_STATUS(status, PMIPC_NOTHING_NEW);
    pmipc_registry_close(registry);
    free(info);
}

/* A damaged pool never prevents the next producer. */
static void check_next_producer_starts(void)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    CHECK(!pmipc_producer_adopted(producer));
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

static unsigned left;

static void count_left(const char *name, uint64_t file_bytes, const char *left_because, void *context)
{
    (void)file_bytes;
    (void)context;
    CHECK_TEXT(name, "p");
    CHECK(left_because != NULL);
    CHECK_HAS(left_because, "not a pool");
    left++;
}

/* A file that is not a pool is not replaced, not cleaned and not removed without force; the error names its kind. */
static void check_foreign_entry_stays(const char *kind)
{
    pmipc_schema schema = bytes_schema(BYTES);
    pmipc_producer *producer;
    pmipc_error error = {0};
    struct stat before, after;
    CHECK_EQ(lstat(file_path, &before), 0);
    CHECK_STATUS(pmipc_producer_open(&producer, "p", &schema, NULL, &error), PMIPC_CORRUPT);
    CHECK_HAS(error.text, kind);
    CHECK_HAS(error.text, file_path);
    CHECK_HAS(error.text, "force");
    left = 0;
    CHECK_OK(pmipc_registry_clean(NULL, count_left, NULL, &error));
    CHECK_EQ(left, 1);
    CHECK_STATUS(pmipc_pool_remove("p", NULL, NULL, &error), PMIPC_CORRUPT);
    CHECK_HAS(error.text, kind);
    CHECK_STATUS(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.incarnation = 1, .force = true}, &error),
                 PMIPC_NOT_FOUND);
    CHECK_EQ(lstat(file_path, &after), 0);
    CHECK(before.st_ino == after.st_ino && before.st_size == after.st_size && before.st_mode == after.st_mode);
    CHECK(before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
}

/* With force it is removed, and then the name is free. */
static void remove_foreign_entry(void)
{
    CHECK_OK(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.force = true}, NULL));
    check_next_producer_starts();
}

TEST(empty_file_is_not_a_pool_and_is_kept)
{
    find_path("p");
    write_file(file_path, "", 0);
    check_no_pool();
    pmipc_pool_info *info = calloc(1, sizeof *info);
    CHECK_STATUS(pmipc_pool_inspect("p", NULL, info, NULL), PMIPC_CORRUPT);
    free(info);
    pmipc_stream *stream;
    CHECK_STATUS(pmipc_stream_open(&stream, "p", NULL, NULL), PMIPC_CORRUPT);
    check_foreign_entry_stays("regular file");
    remove_foreign_entry();
}

TEST(file_of_zeros_is_not_a_pool_and_is_kept)
{
    find_path("p");
    const size_t sizes[] = {1, 63, 64, 4095, 4096, 8192, 65536, 1000000};
    char *zeros = calloc(1, 1000000);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        write_file(file_path, zeros, sizes[i]);
        check_no_pool();
        check_foreign_entry_stays("regular file");
        remove_foreign_entry();
    }
    free(zeros);
}

TEST(random_file_is_corrupt_only_with_magic_number)
{
    test_random random = random_start();
    find_path("p");
    char *bytes = malloc(100000);
    for (int round = 0; round < ROUNDS(100); round++) {
        size_t size = (size_t)random_below(&random, 100000) + 1;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)random_next(&random);
        write_file(file_path, bytes, size);
        check_no_pool();
        if (round % 10 == 0) {
            check_foreign_entry_stays("regular file");
            remove_foreign_entry();
        }
        memcpy(bytes, "PICPOOL1", size < 8 ? size : 8);
        write_file(file_path, bytes, size);
        check_no_pool();
        if (round % 10 == 1 && size >= 8)
            check_next_producer_starts();
    }
    free(bytes);
    unlink(file_path);
}

/* A pool file truncated at every page and at other offsets: every call returns a status and never faults. */
TEST(truncated_pool_is_corrupt)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    publish_frames(producer, 9);
    pool_path("p", file_path, sizeof file_path);
    pmipc_producer_abandon(producer);
    size_t size;
    char *whole = read_file(file_path, &size);
    for (size_t cut = 0; cut < size; cut += 1024) {
        write_file(file_path, whole, cut + cut % 3);
        check_no_pool();
        if (cut % 8192 == 0 && cut > 0)
            check_next_producer_starts();
    }
    write_file(file_path, whole, size - 1);
    check_no_pool();
    write_file(file_path, whole, size); /* control: the complete file is a pool */
    producer = bytes_producer("p", BYTES, 4);
    CHECK(pmipc_producer_adopted(producer));
    CHECK_EQ(pmipc_producer_seq(producer), 9);
    pmipc_producer_close(producer);
    free(whole);
}

TEST(fifo_is_not_a_pool_and_no_call_hangs)
{
    find_path("p");
    CHECK_EQ(mkfifo(file_path, 0600), 0);
    check_no_pool();
    check_foreign_entry_stays("FIFO");
    remove_foreign_entry();
}

TEST(socket_is_not_a_pool_and_is_kept)
{
    find_path("p");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK(strlen(file_path) < sizeof address.sun_path);
    strcpy(address.sun_path, file_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    check_no_pool();
    check_foreign_entry_stays("socket");
    remove_foreign_entry();
    close(fd);
}

TEST(symbolic_link_is_not_a_pool_and_its_target_is_unchanged)
{
    char registry[256];
    char target[256];
    snprintf(registry, sizeof registry, "%s/registry", test_folder());
    snprintf(target, sizeof target, "%s/target", test_folder());
    setenv("POLYMORPH_IPC_DIR", registry, 1);
    find_path("p");
    write_file(target, "precious", 8);
    CHECK_EQ(symlink(target, file_path), 0);
    check_no_pool();
    check_foreign_entry_stays("symbolic link");
    remove_foreign_entry();
    size_t size;
    char *data = read_file(target, &size);
    CHECK(size == 8 && memcmp(data, "precious", 8) == 0);
    free(data);
    unlink(target);
    folder_remove(registry);
}

/* A link to a pool in the same folder is not followed either: the pool would have two names. */
TEST(symbolic_link_to_pool_is_not_followed)
{
    find_path("p");
    char link_path[512];
    memcpy(link_path, file_path, sizeof link_path);
    pmipc_producer *producer = bytes_producer("real", BYTES, 4);
    publish_frame(producer);
    pool_path("real", file_path, sizeof file_path);
    CHECK_EQ(symlink(file_path, link_path), 0);
    pmipc_stream *stream = NULL;
    pmipc_view view;
    if (pmipc_stream_open(&stream, "p", NULL, NULL) == PMIPC_OK) {
        CHECK(pmipc_stream_get_last(stream, &view) != PMIPC_OK);
        pmipc_stream_close(stream);
    }
    unlink(link_path);
    pmipc_producer_close(producer);
}

TEST(directory_is_not_a_pool_and_is_kept)
{
    find_path("p");
    CHECK_EQ(mkdir(file_path, 0700), 0);
    char inside[600];
    snprintf(inside, sizeof inside, "%s/inside", file_path);
    write_file(inside, "precious", 8);
    check_no_pool();
    check_foreign_entry_stays("folder");
    CHECK_STATUS(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.force = true}, NULL), PMIPC_UNSUPPORTED);
    CHECK_EQ(access(inside, F_OK), 0);
    unlink(inside);
    rmdir(file_path);
}

/* A producer killed while it replaces its pool leaves a file with this name. The next producer removes it only if it is
 * a pool. */
TEST(foreign_file_named_like_unfinished_pool_is_kept)
{
    char next[600];
    find_path("p");
    snprintf(next, sizeof next, "%s/~p", test_folder());
    write_file(next, "precious", 8);
    check_next_producer_starts();
    pmipc_producer_abandon(bytes_producer("p", BYTES, 4));
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
    size_t size;
    char *data = read_file(next, &size);
    CHECK(size == 8 && memcmp(data, "precious", 8) == 0);
    free(data);
    write_file(next, "PICPOOL1", 8);
    check_next_producer_starts();
    CHECK_EQ(access(next, F_OK), -1);
}

TEST(corrupt_pools_are_removed_and_cleaned)
{
    find_path("p");
    write_file(file_path, "PICPOOL1 damaged", 16);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
    CHECK_EQ(access(file_path, F_OK), -1);
    write_file(file_path, "PICPOOL1", 8);
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
    CHECK_EQ(access(file_path, F_OK), -1);
    write_file(file_path, "PICPOOL", 7);
    check_foreign_entry_stays("regular file");
    remove_foreign_entry();
}

TEST(files_with_invalid_pool_names_are_not_listed)
{
    const char *names[] = {"with space", "caf\xc3\xa9", "%", "new\nline", "~backup", "x*"};
    pmipc_producer *producer = bytes_producer("real", BYTES, 4);
    char path[600];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", test_folder(), names[i]);
        write_file(path, "something else", 14);
    }
    pmipc_registry *registry;
    pmipc_pool_info *info = calloc(1, sizeof *info);
    CHECK_OK(pmipc_registry_open(&registry, NULL, NULL));
    unsigned good = 0;
    while (pmipc_registry_next(registry, info) == PMIPC_OK) {
        if (info->status == PMIPC_OK) {
            good++;
            CHECK_OK(pmipc_name_check(info->name, NULL));
        }
        pmipc_pool_info_release(info);
    }
    CHECK_EQ(good, 1);
    pmipc_registry_close(registry);
    free(info);
    pmipc_producer_close(producer);
    folder_remove(test_folder());
    mkdir(test_folder(), 0700);
}
