/* residents.h: a process that was there all along: streams that are connected while the victim is killed, one of them
 * asleep, and if need be the producer. Its commands are words on a channel, from the tracer and from victims. */
#ifndef FAULT_RESIDENTS_H
#define FAULT_RESIDENTS_H

#include "operation.h"

enum command {
    PRODUCE = 1, /* own the pool and publish `argument` frames */
    PUBLISH,     /* that many more */
    LEAVE,       /* abandon the pool, as if the producer had died */
    RENEW,       /* retire it and make it anew, with `argument` frames in it */
    HOLD,        /* a view of the newest sample, until the end */
    HOARD,       /* a view of all history, until the end */
    CONNECT,     /* streams are connected, one of them is asleep, a view is held */
    STALLED,     /* the victim has stopped, and is to be killed next */
    AFTERMATH    /* the victim is gone: use what is left. `argument`: with every row, and a look for leaks */
};

struct residents {
    pmipc_producer *producer; /* NULL: it is, or was, the victim's */
    pmipc_stream *watcher;
    pmipc_view held; /* its owner is NULL while none is */
    bool connected;  /* the pool below is known, and a stream is asleep on it or on its absence */
    uint64_t incarnation, seq;
    uint64_t smallest_pool_bytes; /* of its file */
    process_state state;          /* of this process, while it is connected to nothing */
};

/** Run in a process of its own, for one campaign. */
void residents_serve(int channel, const char *unused);

/** Have the residents do something, and wait until it is done. Ends the calling process when they are gone. */
uint64_t ask(enum command command, uint64_t argument);
extern int residents_channel;

/* Shared with aftermath.c. */
void residents_connect(struct residents *residents);
void residents_put_to_sleep(const struct residents *residents);

#endif
