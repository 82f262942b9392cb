/* board.h: one page that driver and workers share: what each of them is doing, how far it is, and what was found. */
#ifndef STORM_BOARD_H
#define STORM_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SEATS 20
#define POOLS 4
#define FINDING_TEXTS 24
#define FINDING_BYTES 900

/** What must not be. */
enum finding {
    FOUND_TORN,  /* a frame that is not what its number says */
    FOUND_ORDER, /* a sample before, or twice, or past one that had to come first */
    FOUND_WRONG, /* a status that this call must not return to this kind of process */
    FOUND_STUCK, /* a process that makes no progress */
    FOUND_LEAK,  /* rows, slots, bytes, descriptors or mappings that nobody gives back */
    FOUND_STRAY, /* a file that is nobody's */
    FOUND_CRASH, /* a process that ended although nobody had ended it */
    FINDINGS
};

/** Faults planted on purpose, one per run: they prove that the audit would see a real one. */
enum plant {
    PLANT_NONE,
    PLANT_TORN,    /* a frame with one wrong byte */
    PLANT_FOREIGN, /* a frame of another incarnation, sound in itself */
    PLANT_LATE,    /* a frame that changes after it was published */
    PLANT_LENGTH,  /* a frame whose lengths and payload disagree */
    PLANT_ORDER,   /* a stream that believes to have read further than it has */
    PLANT_WRONG,   /* a call that fails */
    PLANT_CRASH, /* a worker that aborts; the faults up to here show themselves in the storm, the others to the audit */
    PLANT_STUCK, /* a stream that sleeps forever */
    PLANT_HOLDER,  /* a process that nobody knows of holds views */
    PLANT_MAPPING, /* a stream that is not closed before its process ends in order */
    PLANT_STRAY,   /* a file in the folder */
    PLANTS,
    PLANT_LAST_OF_STORM = PLANT_CRASH
};

#define PLANTED_SLEEP "planted sleep" /* what the stream of PLANT_STUCK says it is doing */

struct seat {
    _Atomic uint64_t operations; /* calls that came back, in this seat's processes, one after the other */
    _Atomic(const char *) doing; /* text of the program, the same in every fork of it */
    char with[80];               /* which pool or stream, for people */
    _Atomic int ending;          /* end in order, as soon as you can */
};

struct board {
    struct seat seats[SEATS];
    _Atomic int quiet; /* producers stay with the pool they have */
    enum plant plant;
    _Atomic uint64_t published, read, windows, held, copies, adopted, opened, busy, full, forks, removed, listed, lost;
    _Atomic uint64_t found[FINDINGS];
    _Atomic uint32_t texts;
    char text[FINDING_TEXTS][FINDING_BYTES];
};

extern struct board *board;
extern const char *const pool_names[POOLS];

void board_make(void);

/** Note a finding: counted always, its text kept while there is room. */
__attribute__((format(printf, 2, 3))) void found(enum finding kind, const char *format, ...);

const char *finding_name(enum finding kind);

/** Print what was done and what was found, with at most that many texts. True: nothing was found. */
bool board_report(uint32_t texts);

static inline void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#endif
