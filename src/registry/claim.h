/* claim.h: getting hold of a pool by name: as its producer, as a stream, or to remove it. */
#ifndef REGISTRY_CLAIM_H
#define REGISTRY_CLAIM_H

#include "pool/connection.h"
#include "pool/writer.h"
#include "registry/folder.h"

/* Create, adopt or replace the pool. `options` has its defaults filled in. */
pmipc_status claim_as_producer(const struct pool_place *place, const pmipc_schema *schema,
                               const pmipc_producer_options *options, struct pool_writer **writer, pmipc_error *error);

/* Retire a writer's pool and take its name away, unless the name leads to another file by now. */
void retire_and_unlink(struct pool_writer *writer, const struct pool_place *place);

/* Connect to the pool. `patient`: when all rows are held, try for a second, since a dying process may be letting go of
 * one. NOT_CONNECTED: there is none, or it is just being removed, or the one there is retired; `*absent` then
 * identifies that file, so that a waiter can tell when another takes its place. */
pmipc_status claim_as_stream(const struct pool_place *place, bool prefault, bool patient,
                             struct pool_connection **connection, struct file_identity *absent, pmipc_error *error);

#endif
