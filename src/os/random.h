/* random.h: identities. */
#ifndef OS_RANDOM_H
#define OS_RANDOM_H

#include <stdint.h>

/* A random word, never 0. */
uint64_t random_identity(void);

#endif
