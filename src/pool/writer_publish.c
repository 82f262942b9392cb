/* writer_publish.c: taking a slot, and publishing it. */
#include "os/cancel.h"
#include "os/clock.h"
#include "os/futex.h"
#include "pool/writer.h"

#define SWEEP_INTERVAL_NS 10000000
#define GROWTH_BACKOFF_NS 1000000000

/* Clear the rows of dead streams, then try again. */
static bool sweep_and_take(struct pool_writer *writer, int64_t now_ns, uint32_t *slot)
{
    writer->next_sweep_ns = now_ns + SWEEP_INTERVAL_NS;
    return writer_sweep(writer) && protocol_take_slot(&writer->protocol, slot);
}

/* A sample that lossless streams hold stays. */
static bool may_give_up_oldest(const struct pool_writer *writer)
{
    return writer->overflow == PMIPC_OVERFLOW_OLDEST || writer->protocol.oldest <= writer->protocol.floor;
}

static pmipc_status take_slot_slow_path(struct pool_writer *writer, uint32_t *slot)
{
    CANCELLATION_DEFERRED(cancel_state);
    int64_t now = clock_monotonic_ns();
    if (!writer->no_growth) {
        /* Sweep before growing: the pool never grows because of dead streams. */
        if ((now >= writer->next_sweep_ns || now >= writer->next_growth_ns) && sweep_and_take(writer, now, slot))
            return PMIPC_OK;
        if (now >= writer->next_growth_ns) {
            if (writer_grow(writer) && protocol_take_slot(&writer->protocol, slot))
                return PMIPC_OK;
            writer->next_growth_ns = now + GROWTH_BACKOFF_NS;
        }
        if (writer_is_lost(writer)) /* the system calls take time, and only the owner may give up history */
            return writer_lost(writer);
    }
    while (may_give_up_oldest(writer) && protocol_drop_oldest(&writer->protocol)) {
        fetch_add_relaxed(&writer->control->given_up, 1);
        if (protocol_take_slot(&writer->protocol, slot))
            return PMIPC_OK;
    }
    /* With no_growth, a call makes system calls only when it would fail otherwise. */
    if (writer->no_growth && now >= writer->next_sweep_ns && sweep_and_take(writer, now, slot))
        return PMIPC_OK;
    return writer_full(writer, now);
}

pmipc_status writer_check_owned(struct pool_writer *writer)
{
    return writer_is_lost(writer) ? writer_lost(writer) : PMIPC_OK;
}

/* head is not this producer's. A producer that had lost the pool was past its last check when this one adopted, and has
 * published one more sample. Adopt the pool again, with that sample. Invalid data is overwritten by the next
 * publication. */
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
        if (writer_is_lost(writer))
            return writer_lost(writer);
        protocol_keep_slot_count(&writer->protocol);
    }
    if (__builtin_expect(load_relaxed(&writer->control->head) != writer->protocol.head, 0))
        follow_foreign_head(writer);
    if (__builtin_expect(writer->protocol.seq >= writer->protocol.seq_limit, 0)) {
        pmipc_status status = writer_make_room(writer);
        if (status)
            return status;
    }
    if (protocol_take_slot(&writer->protocol, slot))
        return PMIPC_OK;
    return take_slot_slow_path(writer, slot);
}

pmipc_status writer_commit(struct pool_writer *writer, uint32_t slot, int64_t stamp_ns, const uint32_t *lengths,
                           uint64_t valid_bytes)
{
    if (writer_is_lost(writer)) {
        protocol_return_slot(&writer->protocol, slot);
        return writer_lost(writer);
    }
    int64_t now = clock_age_ns();
    if (now >= writer->next_clock_ns) {
        writer_refresh_clock(writer, now);
        writer_check_name(writer, file_names(writer->fd, writer->identity));
        if (writer->removed) {
            protocol_return_slot(&writer->protocol, slot);
            return writer_lost(writer);
        }
    }
    struct slot_header *header = writer_slot_header(writer, slot);
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
