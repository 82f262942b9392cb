/* failing_producers.c: the operations of a producer. */
#include "failing_operations.h"
#include "failing_state.h"

#define LARGE_BYTES (2 << 20) /* two slots of this size are populated by madvise, not by fallocate */

static void arrange_nothing(void)
{
}

static pmipc_status create(pmipc_error *error)
{
    return open_producer(BYTES, NULL, error);
}

static void confirm_new_pool(void)
{
    CHECK(!pmipc_producer_adopted(stage.producer));
    if (!stage.bystander)
        stage.bystander = stream_open("p", NULL);
    stage_check_bystander();
}

static void arrange_waiting_streams(void)
{
    stage.bystander = stream_open("p", NULL);
    stage.second_producer = bytes_producer("q", 64, 3);
    stage.second_stream = stream_open("q", NULL);
}

static void confirm_waiting_streams(void)
{
    confirm_new_pool();
    publish_and_read(stage.second_producer, stage.second_stream);
}

static pmipc_status create_large(pmipc_error *error)
{
    const pmipc_producer_options options = {.history_len = 1, .spare = 1};
    return open_producer(LARGE_BYTES, &options, error);
}

static void confirm_large_pool(void)
{
    stage.bystander = stream_open("p", NULL);
    publish_and_read(stage.producer, stage.bystander);
}

static pmipc_status create_with_prefault(pmipc_error *error)
{
    const pmipc_producer_options options = {
        .history_len = 3, .no_growth = true, .prefault = true, .metadata = "{\"a\": 1}"};
    return open_producer(BYTES, &options, error);
}

/* ---- pools of other producers ---- */

static void arrange_abandoned_pool(void)
{
    stage_pool(4);
    pmipc_producer_abandon(stage.producer);
    stage.producer = NULL;
}

static void confirm_adoption(void)
{
    CHECK(pmipc_producer_adopted(stage.producer));
    CHECK_EQ(pmipc_producer_seq(stage.producer), 4);
    CHECK_EQ(stream_info(stage.bystander).reconnects, 0);
    stage_check_bystander();
    CHECK_EQ(stream_info(stage.bystander).reconnects, 0);
}

static void arrange_other_pool(void)
{
    const pmipc_stream_options any = {.follow_schema = true};
    pmipc_schema schema = bytes_schema(200);
    stage.producer = producer_open("p", &schema, NULL);
    stage.bystander = stream_open("p", &any);
    publish_frames(stage.producer, 2);
    CHECK_OK(pmipc_stream_get_last(stage.bystander, &stage.held[0]));
    pmipc_producer_abandon(stage.producer);
    stage.producer = NULL;
}

static void arrange_taken_name(void)
{
    stage_pool(1);
    stage.second_producer = stage.producer;
    stage.producer = NULL;
}

static void confirm_taken_name(void)
{
    stage.producer = stage.second_producer;
    stage.second_producer = NULL;
    stage_check_bystander();
}

/* ---- publishing ---- */

static void arrange_sleeper(void)
{
    stage_pool(2);
    CHECK_OK(pmipc_waiter_init(&stage.waiter, stage.bystander));
    CHECK_STATUS(pmipc_waiter_wait(&stage.waiter, 1, 1000000, NULL), PMIPC_TIMEOUT); /* leaves the waiting flag set */
}

static pmipc_status publish(pmipc_error *error)
{
    char frame[BYTES];
    frame_fill(frame, BYTES, pmipc_producer_seq(stage.producer) + 1);
    return of_producer(pmipc_producer_publish(stage.producer, frame, PMIPC_STAMP_NOW, NULL), error);
}

static void confirm_published(void)
{
    CHECK_EQ(read_newest(stage.bystander), 3);
    CHECK_OK(pmipc_waiter_wait(&stage.waiter, 1, 0, NULL));
    stage_check_bystander();
}

/* Views hold `frames` slots, so that the next publish must grow the pool. */
static void arrange_hoard(uint32_t history_len, uint32_t frames)
{
    const pmipc_producer_options options = {.history_len = history_len, .spare = 1};
    pmipc_schema schema = bytes_schema(BYTES);
    stage.producer = producer_open("p", &schema, &options);
    stage.bystander = stream_open("p", NULL);
    for (uint32_t i = 0; i < frames; i++) {
        publish_frame(stage.producer);
        CHECK_OK(pmipc_stream_get_last(stage.bystander, &stage.held[i]));
    }
}

static void arrange_full_pool(void)
{
    arrange_hoard(1, 2);
}

static void confirm_grown(void)
{
    CHECK_EQ(read_newest(stage.bystander), 3);
    time_pass(INT64_C(2000000000));
    stage_check_bystander();
    CHECK(pmipc_producer_slot_count(stage.producer) > 2);
}

static void arrange_variable_pool(void)
{
    pmipc_schema schema = bytes_schema(BYTES / 4);
    schema.fields[0].flags = PMIPC_FIELD_VARIABLE;
    stage.producer = producer_open("p", &schema, NULL);
    stage.bystander = stream_open("p", NULL);
    publish_frames(stage.producer, 2);
    CHECK_OK(pmipc_stream_get_last(stage.bystander, &stage.held[0]));
}

static pmipc_status publish_longer(pmipc_error *error)
{
    char frame[BYTES];
    const pmipc_source source = {frame, BYTES};
    frame_fill(frame, BYTES, pmipc_producer_seq(stage.producer) + 1);
    return of_producer(pmipc_producer_publish_fields(stage.producer, &source, 1, PMIPC_STAMP_NOW, NULL), error);
}

static void confirm_enlarged(void)
{
    CHECK_EQ(pmipc_producer_schema(stage.producer)->fields[0].shape[0], BYTES);
    CHECK_EQ(read_newest(stage.bystander), 3);
    CHECK_EQ(stream_info(stage.bystander).dropped, 0);
    stage_check_bystander();
}

/* Two of three slots are held, the third is in history. */
static void arrange_full_history(void)
{
    arrange_hoard(2, 3);
    pmipc_view_release(&stage.held[1]);
}

static void confirm_published_and_grown(void)
{
    CHECK_EQ(read_newest(stage.bystander), 4);
    time_pass(INT64_C(2000000000));
    stage_check_bystander();
    CHECK(pmipc_producer_slot_count(stage.producer) > 3);
}

static pmipc_status loan_and_commit(pmipc_error *error)
{
    pmipc_loan loan;
    pmipc_status status = pmipc_producer_loan(stage.producer, &loan);
    if (status)
        return of_producer(status, error);
    frame_fill(loan.fields[0].data, BYTES, loan.seq);
    return of_producer(pmipc_producer_commit(stage.producer, &loan, PMIPC_STAMP_NOW), error);
}

/* ---- rows of dead readers ---- */

static void arrange_dead_reader(void)
{
    stage_pool(1);
    stage_dead_reader();
}

static pmipc_status sweep(pmipc_error *error)
{
    (void)error;
    pmipc_producer_sweep(stage.producer);
    return PMIPC_OK;
}

static void confirm_swept(void)
{
    pmipc_producer_sweep(stage.producer);
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->cleared_rows, 2); /* the row of its stream, and one for the view it inherited */
    inspect_release(info);
    CHECK_EQ(state_locks(), 2); /* of the producer and of the bystander */
    stage_check_bystander();
}

static pmipc_status describe_readers(pmipc_error *error)
{
    (void)error;
    pmipc_reader_info readers[4];
    CHECK(pmipc_producer_readers(stage.producer, readers, 4) >= 1);
    return PMIPC_OK;
}

/* ---- close, retire, abandon ---- */

static void arrange_pool(void)
{
    stage_pool(3);
}

/* The name is free, the held views are whole, and the stream goes over to the next pool. */
static void confirm_ended(void)
{
    stage.producer = bytes_producer("p", BYTES, 3);
    stage_check_bystander();
    CHECK(!pmipc_producer_adopted(stage.producer));
}

static pmipc_status close_producer(pmipc_error *error)
{
    (void)error;
    pmipc_producer_close(stage.producer);
    stage.producer = NULL;
    return PMIPC_OK;
}

static pmipc_status retire_producer(pmipc_error *error)
{
    (void)error;
    pmipc_producer_retire(stage.producer);
    return PMIPC_OK;
}

static void confirm_retired(void)
{
    stage.second_producer = stage.producer;
    confirm_ended();
}

static pmipc_status abandon_producer(pmipc_error *error)
{
    (void)error;
    pmipc_producer_abandon(stage.producer);
    stage.producer = NULL;
    return PMIPC_OK;
}

static void confirm_abandoned(void)
{
    stage.producer = bytes_producer("p", BYTES, 3);
    CHECK(pmipc_producer_adopted(stage.producer));
    CHECK_EQ(pmipc_producer_seq(stage.producer), 3);
    stage_check_bystander();
}

const struct operation producer_operations[] = {
    {"create: first, in a new folder", stage_remove_folder, create, confirm_new_pool, .flags = FRESH_PROCESS},
    {"create: awaited", arrange_waiting_streams, create, .confirm = confirm_waiting_streams},
    {"create: large", arrange_nothing, create_large, .confirm = confirm_large_pool},
    {"create: prefault, metadata", arrange_nothing, create_with_prefault, .confirm = confirm_new_pool},
    {"adopt", arrange_abandoned_pool, create, .confirm = confirm_adoption},
    {"replace", arrange_other_pool, create, confirm_new_pool, .flags = PARTIAL_RESULT},
    {"create: name is taken", arrange_taken_name, create, confirm_taken_name, .status = PMIPC_BUSY},
    {"publish: a stream sleeps", arrange_sleeper, publish, .confirm = confirm_published},
    {"publish: must grow", arrange_full_pool, publish, confirm_grown, .flags = PARTIAL_RESULT},
    {"publish: needs a larger pool", arrange_variable_pool, publish_longer, .confirm = confirm_enlarged},
    {"publish: grows or gives up history", arrange_full_history, publish, confirm_published_and_grown,
     .flags = PARTIAL_RESULT},
    {"loan and commit", arrange_sleeper, loan_and_commit, .confirm = confirm_published},
    {"sweep", arrange_dead_reader, sweep, confirm_swept, .flags = NO_ERROR_TEXT},
    {"describe readers", arrange_dead_reader, describe_readers, confirm_swept, .flags = NO_ERROR_TEXT},
    {"close a producer", arrange_pool, close_producer, confirm_ended,
     .flags = NO_ERROR_TEXT | NO_RETRY | PARTIAL_RESULT},
    {"retire a producer", arrange_pool, retire_producer, confirm_retired,
     .flags = NO_ERROR_TEXT | NO_RETRY | PARTIAL_RESULT},
    {"abandon a producer", arrange_pool, abandon_producer, confirm_abandoned, .flags = NO_ERROR_TEXT | NO_RETRY},
    {0},
};
