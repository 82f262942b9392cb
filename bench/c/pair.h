/* pair.h: a partner process. It is forked before either side opens a handle, and receives orders over a pipe. */
#ifndef PMIPC_BENCH_PAIR_H
#define PMIPC_BENCH_PAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct pair_order {
    uint32_t service; /* which of the partner's services */
    uint64_t count;   /* number of messages */
} pair_order;

typedef struct pair {
    int orders;  /* write end of the pipe to the partner */
    int reports; /* read end of the pipe from the partner */
    pid_t pid;
} pair;

/** The body of the partner: waits for orders until the pipe ends. Runs in the child. */
typedef void (*pair_main)(int orders, int reports, int parent_pid);

/** Fork a partner that runs `body` on `core`; it ends with its parent. */
void pair_start(pair *self, int core, pair_main body);

/** Send an order. */
void pair_send(const pair *self, uint32_t service, uint64_t count);

/** Wait until the partner has reported. */
void pair_await(const pair *self);

/** Partner's side: take the next order; false at the end. */
bool pair_take(int orders, pair_order *order);

/** Partner's side: report. */
void pair_report(int reports);

/** End the partner and wait for it. */
void pair_stop(pair *self);

#endif
