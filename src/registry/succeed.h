/* succeed.h: one producer's own pool replaced by another file, under the same name. */
#ifndef REGISTRY_SUCCEED_H
#define REGISTRY_SUCCEED_H

#include "pool/writer.h"
#include "registry/folder.h"

/* Make a pool of this schema that continues `predecessor`'s, without a name yet. `options` has its defaults filled in.
 * Returns OK; INVALID_ARGUMENT; NO_SPACE; PERMISSION; NO_MEMORY; SYSTEM. */
pmipc_status successor_make(const struct pool_place *place, const struct pool_writer *predecessor,
                            const pmipc_schema *schema, const pmipc_producer_options *options,
                            struct pool_writer **successor, pmipc_error *error);

/* Give `successor` the name, and retire `predecessor`. One whose file was removed from outside has no name to be
 * replaced and is retired already: then the name must be free. Both are the caller's still, the locks of both are held.
 * Returns OK; LOST (the name does not lead to the predecessor any more); PERMISSION; SYSTEM. On failure nothing has
 * changed. */
pmipc_status successor_install(const struct pool_place *place, struct pool_writer *predecessor,
                               struct pool_writer *successor, pmipc_error *error);

/* LOST: the file was removed from outside, and another one has the name. */
pmipc_status successor_refuse_taken_name(const struct pool_place *place, pmipc_error *error);

/* Take away what a producer has left that was killed between the two steps of an installation. */
void successor_forget_unfinished(int folder, const char *entry);

#endif
