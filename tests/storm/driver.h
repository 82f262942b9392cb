/* driver.h: start, disturb and end the workers of a storm. */
#ifndef STORM_DRIVER_H
#define STORM_DRIVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "board.h"

/** The workers below this number are producers; the others read, list, remove and clean. */
#define FIRST_READER 6

struct driver_facts {
    uint64_t started, killed, stopped, ended;
};
extern struct driver_facts driver_facts;

/** Start all workers. */
void driver_begin(uint64_t seed);

/** Send a random worker SIGKILL, SIGSTOP or SIGCONT, or end it in order. Workers that have ended are replaced. */
void driver_disturb(void);

/** Continue all workers. Each must make `operations` more calls in time, otherwise it is stuck. `producers_only`: only
 * the producers must. */
bool driver_require_progress(uint64_t operations, bool producers_only);

/** Wait until `condition`, and check the ends of workers meanwhile; false when the time is over. */
bool driver_wait(bool (*condition)(void *), void *context);

/** End the workers from `first` up to `last` - 1 in order, or about half of them by SIGKILL. */
void driver_end(int first, int last, bool kill_some);

/** End all workers by SIGKILL. */
void driver_kill(void);

/** Check that no child process is left, nor a child of one. */
void driver_check_all_ended(void);

/** The time limit for each wait: long, because a busy machine is slow. */
extern int64_t driver_patience_ns;

#endif
