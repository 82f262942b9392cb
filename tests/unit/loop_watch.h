/* loop_watch.h: count the allocations of a control loop and forbid its system calls.
 *
 * System calls: a seccomp filter traps every system call except those named; the handler prints the number of the call
 * and ends the process. Allocations: this program defines malloc and the related functions, which count (with a
 * sanitizer, its hooks count). */
#ifndef PMIPC_TEST_LOOP_WATCH_H
#define PMIPC_TEST_LOOP_WATCH_H

#include "helper.h"

/** The number of calls of malloc, calloc, realloc and free. */
unsigned allocations_made(void);

/** The number of calls of fstat since loop_begin(); the producer makes one per second to check that its file has a
 * name. */
unsigned fstat_calls(void);

/** Move the monotonic clocks forward. */
void clock_move_s(int seconds);

/** From now on, every system call of this thread except write, fstat, exit_group, `also` and a clock that needs a
 * system call ends the process with code 2. SYS_write: no other call is allowed. */
void loop_begin(long also);

/** End the process: with 0 if the loop made no allocation and at most one fstat per second. Not _Noreturn, because
 * AddressSanitizer makes a system call before every call of a _Noreturn function. */
void loop_end(void);

/** The exit code of a child that runs `body` with system calls forbidden. */
int exit_code_under_filter(void (*body)(void), long also);

/** Run a loop in a child: `body` opens its handles, calls loop_begin(), loops, and calls loop_end(). */
void check_loop(role_body body);

/** Find out whether reading the clock needs a system call. */
void learn_clock(void);

#endif
