#include "os/random.h"

#include <sys/random.h>
#include <unistd.h>

#include "os/clock.h"

uint64_t random_identity(void)
{
    uint64_t identity = 0;
    if (getrandom(&identity, sizeof identity, 0) != (ssize_t)sizeof identity)
        identity = (uint64_t)(clock_realtime_ns() ^ clock_monotonic_ns()) ^ (uint64_t)getpid() << 40;
    return identity ? identity : 1;
}
