/* worker.h: what every worker is made of, and the kinds there are. */
#ifndef STORM_WORKER_H
#define STORM_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include <polymorph_ipc/polymorph_ipc.h>

#include "board.h"

/** This process: its seat, and its chances. Set by worker_begin. */
struct worker {
    struct seat *seat;
    const char *kind;
    unsigned number;
    uint64_t random;
};
extern struct worker me;

/** Before the first fork: SIGUSR1 ends a sleep of the library, and nothing else. */
void worker_prepare(void);
void worker_begin(const char *kind, unsigned number, uint64_t seed);

/** From here on this thread is not the one whose calls the seat shows. */
void step_aside(void);

/** Whether to end in order now. */
bool is_over(void);

uint64_t chance(uint64_t limit);
bool one_in(uint64_t times);
void pause_us(uint64_t limit);

/* Every call of the library goes through these: begin("get_new"), and judge what came back by the statuses that this
 * kind of process may see there. Any other is a finding, with its text. */
#define MAY(status) (UINT64_C(1) << PMIPC_##status)
void begin(const char *call);
void with(const char *pool, const char *manner);
pmipc_status judge(pmipc_status got, uint64_t allowed, const char *text);

/** After the library has been given everything back: nothing of the folder is open or mapped in this process. */
void check_nothing_is_left(void);

/* The kinds. Each plays until is_over(). */
void play_producer(void);
void play_stream(void);
void play_hoarder(void);
void play_waiter(void);
void play_forker(void);
void play_cleaner(void);
void play_remover(void);
void play_lister(void);

#endif
