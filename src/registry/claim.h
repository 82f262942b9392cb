/* claim.h: opening a pool by name, as its producer or as a stream. */
#ifndef REGISTRY_CLAIM_H
#define REGISTRY_CLAIM_H

#include "pool/connection.h"
#include "pool/writer.h"
#include "registry/folder.h"

/* Create, adopt or replace the pool. `options` has its defaults filled in. Returns OK, BUSY (another producer), or the
 * failure of one of the steps. */
pmipc_status claim_as_producer(const struct pool_place *place, const pmipc_schema *schema,
                               const pmipc_producer_options *options, struct pool_writer **writer, pmipc_error *error);

/* Retire a writer's pool and remove its name, unless the name leads to another file. */
void retire_and_unlink(struct pool_writer *writer, const struct pool_place *place);

/* Connect to the pool. With `retry`, try for a second when all rows are in use: a dying process may release one.
 * Returns NOT_CONNECTED when the pool does not exist, is being removed, or is retired. *absent identifies a retired
 * file, so that a waiter detects when another file gets the name. Other statuses are those of connection_open and
 * entry_open. */
pmipc_status claim_as_stream(const struct pool_place *place, bool prefault, bool retry,
                             struct pool_connection **connection, struct file_identity *absent, pmipc_error *error);

#endif
