/* pthread_cancel: a call that opens or closes finishes first; a wait ends and leaks nothing. Each call is cancelled
 * many times, after a random delay. After each cancellation, fork() and another open must work, and no descriptor,
 * mapping or allocation may remain. */
#include "pools.h"

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES 64
#define TRIES ROUNDS(40)
#define MANY 20 /* more streams than a wait can hold without allocating memory */

/* ---- count of live allocations ---- */

static atomic_int allocated;

#if !TEST_SANITIZED
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void __libc_free(void *block);

void *malloc(size_t bytes)
{
    atomic_fetch_add(&allocated, 1);
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    atomic_fetch_add(&allocated, 1);
    return __libc_calloc(count, bytes);
}

void free(void *block)
{
    atomic_fetch_sub(&allocated, block != NULL);
    __libc_free(block);
}
#endif

/* The sanitizers do not track a thread that unwinds: they report the remains of its stack frames as errors. */
#define CANCELS .bare = "threads that are cancelled"

/* ---- the bodies of the cancelled threads, and their handles ---- */

static pmipc_producer *shared_producer;
static pmipc_stream *shared_stream, *streams[MANY];
static pmipc_waiter waiters[MANY];
static atomic_int begun;
static atomic_bool running = true; /* until cancelled */

typedef void *(*thread_body)(void *unused);

static void tear_down(void)
{
    for (int i = 0; i < MANY; i++) {
        pmipc_waiter_release(&waiters[i]);
        pmipc_stream_close(streams[i]);
        streams[i] = NULL;
    }
    pmipc_stream_close(shared_stream);
    shared_stream = NULL;
    pmipc_producer_close(shared_producer);
    shared_producer = NULL;
}

static void *opens_and_closes_producers(void *unused)
{
    pmipc_schema schema = bytes_schema(BYTES);
    while (atomic_load(&running)) {
        if (pmipc_producer_open(&shared_producer, "p", &schema, NULL, NULL))
            return unused;
        atomic_store(&begun, 1);
        pmipc_producer_sweep(shared_producer);
        pmipc_producer *producer = shared_producer;
        shared_producer = NULL;
        pmipc_producer_close(producer);
        pthread_testcancel();
    }
    return unused;
}

static void *opens_and_closes_streams(void *unused)
{
    while (atomic_load(&running)) {
        if (pmipc_stream_open(&shared_stream, "p", NULL, NULL))
            return unused;
        atomic_store(&begun, 1);
        pmipc_view view;
        if (pmipc_stream_get_last(shared_stream, &view) == PMIPC_OK)
            pmipc_view_release(&view);
        pmipc_stream *stream = shared_stream;
        shared_stream = NULL;
        pmipc_stream_close(stream);
        pthread_testcancel();
    }
    return unused;
}

static void *lists_inspects_and_removes(void *unused)
{
    while (atomic_load(&running)) {
        static pmipc_pool_info info;
        pmipc_status status = pmipc_pool_inspect("p", NULL, &info, NULL);
        atomic_store(&begun, 1);
        if (!status)
            pmipc_pool_info_release(&info);
        pmipc_registry *registry;
        if (pmipc_registry_open(&registry, NULL, NULL) == PMIPC_OK) {
            while (pmipc_registry_next(registry, &info) == PMIPC_OK)
                pmipc_pool_info_release(&info);
            pmipc_registry_close(registry);
        }
        status = pmipc_pool_remove("absent", NULL, NULL, NULL);
        pthread_testcancel();
    }
    return unused;
}

static void *grows(void *unused)
{
    int64_t length = 1;
    while (atomic_load(&running)) {
        length = length < 1000000 ? length * 2 : 1;
        if (pmipc_producer_reserve(shared_producer, &length, 1) == PMIPC_OK)
            publish_frame(shared_producer);
        atomic_store(&begun, 1);
        pthread_testcancel();
    }
    return unused;
}

static void *waits_for_a_sample(void *unused)
{
    pmipc_view view;
    atomic_store(&begun, 1);
    pmipc_status status = pmipc_stream_get_new(shared_stream, PMIPC_FOREVER, &view);
    FAIL("get_new returned %s", pmipc_status_name(status));
    return unused;
}

static void *waits_for_a_stamp(void *unused)
{
    atomic_store(&begun, 1);
    pmipc_status status = pmipc_stream_wait_at(shared_stream, INT64_MAX, PMIPC_FOREVER);
    FAIL("wait_at returned %s", pmipc_status_name(status));
    return unused;
}

static void *waits_for_any(void *unused)
{
    atomic_store(&begun, 1);
    pmipc_status status = pmipc_stream_wait_any(streams, MANY, PMIPC_FOREVER, NULL);
    FAIL("wait_any returned %s", pmipc_status_name(status));
    return unused;
}

static void *waits_with_waiters(void *unused)
{
    atomic_store(&begun, 1);
    pmipc_status status = pmipc_waiter_wait(waiters, MANY, PMIPC_FOREVER, NULL);
    FAIL("waiter_wait returned %s", pmipc_status_name(status));
    return unused;
}

/* ---- cancelling ---- */

static void check_fork_and_open_work(void)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(0);
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    pmipc_producer *producer = bytes_producer("another", BYTES, 3);
    pmipc_stream *stream = stream_open("another", NULL);
    publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

static void cancel_at(thread_body body, test_random *random)
{
    pthread_t thread;
    atomic_store(&begun, 0);
    CHECK_EQ(pthread_create(&thread, NULL, body, NULL), 0);
    WAIT_UNTIL(atomic_load(&begun));
    random_spin(random, 300000);
    CHECK_EQ(pthread_cancel(thread), 0);
    void *result;
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
}

static void check_cancellation(void (*set_up)(void), thread_body body)
{
    test_random random = random_start();
    process_state before = {0};
    int allocated_before = 0;
    for (int i = 0; i < TRIES; i++) {
        if (set_up)
            set_up();
        cancel_at(body, &random);
        check_fork_and_open_work();
        tear_down();
        process_state after = process_state_now();
        if (i == 0) { /* the first cancellation loads what unwinding needs */
            before = after;
            allocated_before = atomic_load(&allocated);
        }
        CHECK_EQ(after.descriptors, before.descriptors);
        CHECK_EQ(after.shared_mappings, before.shared_mappings);
    }
    if (atomic_load(&allocated) - allocated_before >= TRIES / 2)
        FAIL("%d more allocations than after the first cancellation", atomic_load(&allocated) - allocated_before);
}

static void set_up_a_pool(void)
{
    shared_producer = bytes_producer("p", BYTES, 3);
    publish_frame(shared_producer);
}

static void set_up_a_variable_pool(void)
{
    pmipc_schema schema = bytes_schema(1);
    schema.fields[0].flags = PMIPC_FIELD_VARIABLE;
    shared_producer = producer_open("p", &schema, NULL);
}

static void set_up_a_stream(void)
{
    set_up_a_pool();
    shared_stream = stream_open("p", NULL);
}

static void set_up_an_absent_pool(void)
{
    shared_stream = stream_open("absent", NULL);
}

static void set_up_many_streams(void)
{
    set_up_a_pool();
    for (int i = 0; i < MANY; i++)
        streams[i] = stream_open("p", NULL);
}

static void set_up_many_with_one_absent(void)
{
    set_up_a_pool();
    for (int i = 0; i < MANY; i++)
        streams[i] = stream_open(i ? "p" : "absent", NULL);
}

static void set_up_many_waiters(void)
{
    set_up_many_streams();
    for (int i = 0; i < MANY; i++)
        CHECK_OK(pmipc_waiter_init(&waiters[i], streams[i]));
}

TEST_WITH(cancel_in_open_and_close_of_producer_leaks_nothing, CANCELS)
{
    check_cancellation(NULL, opens_and_closes_producers);
}

TEST_WITH(cancel_in_open_and_close_of_stream_leaks_nothing, CANCELS)
{
    check_cancellation(set_up_a_pool, opens_and_closes_streams);
}

TEST_WITH(cancel_in_list_inspect_and_remove_leaks_nothing, CANCELS)
{
    check_cancellation(set_up_a_pool, lists_inspects_and_removes);
}

TEST_WITH(cancel_during_growth_leaks_nothing, CANCELS)
{
    check_cancellation(set_up_a_variable_pool, grows);
}

TEST_WITH(cancel_in_get_new_leaks_nothing, CANCELS)
{
    check_cancellation(set_up_a_stream, waits_for_a_sample);
}

TEST_WITH(cancel_in_get_new_of_absent_pool_leaks_nothing, CANCELS)
{
    check_cancellation(set_up_an_absent_pool, waits_for_a_sample);
}

TEST_WITH(cancel_in_wait_at_leaks_nothing, CANCELS)
{
    check_cancellation(set_up_a_stream, waits_for_a_stamp);
}

TEST_WITH(cancel_in_wait_any_leaks_nothing, CANCELS)
{
    check_cancellation(set_up_many_streams, waits_for_any);
}

TEST_WITH(cancel_in_wait_any_with_absent_pool_leaks_nothing, CANCELS)
{
    check_cancellation(set_up_many_with_one_absent, waits_for_any);
}

TEST_WITH(cancel_in_waiter_wait_leaks_nothing, CANCELS)
{
    check_cancellation(set_up_many_waiters, waits_with_waiters);
}

/* ---- the cancel state: every call restores it; while it is disabled, no wait is cancelled ---- */

static void check_state(int expected)
{
    int state;
    CHECK_EQ(pthread_setcancelstate(expected, &state), 0);
    CHECK_EQ(state, expected);
}

static void *uses_everything(void *expected_state)
{
    int expected = *(int *)expected_state;
    pthread_setcancelstate(expected, NULL);
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    check_state(expected);
    pmipc_stream *stream = stream_open("p", NULL);
    check_state(expected);
    publish_and_read(producer, stream);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_new(stream, 1000000, &view), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_wait_any(&stream, 1, 1000000, NULL), PMIPC_TIMEOUT);
    CHECK_STATUS(pmipc_stream_wait_at(stream, INT64_MAX, 1000000), PMIPC_TIMEOUT);
    check_state(expected);
    pid_t pid = fork();
    if (pid == 0) {
        check_state(expected);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    check_state(expected);
    CHECK_EQ(pmipc_producer_sweep(producer), 0);
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    check_state(expected);
    return NULL;
}

TEST(every_call_restores_cancel_state)
{
    int states[] = {PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_DISABLE};
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        CHECK_EQ(pthread_create(&thread, NULL, uses_everything, &states[i]), 0);
        CHECK_EQ(pthread_join(thread, NULL), 0);
    }
}

static void *waits_with_cancel_disabled(void *unused)
{
    pmipc_view view;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    atomic_store(&begun, 1);
    CHECK_STATUS(pmipc_stream_get_new(shared_stream, 250000000, &view), PMIPC_TIMEOUT);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    FAIL("the thread was not cancelled");
    return unused;
}

TEST_WITH(wait_with_cancel_disabled_runs_to_its_timeout, CANCELS)
{
    test_random random = random_start();
    set_up_a_stream();
    cancel_at(waits_with_cancel_disabled, &random);
    tear_down();
}
