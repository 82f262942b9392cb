/* worker.h: the parts of every worker, and the kinds of workers. */
#ifndef STORM_WORKER_H
#define STORM_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include <polymorph_ipc/polymorph_ipc.h>

#include "board.h"

/** This process. Set by worker_begin. */
struct worker {
    struct worker_state *state;
    const char *kind;
    unsigned number;
    uint64_t random;
};
extern struct worker me;

/** Call this before the first fork: SIGUSR1 then ends a sleep of the library, and has no other effect. */
void worker_prepare(void);
void worker_begin(const char *kind, unsigned number, uint64_t seed);

/** From now on the calls of this thread are not shown as the current call of the worker. */
void hide_calls_of_this_thread(void);

/** Whether this worker must exit. */
bool must_end(void);

uint64_t random_below(uint64_t limit);
bool one_in(uint64_t times);
void pause_us(uint64_t limit);

/* Used around every call of the library: begin("get_new") before the call, then check_status() with the statuses that
 * the call may return to this kind of worker. Every other status is a finding. */
#define ALLOW(status) (UINT64_C(1) << PMIPC_##status)
void begin(const char *call);
void set_context(const char *pool, const char *manner);
pmipc_status check_status(pmipc_status got, uint64_t allowed, const char *text);

/** After all handles are closed: check that this process has no open descriptor and no mapping of the folder. */
void check_nothing_is_leaked(void);

/* The kinds of workers. Each runs until must_end(). */
void run_producer(void);
void run_stream(void);
void run_hoarder(void);
void run_waiter(void);
void run_forker(void);
void run_cleaner(void);
void run_remover(void);
void run_lister(void);

#endif
