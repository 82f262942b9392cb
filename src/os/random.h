/* random.h: random identities. */
#ifndef OS_RANDOM_H
#define OS_RANDOM_H

#include <stdint.h>

/* A random 64-bit number, never 0. */
uint64_t random_identity(void);

#endif
