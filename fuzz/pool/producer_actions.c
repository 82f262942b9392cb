/* producer_actions.c: all calls of a producer. The most important is opening one, which adopts the changed file. */
#include "mappings.h"
#include "session.h"

#define PUBLISHED_AT_ONCE 20

static pmipc_producer *producer_of(const struct session *session, const struct record *record)
{
    return session->producers[record->field % PRODUCERS];
}

static void require_producer_message(pmipc_producer *producer, const char *call, pmipc_status status)
{
    pmipc_error error;
    pmipc_producer_last_error(producer, &error);
    if (status)
        require_message(call, status, &error);
}

static void open_producer(struct session *session, const struct record *record, const struct kind *kind)
{
    const uint16_t flags = record->index;
    pmipc_producer **producer = &session->producers[record->field % PRODUCERS];
    pmipc_producer_options options = kind->options;
    options.keep = flags & 1;
    options.no_growth = flags & 2;
    options.prefault = flags & 4;
    options.max_bytes = flags & 8 ? record->value % (1 << 20) : 0;
    options.mode = flags & 16 ? 0660 : 0;
    pmipc_error error;
    if (*producer)
        return;
    pmipc_status status = pmipc_producer_open(producer, POOL_NAME, &kind->schema, &options, &error);
    uint64_t allowed = STATUS(OK) | STATUS(BUSY) | STATUS(CORRUPT) | (options.max_bytes ? STATUS(NO_SPACE) : 0);
    require_status("producer_open", status, allowed);
    REQUIRE((status == PMIPC_OK) == (*producer != NULL));
    if (status)
        require_message("producer_open", status, &error);
    session->is_loaned[record->field % PRODUCERS] = false;
}

/* With the arguments of the file's creation: the file is adopted if it is sound. */
void act_open_producer(struct session *session, const struct record *record)
{
    open_producer(session, record, session->kind);
}

/* With the arguments of another kind: the file is replaced. */
void act_open_other_producer(struct session *session, const struct record *record)
{
    open_producer(session, record, kind_of((uint8_t)record->delay));
}

void act_close_producer(struct session *session, const struct record *record)
{
    pmipc_producer_close(producer_of(session, record));
    session->producers[record->field % PRODUCERS] = NULL;
}

void act_abandon_producer(struct session *session, const struct record *record)
{
    pmipc_producer_abandon(producer_of(session, record));
    session->producers[record->field % PRODUCERS] = NULL;
}

void act_retire_producer(struct session *session, const struct record *record)
{
    pmipc_producer_retire(producer_of(session, record));
}

/* ------------------------------------------------------------------------------------------------------ publishing */

static const char payload[1 << 13];

static pmipc_status publish(pmipc_producer *producer, int64_t stamp_ns, uint32_t shorter)
{
    const pmipc_schema *schema = pmipc_producer_schema(producer);
    pmipc_source sources[PMIPC_MAX_FIELDS];
    uint64_t before = pmipc_producer_seq(producer), seq = 0;
    bool plain = schema->field_count == 1;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        REQUIRE(pmipc_field_bytes(&schema->fields[i]) <= sizeof payload);
        sources[i] = (pmipc_source){payload, schema->fields[i].ndim ? schema->fields[i].shape[0] - shorter : 1};
    }
    pmipc_status status = plain ? pmipc_producer_publish(producer, payload, stamp_ns, &seq)
                                : pmipc_producer_publish_fields(producer, sources, schema->field_count, stamp_ns, &seq);
    uint64_t allowed = STATUS(OK) | STATUS(FULL) | STATUS(LOST) | STATUS(WRONG_STATE) | STATUS(CLOSED);
    require_status("publish", status, allowed | (shorter ? STATUS(SCHEMA_MISMATCH) : 0));
    require_producer_message(producer, "publish", status);
    REQUIRE(status || (seq > before && seq == pmipc_producer_seq(producer)));
    return status;
}

void act_publish(struct session *session, const struct record *record)
{
    if (producer_of(session, record))
        (void)publish(producer_of(session, record), (int64_t)record->value, record->index & 3);
}

void act_publish_many(struct session *session, const struct record *record)
{
    if (!producer_of(session, record))
        return;
    for (uint32_t i = 0; i < record->index % PUBLISHED_AT_ONCE; i++)
        if (publish(producer_of(session, record), PMIPC_STAMP_NOW, 0))
            return;
}

void act_loan(struct session *session, const struct record *record)
{
    pmipc_producer *producer = producer_of(session, record);
    pmipc_loan loan;
    if (!producer)
        return;
    pmipc_status status = pmipc_producer_loan(producer, &loan);
    require_status("loan", status, STATUS(OK) | STATUS(FULL) | STATUS(LOST) | STATUS(WRONG_STATE) | STATUS(CLOSED));
    require_producer_message(producer, "loan", status);
    if (status)
        return;
    REQUIRE(!session->is_loaned[record->field % PRODUCERS]);
    session->loans[record->field % PRODUCERS] = loan;
    session->is_loaned[record->field % PRODUCERS] = true;
    const pmipc_schema *schema = pmipc_producer_schema(producer);
    REQUIRE(loan.field_count == schema->field_count);
    for (uint32_t i = 0; i < loan.field_count; i++) {
        uint64_t bytes = pmipc_field_bytes(&schema->fields[i]);
        REQUIRE((uintptr_t)loan.fields[i].data % 64 == 0 && mappings_have(loan.fields[i].data, bytes, true));
        memset(loan.fields[i].data, (int)record->value, bytes);
    }
}

void act_commit(struct session *session, const struct record *record)
{
    pmipc_producer *producer = producer_of(session, record);
    const uint32_t number = record->field % PRODUCERS;
    if (!producer || (!session->is_loaned[number] && !session->loans[number].field_count))
        return;
    pmipc_loan *loan = &session->loans[number];
    for (uint32_t i = 0; i < loan->field_count; i++)
        loan->fields[i].length -= record->index & 3;
    pmipc_status status = pmipc_producer_commit(producer, loan, PMIPC_STAMP_NOW);
    uint64_t allowed = STATUS(LOST) | STATUS(CLOSED) | (session->is_loaned[number] ? STATUS(OK) : STATUS(WRONG_STATE)) |
                       (record->index & 3 ? STATUS(SCHEMA_MISMATCH) : 0);
    for (uint32_t i = 0; i < loan->field_count; i++)
        loan->fields[i].length += record->index & 3;
    require_status("commit", status, allowed);
    require_producer_message(producer, "commit", status);
    session->is_loaned[number] =
        session->is_loaned[number] && (status == PMIPC_SCHEMA_MISMATCH || status == PMIPC_CLOSED);
}

void act_discard(struct session *session, const struct record *record)
{
    const uint32_t number = record->field % PRODUCERS;
    pmipc_producer_discard(session->producers[number], &session->loans[number]);
    session->is_loaned[number] = false;
}

/* --------------------------------------------------------------------------------------------------------- queries */

void act_query_producer(struct session *session, const struct record *record)
{
    pmipc_producer *producer = producer_of(session, record);
    pmipc_reader_info readers[PMIPC_MAX_READERS];
    if (!producer)
        return;
    uint32_t count = pmipc_producer_readers(producer, readers, PMIPC_MAX_READERS);
    REQUIRE(count <= PMIPC_MAX_READERS);
    for (uint32_t i = 0; i < count; i++) {
        require_text("a reader's command", readers[i].command, sizeof readers[i].command);
        REQUIRE(readers[i].row < PMIPC_MAX_READERS);
    }
    REQUIRE(strcmp(pmipc_producer_name(producer), POOL_NAME) == 0);
    REQUIRE(pmipc_producer_slot_count(producer) > pmipc_producer_history_len(producer));
    REQUIRE(pmipc_schema_check(pmipc_producer_schema(producer), NULL) == PMIPC_OK);
    REQUIRE(pmipc_producer_incarnation(producer) != 0);
    REQUIRE(!pmipc_producer_adopted(producer) || pmipc_producer_metadata(producer) != NULL);
}

void act_sweep(struct session *session, const struct record *record)
{
    if (producer_of(session, record))
        REQUIRE(pmipc_producer_sweep(producer_of(session, record)) <= PMIPC_MAX_READERS);
}
