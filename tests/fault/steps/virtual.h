/* virtual.h: virtual time and sleep.
 *
 * The program defines clock_gettime, clock_nanosleep, ppoll and syscall, which the library calls. Time advances only by
 * virtual_pass() and by sleeps, so that an operation executes the same instructions every time. A timeout cannot hide a
 * missing wake: the sleeper sleeps until it is woken, or until virtual_end_sleep() ends its sleep, which is counted. */
#ifndef FAULT_VIRTUAL_H
#define FAULT_VIRTUAL_H

#include <stdbool.h>
#include <stdint.h>

void virtual_pass(int64_t duration_ns);

/** This thread becomes the sleeper: its sleeps end only by a wake or by virtual_end_sleep(). */
void virtual_become_sleeper(void);

/** Whether the sleeper is in the queue of a futex. */
bool virtual_is_asleep(void);

/** End the sleep as its timeout of 100 ms would. */
void virtual_end_sleep(void);

/** Not 0: the sleeps of other threads do not end by their timeout, either. For a victim that is killed while it sleeps.
 */
extern long virtual_sleep_forever;

#endif
