/* aftermath.h: what must be true, and possible, of whatever a victim leaves behind. */
#ifndef FAULT_AFTERMATH_H
#define FAULT_AFTERMATH_H

#include "residents.h"

/** The victim has stopped at an instruction, alive. Streams read, and a producer that is not the victim publishes. */
void while_stalled(struct residents *residents);

/** The victim has been killed. A producer, fresh unless the victim was a stream, and streams, old and fresh, use the
 * pool until nothing is left of it. `thorough`: all rows are claimed, descriptors and mappings are counted. Returns how
 * many sleeps had to end by themselves. */
unsigned aftermath(struct residents *residents, bool thorough);

#endif
