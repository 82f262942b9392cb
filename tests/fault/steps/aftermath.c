#include "aftermath.h"

#include "sleeping.h"
#include "virtual.h"

#define LONG_NS INT64_C(2000000000)   /* longer than every interval of the library */
#define READS_UNTIL_ORPHAN_IS_LEFT 65 /* READS_BETWEEN_CHECKS of api/stream.c, and one more */
#define OBSERVER_ROWS 3               /* the watcher, the sleeper, and the new stream */

/* ---- streams ---- */

/* The watcher reads that sample: at once, or within `reads` reads if its pool has lost its name. */
static void read_sample(struct observers *observers, const pmipc_producer *producer, uint64_t seq, unsigned reads)
{
    pmipc_view view;
    while (reads--) {
        pmipc_status status = pmipc_stream_get_last(observers->watcher, &view);
        if (status == PMIPC_NOTHING_NEW || (status == PMIPC_NOT_CONNECTED && reads))
            continue;
        CHECK_OK(status);
        check_view(&view);
        uint64_t got = view.seq;
        pmipc_view_release(&view);
        if (stream_info(observers->watcher).incarnation != pmipc_producer_incarnation(producer))
            continue;
        CHECK_EQ(got, seq);
        return;
    }
    FAIL("sample %" PRIu64 " did not reach a connected stream", seq);
}

/* A stream that is opened now reads the whole history. */
static pmipc_stream *open_new_stream(uint64_t seq)
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
    if (!(current_operation->traits & LOSES_HISTORY))
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

static void release_held_view(struct observers *observers)
{
    if (!observers->held.owner)
        return;
    check_view(&observers->held);
    pmipc_view_release(&observers->held);
}

/* ---- the victim is stopped ---- */

void while_stalled(struct observers *observers)
{
    const struct operation *operation = current_operation;
    pmipc_view view;
    if (!observers->connected)
        return;
    if (observers->producer) {
        unsigned no_ends = 0;
        uint64_t seq = pmipc_producer_seq(observers->producer);
        for (unsigned i = 0; i <= INITIAL_SLOTS; i++) { /* every slot once, including those that the victim pins */
            CHECK_EQ(publish_frame(observers->producer), ++seq);
            read_sample(observers, observers->producer, seq, 1);
            if (i == 0)
                CHECK(sleeping_end(&no_ends) > observers->seq);
        }
        observers->seq = seq;
        observers_put_to_sleep(observers);
        return;
    }
    pmipc_status status = pmipc_stream_get_last(observers->watcher, &view);
    if (status == PMIPC_OK) {
        if (stream_info(observers->watcher).incarnation == observers->incarnation)
            CHECK(view.seq >= observers->seq && view.seq <= observers->seq + operation->frames);
        check_view(&view);
        pmipc_view_release(&view);
    } else if (observers->seq && !(operation->traits & MAY_END_POOL)) {
        CHECK_OK(status);
    } else if (status != PMIPC_NOTHING_NEW) {
        CHECK_STATUS(status, PMIPC_NOT_CONNECTED);
    }
}

/* ---- the victim was killed ---- */

/* The next producer adopts the samples of the pool, and at most those that the victim was publishing. */
static bool check_adopted(const struct observers *observers, const pmipc_producer *producer)
{
    const struct operation *operation = current_operation;
    uint64_t seq = pmipc_producer_seq(producer);
    if (observers->incarnation == 0)
        return false;
    const bool same = pmipc_producer_incarnation(producer) == observers->incarnation;
    if (!same && !(operation->traits & MAY_ENLARGE)) {
        if (!(operation->traits & MAY_END_POOL))
            FAIL("the pool was replaced instead of adopted");
        return false;
    }
    CHECK(observers->producer || pmipc_producer_adopted(producer));
    CHECK(seq >= observers->seq + !same && seq <= observers->seq + operation->frames);
    if (!same)
        return false;
    if (seq > observers->seq && virtual_is_asleep())
        FAIL("sample %" PRIu64 " was adopted, and a stream that waits for it still sleeps", seq);
    return true;
}

/* Every row can be claimed, also a row of a dead stream that was not cleared. */
static void claim_all_rows(const struct observers *observers, const pmipc_stream *new_stream)
{
    pmipc_stream *streams[PMIPC_MAX_READERS] = {0};
    uint64_t rows = UINT64_C(1) << stream_info(observers->watcher).row | UINT64_C(1) << stream_info(new_stream).row;
    for (unsigned i = 0; i < PMIPC_MAX_READERS - OBSERVER_ROWS; i++) {
        streams[i] = stream_open(POOL, NULL);
        rows |= UINT64_C(1) << stream_info(streams[i]).row;
    }
    CHECK_EQ(__builtin_popcountll(rows), PMIPC_MAX_READERS - 1); /* plus the row of the sleeper */
    for (unsigned i = 0; i < PMIPC_MAX_READERS; i++)
        pmipc_stream_close(streams[i]);
}

/* The rows of dead streams are cleared. */
static void check_rows(pmipc_producer *producer)
{
    pmipc_reader_info infos[PMIPC_MAX_READERS];
    CHECK_EQ(pmipc_producer_readers(producer, infos, PMIPC_MAX_READERS), OBSERVER_ROWS);
    for (unsigned i = 0; i < OBSERVER_ROWS; i++)
        CHECK(infos[i].alive);
}

static void publish_and_read_by_all(struct observers *observers, pmipc_producer *producer, pmipc_stream *new_stream,
                                    unsigned frames)
{
    uint64_t seq = pmipc_producer_seq(producer);
    for (unsigned i = 0; i < frames; i++) {
        CHECK_EQ(publish_frame(producer), ++seq);
        read_sample(observers, producer, seq, 1);
        read_next(new_stream, seq);
    }
}

/* The file is exactly as long as the slots of the pool need. */
static void check_file(const struct observers *observers, uint32_t slots)
{
    CHECK_EQ(pool_file_bytes(POOL) - observers->smallest_pool_bytes, (slots - INITIAL_SLOTS) * SLOT_BYTES);
}

static void check_folder(unsigned most)
{
    unsigned files = folder_entries(getenv("POLYMORPH_IPC_DIR"));
    if (files > most)
        FAIL("%u files are in the folder, at most %u are expected", files, most);
}

/* Remove the pool, and check that nothing of it remains. */
static void end_pool(struct observers *observers, pmipc_producer *producer, pmipc_stream *new_stream, bool thorough)
{
    pmipc_view view;
    pmipc_stream_close(new_stream);
    pmipc_producer_close(producer);
    check_folder(current_operation->more_files);
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
    check_folder(0);
    CHECK_STATUS(pmipc_stream_get_last(observers->watcher, &view), PMIPC_NOT_CONNECTED);
    sleeping_leave();
    if (thorough) {
        process_state now = process_state_now();
        CHECK_EQ(now.descriptors, observers->state.descriptors);
        CHECK_EQ(now.shared_mappings, observers->state.shared_mappings);
    }
    observers->producer = NULL;
    observers->connected = false;
    observers->incarnation = observers->seq = 0;
}

unsigned aftermath(struct observers *observers, bool thorough)
{
    const struct operation *operation = current_operation;
    check_folder(1 + operation->more_files);
    virtual_pass(LONG_NS);
    pmipc_producer *producer = observers->producer;
    if (!producer)
        producer = pool_producer(operation->traits & OTHER_SCHEMA);
    bool same = check_adopted(observers, producer);
    uint64_t seq = pmipc_producer_seq(producer), asleep_at = same ? observers->seq : 0;
    pmipc_stream *new_stream = open_new_stream(seq);
    if (!observers->connected) {
        observers_connect(observers);
        same = true;
        asleep_at = seq;
    }

    unsigned ends = operation->sleep_ends_allowed;
    CHECK_EQ(publish_frame(producer), ++seq);
    uint64_t delivered = sleeping_end(&ends);
    CHECK(delivered > asleep_at && delivered <= seq);
    read_sample(observers, producer, seq, same ? 1 : READS_UNTIL_ORPHAN_IS_LEFT);
    read_next(new_stream, seq);
    publish_and_read_by_all(observers, producer, new_stream, 2 * INITIAL_SLOTS);
    if (thorough)
        claim_all_rows(observers, new_stream);
    check_rows(producer);

    uint32_t slots = pmipc_producer_slot_count(producer);
    CHECK(slots <= INITIAL_SLOTS + operation->more_slots);
    release_held_view(observers);
    if (observers->producer) { /* then this producer dies, too */
        pmipc_producer_abandon(producer);
        producer = pool_producer(false);
        CHECK(pmipc_producer_adopted(producer));
    }
    publish_and_read_by_all(observers, producer, new_stream, 2 * INITIAL_SLOTS);
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    if (!(operation->traits & OTHER_SCHEMA))
        check_file(observers, slots);
    end_pool(observers, producer, new_stream, thorough);
    return operation->sleep_ends_allowed - ends;
}
