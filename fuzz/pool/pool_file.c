#include "pool_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool/layout.h"
#include "tmpfs.h"

void *__real_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);

#define DESCRIPTORS_CHECKED 64

static struct folder {
    char path[128];
    int fd;
} in_process = {TMPFS_FOLDER, -1}, on_linux = {"", -1}, *folder = &in_process;

/* A file that is poked: a descriptor, and its bytes in a mapping that the library does not know. */
static struct poked {
    int fd;
    char *bytes;
} original = {-1, NULL},
  followed = {-1, NULL}; /* the file at the start of an input; the file that has its name later */

static uint64_t open_on_linux; /* descriptors at the start of an input */
static uint32_t open_in_process;

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
    if (!kinds[0].options.history_len) {
        kinds[0] = plain(PMIPC_UINT8, 8, 0, 1, 1);
        kinds[1] = plain(PMIPC_FLOAT64, 7, 0, 4, 3);
        kinds[2] = points();
        kinds[3] = plain(PMIPC_UINT8, 60, 60, 5, 2); /* slots of whole pages */
        kinds[4] = many_fields(32, 8, 3);
        kinds[5] = plain(PMIPC_UINT8, 1, 0, 260, 3); /* windows are longer than the library's array on the stack */
        kinds[6] = plain(PMIPC_UINT8, 0, 0, 2, 1);   /* no payload at all */
    }
    kinds[number % KINDS].options.folder = folder->path;
    return &kinds[number % KINDS];
}

/* ---------------------------------------------------------------------------------------------------------- folder */

static void remove_entries(void)
{
    bool removed;
    do { /* readdir may miss entries while others are removed */
        DIR *entries = fdopendir(openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        REQUIRE(entries != NULL);
        removed = false;
        for (struct dirent *entry; (entry = readdir(entries));) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            REQUIRE(unlinkat(folder->fd, entry->d_name, 0) == 0 ||
                    unlinkat(folder->fd, entry->d_name, AT_REMOVEDIR) == 0);
            removed = true;
        }
        closedir(entries);
    } while (removed);
}

static void remove_folder(void)
{
    folder = &on_linux;
    remove_entries();
    (void)rmdir(on_linux.path);
}

void pool_folder_choose(bool is_on_linux)
{
    folder = is_on_linux ? &on_linux : &in_process;
    if (folder->fd >= 0)
        return;
    if (is_on_linux) {
        const char *parent = getenv("POLYMORPH_IPC_DIR");
        snprintf(folder->path, sizeof folder->path, "%.90s-fuzz-%d", parent ? parent : "/dev/shm/polymorph_ipc",
                 (int)getpid());
        REQUIRE(mkdir(folder->path, 0700) == 0);
        atexit(remove_folder);
    }
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(folder->fd >= 0);
}

const char *pool_folder(void)
{
    return folder->path;
}

/* ------------------------------------------------------------------------------------------------------------ file */

static struct poked open_poked(int flags)
{
    struct poked file = {.fd = openat(folder->fd, POOL_NAME, flags | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600)};
    REQUIRE(file.fd >= 0);
    file.bytes = tmpfs_has_descriptor(file.fd)
                     ? tmpfs_contents(file.fd)
                     : __real_mmap(NULL, TMPFS_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
    REQUIRE(file.bytes != MAP_FAILED);
    return file;
}

static void close_poked(struct poked *file)
{
    if (file->fd < 0)
        return;
    if (!tmpfs_has_descriptor(file->fd))
        munmap(file->bytes, TMPFS_FILE_BYTES);
    close(file->fd);
    file->fd = -1;
}

/* A producer creates the pool, publishes and dies. Its file becomes the image. */
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
    int fd = openat(folder->fd, POOL_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    REQUIRE(fd >= 0 && fstat(fd, &status) == 0);
    image->size = (size_t)status.st_size;
    image->bytes = require_memory(image->size);
    REQUIRE(pread(fd, image->bytes, image->size, 0) == status.st_size);
    close(fd);
    remove_entries();
}

/* Which of the first descriptors are open, by one call. */
static uint64_t open_descriptors(void)
{
    struct pollfd descriptors[DESCRIPTORS_CHECKED];
    uint64_t open_ones = 0;
    for (int i = 0; i < DESCRIPTORS_CHECKED; i++)
        descriptors[i] = (struct pollfd){.fd = i};
    REQUIRE(poll(descriptors, DESCRIPTORS_CHECKED, 0) >= 0);
    for (int i = 0; i < DESCRIPTORS_CHECKED; i++)
        open_ones |= descriptors[i].revents == POLLNVAL ? 0 : UINT64_C(1) << i;
    return open_ones;
}

void pool_file_begin(uint8_t kind, uint8_t state)
{
    struct image *image = &images[kind % KINDS][state % STATES];
    if (!image->bytes)
        make_image(image, kind_of(kind), state % STATES);
    open_in_process = tmpfs_open_count();
    open_on_linux = folder == &on_linux ? open_descriptors() : 0;
    original = open_poked(O_CREAT | O_EXCL);
    REQUIRE(ftruncate(original.fd, (off_t)image->size) == 0);
    memcpy(original.bytes, image->bytes, image->size);
}

void pool_file_end(void)
{
    close_poked(&followed);
    close_poked(&original);
    REQUIRE(tmpfs_open_count() == open_in_process);
    REQUIRE(folder != &on_linux || open_descriptors() == open_on_linux);
    remove_entries();
}

void pool_file_follow(void)
{
    struct stat named;
    close_poked(&followed);
    if (fstatat(folder->fd, POOL_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(named.st_mode))
        followed = open_poked(0);
}

char *pool_file_bytes(size_t *bytes)
{
    const struct poked *file = followed.fd >= 0 ? &followed : &original;
    struct stat status;
    REQUIRE(fstat(file->fd, &status) == 0);
    *bytes = (size_t)status.st_size < TMPFS_FILE_BYTES ? (size_t)status.st_size : TMPFS_FILE_BYTES;
    return file->bytes;
}

void pool_file_update_checksum(void)
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
    uint64_t hash = layout_hash(LAYOUT_HASH_START, base, sizeof *header);
    for (int i = 0; i < 3; i++)
        if (offsets[i] <= size && bytes[i] <= size - offsets[i])
            hash = layout_hash(hash, base + offsets[i], bytes[i]);
    header->checksum = hash;
}
