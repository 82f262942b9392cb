/* producer_replace.c: a producer replaces its pool with the next sample: by a larger pool when a sample is longer than
 * the pool has room for, or by a pool of another schema when the caller asks for it. registry/succeed.c replaces the
 * file. */
#include <stdlib.h>
#include <string.h>

#include "api/producer.h"
#include "os/cancel.h"
#include "os/clock.h"
#include "registry/succeed.h"

#define RECREATE_INTERVAL_NS 1000000000

void producer_refresh(pmipc_producer *producer)
{
    const struct pool_description *description = producer_destination(producer)->description;
    producer->plain = description->schema.field_count == 1 && description->payload.variable_count == 0;
    producer->payload_bytes = description->payload.bytes;
}

/* Close a writer whose pool was replaced. Its memory, and that of writers before it, stays mapped when the program may
 * hold pointers into it. */
static void close_or_keep(struct pool_writer *old, struct pool_writer *keeper)
{
    struct pool_writer *kept = old->older, **end = &keeper->older;
    old->older = NULL;
    if (old->keep_mapped) {
        owner_lock_drop(&old->lock);
        file_close_own(old->fd, old->identity);
        old->fd = -1;
        old->older = kept;
        kept = old;
    } else {
        writer_close(old);
    }
    while (*end)
        end = &(*end)->older;
    *end = kept;
}

void producer_drop_replacement(pmipc_producer *producer)
{
    CANCELLATION_DEFERRED(cancel_state);
    struct pool_writer *next = producer->replacement;
    if (!next)
        return;
    producer->replacement = NULL;
    close_or_keep(next, producer->writer);
    producer_refresh(producer);
}

/* Prepare a pool of this schema. `limit_bytes`: what it may take; 0: no limit. */
static pmipc_status prepare(pmipc_producer *producer, const pmipc_schema *schema, const char *metadata,
                            uint64_t limit_bytes, pmipc_error *error)
{
    CANCELLATION_DEFERRED(cancel_state);
    struct pool_writer *next;
    pmipc_producer_options options = producer->options;
    options.metadata = metadata;
    options.max_bytes = limit_bytes;
    pmipc_status status = successor_create(&producer->place, producer->writer, schema, &options, &next, error);
    if (status)
        return status;
    next->error = &producer->error;
    next->max_bytes = producer->options.max_bytes;
    producer_drop_replacement(producer);
    producer->replacement = next;
    producer_refresh(producer);
    return PMIPC_OK;
}

pmipc_status producer_recreate(pmipc_producer *producer, pmipc_status status)
{
    const struct pool_writer *writer = producer->writer;
    if (status != PMIPC_LOST || !producer->options.recreate || !writer->removed)
        return status;
    if (producer->replacement)
        return PMIPC_OK;
    int64_t now = clock_monotonic_ns();
    if (now < producer->next_recreate_ns)
        return error_set(
            &producer->error, PMIPC_LOST, 0,
            "pool '%s': another program removed its file, and the last try to create the pool again failed "
            "less than a second ago. A later call tries again",
            producer->place.name);
    producer->next_recreate_ns = now + RECREATE_INTERVAL_NS;
    if (file_identify_path(producer->place.path).inode != 0)
        return successor_refuse_taken_name(&producer->place, &producer->error);
    return prepare(producer, &writer->description->schema, writer->description->metadata, producer->options.max_bytes,
                   &producer->error);
}

static pmipc_status check_can_replace(pmipc_producer *producer)
{
    pmipc_status status = producer_check_usable(producer);
    if (status)
        return status;
    if (producer->loaned_slot != NO_LOAN)
        return error_set(&producer->error, PMIPC_WRONG_STATE, 0, "pool '%s': a loan is out: commit or discard it first",
                         producer->place.name);
    status = writer_check_owned(producer->writer);
    return status ? producer_recreate(producer, status) : PMIPC_OK;
}

/* Make the leading dimensions as large as `lengths`, or with `doubles` at least twice as large as they are. */
static void enlarge(pmipc_schema *schema, const int64_t *lengths, bool doubles)
{
    for (uint32_t i = 0; i < schema->field_count; i++) {
        pmipc_field *field = &schema->fields[i];
        if (!(field->flags & PMIPC_FIELD_VARIABLE) || lengths[i] <= field->shape[0])
            continue;
        const int64_t twice = field->shape[0] <= INT32_MAX / 2 ? field->shape[0] * 2 : INT32_MAX;
        field->shape[0] = doubles && twice > lengths[i] ? twice : lengths[i];
    }
}

static pmipc_status refuse_length(pmipc_producer *producer, uint32_t index, int64_t length, const pmipc_error *reason)
{
    const pmipc_field *field = &producer_destination(producer)->description->schema.fields[index];
    const char *name = field->name[0] ? field->name : "the tensor";
    if (length < 0)
        return error_set(&producer->error, PMIPC_SCHEMA_MISMATCH, 0, "pool '%s': the length of %s is negative (%lld)",
                         producer->place.name, name, (long long)length);
    if (!reason)
        return error_set(&producer->error, PMIPC_SCHEMA_MISMATCH, 0,
                         "pool '%s': %s has length %lld, %lld more than the pool's capacity of %lld",
                         producer->place.name, name, (long long)length, (long long)(length - field->shape[0]),
                         (long long)field->shape[0]);
    return error_set(&producer->error, reason->status == PMIPC_INVALID_ARGUMENT ? PMIPC_NO_SPACE : reason->status,
                     reason->os_error,
                     "pool '%s': %s has length %lld, the pool has room for %lld and cannot be replaced by a larger "
                     "one: %s",
                     producer->place.name, name, (long long)length, (long long)field->shape[0], reason->text);
}

/* Prepare a larger pool. `longest`: a field that has no room. */
static pmipc_status prepare_larger(pmipc_producer *producer, const int64_t *lengths, uint32_t longest)
{
    const struct pool_description *description = producer_destination(producer)->description;
    const uint64_t limit_bytes = producer->options.max_bytes ? producer->options.max_bytes : PMIPC_DEFAULT_GROWTH_BYTES;
    pmipc_error reason = {0};
    pmipc_status status = PMIPC_NO_SPACE;
    pmipc_schema *schema = malloc(sizeof *schema);
    char *metadata = strdup(description->metadata); /* prepare may free the description */
    if (!schema || !metadata)
        status = error_set(&reason, PMIPC_NO_MEMORY, 0, "out of memory");
    for (int doubles = 1; doubles >= 0 && (status == PMIPC_NO_SPACE || status == PMIPC_INVALID_ARGUMENT); doubles--) {
        *schema = description->schema;
        enlarge(schema, lengths, doubles);
        status = prepare(producer, schema, metadata, limit_bytes, &reason);
    }
    free(schema);
    free(metadata);
    return status ? refuse_length(producer, longest, lengths[longest], &reason) : PMIPC_OK;
}

pmipc_status producer_make_room(pmipc_producer *producer, const int64_t *lengths)
{
    const struct pool_description *description = producer_destination(producer)->description;
    uint32_t longest = PMIPC_MAX_FIELDS;
    for (uint32_t i = 0; i < description->schema.field_count; i++) {
        if (description->payload.length_index[i] < 0)
            continue;
        if (__builtin_expect(lengths[i] < 0, 0))
            return refuse_length(producer, i, lengths[i], NULL);
        if (__builtin_expect(lengths[i] > description->schema.fields[i].shape[0], 0))
            longest = i;
    }
    if (__builtin_expect(longest == PMIPC_MAX_FIELDS, 1))
        return PMIPC_OK;
    if (producer->options.no_growth || producer->options.fixed_capacity)
        return refuse_length(producer, longest, lengths[longest], NULL);
    pmipc_status status = check_can_replace(producer);
    return status ? status : prepare_larger(producer, lengths, longest);
}

pmipc_status pmipc_producer_reserve(pmipc_producer *producer, const int64_t *lengths, uint32_t count)
{
    pmipc_status status = check_can_replace(producer);
    if (status)
        return status;
    if (!lengths || count != producer_destination(producer)->description->schema.field_count)
        return error_set(&producer->error, PMIPC_INVALID_ARGUMENT, 0,
                         "pool '%s': %u lengths were given, and the schema has %u fields", producer->place.name, count,
                         producer_destination(producer)->description->schema.field_count);
    return producer_make_room(producer, lengths);
}

pmipc_status pmipc_producer_replace(pmipc_producer *producer, const pmipc_schema *schema, const char *metadata)
{
    pmipc_status status = check_can_replace(producer);
    if (status)
        return status;
    pmipc_error reason = {0};
    status = pmipc_schema_check(schema, &reason);
    if (status)
        return error_set(&producer->error, status, 0, "pool '%s': %s", producer->place.name, reason.text);
    return prepare(producer, schema, metadata, producer->options.max_bytes, &producer->error);
}

pmipc_status producer_finish_replacement(pmipc_producer *producer, pmipc_status status)
{
    CANCELLATION_DEFERRED(cancel_state);
    if (!status)
        status = successor_install(&producer->place, producer->writer, producer->replacement, &producer->error);
    if (status) {
        producer_drop_replacement(producer);
        return status;
    }
    struct pool_writer *old = producer->writer;
    producer->writer = producer->replacement;
    producer->replacement = NULL;
    producer->writer->predecessor = NULL;
    close_or_keep(old, producer->writer);
    return PMIPC_OK;
}

void pmipc_producer_keep_memory(pmipc_producer *producer)
{
    producer_destination(producer)->keep_mapped = true;
}
