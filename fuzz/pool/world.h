/* world.h: what the library sees of the world while it is fuzzed. Time, chance and sleep depend on the input alone; mappings
 * lie in one arena, fenced on both sides, never at an address that was used before in the same input, and are counted; and
 * at each system call, and under clang at each load from a mapping, somebody may write into the file. Linked with --wrap. */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Time, chance and counts as at the start of every input. */
void world_begin(void);

/* Mappings of this file are made once for all inputs. */
void world_keep_mappings(uint64_t inode);

/* Nothing of the library is mapped any more. */
bool world_is_empty(void);

/* Let time pass. */
void world_advance(int64_t duration_ns);

/* Whether these bytes lie in one mapping that the library has, and may be written there. */
bool world_has_mapped(const void *address, size_t bytes, bool writable);

/* Counted from the start of the input on. When either reaches its alarm, pokes_fire is called. */
extern uint64_t world_calls, world_loads, world_call_alarm, world_load_alarm;

/* A mapping of the harness itself, past all that. */
void *world_map_for_harness(int fd, size_t bytes);

#endif
