/* pool.h: limits of a pool, and facts that producer.h, stream.h and registry.h report in the same way. */
#ifndef PMIPC_POOL_H
#define PMIPC_POOL_H

#include "schema.h"

PMIPC_BEGIN_DECLS

#define PMIPC_MAX_NAME 200                  /* bytes of a pool's name, without the NUL */
#define PMIPC_MAX_HISTORY_LEN 32768         /* samples in a pool's history */
#define PMIPC_MAX_READERS 64                /* streams connected to one pool at the same time */
#define PMIPC_MAX_METADATA_BYTES (1u << 20) /* bytes of a pool's metadata, with the NUL */

/** The kind of arrays that a producer publishes. A Python stream that may choose returns the same kind. */
enum { PMIPC_ORIGIN_C = 0, PMIPC_ORIGIN_NUMPY = 1, PMIPC_ORIGIN_TORCH = 2 };

/** What a producer does when history is full of samples that lossless streams have not read. */
enum {
    PMIPC_OVERFLOW_OLDEST = 0, /* overwrite the oldest: streams never hold the producer back */
    PMIPC_OVERFLOW_REFUSE = 1, /* publish nothing and return PMIPC_FULL */
    PMIPC_OVERFLOW_WAIT = 2    /* wait for the streams: see pmipc_producer_set_timeout */
};

/** One connected stream, as it describes itself in the pool. */
typedef struct pmipc_reader_info {
    uint32_t row;            /* its row in the pool, 0 to PMIPC_MAX_READERS - 1 */
    bool alive;              /* its process holds the row's lock */
    int32_t pid;             /* in its own PID namespace: processes of two containers may have the same number */
    uint64_t process;        /* a random number: equal for streams of one process, different for those of two */
    char command[32];        /* its program and arguments, UTF-8, cut */
    uint64_t last_seq;       /* the newest sample it has read; 0: none */
    uint64_t dropped;        /* samples that left the history before it read them */
    uint64_t copies;         /* reads that returned a private copy */
    uint64_t oldest_pin_seq; /* the oldest sample in its views; 0: it holds no view */
    uint32_t pinned_slots;   /* slots that its views pin */
    int64_t since_ns;        /* when it connected, ns since the epoch */
    bool lossless;           /* it holds the samples that it has not read (pmipc_stream_options) */
    uint64_t consumed;       /* lossless: the newest sample that it does not hold any more */
} pmipc_reader_info;

PMIPC_END_DECLS

#endif
