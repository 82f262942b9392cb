/* virtual.h: time and sleep as a campaign wants them.
 *
 * The program has clock_gettime, clock_nanosleep, ppoll and syscall of its own, which the library calls. Time stands
 * still until somebody lets it pass, so that an operation executes the same instructions every time, and no sleep of
 * the library's can hide that nobody woke it: the sleeper sleeps until it is woken, or until its sleep is ended on
 * purpose and counted. */
#ifndef FAULT_VIRTUAL_H
#define FAULT_VIRTUAL_H

#include <stdbool.h>
#include <stdint.h>

void virtual_pass(int64_t duration_ns);

/** Sleeps of this thread, and of no other, end by a wake or by virtual_end_sleep only. */
void virtual_become_sleeper(void);

/** Whether the kernel has the sleeper in the queue of a futex. */
bool virtual_is_asleep(void);

/** The sleep is over as if its time had passed: what the library does every 100 ms. */
void virtual_end_sleep(void);

/** Not 0: other threads' sleeps do not end by themselves either. For whoever is to be killed in his sleep. */
extern long virtual_sleep_for_ever;

#endif
