/* pair.h: a partner process, forked before either side opens anything, told over a pipe how many trips to serve. */
#ifndef PMIPC_BENCH_PAIR_H
#define PMIPC_BENCH_PAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct pair_order {
    uint32_t service; /* which of the partner's services */
    uint64_t count;   /* how many times */
} pair_order;

typedef struct pair {
    int orders;  /* this side's end of the pipe to the partner */
    int reports; /* and from it */
    pid_t pid;
} pair;

/** What the partner does: wait for orders until the pipe ends. Runs in the child. */
typedef void (*pair_main)(int orders, int reports, int parent_pid);

/** Fork a partner that runs `body` on `core`; it dies with its parent. */
void pair_start(pair *self, int core, pair_main body);

/** Send an order. */
void pair_send(const pair *self, uint32_t service, uint64_t count);

/** Wait until the partner has reported. */
void pair_await(const pair *self);

/** Partner's side: take the next order; false at the end. */
bool pair_take(int orders, pair_order *order);

/** Partner's side: report. */
void pair_report(int reports);

/** Let the partner end and collect it. */
void pair_stop(pair *self);

#endif
