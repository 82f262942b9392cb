/* polymorph_ipc.h: the whole library. One process publishes tensors under a name, others read the newest ones in place,
 * through shared memory and without copies.
 *
 * Read in this order: status.h (how calls end), schema.h (what a pool carries), pool.h (limits), producer.h (writing),
 * stream.h (reading), access.h (typed pointers to samples), registry.h (which pools exist). Programs that handle ROS 2
 * messages go on with cdr.h (messages as bytes) and ros.h (messages as samples). */
#ifndef PMIPC_POLYMORPH_IPC_H
#define PMIPC_POLYMORPH_IPC_H

#include "access.h"
#include "cdr.h"
#include "pool.h"
#include "producer.h"
#include "registry.h"
#include "ros.h"
#include "schema.h"
#include "status.h"
#include "stream.h"

#endif
