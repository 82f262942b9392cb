#include "pool_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool/layout.h"
#include "world.h"

#define DESCRIPTORS_ASKED_FOR 64
#define INPUTS_BETWEEN_CLEANINGS 64    /* going through the folder takes as long as opening a pool */
#define MAPPED_BYTES ((size_t)4 << 20) /* more than any pool of these kinds grows to in one input */

static char folder_path[128], kept_folder_path[144];
static int folder_fd = -1;
static int kept_folder_fd = -1;
static int main_fd = -1; /* the file of all inputs */
static char *main_bytes;
static int file_fd; /* what is poked: that file, or the one that has the name now */
static char *bytes_now;
static uint64_t open_at_first; /* descriptors, when an input begins */
static uint32_t inputs;        /* so far */
static bool folder_is_littered;

static struct image {
    char *bytes;
    size_t size;
} images[KINDS][STATES];

/* ----------------------------------------------------------------------------------------------------------- kinds */

static struct kind plain(pmipc_dtype dtype, int64_t rows, int64_t columns, uint32_t history_len, uint32_t spare)
{
    const int64_t shape[] = {rows, columns};
    struct kind kind = {.options = {.history_len = history_len, .spare = spare, .keep = true}};
    pmipc_schema_init(&kind.schema);
    REQUIRE(pmipc_schema_add(&kind.schema, "", dtype, columns ? 2 : 1, shape, 0, NULL) == PMIPC_OK);
    return kind;
}

static struct kind points(void)
{
    const int64_t shape[] = {20, 3};
    struct kind kind = {.options = {.history_len = 4, .metadata = "{\"unit\": \"m\", \"frame_id\": \"lidar\"}"}};
    pmipc_schema_init(&kind.schema);
    REQUIRE(pmipc_schema_add(&kind.schema, "points", PMIPC_FLOAT32, 2, shape, PMIPC_FIELD_VARIABLE, NULL) == PMIPC_OK);
    REQUIRE(pmipc_schema_add_opaque(&kind.schema, "label", 16, "S16", 3, 0, NULL, 0, NULL) == PMIPC_OK);
    REQUIRE(pmipc_schema_add(&kind.schema, "nothing", PMIPC_INT16, 2, (const int64_t[]){3, 0}, 0, NULL) == PMIPC_OK);
    return kind;
}

static struct kind many_fields(uint32_t count, uint32_t variable, uint32_t history_len)
{
    struct kind kind = {.options = {.history_len = history_len, .spare = 1, .origin = PMIPC_ORIGIN_TORCH}};
    pmipc_schema_init(&kind.schema);
    for (uint32_t i = 0; i < count; i++) {
        char name[16];
        const int64_t shape[] = {1 + i};
        snprintf(name, sizeof name, "f%u", i);
        uint32_t flags = i < variable ? PMIPC_FIELD_VARIABLE : 0;
        REQUIRE(pmipc_schema_add(&kind.schema, name, PMIPC_UINT8, 1, shape, flags, NULL) == PMIPC_OK);
    }
    return kind;
}

const struct kind *kind_of(uint8_t number)
{
    static struct kind kinds[KINDS];
    if (!kinds[0].options.folder) {
        kinds[0] = plain(PMIPC_UINT8, 8, 0, 1, 1);
        kinds[1] = plain(PMIPC_FLOAT64, 7, 0, 4, 3);
        kinds[2] = points();
        kinds[3] = plain(PMIPC_UINT8, 60, 60, 5, 2); /* slots of whole pages */
        kinds[4] = many_fields(32, 8, 3);
        kinds[5] = plain(PMIPC_UINT8, 1, 0, 300, 3); /* longer than the library's windows on the stack */
        kinds[6] = plain(PMIPC_UINT8, 0, 0, 2, 1);   /* no payload at all */
        for (int i = 0; i < KINDS; i++)
            kinds[i].options.folder = pool_folder();
    }
    return &kinds[number % KINDS];
}

/* ---------------------------------------------------------------------------------------------------------- folder */

static void remove_entries(const char *except)
{
    DIR *entries = opendir(folder_path);
    REQUIRE(entries != NULL);
    for (struct dirent *entry; (entry = readdir(entries));)
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, except) != 0)
            REQUIRE(unlinkat(folder_fd, entry->d_name, 0) == 0 ||
                    unlinkat(folder_fd, entry->d_name, AT_REMOVEDIR) == 0);
    closedir(entries);
}

static void remove_folder(void)
{
    remove_entries("");
    rmdir(folder_path);
    unlinkat(kept_folder_fd, POOL_NAME, 0);
    rmdir(kept_folder_path);
}

const char *pool_folder(void)
{
    if (folder_fd < 0) {
        const char *parent = getenv("POLYMORPH_IPC_DIR");
        snprintf(folder_path, sizeof folder_path, "%.90s-fuzz-%d", parent ? parent : "/dev/shm/polymorph_ipc",
                 (int)getpid());
        snprintf(kept_folder_path, sizeof kept_folder_path, "%s-kept", folder_path);
        REQUIRE(mkdir(folder_path, 0700) == 0 && mkdir(kept_folder_path, 0700) == 0);
        folder_fd = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        kept_folder_fd = open(kept_folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        REQUIRE(folder_fd >= 0 && kept_folder_fd >= 0);
        atexit(remove_folder);
    }
    return folder_path;
}

/* ------------------------------------------------------------------------------------------------------------ file */

static int open_named(void)
{
    return openat(folder_fd, POOL_NAME, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* A producer makes the pool, publishes, and dies. Its file is the image. */
static void make_image(struct image *image, const struct kind *kind, uint8_t state)
{
    const uint32_t history_len = kind->options.history_len;
    const uint32_t published[STATES] = {0, 1, history_len, 2 * history_len + 3};
    pmipc_producer *producer;
    REQUIRE(pmipc_producer_open(&producer, POOL_NAME, &kind->schema, &kind->options, NULL) == PMIPC_OK);
    for (uint32_t i = 0; i < published[state]; i++) {
        pmipc_loan loan;
        REQUIRE(pmipc_producer_loan(producer, &loan) == PMIPC_OK);
        for (uint32_t f = 0; f < loan.field_count; f++) {
            memset(loan.fields[f].data, (int)(i + f), pmipc_field_bytes(&kind->schema.fields[f]));
            if (kind->schema.fields[f].flags & PMIPC_FIELD_VARIABLE)
                loan.fields[f].length -= i % 2;
        }
        REQUIRE(pmipc_producer_commit(producer, &loan, 1000 * (int64_t)i) == PMIPC_OK);
    }
    pmipc_producer_abandon(producer);
    struct stat status;
    int fd = open_named();
    REQUIRE(fd >= 0 && fstat(fd, &status) == 0);
    image->size = (size_t)status.st_size;
    image->bytes = require_memory(image->size);
    REQUIRE(pread(fd, image->bytes, image->size, 0) == status.st_size);
    close(fd);
    REQUIRE(unlinkat(folder_fd, POOL_NAME, 0) == 0);
}

static uint64_t inode_of(int fd)
{
    struct stat status;
    REQUIRE(fstat(fd, &status) == 0);
    return status.st_ino;
}

static bool is_named(uint64_t inode)
{
    struct stat named;
    return fstatat(folder_fd, POOL_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 && named.st_ino == inode;
}

/* One file for all inputs: a link in a folder of its own keeps it when it is removed as a pool. */
static void make_file(void)
{
    main_fd = openat(kept_folder_fd, POOL_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    REQUIRE(main_fd >= 0 && ftruncate(main_fd, MAPPED_BYTES) == 0);
    main_bytes = world_map_for_harness(main_fd, MAPPED_BYTES);
    world_keep_mappings(inode_of(main_fd));
}

/* Which of the first descriptors are open: one call asks for all. */
static uint64_t open_descriptors(void)
{
    struct pollfd descriptors[DESCRIPTORS_ASKED_FOR];
    uint64_t open_ones = 0;
    for (int i = 0; i < DESCRIPTORS_ASKED_FOR; i++)
        descriptors[i] = (struct pollfd){.fd = i};
    REQUIRE(poll(descriptors, DESCRIPTORS_ASKED_FOR, 0) >= 0);
    for (int i = 0; i < DESCRIPTORS_ASKED_FOR; i++)
        open_ones |= descriptors[i].revents == POLLNVAL ? 0 : UINT64_C(1) << i;
    return open_ones;
}

void pool_file_begin(uint8_t kind, uint8_t state)
{
    struct image *image = &images[kind % KINDS][state % STATES];
    (void)pool_folder();
    if (!image->bytes) {
        remove_entries("");
        make_image(image, kind_of(kind), state % STATES);
    }
    if (main_fd < 0)
        make_file();
    if (!is_named(inode_of(main_fd))) {
        remove_entries("");
        REQUIRE(linkat(kept_folder_fd, POOL_NAME, folder_fd, POOL_NAME, 0) == 0);
    }
    REQUIRE(ftruncate(main_fd, (off_t)image->size) == 0);
    file_fd = main_fd;
    bytes_now = main_bytes;
    memcpy(bytes_now, image->bytes, image->size);
    open_at_first = open_descriptors();
}

void pool_folder_gets_entries(void)
{
    folder_is_littered = true;
}

/* Back to the file of all inputs. */
static void stop_following(void)
{
    if (file_fd == main_fd)
        return;
    munmap(bytes_now, MAPPED_BYTES);
    close(file_fd);
    file_fd = main_fd;
    bytes_now = main_bytes;
}

void pool_file_end(void)
{
    stop_following();
    if (++inputs % INPUTS_BETWEEN_CLEANINGS == 0 || folder_is_littered)
        remove_entries(is_named(inode_of(main_fd)) ? POOL_NAME : "");
    folder_is_littered = false;
    REQUIRE(open_descriptors() == open_at_first);
}

void pool_file_follow(void)
{
    struct stat named;
    stop_following();
    if (fstatat(folder_fd, POOL_NAME, &named, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(named.st_mode) ||
        named.st_ino == inode_of(main_fd))
        return;
    file_fd = open_named();
    REQUIRE(file_fd >= 0);
    bytes_now = world_map_for_harness(file_fd, MAPPED_BYTES);
}

char *pool_file_bytes(size_t *bytes)
{
    struct stat status;
    REQUIRE(fstat(file_fd, &status) == 0);
    *bytes = (size_t)status.st_size < MAPPED_BYTES ? (size_t)status.st_size : MAPPED_BYTES;
    return bytes_now;
}

static uint64_t hash_bytes(uint64_t hash, const char *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

void pool_file_seal(void)
{
    size_t size;
    char *base = pool_file_bytes(&size);
    struct pool_header *header = (struct pool_header *)base;
    const struct pool_geometry *geometry = &header->geometry;
    const uint64_t field_bytes = header->field_count * sizeof(pmipc_field);
    const uint64_t offsets[] = {geometry->schema_offset, geometry->schema_offset + field_bytes,
                                geometry->metadata_offset};
    const uint64_t bytes[] = {field_bytes, header->text_bytes, geometry->metadata_bytes};
    header->checksum = 0;
    uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), base, sizeof *header);
    for (int i = 0; i < 3; i++)
        if (offsets[i] <= size && bytes[i] <= size - offsets[i])
            hash = hash_bytes(hash, base + offsets[i], bytes[i]);
    header->checksum = hash;
}
