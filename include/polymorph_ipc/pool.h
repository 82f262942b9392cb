/* pool.h: the limits of a pool, and the facts that producer.h, stream.h and registry.h report about it in the same way.
 */
#ifndef PMIPC_POOL_H
#define PMIPC_POOL_H

#include "schema.h"

PMIPC_BEGIN_DECLS

#define PMIPC_MAX_NAME 200                  /* bytes of a pool's name, without the NUL */
#define PMIPC_MAX_HISTORY_LEN 32768         /* samples */
#define PMIPC_MAX_READERS 64                /* streams that can be connected to one pool at the same time */
#define PMIPC_MAX_METADATA_BYTES (1u << 20) /* bytes of a pool's metadata, without the NUL */

/** The kind of arrays that the producer publishes. A Python stream that may choose returns the same kind. */
enum { PMIPC_ORIGIN_C = 0, PMIPC_ORIGIN_NUMPY = 1, PMIPC_ORIGIN_TORCH = 2 };

/** One connected stream, as it describes itself. */
typedef struct pmipc_reader_info {
    uint32_t row;
    bool alive;        /* its lock is held: kernel truth, not a heartbeat */
    int32_t pid;       /* in the stream's own PID namespace: those of two containers may be equal; for people only */
    uint64_t process;  /* a random number: equal for the streams of one process, and for those only */
    char command[32];  /* UTF-8, cut */
    uint64_t last_seq; /* newest sample it has read */
    uint64_t dropped;  /* samples that left history before it read them */
    uint64_t copies;   /* reads that were copied because it holds many views */
    uint64_t oldest_pin_seq; /* oldest sample it still holds, 0 for none */
    uint32_t pinned_slots;   /* slots its views cover */
    int64_t since_ns;        /* when it connected, ns since the epoch */
} pmipc_reader_info;

PMIPC_END_DECLS

#endif
