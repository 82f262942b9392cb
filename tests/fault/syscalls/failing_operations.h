/* failing_operations.h: what a program does with the library, one operation at a time, each with bystanders whom a
 * failure must not touch. */
#ifndef FAULT_FAILING_OPERATIONS_H
#define FAULT_FAILING_OPERATIONS_H

#include "pools.h"
#include "syscall_faults.h"

enum {
    FRESH_PROCESS = 1u, /* each time in a process that has not used the library yet */
    SAYS_NOTHING = 2u,  /* has no error to tell by */
    FOLLOW_CHILD = 4u,  /* of the two after its fork */
    NO_SECOND_TRY = 8u, /* what it ends is ended, even when something failed */
    GETS_HALFWAY = 16u, /* what was done before it failed stays done */
    MAKES_NO_CALL = 32u
};

#define ERRNO_UNTOLD (-1) /* an error's os_error, where there is no place for it */

struct operation {
    const char *name;
    void (*arrange)(void);
    pmipc_status (*act)(pmipc_error *error);
    void (*confirm)(void); /* it has been done, and nobody else was touched */
    void (*asleep)(void);  /* what happens when it sleeps */
    unsigned flags;
    pmipc_status status; /* its outcome when no call fails */
};

extern const struct operation producer_operations[], stream_operations[], waiting_operations[], registry_operations[];

#define BYTES 5000

/* What operations act on. Whatever is set is closed afterwards. */
#define HELD_MAX 8
struct stage {
    pmipc_producer *producer, *second_producer;
    pmipc_stream *stream, *second_stream, *bystander;
    pmipc_view view;           /* what the operation got */
    pmipc_view held[HELD_MAX]; /* what somebody holds meanwhile */
    pmipc_waiter waiter;
    pmipc_registry *registry;
    pmipc_pool_info info;
};

extern struct stage stage;

/* Close and release all of it. */
void stage_clear(void);

/* Pool "p": a producer with `frames` published, a stream beside it that holds the newest. */
void stage_pool(uint32_t frames);

/* The producer publishes, the bystander reads just that; what it holds is whole. */
void stage_goes_on(void);

/* Open into the stage, as an operation. */
pmipc_status open_producer(int64_t bytes, const pmipc_producer_options *options, pmipc_error *error);
pmipc_status open_stream(const pmipc_stream_options *options, pmipc_error *error);

/* The status of a call on stage.stream, or stage.producer, with its message. */
pmipc_status of_stream(pmipc_status status, pmipc_error *error);
pmipc_status of_producer(pmipc_status status, pmipc_error *error);

/* A process that opens a stream of "p", holds a view, and dies. */
void stage_dead_reader(void);

void stage_remove_folder(void);

#endif
