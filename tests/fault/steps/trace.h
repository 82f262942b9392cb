/* trace.h: every instruction that an operation executes, from its begin to its end. */
#ifndef FAULT_TRACE_H
#define FAULT_TRACE_H

#include "victim.h"

/* The world between instruction k - 1 and instruction k: where a victim is killed. */
struct point {
    uint64_t address; /* of instruction k */
    uint64_t stack;
    uint32_t visits; /* how often the instruction has been executed before */
    bool is_own;     /* in this program and its library, not in libc */
    bool is_new;   /* other processes see, or may see, something else than at the point before: instruction k - 1 stored
                      into   a file of the folder or was a system call */
    bool is_sleep; /* instruction k is a system call that sleeps */
};

struct trace {
    struct point *points;
    uint32_t length; /* instructions; there is one point more */
};

/** Step through the victim's operation. Leaves it stopped at the end. */
void trace_record(struct trace *trace, const struct victim *victim);

#endif
