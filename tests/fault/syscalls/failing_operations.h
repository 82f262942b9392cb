/* failing_operations.h: operations of a program with the library. Each has bystanders: handles that a failure must not
 * affect. */
#ifndef FAULT_FAILING_OPERATIONS_H
#define FAULT_FAILING_OPERATIONS_H

#include "pools.h"
#include "syscall_faults.h"

enum {
    FRESH_PROCESS = 1u,   /* each run in a process that has not used the library yet */
    NO_ERROR_TEXT = 2u,   /* it has no pmipc_error */
    FOLLOW_CHILD = 4u,    /* after its fork, count the calls of the child */
    NO_RETRY = 8u,        /* it closes its handle even when a call fails */
    PARTIAL_RESULT = 16u, /* a failure may leave a part of its result */
    MAKES_NO_CALL = 32u
};

#define ERRNO_UNKNOWN (-1) /* the os_error of an error whose errno is not known */

struct operation {
    const char *name;
    void (*arrange)(void);
    pmipc_status (*act)(pmipc_error *error);
    void (*confirm)(void); /* checks its result, and that the bystanders are unaffected */
    void (*asleep)(void);  /* runs when it sleeps; NULL: nothing */
    unsigned flags;
    pmipc_status status; /* its status when no call fails */
};

extern const struct operation producer_operations[], stream_operations[], waiting_operations[], registry_operations[];

#define BYTES 5000

/* The handles of an operation. Every handle that is set is closed after the run. */
#define HELD_MAX 8
struct stage {
    pmipc_producer *producer, *second_producer;
    pmipc_stream *stream, *second_stream, *bystander;
    pmipc_view view;           /* the view that the operation returned */
    pmipc_view held[HELD_MAX]; /* views held during the operation */
    pmipc_waiter waiter;
    pmipc_registry *registry;
    pmipc_pool_info info;
};

extern struct stage stage;

/* Close and release all handles. */
void stage_clear(void);

/* Pool "p": a producer with `frames` samples, and a bystander stream that holds a view of the newest. */
void stage_pool(uint32_t frames);

/* The producer publishes, the bystander reads each sample, and the held views are whole. */
void stage_check_bystander(void);

/* Operations that open a handle of the stage. */
pmipc_status open_producer(int64_t bytes, const pmipc_producer_options *options, pmipc_error *error);
pmipc_status open_stream(const pmipc_stream_options *options, pmipc_error *error);

/* The status of a call on stage.stream or stage.producer; `error`: its last error. */
pmipc_status of_stream(pmipc_status status, pmipc_error *error);
pmipc_status of_producer(pmipc_status status, pmipc_error *error);

/* Run a process that opens a stream of "p", holds a view and exits. */
void stage_dead_reader(void);

void stage_remove_folder(void);

#endif
