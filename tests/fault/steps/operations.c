#include "operation.h"

#include "observers.h"

#include <sys/wait.h>
#include <unistd.h>

#define WAIT_NS 1000000

/* Handles of the victim; each victim is a separate process. */
static pmipc_producer *producer;
static pmipc_stream *stream, *other_stream;
static pmipc_view view, views[PMIPC_MAX_VIEWS];
static char frame[FRAME_BYTES];

uint32_t pool_history_len(void)
{
    return current_operation->history_len ? current_operation->history_len : HISTORY_LEN;
}

static pmipc_producer *open_producer(const char *name, bool other, bool no_growth)
{
    const bool is_variable = current_operation && current_operation->traits & VARIABLE;
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

/* ---- the producer is killed ---- */

/* All slots are in use or unclean: the next publish scans. */
static void open_pool(void)
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

/* Fill all slots with samples that are in history or held by a stream. */
static void fill_all_slots(void)
{
    publish_frames(producer, HISTORY_LEN);
    ask(HOARD, 0);
    frame_fill(frame, sizeof frame, publish_frames(producer, INITIAL_SLOTS - HISTORY_LEN) + 1);
    ask(CONNECT, 0);
}

static void open_pool_without_clean_slots(void)
{
    producer = pool_producer(false);
    fill_all_slots();
}

static void open_pool_without_growth(void)
{
    producer = open_producer(POOL, false, true);
    fill_all_slots();
}

static void publish_and_grow(void)
{
    publish();
    CHECK_EQ(pmipc_producer_slot_count(producer), INITIAL_SLOTS + 1);
}

static void publish_longer_frame(void)
{
    const pmipc_source source = {frame, FRAME_BYTES};
    CHECK_OK(pmipc_producer_publish_fields(producer, &source, 1, PMIPC_STAMP_NOW, NULL));
    CHECK_EQ(pmipc_producer_schema(producer)->fields[0].shape[0], FRAME_BYTES);
}

/* The stream dies after the open, because adopt would sweep its row. */
static void open_pool_with_dead_reader(void)
{
    open_pool();
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

static void connect_observers(void)
{
    ask(CONNECT, 0);
}

static void open_as_producer(void)
{
    producer = pool_producer(false);
}

static void abandon_pool(void)
{
    open_pool();
    pmipc_producer_abandon(producer);
}

static void nothing(void)
{
}

static void replace(void)
{
    producer = pool_producer(true);
}

/* ---- a process that removes or cleans is killed ---- */

static void remove_by_force(void)
{
    pmipc_remove_options options = {.force = true};
    CHECK_OK(pmipc_pool_remove(POOL, NULL, &options, NULL));
}

static void leave_unused_pool(void)
{
    producer = pool_producer(false);
    publish_frames(producer, INITIAL_SLOTS);
    pmipc_producer_abandon(producer);
}

static void remove_unused(void)
{
    CHECK_OK(pmipc_pool_remove(POOL, NULL, NULL, NULL));
}

static void leave_unused_pools(void)
{
    leave_unused_pool();
    pmipc_producer_abandon(open_producer(OTHER_POOL, true, false));
}

static void clean(void)
{
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
}

/* ---- a stream is killed ---- */

static void publish_by_observers(void)
{
    ask(PRODUCE, INITIAL_SLOTS);
    ask(CONNECT, 0);
}

static void open_stream(void)
{
    stream = stream_open(POOL, NULL);
}

static void open_stream_of_pool(void)
{
    publish_by_observers();
    open_stream();
}

/* The pool has samples that the stream has not read. */
static void open_stream_with_unread_samples(void)
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

static void open_stream_with_seven_views(void)
{
    open_stream_of_pool();
    for (unsigned i = 0; i < PMIPC_MAX_VIEWS; i++)
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
}

static void take_copy(void)
{
    take_last();
    CHECK(view.copied);
    pmipc_view_release(&view);
}

/* History wraps around the end of the slots: the slots are mapped twice. */
static void open_stream_with_wrapped_history(void)
{
    ask(PRODUCE, INITIAL_SLOTS + 2);
    ask(CONNECT, 0);
    open_stream();
}

static void take_window(void)
{
    CHECK_OK(pmipc_stream_get_window(stream, HISTORY_LEN, HISTORY_LEN, &view));
    CHECK(!view.copied);
    pmipc_view_release(&view);
}

/* A held slot is between the slots of history: the window is copied. */
static void open_stream_with_skipped_slot(void)
{
    ask(PRODUCE, INITIAL_SLOTS);
    ask(HOLD, 0);
    ask(PUBLISH, INITIAL_SLOTS + 1);
    ask(CONNECT, 0);
    open_stream();
}

static void take_broken_window(void)
{
    CHECK_OK(pmipc_stream_get_window(stream, HISTORY_LEN, HISTORY_LEN, &view));
    CHECK(view.copied);
    pmipc_view_release(&view);
}

static void wait_for_a_sample(void)
{
    CHECK_STATUS(pmipc_stream_get_new(stream, WAIT_NS, &view), PMIPC_TIMEOUT);
}

static void open_two_streams_of_pool(void)
{
    open_stream_of_pool();
    other_stream = stream_open(POOL, NULL);
}

static void wait_for_any(void)
{
    uint32_t ready;
    pmipc_stream *const streams[] = {stream, other_stream};
    CHECK_STATUS(pmipc_stream_wait_any(streams, 2, WAIT_NS, &ready), PMIPC_TIMEOUT);
}

static void open_stream_of_retired_pool(void)
{
    ask(PRODUCE, INITIAL_SLOTS);
    open_stream();
    ask(RECREATE, INITIAL_SLOTS);
    ask(CONNECT, 0);
}

static void open_stream_with_view(void)
{
    open_stream_of_pool();
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

/* The child inherits the view and claims a row for it. */
static void fork_child_that_exits(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    CHECK(child > 0);
}

static void open_stream_of_absent_pool(void)
{
    ask(CONNECT, 0);
    open_stream();
}

static void inspect_pool(void)
{
    pmipc_pool_info info;
    CHECK_OK(pmipc_pool_inspect(POOL, NULL, &info, NULL));
    pmipc_pool_info_release(&info);
}

#define PRODUCER(label, prepare_it, run_it, ...)                         \
    {                                                                    \
        .name = label, .prepare = prepare_it, .run = run_it, __VA_ARGS__ \
    }
/* The pool may add one slot for each slot that the stream pins, and one for the sample that the sleeper reads. */
#define STREAM(label, prepare_it, run_it, pins, ...)                                                              \
    {                                                                                                             \
        .name = label, .prepare = prepare_it, .run = run_it, .more_slots = (pins) + 1, .traits = LEAVES_PRODUCER, \
        __VA_ARGS__                                                                                               \
    }

const struct operation operations[] = {
    PRODUCER("publish", open_pool, publish, .frames = 1),
    PRODUCER("publish_alone", open_pool, publish, .frames = 1, .history_len = 1),
    PRODUCER("loan_commit", open_pool, loan_and_commit, .frames = 1),
    PRODUCER("loan_discard", open_pool, loan_and_discard, ),
    PRODUCER("grow", open_pool_without_clean_slots, publish_and_grow, .frames = 1, .more_slots = HISTORY_LEN),
    PRODUCER("enlarge", open_pool, publish_longer_frame, .frames = 1, .traits = VARIABLE | MAY_ENLARGE, .more_files = 1,
             .sleep_ends_allowed = 1),
    PRODUCER("give_up_history", open_pool_without_growth, publish, .frames = 1, .more_slots = HISTORY_LEN,
             .traits = LOSES_HISTORY),
    PRODUCER("sweep", open_pool_with_dead_reader, sweep, ),
    PRODUCER("create", connect_observers, open_as_producer, ),
    PRODUCER("adopt", abandon_pool, open_as_producer, ),
    PRODUCER("adopt_torn", nothing, open_as_producer, .frames = 1, .predecessor_prepare = open_pool,
             .predecessor_run = publish, .predecessor_end = KILLED_BETWEEN_RING_AND_HEAD),
    PRODUCER("replace", abandon_pool, replace, .traits = MAY_END_POOL | OTHER_SCHEMA, .sleep_ends_allowed = 1),
    PRODUCER("close_producer", open_pool, close_producer, .traits = MAY_END_POOL),
    PRODUCER("abandon_producer", open_pool, abandon_producer, ),
    PRODUCER("remove_forced", abandon_pool, remove_by_force, .traits = MAY_END_POOL, .sleep_ends_allowed = 1),
    PRODUCER("remove", leave_unused_pool, remove_unused, ),
    PRODUCER("clean", leave_unused_pools, clean, .more_files = 1),
    STREAM("open_stream", publish_by_observers, open_stream, 0, ),
    STREAM("get_last", open_stream_of_pool, take_last_and_release, 1, ),
    STREAM("get_new", open_stream_with_unread_samples, take_new, 1, ),
    STREAM("get_next", open_stream_with_unread_samples, take_next, 1, ),
    STREAM("get_next_alone", open_stream_with_unread_samples, take_next, 1, .history_len = 1),
    STREAM("get_unseen", open_stream_with_unread_samples, take_unseen, 2, ),
    STREAM("get_at", open_stream_of_pool, take_at, 1, ),
    STREAM("get_copy", open_stream_with_seven_views, take_copy, 2, ),
    STREAM("window", open_stream_with_wrapped_history, take_window, HISTORY_LEN, ),
    STREAM("window_broken", open_stream_with_skipped_slot, take_broken_window, INITIAL_SLOTS, ),
    STREAM("wait", open_stream_of_pool, wait_for_a_sample, 0, ),
    STREAM("wait_any", open_two_streams_of_pool, wait_for_any, 0, ),
    PRODUCER("wait_for_pool", open_stream_of_absent_pool, wait_for_a_sample, ),
    STREAM("reconnect", open_stream_of_retired_pool, take_last_and_release, 1, ),
    STREAM("close_stream", open_stream_of_pool, close_stream, 0, ),
    STREAM("close_with_view", open_stream_with_view, close_stream_and_release, 1, ),
    STREAM("fork_with_view", open_stream_with_view, fork_child_that_exits, 1, ),
    STREAM("inspect", publish_by_observers, inspect_pool, 0, ),
};

const unsigned operation_count = sizeof operations / sizeof operations[0];
const struct operation *current_operation;
