#include "aftermath.h"

#include "sleeping.h"
#include "virtual.h"

#define LONG_NS INT64_C(2000000000)   /* longer than any interval of the library's */
#define READS_UNTIL_ORPHAN_IS_LEFT 65 /* READS_BETWEEN_CHECKS of api/stream.c, and the one that tells */
#define RESIDENT_ROWS 3               /* watcher, sleeper, fresh stream */

/* ---------------------------------------------------------------------------------------------------------- streams */

/* The watcher's next reads give that sample, at once or, if its pool has lost its name, within a number of them. */
static void watch(struct residents *residents, const pmipc_producer *producer, uint64_t seq, unsigned reads)
{
    pmipc_view view;
    while (reads--) {
        pmipc_status status = pmipc_stream_get_last(residents->watcher, &view);
        if (status == PMIPC_NOTHING_NEW || (status == PMIPC_NOT_CONNECTED && reads))
            continue;
        CHECK_OK(status);
        check_view(&view);
        uint64_t got = view.seq;
        pmipc_view_release(&view);
        if (stream_info(residents->watcher).incarnation != pmipc_producer_incarnation(producer))
            continue;
        CHECK_EQ(got, seq);
        return;
    }
    FAIL("sample %" PRIu64 " did not reach a stream that was there before", seq);
}

/* A stream that comes now finds whole history. */
static pmipc_stream *fresh_stream(uint64_t seq)
{
    pmipc_stream_options options = {.start_oldest = true};
    pmipc_stream *stream = stream_open(POOL, &options);
    pmipc_view view;
    pmipc_status status = pmipc_stream_get_unseen(stream, &view);
    if (seq == 0) {
        CHECK_STATUS(status, PMIPC_NOTHING_NEW);
        return stream;
    }
    CHECK_OK(status);
    CHECK_EQ(view.seq, seq);
    if (!(the_operation->traits & LOSES_HISTORY))
        CHECK_EQ(view.frame_count, seq < pool_history_len() ? seq : pool_history_len());
    check_view(&view);
    pmipc_view_release(&view);
    return stream;
}

static void read_next(pmipc_stream *stream, uint64_t seq)
{
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.seq, seq);
    CHECK_EQ(view.lost, 0);
    check_view(&view);
    pmipc_view_release(&view);
}

static void let_go_of_held(struct residents *residents)
{
    if (!residents->held.owner)
        return;
    check_view(&residents->held);
    pmipc_view_release(&residents->held);
}

/* ---------------------------------------------------------------------------------------------------------- stalled */

void while_stalled(struct residents *residents)
{
    const struct operation *operation = the_operation;
    pmipc_view view;
    if (!residents->connected)
        return;
    if (residents->producer) {
        unsigned no_ends = 0;
        uint64_t seq = pmipc_producer_seq(residents->producer);
        for (unsigned i = 0; i <= INITIAL_SLOTS; i++) { /* once round: what the victim pins is on the way */
            CHECK_EQ(publish_frame(residents->producer), ++seq);
            watch(residents, residents->producer, seq, 1);
            if (i == 0)
                CHECK(sleeping_end(&no_ends) > residents->seq);
        }
        residents->seq = seq;
        residents_put_to_sleep(residents);
        return;
    }
    pmipc_status status = pmipc_stream_get_last(residents->watcher, &view);
    if (status == PMIPC_OK) {
        if (stream_info(residents->watcher).incarnation == residents->incarnation)
            CHECK(view.seq >= residents->seq && view.seq <= residents->seq + operation->frames);
        check_view(&view);
        pmipc_view_release(&view);
    } else if (residents->seq && !(operation->traits & MAY_END_POOL)) {
        CHECK_OK(status);
    } else if (status != PMIPC_NOTHING_NEW) {
        CHECK_STATUS(status, PMIPC_NOT_CONNECTED);
    }
}

/* -------------------------------------------------------------------------------------------------------- aftermath */

/* What the next producer takes over is what was there, with at most what the victim was about to publish. */
static bool check_succession(const struct residents *residents, const pmipc_producer *producer)
{
    const struct operation *operation = the_operation;
    uint64_t seq = pmipc_producer_seq(producer);
    if (residents->incarnation == 0)
        return false;
    const bool same = pmipc_producer_incarnation(producer) == residents->incarnation;
    if (!same && !(operation->traits & MAY_ENLARGE)) {
        if (!(operation->traits & MAY_END_POOL))
            FAIL("the pool was not taken over: a new one was made in its place");
        return false;
    }
    CHECK(residents->producer || pmipc_producer_adopted(producer));
    CHECK(seq >= residents->seq + !same && seq <= residents->seq + operation->frames);
    if (!same)
        return false;
    if (seq > residents->seq && virtual_is_asleep())
        FAIL("sample %" PRIu64 " was adopted, and a stream that waits for it sleeps on", seq);
    return true;
}

/* Every row can be claimed, also one that nobody has cleared since its stream died. */
static void claim_all_rows(const struct residents *residents, const pmipc_stream *fresh)
{
    pmipc_stream *streams[PMIPC_MAX_READERS] = {0};
    uint64_t rows = UINT64_C(1) << stream_info(residents->watcher).row | UINT64_C(1) << stream_info(fresh).row;
    for (unsigned i = 0; i < PMIPC_MAX_READERS - RESIDENT_ROWS; i++) {
        streams[i] = stream_open(POOL, NULL);
        rows |= UINT64_C(1) << stream_info(streams[i]).row;
    }
    CHECK_EQ(__builtin_popcountll(rows), PMIPC_MAX_READERS - 1); /* and the sleeper's */
    for (unsigned i = 0; i < PMIPC_MAX_READERS; i++)
        pmipc_stream_close(streams[i]);
}

/* Rows of the dead are cleared. */
static void check_rows(pmipc_producer *producer)
{
    pmipc_reader_info infos[PMIPC_MAX_READERS];
    CHECK_EQ(pmipc_producer_readers(producer, infos, PMIPC_MAX_READERS), RESIDENT_ROWS);
    for (unsigned i = 0; i < RESIDENT_ROWS; i++)
        CHECK(infos[i].alive);
}

static void publish_and_read_by_all(struct residents *residents, pmipc_producer *producer, pmipc_stream *fresh,
                                    unsigned frames)
{
    uint64_t seq = pmipc_producer_seq(producer);
    for (unsigned i = 0; i < frames; i++) {
        CHECK_EQ(publish_frame(producer), ++seq);
        watch(residents, producer, seq, 1);
        read_next(fresh, seq);
    }
}

/* The file has the slots that its pool knows of, and no others. */
static void check_file(const struct residents *residents, uint32_t slots)
{
    CHECK_EQ(pool_file_bytes(POOL) - residents->smallest_pool_bytes, (slots - INITIAL_SLOTS) * SLOT_BYTES);
}

static void check_folder(unsigned most)
{
    unsigned files = folder_entries(getenv("POLYMORPH_IPC_DIR"));
    if (files > most)
        FAIL("%u files are in the folder, %u at most should be", files, most);
}

/* The pool is taken away, and everything with it. */
static void end_pool(struct residents *residents, pmipc_producer *producer, pmipc_stream *fresh, bool thorough)
{
    pmipc_view view;
    pmipc_stream_close(fresh);
    pmipc_producer_close(producer);
    check_folder(the_operation->more_files);
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
    check_folder(0);
    CHECK_STATUS(pmipc_stream_get_last(residents->watcher, &view), PMIPC_NOT_CONNECTED);
    sleeping_leave();
    if (thorough) {
        process_state now = process_state_now();
        CHECK_EQ(now.descriptors, residents->state.descriptors);
        CHECK_EQ(now.shared_mappings, residents->state.shared_mappings);
    }
    residents->producer = NULL;
    residents->connected = false;
    residents->incarnation = residents->seq = 0;
}

unsigned aftermath(struct residents *residents, bool thorough)
{
    const struct operation *operation = the_operation;
    check_folder(1 + operation->more_files);
    virtual_pass(LONG_NS);
    pmipc_producer *producer = residents->producer;
    if (!producer)
        producer = pool_producer(operation->traits & OTHER_SCHEMA);
    bool same = check_succession(residents, producer);
    uint64_t seq = pmipc_producer_seq(producer), asleep_at = same ? residents->seq : 0;
    pmipc_stream *fresh = fresh_stream(seq);
    if (!residents->connected) {
        residents_connect(residents);
        same = true;
        asleep_at = seq;
    }

    unsigned ends = operation->ends_of_sleep;
    CHECK_EQ(publish_frame(producer), ++seq);
    uint64_t delivered = sleeping_end(&ends);
    CHECK(delivered > asleep_at && delivered <= seq);
    watch(residents, producer, seq, same ? 1 : READS_UNTIL_ORPHAN_IS_LEFT);
    read_next(fresh, seq);
    publish_and_read_by_all(residents, producer, fresh, 2 * INITIAL_SLOTS);
    if (thorough)
        claim_all_rows(residents, fresh);
    check_rows(producer);

    uint32_t slots = pmipc_producer_slot_count(producer);
    CHECK(slots <= INITIAL_SLOTS + operation->more_slots);
    let_go_of_held(residents);
    if (residents->producer) { /* and now it dies, too */
        pmipc_producer_abandon(producer);
        producer = pool_producer(false);
        CHECK(pmipc_producer_adopted(producer));
    }
    publish_and_read_by_all(residents, producer, fresh, 2 * INITIAL_SLOTS);
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    if (!(operation->traits & OTHER_SCHEMA))
        check_file(residents, slots);
    end_pool(residents, producer, fresh, thorough);
    return operation->ends_of_sleep - ends;
}
