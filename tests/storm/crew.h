/* crew.h: the processes of a storm: who sits where, and what is done to them. */
#ifndef STORM_CREW_H
#define STORM_CREW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "board.h"

/** Seats below this are producers'; the others read, look, and remove. */
#define FIRST_READER 6

struct crew_facts {
    uint64_t started, killed, stopped, ended;
};
extern struct crew_facts crew_facts;

/** Fill all seats. */
void crew_begin(uint64_t seed);

/** Do something to somebody: SIGKILL, SIGSTOP, SIGCONT, an orderly end. Those who are gone are replaced. */
void crew_disturb(void);

/** Everybody goes on, and must make `operations` more calls in time; who does not is stuck. Producers only, when asked.
 */
bool crew_must_progress(uint64_t operations, bool producers_only);

/** Wait until `condition`, while those who die are noticed; false when the time is over. */
bool crew_wait(bool (*condition)(void *), void *context);

/** End seats first to last, in order and in time, or about half of them by SIGKILL. */
void crew_end(int first, int last, bool kill_some);

/** End everybody by SIGKILL. */
void crew_kill(void);

/** Nobody is left, not even a child of a child. */
void crew_is_gone(void);

/** How long nothing may happen: generous, since a busy machine is no fault. */
extern int64_t crew_patience_ns;

#endif
