/* board.h: memory shared between the driver and the workers: the progress of each worker, and the findings. */
#ifndef STORM_BOARD_H
#define STORM_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WORKERS 20
#define POOLS 4
#define FINDING_TEXTS 24
#define FINDING_BYTES 900

/** Kinds of findings. */
enum finding {
    FOUND_TORN,  /* a frame whose contents are not those of its sequence number */
    FOUND_ORDER, /* a sample that came too early, twice, or after a later one */
    FOUND_WRONG, /* a status that this call must not return to this kind of worker */
    FOUND_STUCK, /* a process that makes no progress */
    FOUND_LEAK,  /* rows, slots, bytes, descriptors or mappings that are not released */
    FOUND_STRAY, /* a file that is not a pool of the storm */
    FOUND_CRASH, /* a process that ended although the driver had not ended it */
    FINDINGS
};

/** Faults put in on purpose, one per run: they prove that the audit detects a real one. */
enum plant {
    PLANT_NONE,
    PLANT_TORN,    /* a frame with one wrong byte */
    PLANT_FOREIGN, /* a sound frame of another incarnation */
    PLANT_LATE,    /* a frame that changes after it was published */
    PLANT_LENGTH,  /* a frame whose lengths and payload disagree */
    PLANT_ORDER,   /* a stream that counts more samples as read than it has read */
    PLANT_WRONG,   /* a call that fails */
    PLANT_CRASH,   /* a worker that aborts; the faults up to here are found during the storm, the others by the audit */
    PLANT_STUCK,   /* a stream that sleeps forever */
    PLANT_HOLDER,  /* an unknown process that holds views */
    PLANT_MAPPING, /* a stream that is not closed before its process exits */
    PLANT_STRAY,   /* a file in the folder */
    PLANTS,
    PLANT_LAST_OF_STORM = PLANT_CRASH
};

#define PLANTED_SLEEP "planted sleep" /* the current call of the stream of PLANT_STUCK */

struct worker_state {
    _Atomic uint64_t operations; /* the number of calls that returned, in all processes of this worker */
    _Atomic(const char *) doing; /* the current call; a constant text of the program */
    char with[80];               /* the pool or stream, for messages */
    _Atomic int ending;          /* the worker must exit soon */
};

struct board {
    struct worker_state workers[WORKERS];
    _Atomic int quiet; /* producers keep their pool */
    enum plant plant;
    _Atomic uint64_t published, read, windows, held, copies, adopted, opened, busy, full, forks, removed, listed, lost;
    _Atomic uint64_t found[FINDINGS];
    _Atomic uint32_t texts;
    char text[FINDING_TEXTS][FINDING_BYTES];
};

extern struct board *board;
extern const char *const pool_names[POOLS];

void board_make(void);

/** Record a finding: always count it, and keep its text while there is space. */
__attribute__((format(printf, 2, 3))) void found(enum finding kind, const char *format, ...);

const char *finding_name(enum finding kind);

/** Print the counts and the findings, with at most `texts` texts. True: no finding. */
bool board_report(uint32_t texts);

static inline void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#endif
