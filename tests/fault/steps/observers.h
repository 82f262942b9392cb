/* observers.h: a process that exists during the whole campaign. It has streams that are connected while the victim is
 * killed, one of them asleep, and in some operations the producer. The tracer and the victims send it commands over a
 * channel. */
#ifndef FAULT_OBSERVERS_H
#define FAULT_OBSERVERS_H

#include "operation.h"

enum command {
    PRODUCE = 1, /* open the pool as producer and publish `argument` frames */
    PUBLISH,     /* publish `argument` more frames */
    ABANDON,     /* abandon the pool, as when the producer dies */
    RECREATE,    /* retire the pool and create it again, with `argument` frames */
    HOLD,        /* hold a view of the newest sample until the end */
    HOARD,       /* hold a view of the whole history until the end */
    CONNECT,     /* connect the streams, let one of them sleep, hold a view */
    STALLED,     /* the victim is stopped and will be killed */
    AFTERMATH    /* the victim was killed: use the pool. `argument`: thorough, with every row and a check for leaks */
};

struct observers {
    pmipc_producer *producer; /* NULL: the victim is, or was, the producer */
    pmipc_stream *watcher;
    pmipc_view held; /* owner NULL: no view is held */
    bool connected;  /* the facts below are set, and a stream sleeps until a sample or the pool appears */
    uint64_t incarnation, seq;
    uint64_t smallest_pool_bytes; /* the file size of a new pool */
    process_state state;          /* of this process while no stream is connected */
};

/** Runs in its own process, for one campaign. */
void observers_serve(int channel, const char *unused);

/** Send a command to the observers and wait until it is done. Ends this process if the observers have ended. */
uint64_t ask(enum command command, uint64_t argument);
extern int observers_channel;

/* Shared with aftermath.c. */
void observers_connect(struct observers *observers);
void observers_put_to_sleep(const struct observers *observers);

#endif
