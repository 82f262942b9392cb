/* campaign.h: one operation, whose victim is killed at one instruction after the other. */
#ifndef FAULT_CAMPAIGN_H
#define FAULT_CAMPAIGN_H

#include "operation.h"

/* What came of it; filled while it goes on. Shared with the process that waits for it. */
struct result {
    uint32_t instructions;
    uint32_t own_instructions; /* in the library and the operation itself */
    uint32_t kills;
    uint32_t diverged;   /* of those, not quite where the recording had been */
    uint32_t sleep_ends; /* the most that a sleeper needed to find out */
    uint32_t at;         /* where the victim was killed, or is about to be, if the campaign has not ended */
    uint64_t address;
    bool ended;
};

/** Kill victims of `operation` at every point where the world is new, and at every `stride`-th own instruction from
 * `offset` on: 1 for all of them; a sample has only the first turns of long loops. Runs in a process of its own, which
 * ends when a check fails. */
void campaign_run(const struct operation *operation, uint32_t stride, uint32_t offset, struct result *result);

#endif
