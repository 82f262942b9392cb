/* landing.c: messages that are received right where their pixels are to lie.
 *
 * A camera's messages are alike: what precedes the pixels stays the same from one to the next, but for the stamp. So
 * the next message is received into the slot that it is for, its head in the slot's headroom; if that head is the last
 * one's, all has been checked before, and the pixels lie where streams look for them. Else the message is copied out
 * and read like any other.
 *
 * Slots are shared memory, which anybody may write who may read the pool: the head is judged in a copy of one's own. */
#include <stdlib.h>
#include <string.h>

#include "os/error.h"
#include "ros/decode_head.h"
#include "ros/decoder.h"

void pmipc_ros_decoder_land(pmipc_ros_decoder *decoder, pmipc_producer *producer, pmipc_ros_landing *landing)
{
    landing->bytes = NULL;
    landing->capacity = 0;
    /* What goes wrong here goes wrong again, and is told, when the message is published. */
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

/* Whether a message that landed is the last one again, but for stamp and pixels. */
static bool ros_is_alike(const struct ros_head *head, const void *bytes, size_t byte_count, int64_t *stamp_ns)
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

/* Publish what lies in a slot that it cannot stay in. */
static pmipc_status ros_publish_elsewhere(pmipc_ros_decoder *decoder, pmipc_producer *producer,
                                          pmipc_ros_landing *landing, const void *bytes, size_t byte_count,
                                          int64_t fallback_stamp_ns, uint64_t *seq, pmipc_error *error)
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
    if (!ros_is_alike(&decoder->head, bytes, byte_count, &stamp_ns))
        return ros_publish_elsewhere(decoder, producer, landing, bytes, byte_count, fallback_stamp_ns, seq, error);
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
