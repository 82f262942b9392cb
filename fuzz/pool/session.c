/* session.c: runs an input: creates the pool file, does one action after the other, releases everything. */
#include "session.h"

#include "mappings.h"
#include "pokes.h"
#include "world.h"

void act_poke(struct session *session, const struct record *record)
{
    (void)session;
    poke_now(record, false);
}

void act_poke_raw(struct session *session, const struct record *record)
{
    (void)session;
    poke_now(record, true);
}

void act_poke_at_call(struct session *session, const struct record *record)
{
    (void)session;
    poke_at_call(record);
}

void act_poke_at_load(struct session *session, const struct record *record)
{
    (void)session;
    poke_at_load(record);
}

/* The sanitizer detects an access to freed memory while that memory is in its quarantine. A small quarantine is enough
 * for one input and stays in the cache. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1:malloc_context_size=4";
}

static void end(struct session *session)
{
    /* Views and waiters are released after their streams were closed. */
    for (int i = 0; i < STREAMS; i++)
        pmipc_stream_close(session->streams[i]);
    for (int i = 0; i < PRODUCERS; i++)
        pmipc_producer_close(session->producers[i]);
    for (int i = 0; i < VIEWS; i++) {
        if (session->views[i].owner)
            check_view(&session->views[i]);
        pmipc_view_release(&session->views[i]);
    }
    for (int i = 0; i < WAITERS; i++)
        pmipc_waiter_release(&session->waiters[i]);
}

/* Returns a hash of all statuses and of the number of calls. */
static uint64_t run(const struct record *records, size_t count)
{
    static struct session session;
    memset(&session, 0, sizeof session);
    world_begin();
    pool_file_begin(records[0].action, records[0].field);
    world_begin();
    pokes_begin();
    statuses_hash = 0;
    session.kind = kind_of(records[0].action);
    for (size_t i = 1; i < count; i++)
        target_actions[records[i].action % target_action_count](&session, &records[i]);
    end(&session);
    REQUIRE(mappings_are_gone());
    const uint64_t hash = statuses_hash * 31 + world_calls;
    pool_file_end();
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct record records[RECORDS_MAX]; /* aligned; delayed pokes refer to it */
    size_t count = size / RECORD_BYTES;
    if (count < 1 || count > RECORDS_MAX)
        return -1;
    memcpy(records, data, count * RECORD_BYTES);
    pool_folder_choose(false);
    const uint64_t in_process = run(records, count);
#ifdef FUZZ_REPLAY /* a replay also uses files of Linux: the results must be the same */
    pool_folder_choose(true);
    REQUIRE(run(records, count) == in_process);
#else
    (void)in_process;
#endif
    return 0;
}
