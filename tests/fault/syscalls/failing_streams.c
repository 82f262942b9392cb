/* failing_streams.c: the operations of a stream, without waits. */
#include "failing_operations.h"

#include <sys/wait.h>
#include <unistd.h>

static void arrange_pool(void)
{
    stage_pool(3);
}

static pmipc_status open_one(pmipc_error *error)
{
    return open_stream(NULL, error);
}

static void confirm_open(void)
{
    publish_and_read(stage.producer, stage.stream);
    stage_check_bystander();
}

static pmipc_status open_with_prefault(pmipc_error *error)
{
    const pmipc_stream_options options = {.prefault = true, .manual_reconnect = true};
    return open_stream(&options, error);
}

static void confirm_manual_open(void)
{
    CHECK_OK(pmipc_stream_reconnect(stage.stream, NULL));
    confirm_open();
}

static void arrange_nothing(void)
{
}

static void confirm_open_before_pool(void)
{
    CHECK(!pmipc_stream_connected(stage.stream));
    stage_pool(0);
    confirm_open();
}

static pmipc_status open_expecting(pmipc_error *error)
{
    pmipc_schema schema = bytes_schema(17);
    const pmipc_stream_options options = {.expect = &schema};
    return open_stream(&options, error);
}

/* ---- reads that map ---- */

static void arrange_grown_pool(void)
{
    stage_pool(1);
    stage.stream = stream_open("p", NULL);
    for (int i = 1; pmipc_producer_slot_count(stage.producer) == 6; i++) {
        CHECK(i < 7);
        publish_frame(stage.producer);
        CHECK_OK(pmipc_stream_get_last(stage.bystander, &stage.held[i]));
    }
}

static pmipc_status get_last(pmipc_error *error)
{
    return of_stream(pmipc_stream_get_last(stage.stream, &stage.view), error);
}

static void confirm_view(void)
{
    check_view(&stage.view);
    pmipc_view_release(&stage.view);
    stage_check_bystander();
    publish_and_read(stage.producer, stage.stream);
}

static void arrange_wrapped_window(void)
{
    stage_pool(0);
    stage.stream = stream_open("p", NULL);
    publish_frames(stage.producer, 7); /* slots 4, 5 and 0 of six */
}

static pmipc_status get_window(pmipc_error *error)
{
    return of_stream(pmipc_stream_get_window(stage.stream, 3, 3, &stage.view), error);
}

static void confirm_window(void)
{
    CHECK(!stage.view.copied);
    CHECK_EQ(stage.view.frame_count, 3);
    confirm_view();
}

static void arrange_many_views(void)
{
    stage_pool(1);
    stage.stream = stream_open("p", NULL);
    for (int i = 1; i < HELD_MAX; i++)
        CHECK_OK(pmipc_stream_get_last(stage.stream, &stage.held[i]));
}

static void confirm_copy(void)
{
    CHECK(stage.view.copied);
    confirm_view();
}

/* ---- the next pool of the name ---- */

/* A new pool has the name; the stream is connected to the old one and holds a view of it. */
static void arrange_successor(const pmipc_stream_options *options)
{
    stage_pool(2);
    stage.stream = stream_open("p", options);
    CHECK_OK(pmipc_stream_get_last(stage.stream, &stage.held[1]));
    pmipc_producer_close(stage.producer);
    stage.producer = bytes_producer("p", BYTES, 3);
    publish_frame(stage.producer);
}

static void arrange_replaced_pool(void)
{
    arrange_successor(NULL);
}

static void confirm_reconnected(void)
{
    CHECK_EQ(stage.view.seq, 1);
    CHECK_EQ(stream_info(stage.stream).reconnects, 1);
    confirm_view();
}

static void arrange_manual_reconnect(void)
{
    const pmipc_stream_options manual = {.manual_reconnect = true};
    arrange_successor(&manual);
}

static pmipc_status reconnect(pmipc_error *error)
{
    return pmipc_stream_reconnect(stage.stream, error);
}

static void confirm_manual_reconnect(void)
{
    CHECK_OK(pmipc_stream_get_last(stage.stream, &stage.view));
    confirm_reconnected();
}

/* The file was removed from outside, its producer is dead, and a new pool has the name. The next read checks the name.
 */
static void arrange_orphan(void)
{
    char path[512];
    stage_pool(2);
    stage.stream = stream_open("p", NULL);
    pool_path("p", path, sizeof path);
    CHECK_EQ(unlink(path), 0);
    pmipc_producer_abandon(stage.producer);
    stage.producer = bytes_producer("p", BYTES, 3);
    publish_frame(stage.producer);
    time_pass(INT64_C(1000000000));
    for (int i = 0; i < 63; i++)
        CHECK_EQ(read_newest(stage.stream), 2);
}

static void confirm_new_pool_found(void)
{
    pmipc_view_release(&stage.view);
    time_pass(INT64_C(1000000000));
    uint64_t seq = 2;
    for (int i = 0; i < 130 && seq == 2; i++)
        seq = read_newest(stage.stream);
    CHECK_EQ(seq, 1);
    for (int i = 0; i < 130; i++)
        (void)read_newest(stage.bystander);
    stage_check_bystander();
    publish_and_read(stage.producer, stage.stream);
}

static pmipc_status query_producer(pmipc_error *error)
{
    (void)error;
    return pmipc_stream_producer_alive(stage.stream) ? PMIPC_OK : PMIPC_NOT_CONNECTED;
}

static void arrange_stream(void)
{
    stage_pool(2);
    stage.stream = stream_open("p", NULL);
}

static void confirm_unchanged(void)
{
    stage_check_bystander();
    publish_and_read(stage.producer, stage.stream);
}

/* ---- close and release ---- */

static void arrange_stream_with_view(void)
{
    arrange_stream();
    CHECK_OK(pmipc_stream_get_last(stage.stream, &stage.held[1]));
}

static pmipc_status close_stream(pmipc_error *error)
{
    (void)error;
    pmipc_stream_close(stage.stream);
    stage.stream = NULL;
    return PMIPC_OK;
}

/* A new stream can be opened and works. */
static void confirm_closed(void)
{
    stage_check_bystander();
    stage.stream = stream_open("p", NULL);
    confirm_open();
}

static void arrange_view_of_closed_stream(void)
{
    arrange_stream_with_view();
    pmipc_stream_close(stage.stream);
    stage.stream = NULL;
}

static pmipc_status release_view(pmipc_error *error)
{
    (void)error;
    pmipc_view_release(&stage.held[1]);
    return PMIPC_OK;
}

/* ---- fork ---- */

static int child_pipe[2]; /* a pipe */

static void arrange_fork(void)
{
    arrange_stream_with_view();
    CHECK_EQ(pipe(child_pipe), 0);
}

static void confirm_forked(void)
{
    close(child_pipe[0]);
    close(child_pipe[1]);
    confirm_unchanged();
}

/* The child checks its inherited view when a byte arrives, and reports the result by its exit code. */
static _Noreturn void run_as_child(void)
{
    faults_end(); /* the following calls are those of the test */
    char word;
    CHECK_EQ(read(child_pipe[0], &word, 1), 1);
    check_view(&stage.held[1]);
    pmipc_view_release(&stage.held[1]);
    _exit(0);
}

/* Whether the child has rows for its inherited views of both streams. */
static bool has_own_row(void)
{
    pmipc_reader_info readers[8];
    return pmipc_producer_readers(stage.producer, readers, 8) == 4;
}

static pmipc_status fork_with_view(pmipc_error *error)
{
    (void)error;
    pid_t pid = fork();
    if (pid == 0)
        run_as_child();
    faults_end();
    if (pid > 0) {
        bool independent = has_own_row();
        CHECK(independent || fault_happened());
        if (independent)
            pmipc_view_release(&stage.held[1]);
        publish_frames(stage.producer, 20);
        CHECK_EQ(write(child_pipe[1], "", 1), 1);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK_EQ(status, 0);
        pmipc_producer_sweep(stage.producer);
    }
    return pid > 0 ? PMIPC_OK : PMIPC_SYSTEM;
}

const struct operation stream_operations[] = {
    {"open a stream", arrange_pool, open_one, .confirm = confirm_open},
    {"open a stream: prefault", arrange_pool, open_with_prefault, .confirm = confirm_manual_open},
    {"open a stream: no pool yet", arrange_nothing, open_one, .confirm = confirm_open_before_pool},
    {"open a stream: no folder yet", stage_remove_folder, open_one, confirm_open_before_pool, .flags = FRESH_PROCESS},
    {"open a stream: another schema", arrange_pool, open_expecting, stage_check_bystander,
     .status = PMIPC_SCHEMA_MISMATCH},
    {"get_last: maps a grown pool", arrange_grown_pool, get_last, .confirm = confirm_view},
    {"get_last: copies", arrange_many_views, get_last, .confirm = confirm_copy},
    {"get_last: the pool was replaced", arrange_replaced_pool, get_last, confirm_reconnected, .flags = PARTIAL_RESULT},
    {"get_last: the file is gone", arrange_orphan, get_last, confirm_new_pool_found, .flags = PARTIAL_RESULT},
    {"get_window: maps twice", arrange_wrapped_window, get_window, .confirm = confirm_window},
    {"reconnect", arrange_manual_reconnect, reconnect, confirm_manual_reconnect, .flags = PARTIAL_RESULT},
    {"query the producer", arrange_stream, query_producer, confirm_unchanged, .flags = NO_ERROR_TEXT},
    {"close a stream", arrange_stream, close_stream, confirm_closed, .flags = NO_ERROR_TEXT | NO_RETRY},
    {"close a stream: a view is held", arrange_stream_with_view, close_stream, confirm_closed,
     .flags = NO_ERROR_TEXT | NO_RETRY | MAKES_NO_CALL},
    {"release a view of a closed stream", arrange_view_of_closed_stream, release_view, confirm_closed,
     .flags = NO_ERROR_TEXT | NO_RETRY},
    {"fork with a view", arrange_fork, fork_with_view, confirm_forked, .flags = NO_ERROR_TEXT},
    {"fork with a view: the child", arrange_fork, fork_with_view, confirm_forked,
     .flags = NO_ERROR_TEXT | FOLLOW_CHILD},
    {0},
};
