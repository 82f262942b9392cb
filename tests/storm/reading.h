/* reading.h: a stream that checks every view: contents, order, and the views that it holds. */
#ifndef STORM_READING_H
#define STORM_READING_H

#include "frames.h"
#include "worker.h"

#define HELD_MAX 12 /* more than the zero-copy views of a stream: the others are copies */

struct held {
    pmipc_view view;
    uint64_t incarnation;
    uint64_t pool;
};

struct reading {
    pmipc_stream *stream;
    const char *name;
    uint64_t pool;
    bool follows;
    bool manual;
    uint64_t incarnation; /* of the newest view */
    uint64_t newest;      /* the highest sequence number that a read which moves the cursor has returned */
    int64_t stamp_ns;     /* of the newest view */
    struct held held[HELD_MAX];
};

/** Open a stream of the pool with random options. False: the schema is not the expected one. */
bool reading_open(struct reading *reading, const char *name);

/** Close the stream and release all views. */
void reading_close(struct reading *reading);

/** Read once, with a random kind of read, and check the view. `view->owner` is NULL if there is no view. False: the
 * stream must be opened again, because the schema is another one. */
bool reading_read(struct reading *reading, struct held *held);

/** Check every frame of a view, now or later. */
void held_check(const struct held *held, const char *when);
void held_release(struct held *held);

/** Hold the view and release another one after a check, or release the view at once. */
void reading_keep(struct reading *reading, struct held *held);

#endif
