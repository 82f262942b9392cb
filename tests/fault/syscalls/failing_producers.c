/* failing_producers.c: what a producer does. */
#include "failing_operations.h"
#include "failing_state.h"

#define LARGE_BYTES (2 << 20) /* two slots of them are populated, not allocated */

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
    stage_goes_on();
}

static void arrange_awaited_pool(void)
{
    stage.bystander = stream_open("p", NULL);
    stage.second_producer = bytes_producer("q", 64, 3);
    stage.second_stream = stream_open("q", NULL);
}

static void confirm_awaited_pool(void)
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

static pmipc_status create_for_real_time(pmipc_error *error)
{
    const pmipc_producer_options options = {
        .history_len = 3, .no_growth = true, .prefault = true, .metadata = "{\"a\": 1}"};
    return open_producer(BYTES, &options, error);
}

/* ---- what others left, or have ---- */

static void arrange_left_pool(void)
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
    stage_goes_on();
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
    stage_goes_on();
}

/* ---- publishing ---- */

static void arrange_sleeper(void)
{
    stage_pool(2);
    CHECK_OK(pmipc_waiter_init(&stage.waiter, stage.bystander));
    CHECK_STATUS(pmipc_waiter_wait(&stage.waiter, 1, 1000000, NULL),
                 PMIPC_TIMEOUT); /* leaves the waiting flag behind */
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
    stage_goes_on();
}

/* All slots but one are held: the next publish must grow. */
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
    stage_goes_on();
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
    stage_goes_on();
}

/* One of three slots is not held, but in history. */
static void arrange_full_history(void)
{
    arrange_hoard(2, 3);
    pmipc_view_release(&stage.held[1]);
}

static void confirm_room_was_found(void)
{
    CHECK_EQ(read_newest(stage.bystander), 4);
    time_pass(INT64_C(2000000000));
    stage_goes_on();
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

/* ---- rows of the dead ---- */

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
    CHECK_EQ(info->cleared_rows, 2); /* its own, and one for the view it inherited */
    inspect_release(info);
    CHECK_EQ(state_locks(), 2); /* the producer's and the bystander's */
    stage_goes_on();
}

static pmipc_status describe_readers(pmipc_error *error)
{
    (void)error;
    pmipc_reader_info readers[4];
    CHECK(pmipc_producer_readers(stage.producer, readers, 4) >= 1);
    return PMIPC_OK;
}

/* ---- endings ---- */

static void arrange_pool(void)
{
    stage_pool(3);
}

/* The name is free, what was held is whole, and the stream goes over to the next pool. */
static void confirm_ended(void)
{
    stage.producer = bytes_producer("p", BYTES, 3);
    stage_goes_on();
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
    stage_goes_on();
}

const struct operation producer_operations[] = {
    {"create: first, in a new folder", stage_remove_folder, create, confirm_new_pool, .flags = FRESH_PROCESS},
    {"create: awaited", arrange_awaited_pool, create, .confirm = confirm_awaited_pool},
    {"create: large", arrange_nothing, create_large, .confirm = confirm_large_pool},
    {"create: prefault, metadata", arrange_nothing, create_for_real_time, .confirm = confirm_new_pool},
    {"adopt", arrange_left_pool, create, .confirm = confirm_adoption},
    {"replace", arrange_other_pool, create, confirm_new_pool, .flags = GETS_HALFWAY},
    {"create: name is taken", arrange_taken_name, create, confirm_taken_name, .status = PMIPC_BUSY},
    {"publish: somebody sleeps", arrange_sleeper, publish, .confirm = confirm_published},
    {"publish: must grow", arrange_full_pool, publish, confirm_grown, .flags = GETS_HALFWAY},
    {"publish: needs a larger pool", arrange_variable_pool, publish_longer, .confirm = confirm_enlarged},
    {"publish: grows or gives up history", arrange_full_history, publish, confirm_room_was_found,
     .flags = GETS_HALFWAY},
    {"loan and commit", arrange_sleeper, loan_and_commit, .confirm = confirm_published},
    {"sweep", arrange_dead_reader, sweep, confirm_swept, .flags = SAYS_NOTHING},
    {"describe readers", arrange_dead_reader, describe_readers, confirm_swept, .flags = SAYS_NOTHING},
    {"close a producer", arrange_pool, close_producer, confirm_ended,
     .flags = SAYS_NOTHING | NO_SECOND_TRY | GETS_HALFWAY},
    {"retire a producer", arrange_pool, retire_producer, confirm_retired,
     .flags = SAYS_NOTHING | NO_SECOND_TRY | GETS_HALFWAY},
    {"abandon a producer", arrange_pool, abandon_producer, confirm_abandoned, .flags = SAYS_NOTHING | NO_SECOND_TRY},
    {0},
};
