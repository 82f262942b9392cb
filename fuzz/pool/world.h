/* world.h: the system as the fuzzed library sees it. Time, random numbers and sleep depend only on the input. Files and
 * mappings are those of tmpfs.h and mappings.h. At each system call, and with clang at each load from a mapping, the
 * fuzzer may write into the file. Linked with --wrap. */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include <stdint.h>

/* Reset time, random numbers and counts at the start of an input. */
void world_begin(void);

/* Advance the time. */
void world_advance(int64_t duration_ns);

/* Numbers of calls and loads since the start of the input. When one reaches its alarm, pokes_fire is called. */
extern uint64_t world_calls, world_loads, world_call_alarm, world_load_alarm;

/* Count a call that the library is about to make. */
void world_note_call(void);

#endif
