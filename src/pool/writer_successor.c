/* writer_successor.c: creating a pool that continues the sequence numbers and the history of another one. */
#include <string.h>

#include "pool/writer.h"

/* Copy sample `seq`. Streams can write the old pool's memory, so lengths are read once and limited to the slot. */
static void copy_sample(struct pool_writer *to, const struct pool_writer *from, uint64_t seq)
{
    const struct payload_layout *old_layout = &from->description->payload, *layout = &to->description->payload;
    const uint32_t old_slot = from->protocol.ring_slots[seq % from->protocol.history_len];
    const struct slot_header *old_header = writer_slot_header(from, old_slot);
    uint32_t slot = 0;
    if (!protocol_take_slot(&to->protocol, &slot))
        return; /* never: there are more slots than entries, and no reader can pin any yet */
    struct slot_header *header = writer_slot_header(to, slot);
    uint64_t valid_bytes = 0;
    for (uint32_t i = 0; i < to->description->schema.field_count; i++) {
        uint64_t bytes = old_layout->field_bytes[i];
        if (old_layout->length_index[i] >= 0) {
            uint32_t length = load_relaxed(&old_header->lengths[old_layout->length_index[i]]);
            const uint32_t most = (uint32_t)from->description->schema.fields[i].shape[0];
            length = length < most ? length : most;
            bytes = old_layout->row_bytes[i] * length;
            store_relaxed(&header->lengths[layout->length_index[i]], length);
        }
        if (bytes)
            memcpy(writer_payload(to, slot) + layout->offsets[i],
                   writer_payload(from, old_slot) + old_layout->offsets[i], bytes);
        valid_bytes = layout->offsets[i] + bytes;
    }
    store_relaxed(&header->seq, seq);
    store_relaxed(&header->stamp_ns, load_relaxed(&old_header->stamp_ns));
    store_relaxed(&header->published_ns, load_relaxed(&old_header->published_ns));
    store_relaxed(&header->valid_bytes, valid_bytes);
    (void)protocol_publish(&to->protocol, slot); /* no reader can be waiting */
}

pmipc_status writer_create_successor(struct pool_writer **out, int folder, struct pool_description *description,
                                     const pmipc_producer_options *options, struct pool_writer *predecessor,
                                     pmipc_error *error)
{
    const struct protocol_producer *old = &predecessor->protocol;
    description_continue(description, predecessor->description);
    pmipc_status status = writer_create(out, folder, description, options, error);
    if (status)
        return status;
    struct pool_writer *writer = *out;
    const bool has_same_samples =
        old->history_len == writer->protocol.history_len &&
        strcmp(predecessor->description->metadata, description->metadata) == 0 &&
        pmipc_schema_compatible(&predecessor->description->schema, &description->schema, NULL) == PMIPC_OK;
    protocol_begin(&writer->protocol, has_same_samples ? old->oldest - 1 : old->seq);
    for (uint64_t seq = old->oldest; has_same_samples && seq <= old->seq; seq++)
        copy_sample(writer, predecessor, seq);
    /* What the streams of the old pool have consumed. */
    const uint64_t floor = room_floor(predecessor->readers, 0), first = writer->protocol.oldest - 1;
    const uint64_t consumed = floor < first ? first : floor < old->seq ? floor : old->seq;
    store_relaxed(&writer->readers->consumed, consumed);
    store_relaxed(&writer->control->consumed_before, consumed);
    writer->predecessor = predecessor;
    writer->timeout_ns = predecessor->timeout_ns;
    store_relaxed(&writer->control->grown,
                  load_relaxed(&predecessor->control->grown) + !predecessor->removed); /* facts */
    store_relaxed(&writer->control->given_up, load_relaxed(&predecessor->control->given_up));
    return PMIPC_OK;
}
