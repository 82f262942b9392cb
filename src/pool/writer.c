#include "pool/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/cancel.h"
#include "os/clock.h"
#include "os/futex.h"
#include "os/lock.h"
#include "os/memory.h"
#include "pool/rows.h"

#define SWEEP_INTERVAL_NS 10000000
#define GROWTH_BACKOFF_NS 1000000000
#define CLOCK_INTERVAL_NS 1000000000
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
    struct protocol_producer *protocol = &writer->protocol;
    protocol->history_len = description->header.geometry.history_len;
    protocol->ring_slots = calloc(protocol->history_len, sizeof *protocol->ring_slots);
    protocol->found_slots = calloc(protocol->history_len, sizeof *protocol->found_slots);
    protocol->oldest = 1;
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
        char words[MEMORY_TEXT_BYTES];
        int failure = errno;
        return error_set(error, memory_status_of(failure), failure, "pool '%s': cannot map %llu bytes: %s", name,
                         (unsigned long long)bytes, memory_describe_failure(failure, words));
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

static void refresh_clock(struct pool_writer *writer, int64_t now_ns)
{
    writer->clock_offset_ns = clock_realtime_ns() - now_ns;
    writer->next_clock_ns = now_ns + CLOCK_INTERVAL_NS;
    store_relaxed(&writer->control->clock_offset_ns, writer->clock_offset_ns); /* a fact */
}

/* Tell people who owns the pool now. */
static void record_owner(struct pool_writer *writer)
{
    struct pool_control *control = writer->control;
    char command[sizeof control->owner_command];
    process_command_line(command, sizeof command);
    store_relaxed(&control->owner_pid, (uint32_t)getpid());
    store_relaxed(&control->owner_since_ns, clock_realtime_ns());
    shared_text_store(control->owner_command, sizeof control->owner_command, command);
    refresh_clock(writer, clock_age_ns());
}

static pmipc_status no_space(const struct pool_description *description, uint64_t needed, uint64_t room,
                             const struct memory_limit *limit, int os_error, pmipc_error *error)
{
    char needed_text[32], room_text[32];
    return error_set(error, PMIPC_NO_SPACE, limit->is_file_size ? EFBIG : os_error,
                     "pool '%s' needs %s of shared memory (%u slots of %llu bytes), %s has %s left. %s",
                     description->header.name, error_describe_bytes(needed, needed_text),
                     description->header.geometry.initial_slots,
                     (unsigned long long)description->header.geometry.stride, limit->name,
                     error_describe_bytes(room, room_text), limit->cure);
}

static pmipc_status reserve_file(struct pool_writer *writer, int folder, const struct pool_description *description,
                                 const pmipc_producer_options *options, pmipc_error *error)
{
    const char *name = description->header.name;
    const struct memory_limit *limit;
    char words[128];
    uint64_t needed = description_file_bytes(description, description->header.geometry.initial_slots);
    uint64_t room = memory_room(folder, 0, &limit);
    if (needed > room)
        return no_space(description, needed, room, limit, 0, error);
    if (options->max_bytes && needed > options->max_bytes)
        return error_set(error, PMIPC_NO_SPACE, 0, "pool '%s' needs %llu bytes, max_bytes allows %llu", name,
                         (unsigned long long)needed, (unsigned long long)options->max_bytes);
    writer->fd = file_open_unnamed(folder, (mode_t)options->mode);
    int failure = writer->fd < 0 ? -writer->fd : -file_keep(writer->fd, &writer->identity);
    if (failure) {
        file_close(writer->fd);
        writer->fd = -1;
        return error_set(error, error_status_of(failure), failure,
                         "pool '%s': cannot make a file in the registry folder: %s", name,
                         error_describe_errno(failure, words));
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
                         (unsigned long long)needed, error_describe_errno(failure, words));
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
        char words[128];
        status = error_set(error, error_status_of(failure), failure, "pool '%s': cannot lock its file%s: %s",
                           description->header.name, file_reopen_hint(failure), error_describe_errno(failure, words));
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

/* The slot count of a pool that can be adopted. Returns OK; NOTHING_NEW: it is retired or damaged. */
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

/* Map the file with all of its slots, and become its owner. Returns OK; NOTHING_NEW as read_slot_count; NO_MEMORY;
 * SYSTEM. */
static pmipc_status map_and_take_over(struct pool_writer *writer, const struct pool_description *description,
                                      pmipc_error *error)
{
    /* Again when the producer before, which has lost its lock but does not know it yet, has just grown the pool. A
     * count that is never the same twice is damage. */
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
        writer->fd = -1; /* still the caller's */
        writer_close(writer);
        return status;
    }
    writer->description = description;
    writer->adopted = writer->has_name = true;
    owner_lock_move(&writer->lock, lock);
    record_owner(writer);
    futex_wake_all(&writer->control->bell);
    (void)writer_sweep(writer); /* else slots of the dead stay pinned until the pool is full */
    if (writer->prefault)
        memory_prefault(writer->base, writer->base_bytes, true);
    *out = writer;
    return PMIPC_OK;
}

/* -------------------------------------------------------------------------------------------------- handing out slots
 */

static char *slot_address(const struct pool_writer *writer, uint32_t slot)
{
    const struct pool_geometry *geometry = &writer->description->header.geometry;
    if (slot < writer->base_slots)
        return writer->base + geometry->slots_offset + slot * geometry->stride;
    uint32_t beyond = slot - writer->base_slots;
    return writer->steps[beyond / geometry->slots_per_step] + (beyond % geometry->slots_per_step) * geometry->stride;
}

char *writer_payload(const struct pool_writer *writer, uint32_t slot)
{
    return slot_address(writer, slot) + sizeof(struct slot_header);
}

uint32_t writer_headroom(const struct pool_writer *writer, uint32_t slot)
{
    const struct pool_description *description = writer->description;
    const uint64_t stride = description->header.geometry.stride;
    uint64_t headroom = sizeof(struct slot_header);
    /* In front of a mapping's first slot lies something else. */
    if (slot > 0 && slot_address(writer, slot - 1) + stride == slot_address(writer, slot))
        headroom += stride - sizeof(struct slot_header) - description->payload.bytes;
    return headroom < UINT32_MAX ? (uint32_t)headroom : UINT32_MAX;
}

/* Whether the limits permit one more step. To reach one is not a failure. */
static bool may_grow(const struct pool_writer *writer, uint32_t slots, uint64_t offset, uint64_t end)
{
    const struct memory_limit *limit;
    return slots <= description_slots_bound(writer->description) && (!writer->max_bytes || end <= writer->max_bytes) &&
           memory_room(writer->fd, offset, &limit) >= end - offset;
}

/* One more step of slots. Each step is a mapping of its own, so that memory handed out earlier stays where it is.
 * Returns 0 or an errno. */
static int map_step(struct pool_writer *writer, uint64_t offset, uint64_t end)
{
    char **steps = realloc(writer->steps, (writer->step_count + 1) * sizeof *steps);
    if (!steps)
        return ENOMEM;
    writer->steps = steps;
    int failure = file_extend(writer->fd, end);
    if (failure)
        return failure;
    char *address = memory_map(writer->fd, offset, end - offset, true, writer->description->header.name);
    if (!address)
        return errno;
    size_t bytes = (size_t)(end - offset);
    failure = memory_reserve(writer->fd, offset, address, bytes);
    if (failure) {
        memory_unmap(address, bytes);
        return failure; /* the file keeps its size; the next try reserves the same range */
    }
    steps[writer->step_count++] = address;
    return 0;
}

static bool grow(struct pool_writer *writer)
{
    uint32_t slots = writer->protocol.slot_count + writer->description->header.geometry.slots_per_step;
    uint64_t offset = description_file_bytes(writer->description, writer->protocol.slot_count);
    uint64_t end = description_file_bytes(writer->description, slots);
    /* The descriptor may have been closed behind our back, and its number lead to somebody else's file by now. */
    int is_ours = file_is_still(writer->fd, writer->identity);
    writer->growth_failure = is_ours < 0 ? -is_ours : is_ours == 0 ? EBADF : 0;
    if (writer->growth_failure || !may_grow(writer, slots, offset, end))
        return false;
    writer->growth_failure = map_step(writer, offset, end);
    if (writer->growth_failure)
        return false;
    if (!protocol_grow(&writer->protocol, slots)) { /* the lock was lost meanwhile, and the pool has another owner */
        memory_unmap(writer->steps[--writer->step_count], (size_t)(end - offset));
        return false;
    }
    fetch_add_relaxed(&writer->control->grown, 1);
    return true;
}

/* The file is nobody's pool any more when its name was removed from outside: new streams do not find it, and another
 * producer may have the name. Retired, so that its streams go where the name leads. */
static void check_name(struct pool_writer *writer, int names)
{
    if (names != 0 || !writer->has_name || writer->removed)
        return;
    writer->removed = true;
    protocol_retire(writer->control);
    futex_wake_all(&writer->control->bell);
}

uint32_t writer_sweep(struct pool_writer *writer)
{
    int names = file_names(writer->lock.fd, writer->lock.identity);
    if (names < 0)
        return 0;
    check_name(writer, names);
    uint32_t cleared = rows_sweep(writer->readers, writer->lock.fd, &writer->stuck_rows);
    fetch_add_relaxed(&writer->control->cleared_rows, cleared);
    return cleared;
}

/* Clear the rows of dead readers, and try again. */
static bool sweep_and_take(struct pool_writer *writer, int64_t now_ns, uint32_t *slot)
{
    writer->next_sweep_ns = now_ns + SWEEP_INTERVAL_NS;
    return writer_sweep(writer) && protocol_take_slot(&writer->protocol, slot);
}

static bool is_lost(const struct pool_writer *writer)
{
    return !protocol_is_owner(&writer->protocol) || load_relaxed(&writer->control->retired);
}

static pmipc_status take_slot_slow_path(struct pool_writer *writer, uint32_t *slot)
{
    CANCELLATION_DEFERRED(cancel_state);
    int64_t now = clock_monotonic_ns();
    if (!writer->no_growth) {
        /* A sweep costs less than growing: never grow for the dead. */
        if ((now >= writer->next_sweep_ns || now >= writer->next_growth_ns) && sweep_and_take(writer, now, slot))
            return PMIPC_OK;
        if (now >= writer->next_growth_ns) {
            if (grow(writer) && protocol_take_slot(&writer->protocol, slot))
                return PMIPC_OK;
            writer->next_growth_ns = now + GROWTH_BACKOFF_NS;
        }
        if (is_lost(writer)) /* these system calls take their time: only the owner gives up history */
            return writer_lost(writer);
    }
    while (protocol_drop_oldest(&writer->protocol)) {
        fetch_add_relaxed(&writer->control->given_up, 1);
        if (protocol_take_slot(&writer->protocol, slot))
            return PMIPC_OK;
    }
    /* With no_growth only the call that would fail makes system calls. */
    if (writer->no_growth && now >= writer->next_sweep_ns && sweep_and_take(writer, now, slot))
        return PMIPC_OK;
    return writer_full(writer, now);
}

pmipc_status writer_check_owned(struct pool_writer *writer)
{
    return is_lost(writer) ? writer_lost(writer) : PMIPC_OK;
}

/* Head is not ours: a producer that had lost the pool was past its last check when we adopted, and has published once
 * more. Adopt anew, with that sample. Garbage in its place is overwritten by our next publish. */
static void follow_foreign_head(struct pool_writer *writer)
{
    if (protocol_adopt(&writer->protocol, writer->protocol.slot_count))
        futex_wake_all(&writer->control->bell);
}

pmipc_status writer_take_slot(struct pool_writer *writer, uint32_t *slot)
{
    if (__builtin_expect(load_relaxed(&writer->control->retired) != 0, 0))
        return writer_lost(writer);
    if (__builtin_expect(!protocol_ownership_stands(&writer->protocol), 0)) {
        if (is_lost(writer))
            return writer_lost(writer);
        protocol_keep_slot_count(&writer->protocol);
    }
    if (__builtin_expect(load_relaxed(&writer->control->head) != writer->protocol.head, 0))
        follow_foreign_head(writer);
    if (__builtin_expect(writer->protocol.seq == SEQ_MAX, 0))
        return writer_used_up(writer);
    if (protocol_take_slot(&writer->protocol, slot))
        return PMIPC_OK;
    return take_slot_slow_path(writer, slot);
}

pmipc_status writer_commit(struct pool_writer *writer, uint32_t slot, int64_t stamp_ns, const uint32_t *lengths,
                           uint64_t valid_bytes)
{
    if (is_lost(writer)) {
        protocol_return_slot(&writer->protocol, slot);
        return writer_lost(writer);
    }
    int64_t now = clock_age_ns();
    if (now >= writer->next_clock_ns) {
        refresh_clock(writer, now);
        check_name(writer, file_names(writer->fd, writer->identity));
        if (writer->removed) {
            protocol_return_slot(&writer->protocol, slot);
            return writer_lost(writer);
        }
    }
    struct slot_header *header = (struct slot_header *)slot_address(writer, slot);
    /* Relaxed: [PUB] of the entry orders them. */
    store_relaxed(&header->seq, writer->protocol.seq + 1);
    store_relaxed(&header->stamp_ns, stamp_ns == PMIPC_STAMP_NOW ? now + writer->clock_offset_ns : stamp_ns);
    store_relaxed(&header->published_ns, now);
    store_relaxed(&header->valid_bytes, valid_bytes);
    for (uint32_t i = 0; i < writer->description->payload.variable_count; i++)
        store_relaxed(&header->lengths[i], lengths[i]);
    if (protocol_publish(&writer->protocol, slot))
        futex_wake_all(&writer->control->bell);
    return PMIPC_OK;
}

/* ------------------------------------------------------------------------------------------------------------- ending
 */

bool writer_retire(struct pool_writer *writer)
{
    if (is_lost(writer) || file_is_still(writer->lock.fd, writer->lock.identity) == 0)
        return false;
    protocol_retire(writer->control);
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
    if (!base) { /* nothing to ring with, but whoever looks sees it; sleepers look every 100 ms */
        const uint32_t retired = 1;
        const off_t place = POOL_CONTROL_OFFSET + (off_t)offsetof(struct pool_control, retired);
        ssize_t written = pwrite(fd, &retired, sizeof retired, place);
        (void)written; /* if not, its streams find that it has lost its name */
        return;
    }
    struct pool_control *control = (struct pool_control *)(base + POOL_CONTROL_OFFSET);
    protocol_retire(control);
    futex_wake_all(&control->bell);
    memory_unmap(base, bytes);
}
