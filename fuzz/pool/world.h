/* world.h: what the library sees of the world while it is fuzzed. Time, chance and sleep depend on the input alone;
 * files and mappings are those of tmpfs.h and mappings.h; and at each system call, and under clang at each load from a
 * mapping, the fuzzer may write into the file. Linked with --wrap. */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include <stdint.h>

/* Time, chance and counts as at the start of every input. */
void world_begin(void);

/* Let time pass. */
void world_advance(int64_t duration_ns);

/* Counted from the start of the input on. When either reaches its alarm, pokes_fire is called. */
extern uint64_t world_calls, world_loads, world_call_alarm, world_load_alarm;

/* The library is about to make a call. */
void world_note_call(void);

#endif
