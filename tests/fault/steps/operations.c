#include "operation.h"

#include "residents.h"

#include <sys/wait.h>
#include <unistd.h>

#define WAIT_NS 1000000

/* The victim's: each victim is a process of its own. */
static pmipc_producer *producer;
static pmipc_stream *stream, *other_stream;
static pmipc_view view, views[PMIPC_MAX_VIEWS];
static char frame[FRAME_BYTES];

uint32_t pool_history_len(void)
{
    return the_operation->history_len ? the_operation->history_len : HISTORY_LEN;
}

static pmipc_producer *open_producer(const char *name, bool other, bool no_growth)
{
    const bool is_variable = the_operation && the_operation->traits & VARIABLE;
    pmipc_schema schema = bytes_schema(other || is_variable ? FRAME_BYTES / 2 : FRAME_BYTES);
    if (is_variable)
        schema.fields[0].flags = PMIPC_FIELD_VARIABLE;
    pmipc_producer_options options = {
        .history_len = pool_history_len(), .spare = INITIAL_SLOTS - pool_history_len(), .no_growth = no_growth};
    return producer_open(name, &schema, &options);
}

pmipc_producer *pool_producer(bool other)
{
    return open_producer(POOL, other, false);
}

/* ------------------------------------------------------------------------------------------ the producer is killed */

/* All slots have been used: the next one has to be looked for. */
static void own_the_pool(void)
{
    producer = pool_producer(false);
    frame_fill(frame, sizeof frame, publish_frames(producer, INITIAL_SLOTS) + 1);
    ask(CONNECT, 0);
}

static void publish(void)
{
    CHECK_OK(pmipc_producer_publish(producer, frame, PMIPC_STAMP_NOW, NULL));
}

static void loan_and_commit(void)
{
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    memcpy(loan.fields[0].data, frame, sizeof frame);
    CHECK_OK(pmipc_producer_commit(producer, &loan, PMIPC_STAMP_NOW));
}

static void loan_and_discard(void)
{
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    memcpy(loan.fields[0].data, frame, sizeof frame);
    pmipc_producer_discard(producer, &loan);
}

/* All slots are in history or held by a stream. */
static void use_up_all_slots(void)
{
    publish_frames(producer, HISTORY_LEN);
    ask(HOARD, 0);
    frame_fill(frame, sizeof frame, publish_frames(producer, INITIAL_SLOTS - HISTORY_LEN) + 1);
    ask(CONNECT, 0);
}

static void own_a_pool_without_clean_slots(void)
{
    producer = pool_producer(false);
    use_up_all_slots();
}

static void own_a_pool_that_cannot_grow(void)
{
    producer = open_producer(POOL, false, true);
    use_up_all_slots();
}

static void publish_and_grow(void)
{
    publish();
    CHECK_EQ(pmipc_producer_slot_count(producer), INITIAL_SLOTS + 1);
}

static void publish_a_longer_frame(void)
{
    const pmipc_source source = {frame, FRAME_BYTES};
    CHECK_OK(pmipc_producer_publish_fields(producer, &source, 1, PMIPC_STAMP_NOW, NULL));
    CHECK_EQ(pmipc_producer_schema(producer)->fields[0].shape[0], FRAME_BYTES);
}

/* The row's stream dies now: adopting would have swept it. */
static void own_a_pool_with_a_dead_row(void)
{
    own_the_pool();
    pid_t pid = fork();
    if (pid == 0) {
        (void)stream_open(POOL, NULL);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void sweep(void)
{
    CHECK_EQ(pmipc_producer_sweep(producer), 1);
}

static void close_producer(void)
{
    pmipc_producer_close(producer);
}

static void abandon_producer(void)
{
    pmipc_producer_abandon(producer);
}

static void await_the_pool(void)
{
    ask(CONNECT, 0);
}

static void open_as_producer(void)
{
    producer = pool_producer(false);
}

static void abandon_the_pool(void)
{
    own_the_pool();
    pmipc_producer_abandon(producer);
}

static void nothing(void)
{
}

static void replace(void)
{
    producer = pool_producer(true);
}

/* ------------------------------------------------------------------------------------------ whoever tidies up is
 * killed */

static void remove_by_force(void)
{
    pmipc_remove_options options = {.force = true};
    CHECK_OK(pmipc_pool_remove(POOL, NULL, &options, NULL));
}

static void leave_a_pool_that_nobody_uses(void)
{
    producer = pool_producer(false);
    publish_frames(producer, INITIAL_SLOTS);
    pmipc_producer_abandon(producer);
}

static void remove_unused(void)
{
    CHECK_OK(pmipc_pool_remove(POOL, NULL, NULL, NULL));
}

static void leave_pools_that_nobody_uses(void)
{
    leave_a_pool_that_nobody_uses();
    pmipc_producer_abandon(open_producer(OTHER_POOL, true, false));
}

static void clean(void)
{
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
}

/* ------------------------------------------------------------------------------------------------ a stream is killed
 */

static void await_a_stream(void)
{
    ask(PRODUCE, INITIAL_SLOTS);
    ask(CONNECT, 0);
}

static void open_stream(void)
{
    stream = stream_open(POOL, NULL);
}

static void stream_the_pool(void)
{
    await_a_stream();
    open_stream();
}

/* With a sample that the stream has not seen. */
static void stream_a_pool_with_news(void)
{
    ask(PRODUCE, INITIAL_SLOTS);
    open_stream();
    ask(PUBLISH, 2);
    ask(CONNECT, 0);
}

static void take_last(void)
{
    CHECK_OK(pmipc_stream_get_last(stream, &view));
}

static void take_last_and_release(void)
{
    take_last();
    pmipc_view_release(&view);
}

static void take_new(void)
{
    CHECK_OK(pmipc_stream_get_new(stream, 0, &view));
    pmipc_view_release(&view);
}

static void take_next(void)
{
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    pmipc_view_release(&view);
}

static void take_unseen(void)
{
    CHECK_OK(pmipc_stream_get_unseen(stream, &view));
    pmipc_view_release(&view);
}

static void take_at(void)
{
    CHECK_OK(pmipc_stream_get_at(stream, 0, PMIPC_AT_NEAREST, -1, &view));
    pmipc_view_release(&view);
}

static void stream_with_as_many_views_as_it_may(void)
{
    stream_the_pool();
    for (unsigned i = 0; i < PMIPC_MAX_VIEWS; i++)
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
}

static void take_a_copy(void)
{
    take_last();
    CHECK(view.copied);
    pmipc_view_release(&view);
}

/* History goes over the end of the slots: it is mapped twice. */
static void stream_a_pool_that_goes_round(void)
{
    ask(PRODUCE, INITIAL_SLOTS + 2);
    ask(CONNECT, 0);
    open_stream();
}

static void take_a_window(void)
{
    CHECK_OK(pmipc_stream_get_window(stream, HISTORY_LEN, HISTORY_LEN, &view));
    CHECK(!view.copied);
    pmipc_view_release(&view);
}

/* A slot that is held lies amid history: the window is copied. */
static void stream_a_pool_with_a_broken_run(void)
{
    ask(PRODUCE, INITIAL_SLOTS);
    ask(HOLD, 0);
    ask(PUBLISH, INITIAL_SLOTS + 1);
    ask(CONNECT, 0);
    open_stream();
}

static void take_a_broken_window(void)
{
    CHECK_OK(pmipc_stream_get_window(stream, HISTORY_LEN, HISTORY_LEN, &view));
    CHECK(view.copied);
    pmipc_view_release(&view);
}

static void wait_for_a_sample(void)
{
    CHECK_STATUS(pmipc_stream_get_new(stream, WAIT_NS, &view), PMIPC_TIMEOUT);
}

static void stream_the_pool_twice(void)
{
    stream_the_pool();
    other_stream = stream_open(POOL, NULL);
}

static void wait_for_any(void)
{
    uint32_t ready;
    pmipc_stream *const streams[] = {stream, other_stream};
    CHECK_STATUS(pmipc_stream_wait_any(streams, 2, WAIT_NS, &ready), PMIPC_TIMEOUT);
}

static void stream_a_retired_pool(void)
{
    ask(PRODUCE, INITIAL_SLOTS);
    open_stream();
    ask(RENEW, INITIAL_SLOTS);
    ask(CONNECT, 0);
}

static void hold_a_view(void)
{
    stream_the_pool();
    take_last();
}

static void close_stream(void)
{
    pmipc_stream_close(stream);
}

static void close_stream_and_release(void)
{
    pmipc_stream_close(stream);
    pmipc_view_release(&view);
}

/* The child inherits the view, and a row for it. */
static void fork_and_end_the_child(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    CHECK(child > 0);
}

static void stream_nothing(void)
{
    ask(CONNECT, 0);
    open_stream();
}

static void inspect_the_pool(void)
{
    pmipc_pool_info info;
    CHECK_OK(pmipc_pool_inspect(POOL, NULL, &info, NULL));
    pmipc_pool_info_release(&info);
}

#define PRODUCER(label, prepare_it, run_it, ...)                         \
    {                                                                    \
        .name = label, .prepare = prepare_it, .run = run_it, __VA_ARGS__ \
    }
/* Each slot that it pins may be one more than the pool has, and one that the sleeper reads just then another. */
#define STREAM(label, prepare_it, run_it, pins, ...)                                                              \
    {                                                                                                             \
        .name = label, .prepare = prepare_it, .run = run_it, .more_slots = (pins) + 1, .traits = LEAVES_PRODUCER, \
        __VA_ARGS__                                                                                               \
    }

const struct operation operations[] = {
    PRODUCER("publish", own_the_pool, publish, .frames = 1),
    PRODUCER("publish_alone", own_the_pool, publish, .frames = 1, .history_len = 1),
    PRODUCER("loan_commit", own_the_pool, loan_and_commit, .frames = 1),
    PRODUCER("loan_discard", own_the_pool, loan_and_discard, ),
    PRODUCER("grow", own_a_pool_without_clean_slots, publish_and_grow, .frames = 1, .more_slots = HISTORY_LEN),
    PRODUCER("enlarge", own_the_pool, publish_a_longer_frame, .frames = 1, .traits = VARIABLE | MAY_ENLARGE,
             .more_files = 1, .ends_of_sleep = 1),
    PRODUCER("give_up_history", own_a_pool_that_cannot_grow, publish, .frames = 1, .more_slots = HISTORY_LEN,
             .traits = LOSES_HISTORY),
    PRODUCER("sweep", own_a_pool_with_a_dead_row, sweep, ),
    PRODUCER("create", await_the_pool, open_as_producer, ),
    PRODUCER("adopt", abandon_the_pool, open_as_producer, ),
    PRODUCER("adopt_torn", nothing, open_as_producer, .frames = 1, .predecessor_prepare = own_the_pool,
             .predecessor_run = publish, .predecessor_end = KILLED_BETWEEN_RING_AND_HEAD),
    PRODUCER("replace", abandon_the_pool, replace, .traits = MAY_END_POOL | OTHER_SCHEMA, .ends_of_sleep = 1),
    PRODUCER("close_producer", own_the_pool, close_producer, .traits = MAY_END_POOL),
    PRODUCER("abandon_producer", own_the_pool, abandon_producer, ),
    PRODUCER("remove_forced", abandon_the_pool, remove_by_force, .traits = MAY_END_POOL, .ends_of_sleep = 1),
    PRODUCER("remove", leave_a_pool_that_nobody_uses, remove_unused, ),
    PRODUCER("clean", leave_pools_that_nobody_uses, clean, .more_files = 1),
    STREAM("open_stream", await_a_stream, open_stream, 0, ),
    STREAM("get_last", stream_the_pool, take_last_and_release, 1, ),
    STREAM("get_new", stream_a_pool_with_news, take_new, 1, ),
    STREAM("get_next", stream_a_pool_with_news, take_next, 1, ),
    STREAM("get_next_alone", stream_a_pool_with_news, take_next, 1, .history_len = 1),
    STREAM("get_unseen", stream_a_pool_with_news, take_unseen, 2, ),
    STREAM("get_at", stream_the_pool, take_at, 1, ),
    STREAM("get_copy", stream_with_as_many_views_as_it_may, take_a_copy, 2, ),
    STREAM("window", stream_a_pool_that_goes_round, take_a_window, HISTORY_LEN, ),
    STREAM("window_broken", stream_a_pool_with_a_broken_run, take_a_broken_window, INITIAL_SLOTS, ),
    STREAM("wait", stream_the_pool, wait_for_a_sample, 0, ),
    STREAM("wait_any", stream_the_pool_twice, wait_for_any, 0, ),
    PRODUCER("wait_for_pool", stream_nothing, wait_for_a_sample, ),
    STREAM("reconnect", stream_a_retired_pool, take_last_and_release, 1, ),
    STREAM("close_stream", stream_the_pool, close_stream, 0, ),
    STREAM("close_with_view", hold_a_view, close_stream_and_release, 1, ),
    STREAM("fork_with_view", hold_a_view, fork_and_end_the_child, 1, ),
    STREAM("inspect", await_a_stream, inspect_the_pool, 0, ),
};

const unsigned operation_count = sizeof operations / sizeof operations[0];
const struct operation *the_operation;
