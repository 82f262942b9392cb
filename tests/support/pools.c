#include "pools.h"

#include "pattern.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

pmipc_schema bytes_schema(int64_t bytes)
{
    return pmipc_schema_tensor(PMIPC_UINT8, 1, &bytes);
}

int64_t page_frame_bytes(void)
{
    const int64_t header_bytes = 64;
    return sysconf(_SC_PAGESIZE) - header_bytes;
}

pmipc_producer *producer_open(const char *name, const pmipc_schema *schema, const pmipc_producer_options *options)
{
    pmipc_producer *producer = NULL;
    pmipc_error error = {0};
    pmipc_status status = pmipc_producer_open(&producer, name, schema, options, &error);
    if (status != PMIPC_OK)
        FAIL("producer of %s: %s: %s", name, pmipc_status_name(status), error.text);
    return producer;
}

pmipc_producer *bytes_producer(const char *name, int64_t bytes, uint32_t history_len)
{
    pmipc_schema schema = bytes_schema(bytes);
    pmipc_producer_options options = {.history_len = history_len};
    return producer_open(name, &schema, &options);
}

pmipc_stream *stream_open(const char *name, const pmipc_stream_options *options)
{
    pmipc_stream *stream = NULL;
    pmipc_error error = {0};
    pmipc_status status = pmipc_stream_open(&stream, name, options, &error);
    if (status != PMIPC_OK)
        FAIL("stream of %s: %s: %s", name, pmipc_status_name(status), error.text);
    return stream;
}

void frame_fill(void *data, size_t bytes, uint64_t seq)
{
    pattern_fill(data, bytes, pattern_mix(seq));
}

bool frame_is_whole(const void *data, size_t bytes, uint64_t seq)
{
    return pattern_find_difference(data, bytes, pattern_mix(seq), 0) == SIZE_MAX;
}

uint64_t publish_frame(pmipc_producer *producer)
{
    pmipc_loan loan;
    pmipc_status status = pmipc_producer_loan(producer, &loan);
    if (status == PMIPC_OK) {
        const pmipc_schema *schema = pmipc_producer_schema(producer);
        for (uint32_t i = 0; i < loan.field_count; i++)
            frame_fill(loan.fields[i].data, (size_t)pmipc_field_bytes(&schema->fields[i]), loan.seq);
        status = pmipc_producer_commit(producer, &loan, PMIPC_STAMP_NOW);
    }
    if (status != PMIPC_OK) {
        pmipc_error error;
        pmipc_producer_last_error(producer, &error);
        FAIL("publish: %s: %s", pmipc_status_name(status), error.text);
    }
    return loan.seq;
}

uint64_t publish_frames(pmipc_producer *producer, uint64_t count)
{
    uint64_t seq = 0;
    for (uint64_t i = 0; i < count; i++)
        seq = publish_frame(producer);
    return seq;
}

void check_view(const pmipc_view *view)
{
    for (uint32_t i = 0; i < view->frame_count; i++) {
        pmipc_frame frame;
        CHECK_OK(pmipc_view_frame(view, i, &frame));
        CHECK_EQ(frame.seq, view->seq - (view->frame_count - 1 - i));
        for (uint32_t f = 0; f < view->field_count; f++) {
            const char *data = (const char *)view->fields[f].data + (int64_t)i * view->frame_stride;
            CHECK(frame.fields[f].data == data);
            pmipc_field field = view->schema->fields[f];
            if (field.flags & PMIPC_FIELD_VARIABLE)
                field.shape[0] = frame.fields[f].length;
            if (!frame_is_whole(data, (size_t)pmipc_field_bytes(&field), frame.seq))
                FAIL("frame %" PRIu64 " (%u of %u%s), field %u is torn", frame.seq, i, view->frame_count,
                     view->copied ? ", copied" : "", f);
        }
    }
}

pmipc_view newest_view(pmipc_stream *stream)
{
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    return view;
}

uint64_t read_newest(pmipc_stream *stream)
{
    pmipc_view view;
    pmipc_status status = pmipc_stream_get_last(stream, &view);
    if (status != PMIPC_OK) {
        pmipc_error error;
        pmipc_stream_last_error(stream, &error);
        FAIL("get_last: %s: %s", pmipc_status_name(status), error.text);
    }
    check_view(&view);
    uint64_t seq = view.seq;
    pmipc_view_release(&view);
    return seq;
}

uint64_t publish_and_read(pmipc_producer *producer, pmipc_stream *stream)
{
    uint64_t seq = publish_frame(producer);
    CHECK_EQ(read_newest(stream), seq);
    return seq;
}

pmipc_stream_info stream_info(const pmipc_stream *stream)
{
    pmipc_stream_info info;
    pmipc_stream_get_info(stream, &info);
    return info;
}

uint32_t pinned_slots(pmipc_producer *producer)
{
    pmipc_reader_info readers[PMIPC_MAX_READERS];
    const uint32_t count = pmipc_producer_readers(producer, readers, PMIPC_MAX_READERS);
    uint32_t slots = 0;
    for (uint32_t i = 0; i < count; i++)
        slots += readers[i].pinned_slots;
    return slots;
}

pmipc_pool_info *inspect(const char *name)
{
    pmipc_pool_info *info = calloc(1, sizeof *info);
    CHECK(info);
    pmipc_error error = {0};
    pmipc_status status = pmipc_pool_inspect(name, NULL, info, &error);
    if (status != PMIPC_OK)
        FAIL("inspect %s: %s: %s", name, pmipc_status_name(status), error.text);
    return info;
}

void inspect_release(pmipc_pool_info *info)
{
    pmipc_pool_info_release(info);
    free(info);
}

uint64_t pool_file_bytes(const char *name)
{
    pmipc_pool_info *info = inspect(name);
    uint64_t bytes = info->file_bytes;
    inspect_release(info);
    return bytes;
}

void pool_path(const char *name, char *path, size_t path_bytes)
{
    const char *folder_path = getenv("POLYMORPH_IPC_DIR");
    DIR *folder = opendir(folder_path);
    if (!folder)
        FAIL("%s: %s", folder_path, strerror(errno));
    path[0] = '\0';
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strstr(entry->d_name, name))
            snprintf(path, path_bytes, "%s/%s", folder_path, entry->d_name);
    closedir(folder);
    if (!path[0])
        FAIL("no file for pool %s", name);
}

int open_pool_file(const char *name)
{
    char path[512];
    pool_path(name, path, sizeof path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        FAIL("%s: %s", path, strerror(errno));
    return fd;
}

void schema_add(pmipc_schema *schema, const char *name, pmipc_dtype dtype, uint32_t ndim, const int64_t *shape,
                uint32_t flags)
{
    pmipc_error error = {0};
    if (pmipc_schema_add(schema, name, dtype, ndim, shape, flags, &error) != PMIPC_OK)
        FAIL("field '%s': %s", name, error.text);
}
