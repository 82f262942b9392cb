/* syscall_faults.h: counting the calls of an operation, and making one of them fail.
 *
 * Calls are numbered in the order in which they are made, allocations among them (the linker leads malloc and its like
 * through here: --wrap). Time is ours: sleeping moves the clock, and nobody really sleeps. */
#ifndef FAULT_SYSCALL_FAULTS_H
#define FAULT_SYSCALL_FAULTS_H

#include "syscall_kinds.h"

#include <stdint.h>

/* Of one operation: more is a loop without an end. A stream that finds each of 64 rows taken, though nobody has it,
 * asks for all of them eight times in each of 25 turns of patience: 40,000 calls. */
#define CALLS_MAX 60000

struct fault {
    unsigned call; /* from 1 on; 0: none */
    int error;
    bool lasting; /* every later call of this kind fails, too */
};

struct call_log {
    unsigned count;
    unsigned failed; /* calls that were made to fail */
    bool is_endless;
    uint8_t kinds[CALLS_MAX];
};

/* First of all: calls are trapped, and time is ours. */
void faults_install(void);

/* Every call of this thread is counted into `log` until faults_end. `asleep`, which may be NULL, is called once, when
 * the operation goes to sleep: what happens then is what it waits for. After a fork, calls are counted in the parent,
 * or if `follow_child` in the child. */
void faults_begin(const struct fault *fault, struct call_log *log, void (*asleep)(void), bool follow_child);
void faults_end(void);

/* Whether a call was made to fail in the latest operation. */
bool faults_came(void);

/* Whether it went to sleep, and what it waited for happened. */
bool faults_let_happen(void);

/* Let time pass for this process. */
void time_pass(int64_t duration_ns);

/* Memory that was allocated and not freed, in blocks. */
long live_blocks(void);

#endif
