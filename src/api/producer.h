/* producer.h: what a producer's handle has. */
#ifndef API_PRODUCER_H
#define API_PRODUCER_H

#include "pool/writer.h"
#include "registry/folder.h"

#define NO_LOAN UINT32_MAX

struct pmipc_producer {
    struct pool_writer *writer;
    struct pool_writer *replacement; /* the pool that replaces this one with the next sample; NULL: none */
    uint64_t generation;
    uint32_t loaned_slot; /* NO_LOAN: none is out */
    bool plain;           /* one field of fixed shape: pmipc_producer_publish may be used */
    bool retired;
    uint64_t payload_bytes;
    int64_t next_recreate_ns;       /* no try before this time */
    pmipc_producer_options options; /* with defaults; metadata and folder are NULL: see the description and `place` */
    struct pool_place place;
    pmipc_error error;
};

/* The pool that the next sample goes into. */
static inline struct pool_writer *producer_destination(const pmipc_producer *producer)
{
    return __builtin_expect(producer->replacement != NULL, 0) ? producer->replacement : producer->writer;
}

/* Set the error: "pool '<name>': <what>". Returns `status`. */
pmipc_status producer_fail(pmipc_producer *producer, pmipc_status status, const char *what);

/* Whether this process may use the producer. Returns OK, FORKED, CLOSED. */
pmipc_status producer_check_usable(pmipc_producer *producer);

/* Copy what publish needs from the description of the pool. */
void producer_refresh(pmipc_producer *producer);

/* Make sure that a sample with these leading lengths, one per field, fits. Prepares a larger pool when it does not. */
pmipc_status producer_make_room(pmipc_producer *producer, const int64_t *lengths);

/* A call on the writer returned `status`. When another program has removed the file and the producer has `recreate`,
 * prepare a replacement and return OK. Otherwise, or when that fails, return the status and set the error. */
pmipc_status producer_recreate(pmipc_producer *producer, pmipc_status status);

/* After the commit of the first sample into the replacement: `status` OK makes it the pool, another one drops it. */
pmipc_status producer_finish_replacement(pmipc_producer *producer, pmipc_status status);

/* Drop the replacement, if there is one. */
void producer_drop_replacement(pmipc_producer *producer);

#endif
