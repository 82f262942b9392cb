/* retry.h: how long to try again for a lock that a dying process still holds. */
#ifndef REGISTRY_RETRY_H
#define REGISTRY_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "os/clock.h"

/* A lock outlives a killed process by the time that its memory takes to tear down: 176 ms for 1 GB. */
#define RETRY_DURATION_NS 1000000000
#define RETRY_INTERVAL_NS 2000000

/* After a try that found the lock held: sleep for one interval and return true, or return false when the time is over.
 * *deadline_ns is 0 before the first call, which starts the time. */
static inline bool retry_wait(int64_t *deadline_ns)
{
    int64_t now = clock_monotonic_ns();
    if (*deadline_ns == 0)
        *deadline_ns = now + RETRY_DURATION_NS;
    if (now >= *deadline_ns)
        return false;
    clock_pause_ns(RETRY_INTERVAL_NS);
    return true;
}

#endif
