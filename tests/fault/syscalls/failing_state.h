/* failing_state.h: the state of a process: descriptors, mappings, files in the registry folder, locks, memory. */
#ifndef FAULT_FAILING_STATE_H
#define FAULT_FAILING_STATE_H

#include <stdbool.h>

#define STATE_LINES_MAX 64
#define STATE_LINE_BYTES 160

/* One line per item, sorted. No line has addresses or numbers that depend on earlier runs. */
struct state {
    unsigned count;
    char lines[STATE_LINES_MAX][STATE_LINE_BYTES];
};

void state_take(struct state *state, const char *folder);

/* The number of locks on pool files of the registry folder. */
unsigned state_locks(void);

/* Whether both are equal; otherwise print the differing lines to stderr, each after `words`. `ignore_mappings`:
 * mappings may differ. */
bool state_is_equal(const struct state *before, const struct state *after, const char *words, bool ignore_mappings);

#endif
