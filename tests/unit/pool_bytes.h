/* pool_bytes.h: a pool file as bytes in memory, to be changed and written back. It includes the layout. */
#ifndef PMIPC_TEST_POOL_BYTES_H
#define PMIPC_TEST_POOL_BYTES_H

#include "pools.h"

#include "pool/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HISTORY 4

static char pool_file_path[512];

typedef struct pool_file {
    char *bytes;
    size_t size;
} pool_file;

static inline struct pool_header *header_of(const pool_file *file)
{
    return (struct pool_header *)(void *)file->bytes;
}

static inline pmipc_field *field_of(const pool_file *file)
{
    return (pmipc_field *)(void *)(file->bytes + header_of(file)->geometry.schema_offset);
}

static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Store the checksum of the changed bytes; a region beyond the end of the file is left out. */
static inline void seal(const pool_file *file)
{
    struct pool_header *header = header_of(file);
    const struct pool_geometry *geometry = &header->geometry;
    const uint64_t offsets[] = {geometry->schema_offset,
                                geometry->schema_offset + header->field_count * sizeof(pmipc_field),
                                geometry->metadata_offset};
    const uint64_t bytes[] = {header->field_count * sizeof(pmipc_field), header->text_bytes, geometry->metadata_bytes};
    header->checksum = 0;
    uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), header, sizeof *header);
    for (int i = 0; i < 3; i++)
        if (offsets[i] <= file->size && bytes[i] <= file->size - offsets[i])
            hash = hash_bytes(hash, file->bytes + offsets[i], bytes[i]);
    header->checksum = hash;
}

static inline pmipc_producer *plain_producer(void)
{
    const int64_t points[] = {20, 3};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "points", PMIPC_FLOAT32, 2, points, PMIPC_FIELD_VARIABLE, NULL));
    CHECK_OK(pmipc_schema_add_opaque(&schema, "label", 16, "S16", 3, 0, NULL, 0, NULL));
    pmipc_producer_options options = {.history_len = HISTORY, .metadata = "{\"unit\": \"m\"}"};
    return producer_open("p", &schema, &options);
}

/* A pool with samples 6 to 9; the file is removed. */
static inline pool_file make_file(void)
{
    pmipc_producer *producer = plain_producer();
    publish_frames(producer, 9);
    pool_path("p", pool_file_path, sizeof pool_file_path);
    int fd = open(pool_file_path, O_RDONLY | O_CLOEXEC);
    struct stat facts;
    CHECK(fd >= 0 && fstat(fd, &facts) == 0);
    pool_file file = {.bytes = malloc((size_t)facts.st_size), .size = (size_t)facts.st_size};
    CHECK_EQ(pread(fd, file.bytes, file.size, 0), facts.st_size);
    close(fd);
    pmipc_producer_close(producer);
    return file;
}

static inline void write_file(const pool_file *file)
{
    int fd = open(pool_file_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, file->bytes, file->size), (ssize_t)file->size);
    close(fd);
}

/* The status of pmipc_pool_inspect. */
static inline pmipc_status inspected(void)
{
    pmipc_pool_info *info = calloc(1, sizeof *info);
    pmipc_status status = pmipc_pool_inspect("p", NULL, info, NULL);
    pmipc_pool_info_release(info);
    free(info);
    return status;
}

static inline struct pool_control *control_of(const pool_file *file)
{
    return (struct pool_control *)(void *)(file->bytes + POOL_CONTROL_OFFSET);
}

static inline _Atomic uint64_t *ring_of(const pool_file *file)
{
    return (_Atomic uint64_t *)(void *)(file->bytes + POOL_RING_OFFSET);
}

#endif
