/* trace.h: every instruction that an operation executes. */
#ifndef FAULT_TRACE_H
#define FAULT_TRACE_H

#include "victim.h"

/* The point between instruction k - 1 and instruction k, at which a victim is killed. */
struct point {
    uint64_t address; /* of instruction k */
    uint64_t stack;
    uint32_t visits; /* how many times the instruction was executed before */
    bool is_own;     /* in this program and its library, not in libc */
    bool is_new;   /* other processes may see another state than at the previous point: instruction k - 1 stored into a
                      file of the folder or was a system call */
    bool is_sleep; /* instruction k is a system call that sleeps */
};

struct trace {
    struct point *points;
    uint32_t length; /* number of instructions; there is one more point */
};

/** Step through the operation of the victim, which is stopped at the end. */
void trace_record(struct trace *trace, const struct victim *victim);

#endif
