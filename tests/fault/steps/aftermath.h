/* aftermath.h: what must be true, and must work, after a victim was killed. */
#ifndef FAULT_AFTERMATH_H
#define FAULT_AFTERMATH_H

#include "observers.h"

/** The victim is stopped at an instruction. Streams read, and the producer publishes unless it is the victim. */
void while_stalled(struct observers *observers);

/** The victim was killed. A producer (a new one unless the victim was a stream), connected streams and a new stream use
 * the pool, then the pool is removed. `thorough`: also claim all rows and count descriptors and mappings. Returns how
 * many sleeps had to end by their timeout. */
unsigned aftermath(struct observers *observers, bool thorough);

#endif
