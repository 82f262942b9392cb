/* writer.c: the life of a writer: creating its pool, adopting one, retiring it, closing. */
#include "pool/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/futex.h"
#include "os/memory.h"
#include "polymorph_ipc/stream.h"

#define TAKE_OVER_TRIES 8

/* ------------------------------------------------------------------------------------------------ making a writer */

static struct pool_writer *allocate_writer(const struct pool_description *description,
                                           const pmipc_producer_options *options)
{
    struct pool_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return NULL;
    writer->fd = -1;
    writer->lock.fd = -1;
    writer->generation = process_generation();
    writer->max_bytes = options->max_bytes;
    writer->no_growth = options->no_growth;
    writer->prefault = options->prefault;
    writer->overflow = options->overflow;
    writer->timeout_ns = PMIPC_FOREVER;
    struct protocol_producer *protocol = &writer->protocol;
    protocol->history_len = description->header.geometry.history_len;
    protocol->reuses_last =
        protocol->history_len == 1 && description->header.geometry.stride >= description->header.geometry.page_bytes;
    protocol->ring_slots = calloc(protocol->history_len, sizeof *protocol->ring_slots);
    protocol->found_slots = calloc(protocol->history_len, sizeof *protocol->found_slots);
    protocol->oldest = 1;
    protocol->seq_limit = options->overflow == PMIPC_OVERFLOW_OLDEST ? SEQ_MAX : 0; /* 0: look for room first */
    protocol->slot_states = calloc(MAX_SLOTS, 1);
    protocol->pinned = calloc(MAX_SLOTS / 64, sizeof *protocol->pinned);
    if (!protocol->ring_slots || !protocol->found_slots || !protocol->slot_states || !protocol->pinned) {
        writer_close(writer);
        return NULL;
    }
    return writer;
}

static pmipc_status map_file(struct pool_writer *writer, const struct pool_description *description, uint32_t slots,
                             pmipc_error *error)
{
    const char *name = description->header.name;
    uint64_t bytes = description_file_bytes(description, slots);
    writer->base = memory_map(writer->fd, 0, bytes, true, name);
    if (!writer->base) {
        char reason[MEMORY_TEXT_BYTES];
        int failure = errno;
        return error_set(error, memory_status_of(failure), failure, "pool '%s': cannot map %llu bytes: %s", name,
                         (unsigned long long)bytes, memory_describe_failure(failure, reason));
    }
    writer->base_bytes = (size_t)bytes;
    writer->base_slots = slots;
    writer->control = (struct pool_control *)(writer->base + POOL_CONTROL_OFFSET);
    writer->readers = (struct pool_readers *)(writer->base + description->header.geometry.readers_offset);
    writer->protocol.control = writer->control;
    writer->protocol.ring = (_Atomic uint64_t *)(writer->base + POOL_RING_OFFSET);
    writer->protocol.readers = writer->readers;
    return PMIPC_OK;
}

/* Record the owner in the control page, for messages. */
static void record_owner(struct pool_writer *writer)
{
    struct pool_control *control = writer->control;
    char command[sizeof control->owner_command];
    process_command_line(command, sizeof command);
    store_relaxed(&control->owner_pid, (uint32_t)getpid());
    store_relaxed(&control->overflow, writer->overflow);
    store_relaxed(&control->owner_since_ns, clock_realtime_ns());
    shared_text_store(control->owner_command, sizeof control->owner_command, command);
    writer_refresh_clock(writer, clock_age_ns());
}

static pmipc_status no_space(const struct pool_description *description, uint64_t needed, uint64_t room,
                             const struct memory_limit *limit, int os_error, pmipc_error *error)
{
    char needed_text[32], room_text[32];
    return error_set(error, PMIPC_NO_SPACE, limit->is_file_size ? EFBIG : os_error,
                     "pool '%s' needs %s of shared memory (%u slots of %llu bytes), and %s has %s left. %s",
                     description->header.name, error_describe_bytes(needed, needed_text),
                     description->header.geometry.initial_slots,
                     (unsigned long long)description->header.geometry.stride, limit->name,
                     error_describe_bytes(room, room_text), limit->advice);
}

static pmipc_status reserve_file(struct pool_writer *writer, int folder, const struct pool_description *description,
                                 const pmipc_producer_options *options, pmipc_error *error)
{
    const char *name = description->header.name;
    const struct memory_limit *limit;
    char reason[ERRNO_TEXT_BYTES];
    uint64_t needed = description_file_bytes(description, description->header.geometry.initial_slots);
    uint64_t room = memory_room(folder, 0, &limit);
    if (needed > room)
        return no_space(description, needed, room, limit, 0, error);
    if (options->max_bytes && needed > options->max_bytes)
        return error_set(error, PMIPC_NO_SPACE, 0,
                         "pool '%s' needs %llu bytes, max_bytes allows %llu. Raise max_bytes or lower history_len",
                         name, (unsigned long long)needed, (unsigned long long)options->max_bytes);
    writer->fd = file_open_unnamed(folder, (mode_t)options->mode);
    int failure = writer->fd < 0 ? -writer->fd : -file_keep(writer->fd, &writer->identity);
    if (failure) {
        file_close(writer->fd);
        writer->fd = -1;
        return error_set(error, error_status_of(failure), failure,
                         "pool '%s': cannot create a file in the registry folder: %s", name,
                         error_describe_errno(failure, reason));
    }
    failure = ftruncate(writer->fd, (off_t)needed) == 0 ? 0 : errno;
    if (failure == 0) {
        pmipc_status status = map_file(writer, description, description->header.geometry.initial_slots, error);
        if (status)
            return status;
        failure = memory_reserve(writer->fd, 0, writer->base, writer->base_bytes);
    }
    if (failure == ENOSPC || failure == ENOMEM || failure == EFBIG || failure == EDQUOT) {
        room = memory_room(folder, 0, &limit);
        return no_space(description, needed, room, limit, failure, error);
    }
    if (failure)
        return error_set(error, error_status_of(failure), failure, "pool '%s': cannot reserve %llu bytes: %s", name,
                         (unsigned long long)needed, error_describe_errno(failure, reason));
    return PMIPC_OK;
}

pmipc_status writer_create(struct pool_writer **out, int folder, struct pool_description *description,
                           const pmipc_producer_options *options, pmipc_error *error)
{
    struct pool_writer *writer = allocate_writer(description, options);
    if (!writer) {
        error_set(error, PMIPC_NO_MEMORY, ENOMEM, "pool '%s': out of memory", description->header.name);
        description_release(description);
        return PMIPC_NO_MEMORY;
    }
    writer->description = description;
    pmipc_status status = reserve_file(writer, folder, description, options, error);
    if (status)
        goto fail;
    description_write(description, writer->base);
    writer->protocol.slot_count = writer->base_slots;
    protocol_begin(&writer->protocol, 0);
    struct owner_lock lock;
    int failure = owner_lock_take(&lock, writer->fd);
    if (failure) {
        char reason[ERRNO_TEXT_BYTES];
        status = error_set(error, error_status_of(failure), failure, "pool '%s': cannot lock its file%s: %s",
                           description->header.name, file_reopen_hint(failure), error_describe_errno(failure, reason));
        goto fail;
    }
    owner_lock_move(&writer->lock, &lock);
    record_owner(writer);
    if (writer->prefault)
        memory_prefault(writer->base, writer->base_bytes, true);
    *out = writer;
    return PMIPC_OK;

fail:
    writer_close(writer);
    return status;
}

/* The slot count of a pool that can be adopted. Returns OK, NOTHING_NEW (retired or corrupt), NO_MEMORY or SYSTEM. */
static pmipc_status read_slot_count(int fd, const struct pool_description *description, uint32_t *slots,
                                    pmipc_error *error)
{
    const char *name = description->header.name;
    struct pool_control control;
    uint64_t bytes = 0;
    pmipc_status status = pool_file_read(fd, &control, sizeof control, POOL_CONTROL_OFFSET, name, error);
    if (!status)
        status = pool_file_measure(fd, &bytes, name, error);
    if (status)
        return status == PMIPC_CORRUPT ? PMIPC_NOTHING_NEW : status;
    *slots = ownership_slots(load_relaxed(&control.ownership));
    bool sound = !load_relaxed(&control.retired) && description_allows_slots(description, *slots) &&
                 bytes >= description_file_bytes(description, *slots);
    return sound ? PMIPC_OK : PMIPC_NOTHING_NEW;
}

/* Map the file with all of its slots, and become its owner. Returns OK, NOTHING_NEW (retired or corrupt), NO_MEMORY or
 * SYSTEM. */
static pmipc_status map_and_take_over(struct pool_writer *writer, const struct pool_description *description,
                                      pmipc_error *error)
{
    /* A producer that has lost its lock without noticing may grow the pool at this moment: then try again. A count that
     * changes each time is corrupt. */
    for (int tries = 0; tries < TAKE_OVER_TRIES; tries++) {
        uint32_t slots;
        pmipc_status status = read_slot_count(writer->fd, description, &slots, error);
        if (!status)
            status = map_file(writer, description, slots, error);
        if (status)
            return status;
        if (protocol_take_over(&writer->protocol, slots))
            return PMIPC_OK;
        memory_unmap(writer->base, writer->base_bytes);
        writer->base = NULL;
    }
    return PMIPC_NOTHING_NEW;
}

pmipc_status writer_adopt(struct pool_writer **out, int fd, struct owner_lock *lock,
                          struct pool_description *description, const struct pool_description *wanted,
                          const pmipc_producer_options *options, pmipc_error *error)
{
    if (!description_serves(description, wanted))
        return PMIPC_NOTHING_NEW;
    struct pool_writer *writer = allocate_writer(description, options);
    if (!writer)
        return error_set(error, PMIPC_NO_MEMORY, ENOMEM, "pool '%s': out of memory", description->header.name);
    writer->fd = fd;
    int failure = -file_keep(fd, &writer->identity);
    if (!failure)
        failure = -file_set_mode(fd, (mode_t)options->mode);
    pmipc_status status =
        failure ? error_of_call(error, failure, description->header.name, "set the permissions of its file")
                : map_and_take_over(writer, description, error);
    if (!status && !protocol_adopt(&writer->protocol, writer->base_slots))
        status = PMIPC_NOTHING_NEW;
    if (status) {
        writer->fd = -1; /* the caller keeps it */
        writer_close(writer);
        return status;
    }
    writer->description = description;
    writer->adopted = writer->has_name = true;
    owner_lock_move(&writer->lock, lock);
    record_owner(writer);
    futex_wake_all(&writer->control->bell);
    (void)writer_sweep(writer); /* otherwise dead streams pin slots until the pool is full */
    if (writer->prefault)
        memory_prefault(writer->base, writer->base_bytes, true);
    *out = writer;
    return PMIPC_OK;
}

/* --------------------------------------------------------------------------------------------------------- ending */

bool writer_retire(struct pool_writer *writer, uint32_t why)
{
    if (writer_is_lost(writer) || file_is_still(writer->lock.fd, writer->lock.identity) == 0)
        return false;
    protocol_retire(writer->control, why);
    futex_wake_all(&writer->control->bell);
    return true;
}

void writer_close(struct pool_writer *writer)
{
    if (!writer)
        return;
    writer_close(writer->older);
    if (writer->base)
        memory_unmap(writer->base, writer->base_bytes);
    if (writer->steps) {
        const struct pool_geometry *geometry = &writer->description->header.geometry;
        for (uint32_t i = 0; i < writer->step_count; i++)
            memory_unmap(writer->steps[i], geometry->slots_per_step * geometry->stride);
        free(writer->steps);
    }
    file_close_own(writer->fd, writer->identity);
    owner_lock_drop(&writer->lock);
    description_release(writer->description);
    free(writer->protocol.ring_slots);
    free(writer->protocol.found_slots);
    free(writer->protocol.slot_states);
    free(writer->protocol.pinned);
    free(writer);
}

void retire_file(int fd)
{
    const size_t bytes = POOL_CONTROL_OFFSET + sizeof(struct pool_control);
    int64_t size = file_bytes(fd);
    if (size >= 0 && size < (int64_t)bytes)
        return;
    char *base = size < 0 ? NULL : memory_map(fd, 0, bytes, true, "a pool that is being replaced");
    if (!base) { /* retire without ringing: sleepers check at least every 100 ms */
        const uint32_t retired = RETIRED_ENDED;
        const off_t place = POOL_CONTROL_OFFSET + (off_t)offsetof(struct pool_control, retired);
        ssize_t written = pwrite(fd, &retired, sizeof retired, place);
        (void)written; /* if it fails, streams find that the file has no name */
        return;
    }
    struct pool_control *control = (struct pool_control *)(base + POOL_CONTROL_OFFSET);
    protocol_retire(control, RETIRED_ENDED);
    futex_wake_all(&control->bell);
    memory_unmap(base, bytes);
}
