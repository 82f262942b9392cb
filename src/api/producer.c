/* producer.c: a producer's handle: checks arguments, copies data, sets error texts. pool/writer.h does the rest. */
#include "polymorph_ipc/producer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/producer.h"
#include "os/cancel.h"
#include "os/error.h"
#include "registry/claim.h"

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

/* Read permission without write permission is refused: a stream writes its row into the file, and a user who may only
 * read the file could block all writers' locks with a read lock. */
static pmipc_status check_mode(const char *name, uint32_t mode, pmipc_error *error)
{
    if (mode == 0600 || mode == 0660 || mode == 0606 || mode == 0666)
        return PMIPC_OK;
    return error_set(
        error, PMIPC_INVALID_ARGUMENT, 0,
        "pool '%s': mode 0%o is not supported. A stream writes its row into the pool's file, so each user with read "
        "permission needs write permission: choose 0600 (only you), 0660 (your group) or 0666 (all users)",
        name, mode);
}

pmipc_status pmipc_producer_open(pmipc_producer **out, const char *name, const pmipc_schema *schema,
                                 const pmipc_producer_options *given, pmipc_error *error)
{
    CANCELLATION_DEFERRED(cancel_state);
    if (!out)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "producer is NULL");
    *out = NULL;
    pmipc_producer_options options = with_defaults(given);
    if (options.origin > PMIPC_ORIGIN_TORCH)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "origin %u is out of range", options.origin);
    pmipc_status status = pmipc_name_check(name, error);
    if (!status)
        status = check_mode(name, options.mode, error);
    if (!status && options.overflow > PMIPC_OVERFLOW_WAIT)
        status = error_set(error, PMIPC_INVALID_ARGUMENT, 0, "overflow %u is out of range", options.overflow);
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
    options.metadata = options.folder = NULL;
    producer->options = options;
    producer_refresh(producer);
    *out = producer;
    return PMIPC_OK;
}

static pmipc_status take_slot(pmipc_producer *producer, uint32_t *slot)
{
    pmipc_status status = producer_check_usable(producer);
    if (status)
        return status;
    if (producer->loaned_slot != NO_LOAN)
        return producer_fail(producer, PMIPC_WRONG_STATE, "a loan is out: commit or discard it first");
    if (__builtin_expect(producer->replacement == NULL, 1)) {
        status = writer_take_slot(producer->writer, slot);
        if (__builtin_expect(status != PMIPC_LOST, 1))
            return status;
    } else {
        status = writer_check_owned(producer->writer);
    }
    if (status)
        status = producer_recreate(producer, status);
    return status ? status : writer_take_slot(producer->replacement, slot);
}

/* Copy the sample in *slot into a new pool of the same name. *slot becomes the slot there. */
__attribute__((cold)) static pmipc_status move_to_recreated(pmipc_producer *producer, pmipc_status status,
                                                            uint32_t *slot, uint64_t valid_bytes)
{
    const char *payload = writer_payload(producer->writer, *slot);
    status = producer_recreate(producer, status);
    if (status)
        return status;
    status = writer_take_slot(producer->replacement, slot);
    if (status)
        producer_drop_replacement(producer);
    else if (valid_bytes)
        memcpy(writer_payload(producer->replacement, *slot), payload, valid_bytes);
    return status;
}

/* *slot becomes another one when the pool was created again. */
static pmipc_status commit_slot(pmipc_producer *producer, uint32_t *slot, int64_t stamp_ns, const uint32_t *lengths,
                                uint64_t valid_bytes)
{
    if (__builtin_expect(producer->replacement == NULL, 1)) {
        pmipc_status status = writer_commit(producer->writer, *slot, stamp_ns, lengths, valid_bytes);
        if (__builtin_expect(status != PMIPC_LOST, 1))
            return status;
        status = move_to_recreated(producer, status, slot, valid_bytes);
        if (status)
            return status;
    }
    return producer_finish_replacement(producer,
                                       writer_commit(producer->replacement, *slot, stamp_ns, lengths, valid_bytes));
}

pmipc_status pmipc_producer_publish(pmipc_producer *producer, const void *data, int64_t stamp_ns, uint64_t *seq)
{
    uint32_t slot;
    if (__builtin_expect(!producer->plain, 0))
        return producer_fail(
            producer, PMIPC_SCHEMA_MISMATCH,
            "its schema has several fields or a variable leading dimension: use pmipc_producer_publish_fields");
    if (!data && producer->payload_bytes)
        return producer_fail(producer, PMIPC_INVALID_ARGUMENT, "data is NULL");
    pmipc_status status = take_slot(producer, &slot);
    if (status)
        return status;
    if (producer->payload_bytes)
        memcpy(writer_payload(producer_destination(producer), slot), data, producer->payload_bytes);
    status = commit_slot(producer, &slot, stamp_ns, NULL, producer->payload_bytes);
    if (!status && seq)
        *seq = producer->writer->protocol.seq;
    return status;
}

/* Bytes of field `i` in a sample of this leading length. */
static uint64_t bytes_of(const struct payload_layout *payload, uint32_t i, int64_t length)
{
    return payload->length_index[i] < 0 ? payload->field_bytes[i] : payload->row_bytes[i] * (uint64_t)length;
}

/* Make room for the sources, if necessary in a larger pool. Sets the lengths of the variable fields, and how many bytes
 * of each field to copy. */
static pmipc_status place_variable_sources(pmipc_producer *producer, const pmipc_source *sources, uint32_t *lengths,
                                           uint64_t *bytes)
{
    int64_t wanted[PMIPC_MAX_FIELDS];
    const uint32_t count = producer_destination(producer)->description->schema.field_count;
    for (uint32_t i = 0; i < count; i++)
        wanted[i] = sources[i].length;
    pmipc_status status = producer_make_room(producer, wanted);
    if (status)
        return status;
    const struct payload_layout *payload = &producer_destination(producer)->description->payload;
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = bytes_of(payload, i, sources[i].length);
        if (payload->length_index[i] >= 0)
            lengths[payload->length_index[i]] = (uint32_t)sources[i].length;
    }
    return PMIPC_OK;
}

__attribute__((cold)) static pmipc_status refuse_null_source(pmipc_producer *producer, uint32_t index)
{
    return error_set(&producer->error, PMIPC_INVALID_ARGUMENT, 0, "pool '%s': the data of field '%s' is NULL",
                     producer->place.name, producer_destination(producer)->description->schema.fields[index].name);
}

pmipc_status pmipc_producer_publish_fields(pmipc_producer *producer, const pmipc_source *sources, uint32_t count,
                                           int64_t stamp_ns, uint64_t *seq)
{
    const struct pool_description *description = producer_destination(producer)->description;
    const struct payload_layout *payload = &description->payload;
    uint32_t lengths[PMIPC_MAX_VARIABLE_FIELDS], slot;
    uint64_t some_bytes[PMIPC_MAX_FIELDS];
    const uint64_t *bytes = payload->field_bytes;
    if (__builtin_expect(!sources || count != description->schema.field_count, 0))
        return error_set(&producer->error, PMIPC_INVALID_ARGUMENT, 0,
                         "pool '%s': %u fields were given, and the schema has %u", producer->place.name, count,
                         description->schema.field_count);
    for (uint32_t i = 0; i < count; i++)
        if (__builtin_expect(!sources[i].data && bytes_of(payload, i, sources[i].length), 0))
            return refuse_null_source(producer, i);
    if (payload->variable_count) {
        pmipc_status status = place_variable_sources(producer, sources, lengths, some_bytes);
        if (status)
            return status;
        bytes = some_bytes;
        payload = &producer_destination(producer)->description->payload;
    }
    pmipc_status status = take_slot(producer, &slot);
    if (status)
        return status;
    char *data = writer_payload(producer_destination(producer), slot);
    for (uint32_t i = 0; i < count; i++)
        if (bytes[i])
            memcpy(data + payload->offsets[i], sources[i].data, bytes[i]);
    status = commit_slot(producer, &slot, stamp_ns, lengths, payload->offsets[count - 1] + bytes[count - 1]);
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
    const struct pool_writer *writer = producer_destination(producer);
    const struct pool_description *description = writer->description;
    char *data = writer_payload(writer, slot);
    producer->loaned_slot = slot;
    loan->seq = writer->protocol.seq + 1;
    loan->slot = slot;
    loan->field_count = description->schema.field_count;
    loan->headroom = writer_headroom(writer, slot);
    for (uint32_t i = 0; i < loan->field_count; i++) {
        const pmipc_field *field = &description->schema.fields[i];
        loan->fields[i].data = data + description->payload.offsets[i];
        loan->fields[i].length = field->ndim ? field->shape[0] : 1;
    }
    return PMIPC_OK;
}

static pmipc_status check_loan_length(pmipc_producer *producer, uint32_t index, int64_t length)
{
    const pmipc_field *field = &producer_destination(producer)->description->schema.fields[index];
    if (length >= 0 && length <= field->shape[0])
        return PMIPC_OK;
    return error_set(&producer->error, PMIPC_SCHEMA_MISMATCH, 0,
                     "pool '%s': %s of the loan has length %lld, and room for 0 to %lld: reserve before the loan "
                     "(Python: loan(length=...)), or publish",
                     producer->place.name, field->name[0] ? field->name : "the tensor", (long long)length,
                     (long long)field->shape[0]);
}

pmipc_status pmipc_producer_commit(pmipc_producer *producer, pmipc_loan *loan, int64_t stamp_ns)
{
    pmipc_status status = producer_check_usable(producer);
    if (status)
        return status;
    const struct pool_writer *writer = producer_destination(producer);
    if (producer->loaned_slot == NO_LOAN || loan->slot != producer->loaned_slot ||
        loan->seq != writer->protocol.seq + 1)
        return producer_fail(producer, PMIPC_WRONG_STATE, "this loan is not out: it was committed or discarded before");
    const struct payload_layout *payload = &writer->description->payload;
    uint32_t lengths[PMIPC_MAX_VARIABLE_FIELDS];
    uint64_t valid = 0;
    uint32_t count = writer->description->schema.field_count;
    for (uint32_t i = 0; i < count; i++) {
        if (payload->length_index[i] >= 0) {
            status = check_loan_length(producer, i, loan->fields[i].length);
            if (status)
                return status;
            lengths[payload->length_index[i]] = (uint32_t)loan->fields[i].length;
        }
        valid = payload->offsets[i] + bytes_of(payload, i, loan->fields[i].length);
    }
    producer->loaned_slot = NO_LOAN;
    status = commit_slot(producer, &loan->slot, stamp_ns, lengths, valid);
    if (__builtin_expect(status == PMIPC_OK && producer->writer != writer, 0)) /* the old memory may be unmapped */
        for (uint32_t i = 0; i < count; i++)
            loan->fields[i].data =
                writer_payload(producer->writer, loan->slot) + producer->writer->description->payload.offsets[i];
    return status;
}

void pmipc_producer_discard(pmipc_producer *producer, pmipc_loan *loan)
{
    if (!producer || !loan || producer->loaned_slot == NO_LOAN || loan->slot != producer->loaned_slot ||
        !process_is(producer->generation))
        return;
    producer->loaned_slot = NO_LOAN;
    protocol_return_slot(&producer_destination(producer)->protocol, loan->slot);
    producer_drop_replacement(producer);
}

void pmipc_producer_set_timeout(pmipc_producer *producer, int64_t timeout_ns)
{
    producer->writer->timeout_ns = timeout_ns;
    if (producer->replacement)
        producer->replacement->timeout_ns = timeout_ns;
}

pmipc_status pmipc_producer_wait_room(pmipc_producer *producer, int64_t timeout_ns)
{
    CANCELLATION_DEFERRED(cancel_state);
    const pmipc_status status = producer_check_usable(producer);
    return status ? status : writer_wait_room(producer_destination(producer), timeout_ns, cancel_state);
}

void pmipc_producer_last_error(const pmipc_producer *producer, pmipc_error *error)
{
    if (error)
        *error = producer->error;
}

void pmipc_producer_retire(pmipc_producer *producer)
{
    CANCELLATION_DEFERRED(cancel_state);
    if (!producer || producer->retired)
        return;
    producer->retired = true;
    if (!process_is(producer->generation))
        return;
    producer_drop_replacement(producer);
    if (!producer->options.keep)
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
    CANCELLATION_DEFERRED(cancel_state);
    if (!producer)
        return;
    writer_close(producer->replacement);
    writer_close(producer->writer);
    free(producer);
}

const char *pmipc_producer_name(const pmipc_producer *producer)
{
    return producer->place.name;
}

const pmipc_schema *pmipc_producer_schema(const pmipc_producer *producer)
{
    return &producer_destination(producer)->description->schema;
}

uint32_t pmipc_producer_history_len(const pmipc_producer *producer)
{
    return producer->writer->protocol.history_len;
}

uint64_t pmipc_producer_incarnation(const pmipc_producer *producer)
{
    return producer_destination(producer)->description->header.incarnation;
}

uint64_t pmipc_producer_epoch(const pmipc_producer *producer)
{
    return producer_destination(producer)->protocol.epoch;
}

const char *pmipc_producer_metadata(const pmipc_producer *producer)
{
    return producer_destination(producer)->description->metadata;
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
    CANCELLATION_DEFERRED(cancel_state);
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
    CANCELLATION_DEFERRED(cancel_state);
    return producer->retired || !process_is(producer->generation) ? 0 : writer_sweep(producer->writer);
}
