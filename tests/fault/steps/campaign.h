/* campaign.h: one operation, whose victims are killed at one instruction after another. */
#ifndef FAULT_CAMPAIGN_H
#define FAULT_CAMPAIGN_H

#include "operation.h"

/* The result, filled in while the campaign runs. Shared with the process that waits for it. */
struct result {
    uint32_t instructions;
    uint32_t own_instructions; /* in the library and the operation itself */
    uint32_t kills;
    uint32_t diverged;   /* kills at another state than recorded */
    uint32_t sleep_ends; /* the largest number of timeouts that a sleeping stream needed */
    uint32_t at;         /* the instruction of the last kill, or of the next one if the campaign has not ended */
    uint64_t address;
    bool ended;
};

/** Kill victims of `operation` at every point where the visible state has changed, and at every `stride`-th own
 * instruction from `offset` on. Stride 1: all instructions; a larger stride has only the first turns of long loops.
 * Runs in its own process, which ends when a check fails. */
void campaign_run(const struct operation *operation, uint32_t stride, uint32_t offset, struct result *result);

#endif
