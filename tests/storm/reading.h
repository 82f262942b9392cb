/* reading.h: a stream that checks all it gets: contents, order, and what it holds. */
#ifndef STORM_READING_H
#define STORM_READING_H

#include "frames.h"
#include "worker.h"

#define HELD_MAX 12 /* more than a stream can hold in place: the others are copies */

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
    uint64_t newest;      /* that a read which moves the cursor has returned */
    int64_t stamp_ns;     /* of the newest view */
    struct held held[HELD_MAX];
};

/** Open a stream of the pool with options taken by chance. False: it carries what this stream does not expect. */
bool reading_open(struct reading *reading, const char *name);

/** Let go of everything. */
void reading_close(struct reading *reading);

/** One read of a kind taken by chance, checked. `view->owner` is NULL when there was nothing. False: the stream has to
 * be made anew (another schema). */
bool reading_read(struct reading *reading, struct held *held);

/** Check every frame of a view, now or later. */
void held_check(const struct held *held, const char *when);
void held_release(struct held *held);

/** Keep it in place of one that is checked again and released, or release it at once. */
void reading_keep(struct reading *reading, struct held *held);

#endif
