/* syscall_faults.h: count the calls of an operation, and make one of them fail.
 *
 * Calls are numbered in their order. Allocations count as calls (the linker option --wrap replaces malloc and the
 * related functions). Time is virtual: a sleep moves the clock and returns at once. */
#ifndef FAULT_SYSCALL_FAULTS_H
#define FAULT_SYSCALL_FAULTS_H

#include "syscall_kinds.h"

#include <stdint.h>

/* The limit for one operation; more calls count as an unbounded loop. The largest number is 40,000: a stream that finds
 * each of 64 rows locked, although no stream owns it, queries all of them eight times in each of 25 attempts. */
#define CALLS_MAX 60000

struct fault {
    unsigned call; /* the number of the call, from 1 on; 0: no fault */
    int error;
    bool lasting; /* all later calls of this kind fail, too */
};

struct call_log {
    unsigned count;
    unsigned failed; /* the number of calls that were made to fail */
    bool is_unbounded;
    uint8_t kinds[CALLS_MAX];
};

/* Call this first: from now on calls are trapped and time is virtual. */
void faults_install(void);

/* Count every call of this thread in `log` until faults_end(). `asleep` (NULL allowed) is called once, when the
 * operation sleeps: it makes the awaited event happen. After a fork, the calls of the parent are counted, or with
 * `follow_child` those of the child. */
void faults_begin(const struct fault *fault, struct call_log *log, void (*asleep)(void), bool follow_child);
void faults_end(void);

/* Whether a call was made to fail in the last operation. */
bool fault_happened(void);

/* Whether the operation slept and `asleep` was called. */
bool faults_event_happened(void);

/* Move the clock of this process forward. */
void time_pass(int64_t duration_ns);

/* The number of allocated blocks of memory. */
long live_blocks(void);

#endif
