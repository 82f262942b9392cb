/* producer.c: the producer's handle: argument checks, copying, error texts; the work is in pool/writer.c. */
#include "polymorph_ipc/producer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/error.h"
#include "pool/writer.h"
#include "registry/claim.h"

#define NO_LOAN UINT32_MAX

struct pmipc_producer {
    struct pool_writer *writer;
    uint64_t generation;
    uint32_t loaned_slot; /* NO_LOAN: none is out */
    bool plain;           /* one field of fixed shape: pmipc_producer_publish may be used */
    bool keep;
    bool retired;
    uint64_t payload_bytes;
    struct pool_place place;
    pmipc_error error;
};

static pmipc_producer_options with_defaults(const pmipc_producer_options *given)
{
    pmipc_producer_options options = {0};
    if (given)
        options = *given;
    if (options.history_len == 0)
        options.history_len = PMIPC_DEFAULT_HISTORY_LEN;
    if (options.spare == 0)
        options.spare = PMIPC_DEFAULT_SPARE;
    if (options.mode == 0)
        options.mode = 0600;
    return options;
}

pmipc_status pmipc_producer_open(pmipc_producer **out, const char *name, const pmipc_schema *schema,
                                 const pmipc_producer_options *given, pmipc_error *error)
{
    if (!out)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "producer is NULL");
    *out = NULL;
    pmipc_producer_options options = with_defaults(given);
    if (options.mode & ~0777u || options.origin > PMIPC_ORIGIN_TORCH)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "mode 0%o or origin %u is out of range", options.mode,
                         options.origin);
    pmipc_status status = pmipc_name_check(name, error);
    if (status)
        return status;
    pmipc_producer *producer = calloc(1, sizeof *producer);
    if (!producer)
        return error_set(error, PMIPC_NO_MEMORY, ENOMEM, "pool '%s': out of memory", name);
    status = place_of(name, options.folder, &producer->place, error);
    if (!status) {
        pmipc_error reason;
        status = pmipc_schema_check(schema, &reason);
        if (status)
            error_set(error, status, 0, "pool '%s': %s", name, reason.text);
    }
    if (!status)
        status = claim_as_producer(&producer->place, schema, &options, &producer->writer, error);
    if (status) {
        free(producer);
        return status;
    }
    struct pool_writer *writer = producer->writer;
    writer->error = &producer->error;
    producer->generation = writer->generation;
    producer->loaned_slot = NO_LOAN;
    producer->keep = options.keep;
    producer->plain = schema->field_count == 1 && writer->description->payload.variable_count == 0;
    producer->payload_bytes = writer->description->payload.bytes;
    *out = producer;
    return PMIPC_OK;
}

static pmipc_status producer_fail(pmipc_producer *producer, pmipc_status status, const char *what)
{
    return error_set(&producer->error, status, 0, "pool '%s': %s", producer->place.name, what);
}

/* What every hot call asks first. */
static pmipc_status check_usable(pmipc_producer *producer)
{
    if (__builtin_expect(!process_is(producer->generation), 0))
        return producer_fail(
            producer, PMIPC_FORKED,
            "this producer belongs to the parent process; a pool has one producer, so open another name "
            "here, or close it there first");
    if (__builtin_expect(producer->retired, 0))
        return producer_fail(producer, PMIPC_CLOSED, "this producer was closed");
    return PMIPC_OK;
}

static pmipc_status take_slot(pmipc_producer *producer, uint32_t *slot)
{
    pmipc_status status = check_usable(producer);
    if (status)
        return status;
    if (producer->loaned_slot != NO_LOAN)
        return producer_fail(producer, PMIPC_WRONG_STATE, "a loaned frame is out: commit or discard it first");
    return writer_take_slot(producer->writer, slot);
}

pmipc_status pmipc_producer_publish(pmipc_producer *producer, const void *data, int64_t stamp_ns, uint64_t *seq)
{
    uint32_t slot;
    if (__builtin_expect(!producer->plain, 0))
        return producer_fail(
            producer, PMIPC_SCHEMA_MISMATCH,
            "it has several fields or a variable leading dimension: use pmipc_producer_publish_fields");
    if (!data && producer->payload_bytes)
        return producer_fail(producer, PMIPC_INVALID_ARGUMENT, "data is NULL");
    pmipc_status status = take_slot(producer, &slot);
    if (status)
        return status;
    if (producer->payload_bytes)
        memcpy(writer_payload(producer->writer, slot), data, producer->payload_bytes);
    status = writer_commit(producer->writer, slot, stamp_ns, NULL, producer->payload_bytes);
    if (!status && seq)
        *seq = producer->writer->protocol.seq;
    return status;
}

/* Check the leading lengths, and work out what a sample of these lengths has of valid bytes. */
static pmipc_status check_length(pmipc_producer *producer, uint32_t index, int64_t length)
{
    const pmipc_field *field = &producer->writer->description->schema.fields[index];
    if (length >= 0 && length <= field->shape[0])
        return PMIPC_OK;
    const char *name = field->name[0] ? field->name : "the tensor";
    if (length < 0)
        return error_set(&producer->error, PMIPC_SCHEMA_MISMATCH, 0, "pool '%s': the length of %s is negative (%lld)",
                         producer->place.name, name, (long long)length);
    return error_set(&producer->error, PMIPC_SCHEMA_MISMATCH, 0,
                     "pool '%s': %s has length %lld, %lld more than the %lld that the pool was made for",
                     producer->place.name, name, (long long)length, (long long)(length - field->shape[0]),
                     (long long)field->shape[0]);
}

/* Bytes of field `i` in a sample of this leading length. */
static uint64_t bytes_of(const struct payload_layout *payload, uint32_t i, int64_t length)
{
    return payload->length_index[i] < 0 ? payload->field_bytes[i] : payload->row_bytes[i] * (uint64_t)length;
}

/* What is wrong with the sources, or OK; the lengths of the variable fields, and the bytes of each field to copy. */
static pmipc_status check_variable_sources(pmipc_producer *producer, const pmipc_source *sources, uint32_t *lengths,
                                           uint64_t *bytes)
{
    const struct pool_description *description = producer->writer->description;
    const struct payload_layout *payload = &description->payload;
    for (uint32_t i = 0; i < description->schema.field_count; i++) {
        bytes[i] = payload->field_bytes[i];
        if (payload->length_index[i] < 0)
            continue;
        pmipc_status status = check_length(producer, i, sources[i].length);
        if (status)
            return status;
        lengths[payload->length_index[i]] = (uint32_t)sources[i].length;
        bytes[i] = bytes_of(payload, i, sources[i].length);
    }
    return PMIPC_OK;
}

__attribute__((cold)) static pmipc_status refuse_null_source(pmipc_producer *producer, uint32_t index)
{
    return error_set(&producer->error, PMIPC_INVALID_ARGUMENT, 0, "pool '%s': the data of field '%s' is NULL",
                     producer->place.name, producer->writer->description->schema.fields[index].name);
}

pmipc_status pmipc_producer_publish_fields(pmipc_producer *producer, const pmipc_source *sources, uint32_t count,
                                           int64_t stamp_ns, uint64_t *seq)
{
    const struct pool_description *description = producer->writer->description;
    const struct payload_layout *payload = &description->payload;
    uint32_t lengths[PMIPC_MAX_VARIABLE_FIELDS], slot;
    uint64_t some_bytes[PMIPC_MAX_FIELDS];
    const uint64_t *bytes = payload->field_bytes;
    if (__builtin_expect(!sources || count != description->schema.field_count, 0))
        return error_set(&producer->error, PMIPC_INVALID_ARGUMENT, 0, "pool '%s': %u fields given, it has %u",
                         producer->place.name, count, description->schema.field_count);
    if (payload->variable_count) {
        pmipc_status status = check_variable_sources(producer, sources, lengths, some_bytes);
        if (status)
            return status;
        bytes = some_bytes;
    }
    for (uint32_t i = 0; i < count; i++)
        if (__builtin_expect(!sources[i].data && bytes[i], 0))
            return refuse_null_source(producer, i);
    pmipc_status status = take_slot(producer, &slot);
    if (status)
        return status;
    char *data = writer_payload(producer->writer, slot);
    for (uint32_t i = 0; i < count; i++)
        if (bytes[i])
            memcpy(data + payload->offsets[i], sources[i].data, bytes[i]);
    status = writer_commit(producer->writer, slot, stamp_ns, lengths, payload->offsets[count - 1] + bytes[count - 1]);
    if (!status && seq)
        *seq = producer->writer->protocol.seq;
    return status;
}

pmipc_status pmipc_producer_loan(pmipc_producer *producer, pmipc_loan *loan)
{
    uint32_t slot;
    pmipc_status status = take_slot(producer, &slot);
    if (status)
        return status;
    const struct pool_description *description = producer->writer->description;
    char *data = writer_payload(producer->writer, slot);
    producer->loaned_slot = slot;
    loan->seq = producer->writer->protocol.seq + 1;
    loan->slot = slot;
    loan->field_count = description->schema.field_count;
    loan->headroom = writer_headroom(producer->writer, slot);
    for (uint32_t i = 0; i < loan->field_count; i++) {
        const pmipc_field *field = &description->schema.fields[i];
        loan->fields[i].data = data + description->payload.offsets[i];
        loan->fields[i].length = field->ndim ? field->shape[0] : 1;
    }
    return PMIPC_OK;
}

pmipc_status pmipc_producer_commit(pmipc_producer *producer, pmipc_loan *loan, int64_t stamp_ns)
{
    pmipc_status status = check_usable(producer);
    if (status)
        return status;
    if (producer->loaned_slot == NO_LOAN || loan->slot != producer->loaned_slot ||
        loan->seq != producer->writer->protocol.seq + 1)
        return producer_fail(producer, PMIPC_WRONG_STATE, "this loan is not out: it was committed or discarded before");
    const struct payload_layout *payload = &producer->writer->description->payload;
    uint32_t lengths[PMIPC_MAX_VARIABLE_FIELDS];
    uint64_t valid = 0;
    uint32_t count = producer->writer->description->schema.field_count;
    for (uint32_t i = 0; i < count; i++) {
        if (payload->length_index[i] >= 0) {
            status = check_length(producer, i, loan->fields[i].length);
            if (status)
                return status;
            lengths[payload->length_index[i]] = (uint32_t)loan->fields[i].length;
        }
        valid = payload->offsets[i] + bytes_of(payload, i, loan->fields[i].length);
    }
    producer->loaned_slot = NO_LOAN;
    return writer_commit(producer->writer, loan->slot, stamp_ns, lengths, valid);
}

void pmipc_producer_discard(pmipc_producer *producer, pmipc_loan *loan)
{
    if (!producer || !loan || producer->loaned_slot == NO_LOAN || loan->slot != producer->loaned_slot ||
        !process_is(producer->generation))
        return;
    producer->loaned_slot = NO_LOAN;
    protocol_return_slot(&producer->writer->protocol, loan->slot);
}

void pmipc_producer_last_error(const pmipc_producer *producer, pmipc_error *error)
{
    if (error)
        *error = producer->error;
}

void pmipc_producer_retire(pmipc_producer *producer)
{
    if (!producer || producer->retired)
        return;
    producer->retired = true;
    if (!process_is(producer->generation))
        return;
    if (!producer->keep)
        retire_and_unlink(producer->writer, &producer->place);
    owner_lock_drop(&producer->writer->lock);
}

void pmipc_producer_close(pmipc_producer *producer)
{
    pmipc_producer_retire(producer);
    pmipc_producer_abandon(producer);
}

void pmipc_producer_abandon(pmipc_producer *producer)
{
    if (!producer)
        return;
    writer_close(producer->writer);
    free(producer);
}

const char *pmipc_producer_name(const pmipc_producer *producer)
{
    return producer->place.name;
}

const pmipc_schema *pmipc_producer_schema(const pmipc_producer *producer)
{
    return &producer->writer->description->schema;
}

uint32_t pmipc_producer_history_len(const pmipc_producer *producer)
{
    return producer->writer->protocol.history_len;
}

uint64_t pmipc_producer_incarnation(const pmipc_producer *producer)
{
    return producer->writer->description->header.incarnation;
}

uint64_t pmipc_producer_epoch(const pmipc_producer *producer)
{
    return producer->writer->protocol.epoch;
}

const char *pmipc_producer_metadata(const pmipc_producer *producer)
{
    return producer->writer->description->metadata;
}

bool pmipc_producer_adopted(const pmipc_producer *producer)
{
    return producer->writer->adopted;
}

uint64_t pmipc_producer_seq(const pmipc_producer *producer)
{
    return producer->writer->protocol.seq;
}

uint32_t pmipc_producer_slot_count(const pmipc_producer *producer)
{
    return producer->writer->protocol.slot_count;
}

uint32_t pmipc_producer_readers(pmipc_producer *producer, pmipc_reader_info *readers, uint32_t capacity)
{
    pmipc_reader_info infos[PMIPC_MAX_READERS];
    if (producer->retired || !process_is(producer->generation))
        return 0;
    uint32_t count = writer_describe_readers(producer->writer, infos);
    for (uint32_t i = 0; i < count && i < capacity; i++)
        readers[i] = infos[i];
    return count;
}

uint32_t pmipc_producer_sweep(pmipc_producer *producer)
{
    return producer->retired || !process_is(producer->generation) ? 0 : writer_sweep(producer->writer);
}
