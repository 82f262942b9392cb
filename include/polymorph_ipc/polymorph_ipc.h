/* polymorph_ipc.h: the whole library. Publish a tensor, get the newest one: shared memory, no copies, found by name.
 *
 * Read in this order: status.h (how calls end), schema.h (what a pool carries), producer.h (the writer), stream.h (the
 * readers), access.h (typed pointers to samples), registry.h (which pools exist). */
#ifndef PMIPC_POLYMORPH_IPC_H
#define PMIPC_POLYMORPH_IPC_H

#include "access.h"
#include "producer.h"
#include "registry.h"
#include "schema.h"
#include "status.h"
#include "stream.h"

#endif
