/* probe.h: the interface of a benchmark case.
 *
 * A case offers named operations. bench/run.py requests one at a time, for example "publish 20000", and receives
 * nanoseconds per operation. It alternates between the operation and its limit, so that both see the same machine
 * state. */
#ifndef PMIPC_BENCH_PROBE_H
#define PMIPC_BENCH_PROBE_H

#include <polymorph_ipc/polymorph_ipc.h>

#define PROBE_MAX_OPERATIONS 8

typedef struct probe_operation {
    const char *name;
    uint64_t batch;                               /* operations per clock reading */
    void (*begin)(void *context, uint64_t total); /* NULL, or announces `total` operations to a partner */
    void (*body)(void *context, uint64_t count);  /* do `count` operations */
    void *context;
    bool (*counts)(void *context); /* NULL, or whether the last batch counts */
} probe_operation;

/** The arguments after the name of the case on the command line; 0 for missing ones. */
typedef struct probe_arguments {
    size_t bytes;     /* payload of one sample */
    int core;         /* core of this process */
    int partner_core; /* core of the partner process */
    uint32_t pools;   /* number of pools to list */
} probe_arguments;

typedef struct probe_case {
    const char *name;
    const char *purpose;
    uint32_t (*open)(const probe_arguments *arguments, probe_operation *operations); /* returns their number */
    void (*close)(void);
} probe_case;

extern const probe_case case_pin;
extern const probe_case case_publish;
extern const probe_case case_fields;
extern const probe_case case_readers;
extern const probe_case case_spin;
extern const probe_case case_sleep;
extern const probe_case case_list;

/** Median nanoseconds per operation over batches of about `count` operations together; NaN when no batch counts. */
double measure(const probe_operation *operation, uint64_t count);

/** Nanoseconds on CLOCK_MONOTONIC. */
uint64_t clock_ns(void);

/** Bind the calling process to one core. */
void pin_to_core(int core);

/** A pool name that no other process uses: "bench/<topic>_<pid>". Static storage, one per call site's topic. */
const char *pool_name(char *text, size_t text_bytes, const char *topic, int pid);

/** Print an error and exit. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

/** Print the failed call and its status, and exit. */
__attribute__((noreturn, cold)) void die_of_status(pmipc_status status, const char *what, const pmipc_error *error);

/** Exit unless `status` is OK. Inline, because it is called in loops of a few nanoseconds. */
static inline void require(pmipc_status status, const char *what, const pmipc_error *error)
{
    if (__builtin_expect(status != PMIPC_OK, 0)) {
        die_of_status(status, what, error);
    }
}

/** A compiler barrier for memory. */
static inline void clobber_memory(void)
{
    __asm__ volatile("" ::: "memory");
}

#endif
