/* sleeping.h: a stream in its own thread that sleeps until there is a new sample. */
#ifndef FAULT_SLEEPING_H
#define FAULT_SLEEPING_H

#include <stdbool.h>
#include <stdint.h>

void sleeping_start(void);

/** Let the thread sleep until there is a newer sample. `connected`: return when it sleeps in the kernel on the bell of
 * the pool; otherwise it waits for a pool. */
void sleeping_begin(bool connected);

/** Wait until the thread has read a sample, and return its sequence number. At most `ends` of its sleeps may end by
 * their timeout, all others must end by a wake; `ends` is reduced by the number that was needed. */
uint64_t sleeping_end(unsigned *ends);

/** Let the thread disconnect from a retired pool. */
void sleeping_leave(void);

#endif
