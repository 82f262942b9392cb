/* probe.h: what a benchmark case is.
 *
 * A case offers operations by name. The driver (bench/run.py) asks for one at a time, "publish 20000", and gets back
 * nanoseconds per operation; because it alternates between the operation and its limit, both see the same machine. */
#ifndef PMIPC_BENCH_PROBE_H
#define PMIPC_BENCH_PROBE_H

#include <polymorph_ipc/polymorph_ipc.h>

#define PROBE_MAX_OPERATIONS 8

typedef struct probe_operation {
    const char *name;
    uint64_t batch;                               /* operations per clock reading */
    void (*begin)(void *context, uint64_t total); /* NULL; or tells a partner how many will follow */
    void (*body)(void *context, uint64_t count);  /* do `count` operations */
    void *context;
    bool (*counts)(void *context); /* NULL; or whether the last batch is one to count */
} probe_operation;

/** What follows the case's name on the command line; zero when it was not given. */
typedef struct probe_arguments {
    size_t bytes;     /* payload of one sample */
    int core;         /* this process runs there */
    int partner_core; /* and a partner process there */
    uint32_t pools;   /* how many pools to list */
} probe_arguments;

typedef struct probe_case {
    const char *name;
    const char *purpose;
    uint32_t (*open)(const probe_arguments *arguments, probe_operation *operations); /* returns how many there are */
    void (*close)(void);
} probe_case;

extern const probe_case case_pin;
extern const probe_case case_publish;
extern const probe_case case_fields;
extern const probe_case case_readers;
extern const probe_case case_spin;
extern const probe_case case_sleep;
extern const probe_case case_list;

/** Median nanoseconds per operation over the batches that make up about `count` operations; NaN when none counts. */
double measure(const probe_operation *operation, uint64_t count);

/** Nanoseconds on CLOCK_MONOTONIC. */
uint64_t clock_ns(void);

/** Bind the calling process to one core. */
void pin_to_core(int core);

/** A pool name that no other process uses: "bench/<topic>_<pid>". Static storage, one per call site's topic. */
const char *pool_name(char *text, size_t text_bytes, const char *topic, int pid);

/** Print what went wrong and exit. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

/** Print which call failed and how, and exit. */
__attribute__((noreturn, cold)) void die_of_status(pmipc_status status, const char *what, const pmipc_error *error);

/** Go on only if `status` is OK. Inline, because it stands in loops of a few nanoseconds. */
static inline void require(pmipc_status status, const char *what, const pmipc_error *error)
{
    if (__builtin_expect(status != PMIPC_OK, 0)) {
        die_of_status(status, what, error);
    }
}

/** Keep the compiler from seeing through memory. */
static inline void clobber_memory(void)
{
    __asm__ volatile("" ::: "memory");
}

#endif
