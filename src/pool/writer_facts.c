/* writer_facts.c: what a writer finds out and reports about its pool: the clock, the name, the readers, why it is full,
 * how it was lost. */
#include "os/clock.h"
#include "os/futex.h"
#include "os/memory.h"
#include "pool/rows.h"
#include "pool/writer.h"

#define CLOCK_INTERVAL_NS 1000000000
#define TEXT_INTERVAL_NS 10000000

bool writer_is_lost(const struct pool_writer *writer)
{
    return !protocol_is_owner(&writer->protocol) || load_relaxed(&writer->control->retired);
}

void writer_refresh_clock(struct pool_writer *writer, int64_t now_ns)
{
    writer->clock_offset_ns = clock_realtime_ns() - now_ns;
    writer->next_clock_ns = now_ns + CLOCK_INTERVAL_NS;
    store_relaxed(&writer->control->clock_offset_ns, writer->clock_offset_ns); /* a fact */
}

/* When another program has removed the file's name, new streams do not find the pool, and another producer may use the
 * name. So the pool is retired, and its streams connect to the pool that has the name. */
void writer_check_name(struct pool_writer *writer, int names)
{
    if (names != 0 || !writer->has_name || writer->removed)
        return;
    writer->removed = true;
    protocol_retire(writer->control, RETIRED_UNLINKED);
    futex_wake_all(&writer->control->bell);
}

uint32_t writer_sweep(struct pool_writer *writer)
{
    int names = file_names(writer->lock.fd, writer->lock.identity);
    if (names < 0)
        return 0;
    writer_check_name(writer, names);
    uint32_t cleared = rows_sweep(writer->readers, writer->lock.fd, &writer->stuck_rows);
    fetch_add_relaxed(&writer->control->cleared_rows, cleared);
    return cleared;
}

static uint64_t seq_in_mapped_slot(const void *context, uint32_t slot)
{
    return load_relaxed(&writer_slot_header(context, slot)->seq);
}

uint32_t writer_describe_readers(struct pool_writer *writer, pmipc_reader_info *infos)
{
    struct slot_lookup lookup = {writer->protocol.slot_count, seq_in_mapped_slot, writer};
    writer_sweep(writer); /* dead streams are not described */
    return rows_describe(writer->readers, writer->fd, &lookup, infos, PIN_ROWS);
}

static bool is_at_bound(const struct pool_writer *writer)
{
    const struct pool_description *description = writer->description;
    return writer->protocol.slot_count + description->header.geometry.slots_per_step >
           description_slots_bound(description);
}

/* Every slot holds the newest sample or is pinned. Naming the holders queries the lock of each row. In a control loop
 * that finds the pool full in each cycle, this happens once in TEXT_INTERVAL_NS; the text is never older than that. */
pmipc_status writer_full(struct pool_writer *writer, int64_t now_ns)
{
    if (writer->error->status == PMIPC_FULL && now_ns < writer->next_full_text_ns)
        return PMIPC_FULL;
    writer->next_full_text_ns = now_ns + TEXT_INTERVAL_NS;
    writer->next_unread_text_ns = 0;
    char reason[MEMORY_TEXT_BYTES];
    const char *why = writer->no_growth        ? "no_growth is set"
                      : writer->growth_failure ? memory_describe_failure(writer->growth_failure, reason)
                      : is_at_bound(writer)
                          ? "it has its maximum number of slots; streams of this library never pin that many"
                          : "no memory is left, or max_bytes is reached";
    error_set(writer->error, PMIPC_FULL, writer->growth_failure,
              "pool '%s' is full: each of its %u slots holds the newest sample or is pinned by a reader; ",
              writer->description->header.name, writer->protocol.slot_count);
    struct slot_lookup lookup = {writer->protocol.slot_count, seq_in_mapped_slot, writer};
    rows_name_holders(writer->readers, writer->fd, &lookup, writer->error);
    error_append(writer->error,
                 ". It cannot grow (%s). Nothing was published. Release views in those processes, or create the pool "
                 "with more spare slots",
                 why);
    return PMIPC_FULL;
}

__attribute__((cold)) pmipc_status writer_used_up(struct pool_writer *writer)
{
    return error_set(writer->error, PMIPC_FULL, 0,
                     "pool '%s' has used up its sequence numbers (%llu samples). Nothing was published. Close this "
                     "producer and open it again: a new pool then replaces this one",
                     writer->description->header.name, (unsigned long long)SEQ_MAX);
}

pmipc_status writer_lost(struct pool_writer *writer)
{
    const struct pool_control *control = writer->control;
    char command[sizeof control->owner_command];
    shared_text_load(control->owner_command, sizeof control->owner_command, command);
    if (writer->removed)
        return error_set(
            writer->error, PMIPC_LOST, 0,
            "pool '%s': its file was removed by a user or another program while this producer was live. systemd-logind "
            "(RemoveIPC) deletes a user's files in /dev/shm when the user's last session ends. Open the producer "
            "again, or open it with `recreate`. To prevent RemoveIPC: loginctl enable-linger, RemoveIPC=no in "
            "logind.conf, or another folder on tmpfs ($POLYMORPH_IPC_DIR)",
            writer->description->header.name);
    if (load_relaxed(&control->retired))
        return error_set(
            writer->error, PMIPC_LOST, 0,
            "pool '%s' was retired by another process while this producer was live. Open the producer again",
            writer->description->header.name);
    return error_set(
        writer->error, PMIPC_LOST, 0,
        "pool '%s' was adopted by pid %d '%s': this producer had lost its lock, most likely because the program closed "
        "all descriptors (a daemonizer, os.closerange). Open the producer again, after the descriptors are closed",
        writer->description->header.name, (int)load_relaxed(&control->owner_pid), command);
}
