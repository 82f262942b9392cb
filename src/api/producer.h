/* producer.h: the inside of a producer's handle. */
#ifndef API_PRODUCER_H
#define API_PRODUCER_H

#include "pool/writer.h"
#include "registry/folder.h"

#define NO_LOAN UINT32_MAX

struct pmipc_producer {
    struct pool_writer *writer;
    struct pool_writer *next; /* the pool that takes its place with the next sample; NULL: none */
    uint64_t generation;
    uint32_t loaned_slot; /* NO_LOAN: none is out */
    bool plain;           /* one field of fixed shape: pmipc_producer_publish may be used */
    bool retired;
    uint64_t payload_bytes;
    int64_t next_recreate_ns;       /* not before */
    pmipc_producer_options options; /* with defaults; metadata and folder are NULL: see the description and `place` */
    struct pool_place place;
    pmipc_error error;
};

/* The pool that the next sample goes into. */
static inline struct pool_writer *producer_target(const pmipc_producer *producer)
{
    return __builtin_expect(producer->next != NULL, 0) ? producer->next : producer->writer;
}

/* What every hot call asks first. Returns OK, FORKED, CLOSED. */
pmipc_status producer_check_usable(pmipc_producer *producer);

/* Take over what the target's description says. */
void producer_refresh(pmipc_producer *producer);

/* Room for a sample with these leading lengths, one for each field: when a variable field has none, prepare a larger
 * pool. */
pmipc_status producer_make_room(pmipc_producer *producer, const int64_t *lengths);

/* A call on the writer gave `status`. When that means that its file was removed from outside, and the producer was made
 * with `recreate`, prepare a pool to take its place: OK. Else, and when it fails: the status of that, with the error
 * set. */
pmipc_status producer_recreate(pmipc_producer *producer, pmipc_status status);

/* The first sample is in the next pool (`status` OK) or could not be put there: go over to it, or drop it. */
pmipc_status producer_end_succession(pmipc_producer *producer, pmipc_status status);

/* Forget the next pool, if there is one. */
void producer_drop_next(pmipc_producer *producer);

#endif
