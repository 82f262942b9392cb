/* sleeping.h: a stream in a thread of its own, which sleeps until there is a new sample. */
#ifndef FAULT_SLEEPING_H
#define FAULT_SLEEPING_H

#include <stdbool.h>
#include <stdint.h>

void sleeping_start(void);

/** Go to sleep until there is a sample newer than now. `connected`: come back when the kernel has put it to sleep on
 * the pool's bell; otherwise it awaits a pool. */
void sleeping_begin(bool connected);

/** Wait for it to come with a sample, whose seq is returned. Its sleeps may end by themselves `ends` times at most
 * until then, all others by a wake; what is left of `ends` is what was not needed. */
uint64_t sleeping_end(unsigned *ends);

/** A retired pool is let go of. */
void sleeping_leave(void);

#endif
