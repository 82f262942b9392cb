/* inspect.c: describing a pool from its file. It is only read, with pread: nothing is mapped, no lock is taken. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/cancel.h"
#include "os/file.h"
#include "os/lock.h"
#include "pool/description.h"
#include "pool/protocol.h"
#include "pool/rows.h"
#include "registry/elsewhere.h"
#include "registry/entry.h"
#include "registry/inspect.h"

struct open_pool {
    int fd;
    const struct pool_description *description;
};

static bool read_slot(const struct open_pool *pool, uint32_t slot, struct slot_header *header)
{
    uint64_t offset =
        description_file_bytes(pool->description, slot) + slot_header_offset(&pool->description->header.geometry);
    return pread(pool->fd, header, sizeof *header, (off_t)offset) == (ssize_t)sizeof *header;
}

static uint64_t seq_in_file_slot(const void *context, uint32_t slot)
{
    struct slot_header header;
    return read_slot(context, slot, &header) ? load_relaxed(&header.seq) : 0;
}

/* The newest sample, without a pin. The producer may replace it at this moment, so read again until entry and slot
 * agree. */
static void describe_newest(const struct open_pool *pool, const struct pool_control *control, pmipc_pool_info *info)
{
    uint64_t head = load_relaxed(&control->head);
    info->seq = entry_seq(head);
    for (int tries = 0; tries < 4 && head != ENTRY_EMPTY; tries++) {
        struct slot_header header;
        if (entry_slot(head) < info->slot_count && read_slot(pool, entry_slot(head), &header) &&
            load_relaxed(&header.seq) == entry_seq(head)) {
            info->seq = entry_seq(head);
            info->stamp_ns = load_relaxed(&header.stamp_ns);
            info->published_ns = load_relaxed(&header.published_ns);
            return;
        }
        const off_t place = POOL_CONTROL_OFFSET + (off_t)offsetof(struct pool_control, head);
        if (pread(pool->fd, &head, sizeof head, place) != (ssize_t)sizeof head)
            return;
    }
}

/* Most pools of a long list have no streams. Then only the bitmap is read. */
static pmipc_status read_readers(const struct open_pool *pool, struct pool_readers *readers, const char *name,
                                 pmipc_error *error)
{
    const size_t front = offsetof(struct pool_readers, rows_in_use) + sizeof readers->rows_in_use;
    const uint64_t offset = pool->description->header.geometry.readers_offset;
    pmipc_status status = pool_file_read(pool->fd, readers, front, offset, name, error);
    if (!status && load_relaxed(&readers->rows_in_use))
        status = pool_file_read(pool->fd, readers, sizeof *readers, offset, name, error);
    return status;
}

/* Read the parts that change. The file size is read after the slot count, because a growing pool extends its file
 * first. */
static pmipc_status read_state(const struct open_pool *pool, struct pool_control *control, struct pool_readers *readers,
                               const char *name, pmipc_error *error)
{
    const struct pool_description *description = pool->description;
    uint64_t bytes = 0;
    pmipc_status status = pool_file_read(pool->fd, control, sizeof *control, POOL_CONTROL_OFFSET, name, error);
    if (!status)
        status = read_readers(pool, readers, name, error);
    if (!status)
        status = pool_file_measure(pool->fd, &bytes, name, error);
    if (status)
        return status;
    uint32_t slots = ownership_slots(load_relaxed(&control->ownership));
    if (!description_allows_slots(description, slots) || bytes < description_file_bytes(description, slots))
        return error_set(error, PMIPC_CORRUPT, 0, "pool '%s': its control page is corrupt or its file is truncated",
                         name);
    return PMIPC_OK;
}

static pmipc_status describe(const struct open_pool *pool, pmipc_pool_info *info, pmipc_error *error)
{
    const struct pool_description *description = pool->description;
    const struct pool_geometry *geometry = &description->header.geometry;
    struct pool_control control;
    int alive = lock_ask(pool->fd, LOCK_BYTE_PRODUCER);
    if (alive < 0)
        return error_of_call(error, -alive, info->name, "query its producer lock");
    info->producer_alive = alive;
    struct pool_readers *readers = malloc(sizeof *readers);
    if (!readers)
        return error_set(error, PMIPC_NO_MEMORY, ENOMEM, "pool '%s': out of memory", info->name);
    pmipc_status status = read_state(pool, &control, readers, info->name, error);
    if (status) {
        free(readers);
        return status;
    }
    info->slot_count = ownership_slots(load_relaxed(&control.ownership));
    info->schema = description->schema;
    info->incarnation = description->header.incarnation;
    info->history_len = geometry->history_len;
    info->origin = description->header.origin;
    info->payload_bytes = geometry->payload_bytes;
    info->retired = load_relaxed(&control.retired) != 0;
    info->owner_epoch = ownership_epoch(load_relaxed(&control.ownership));
    info->producer_pid = (int32_t)load_relaxed(&control.owner_pid);
    info->producer_since_ns = load_relaxed(&control.owner_since_ns);
    info->clock_offset_ns = load_relaxed(&control.clock_offset_ns);
    const uint32_t overflow = load_relaxed(&control.overflow);
    info->overflow = overflow <= PMIPC_OVERFLOW_WAIT ? overflow : PMIPC_OVERFLOW_OLDEST;
    info->grown = load_relaxed(&control.grown);
    info->given_up = load_relaxed(&control.given_up);
    info->cleared_rows = load_relaxed(&control.cleared_rows);
    info->malformed_cells = load_relaxed(&control.malformed_cells);
    shared_text_load(control.owner_command, sizeof control.owner_command, info->producer_command);
    describe_newest(pool, &control, info);
    struct slot_lookup lookup = {info->slot_count, seq_in_file_slot, pool};
    uint32_t rows = rows_describe(readers, pool->fd, &lookup, info->readers, PMIPC_MAX_READERS);
    for (uint32_t i = 0; i < rows; i++) /* leave out dead streams */
        if (info->readers[i].alive)
            info->readers[info->reader_count++] = info->readers[i];
    free(readers);
    return PMIPC_OK;
}

pmipc_status inspect_file(int fd, const char *name, pmipc_pool_info *info, pmipc_error *error)
{
    struct stat status;
    memset(info, 0, sizeof *info);
    strncpy(info->name, name, sizeof info->name - 1);
    if (fstat(fd, &status) != 0)
        return error_of_call(error, errno, name, "examine its file");
    info->mode = (uint32_t)status.st_mode & 07777;
    info->uid = (uint32_t)status.st_uid;
    info->file_bytes = (uint64_t)status.st_size;
    struct pool_description *description;
    pmipc_status result = description_read(fd, name, &description, error);
    if (result)
        return result;
    struct open_pool pool = {fd, description};
    result = describe(&pool, info, error);
    if (!result && description->metadata[0] && !(info->metadata = strdup(description->metadata)))
        result = error_set(error, PMIPC_NO_MEMORY, ENOMEM, "pool '%s': out of memory", name);
    description_release(description);
    return result;
}

pmipc_status inspect_entry(int folder, const struct pool_place *place, pmipc_pool_info *info, pmipc_error *error)
{
    int fd;
    memset(info, 0, sizeof *info);
    memcpy(info->name, place->name, strlen(place->name) + 1);
    pmipc_status status = entry_open(place, folder, false, &fd, error);
    if (status)
        return status;
    status = inspect_file(fd, place->name, info, error);
    file_close(fd);
    return status;
}

pmipc_status pmipc_pool_inspect(const char *name, const char *folder, pmipc_pool_info *info, pmipc_error *error)
{
    CANCELLATION_DEFERRED(cancel_state);
    struct pool_place place;
    int folder_fd;
    if (!info)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "info is NULL");
    memset(info, 0, sizeof *info);
    pmipc_status status = place_of(name, folder, &place, error);
    if (!status)
        status = place_open(&place, false, &folder_fd, error);
    if (status == PMIPC_NOT_FOUND) {
        error_set(error, PMIPC_NOT_FOUND, ENOENT, "there is no pool '%s': the registry folder %s does not exist", name,
                  place.folder);
    } else if (!status) {
        status = inspect_entry(folder_fd, &place, info, error);
        info->status = status;
        file_close(folder_fd);
    }
    if (status == PMIPC_NOT_FOUND)
        elsewhere_name(&place, error);
    return status;
}

void pmipc_pool_info_release(pmipc_pool_info *info)
{
    if (!info)
        return;
    free(info->metadata);
    info->metadata = NULL;
}
