/* landing.c: receive images in place, so that their pixels need no copy.
 *
 * The messages of a camera differ only in stamp and pixels. So the next message is received into its slot, with its
 * head (what precedes the pixels) in the slot's headroom. If the head equals the last one except for the stamp, the
 * message was checked before and the pixels are already in the right place. Otherwise the message is copied out of the
 * slot and decoded.
 *
 * Slots are shared memory that other processes can write, so the head is checked in a private copy. */
#include <stdlib.h>
#include <string.h>

#include "os/error.h"
#include "ros/decode_head.h"
#include "ros/decoder.h"

void pmipc_ros_decoder_land(pmipc_ros_decoder *decoder, pmipc_producer *producer, pmipc_ros_landing *landing)
{
    landing->bytes = NULL;
    landing->capacity = 0;
    /* A failure here is reported when the message is published, because it fails there again. */
    if (!decoder || !producer || decoder->head.count == 0 || ros_check_producer(decoder, producer, NULL) != PMIPC_OK ||
        pmipc_producer_loan(producer, &landing->loan) != PMIPC_OK)
        return;
    if (landing->loan.headroom < decoder->head.count) {
        pmipc_producer_discard(producer, &landing->loan);
        return;
    }
    landing->bytes = (uint8_t *)landing->loan.fields[0].data - decoder->head.count;
    landing->capacity = decoder->head.message_bytes;
}

/* Whether a received message equals the last one except for stamp and pixels. */
static bool ros_head_matches(const struct ros_head *head, const void *bytes, size_t byte_count, int64_t *stamp_ns)
{
    uint8_t now[ROS_MAX_HEAD];
    int32_t sec;
    uint32_t nanosec;
    if (byte_count != head->message_bytes)
        return false;
    memcpy(now, bytes, head->count);
    memcpy(&sec, now + ROS_ENCAPSULATION_BYTES, sizeof sec);
    memcpy(&nanosec, now + ROS_ENCAPSULATION_BYTES + sizeof sec, sizeof nanosec);
    *stamp_ns = sec * INT64_C(1000000000) + nanosec;
    return memcmp(now, head->bytes, ROS_ENCAPSULATION_BYTES) == 0 &&
           memcmp(now + ROS_STAMP_END, head->bytes + ROS_STAMP_END, head->count - ROS_STAMP_END) == 0;
}

/* Publish a copy of a message that was received in a slot but cannot stay there. */
static pmipc_status ros_publish_copy(pmipc_ros_decoder *decoder, pmipc_producer *producer, pmipc_ros_landing *landing,
                                     const void *bytes, size_t byte_count, int64_t fallback_stamp_ns, uint64_t *seq,
                                     pmipc_error *error)
{
    void *copy = byte_count <= landing->capacity ? malloc(byte_count ? byte_count : 1) : NULL;
    if (copy)
        memcpy(copy, bytes, byte_count);
    pmipc_producer_discard(producer, &landing->loan);
    pmipc_status status;
    if (copy)
        status = pmipc_ros_decoder_publish(decoder, producer, copy, byte_count, fallback_stamp_ns, seq, error);
    else if (byte_count > landing->capacity)
        status = error_set(error, PMIPC_INVALID_ARGUMENT, 0, "the message has %zu bytes, the landing has room for %zu",
                           byte_count, landing->capacity);
    else
        status = error_set(error, PMIPC_NO_MEMORY, 0, "no memory for a message of %zu bytes", byte_count);
    free(copy);
    return status;
}

pmipc_status pmipc_ros_decoder_publish_landed(pmipc_ros_decoder *decoder, pmipc_producer *producer,
                                              pmipc_ros_landing *landing, const void *bytes, size_t byte_count,
                                              int64_t fallback_stamp_ns, uint64_t *seq, bool *in_place,
                                              pmipc_error *error)
{
    if (in_place)
        *in_place = false;
    if (!decoder || !producer || !landing)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "decoder, producer and landing must not be NULL");
    const void *place = landing->bytes;
    landing->bytes = NULL;
    if (!place || bytes != place) {
        if (place)
            pmipc_producer_discard(producer, &landing->loan);
        return pmipc_ros_decoder_publish(decoder, producer, bytes, byte_count, fallback_stamp_ns, seq, error);
    }
    int64_t stamp_ns;
    if (!ros_head_matches(&decoder->head, bytes, byte_count, &stamp_ns))
        return ros_publish_copy(decoder, producer, landing, bytes, byte_count, fallback_stamp_ns, seq, error);
    pmipc_status status = pmipc_producer_commit(producer, &landing->loan, stamp_ns ? stamp_ns : fallback_stamp_ns);
    if (status) {
        pmipc_producer_last_error(producer, error);
        pmipc_producer_discard(producer, &landing->loan);
        return status;
    }
    if (seq)
        *seq = landing->loan.seq;
    if (in_place)
        *in_place = true;
    return PMIPC_OK;
}
