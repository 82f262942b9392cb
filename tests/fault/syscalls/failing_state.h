/* failing_state.h: what a process has and holds: descriptors, mappings, files in the registry folder, locks, memory. */
#ifndef FAULT_FAILING_STATE_H
#define FAULT_FAILING_STATE_H

#include <stdbool.h>

#define STATE_LINES_MAX 64
#define STATE_LINE_BYTES 160

/* One line a thing, in order; nothing in it depends on addresses, numbers or what else the process did before. */
struct state {
    unsigned count;
    char lines[STATE_LINES_MAX][STATE_LINE_BYTES];
};

void state_take(struct state *state, const char *folder);

/* Locks that are held on pool files of the registry folder. */
unsigned state_locks(void);

/* Whether both are equal; otherwise what one has more than the other goes to stderr, each line after `words`.
 * `but_mappings`: those may differ. */
bool state_is_equal(const struct state *before, const struct state *after, const char *words, bool but_mappings);

#endif
