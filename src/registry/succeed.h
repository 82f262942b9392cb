/* succeed.h: a producer replaces its own pool by another file under the same name. */
#ifndef REGISTRY_SUCCEED_H
#define REGISTRY_SUCCEED_H

#include "pool/writer.h"
#include "registry/folder.h"

/* Create a pool of this schema that continues `predecessor`'s. It has no name yet. `options` has its defaults filled
 * in. Returns OK, INVALID_ARGUMENT, NO_SPACE, PERMISSION, NO_MEMORY or SYSTEM. */
pmipc_status successor_create(const struct pool_place *place, struct pool_writer *predecessor,
                              const pmipc_schema *schema, const pmipc_producer_options *options,
                              struct pool_writer **successor, pmipc_error *error);

/* Give `successor` the name, and retire `predecessor`. If another program has removed the predecessor's name, that pool
 * is already retired, and the name must be free. The caller keeps both writers, which keep their locks. Returns OK,
 * LOST (the name does not lead to the predecessor any more), PERMISSION, NO_SPACE, NO_MEMORY or SYSTEM. On failure
 * nothing has changed. */
pmipc_status successor_install(const struct pool_place *place, struct pool_writer *predecessor,
                               struct pool_writer *successor, pmipc_error *error);

/* Set the error: the file was removed, and another file has the name. Returns LOST. */
pmipc_status successor_refuse_taken_name(const struct pool_place *place, pmipc_error *error);

/* Remove the temporary name that a producer leaves if it is killed between the two steps of successor_install. */
void successor_remove_unfinished(int folder, const char *entry);

#endif
