/* Faults that only reordering by the processor shows: streaming stores, which a release store does not order, and a pin
 * that is still in the store buffer when the reader relies on it. Two processes at full speed, on two processors if the
 * machine has them.
 *
 * Detects: a missing store fence before a publish (on x86; most often with frames that end within a cache line), a
 * missing fence between the store of a pin and its recheck, and a missing fence between the store of an entry and the
 * next scan. */
#include "helper.h"
#include "pools.h"

#include <sched.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

/* On a busy machine the two processes interleave less: the test then stops after this time with fewer frames. */
#define TIME_LIMIT_NS INT64_C(1500000000)

/* Keep this process on the first or second processor it may use. */
static void use_processor(int which)
{
    cpu_set_t allowed;
    cpu_set_t one;
    CPU_ZERO(&one);
    sched_getaffinity(0, sizeof allowed, &allowed);
    if (CPU_COUNT(&allowed) < 2)
        return;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && which-- == 0)
            CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
}

/* ---- streaming stores ---- */

static void fill_streaming(void *data, size_t bytes, uint64_t value)
{
#if defined(__x86_64__)
    __m128i both = _mm_set1_epi64x((long long)value);
    for (size_t i = 0; i < bytes / 16; i++)
        _mm_stream_si128((__m128i *)data + i, both);
#else
    for (size_t i = 0; i < bytes / 8; i++)
        ((uint64_t *)data)[i] = value;
#endif
}

/* Whether every word is the sequence number. The last words were stored last, so they are checked first. */
static bool is_whole(const void *data, size_t bytes, uint64_t seq)
{
    const volatile uint64_t *words = data;
    for (size_t i = bytes / 8; i > 0; i--)
        if (words[i - 1] != seq)
            return false;
    return true;
}

static void streams_frames_forever(int channel, const char *argument)
{
    size_t bytes = (size_t)atoi(argument);
    use_processor(0);
    pmipc_schema schema = bytes_schema((int64_t)bytes);
    pmipc_producer_options options = {.history_len = 2, .no_growth = true, .prefault = true};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    send_word(channel, 0);
    while (!word_is_waiting(channel)) {
        for (int i = 0; i < 1000; i++) {
            pmipc_loan loan;
            CHECK_OK(pmipc_producer_loan(producer, &loan));
            fill_streaming(loan.fields[0].data, bytes, loan.seq);
            CHECK_OK(pmipc_producer_commit(producer, &loan, 1));
        }
    }
    receive_word(channel);
    pmipc_producer_close(producer);
}

static void check_never_torn(const char *bytes_text)
{
    size_t bytes = (size_t)atoi(bytes_text);
    helper owner = helper_fork(streams_frames_forever, bytes_text);
    receive_word(owner.channel);
    use_processor(1);
    pmipc_stream *stream = stream_open("p", NULL);
    const int wanted = ROUNDS(120000);
    const int64_t end = pmipc_monotonic_ns() + TIME_LIMIT_NS;
    uint64_t last = 0;
    int frames = 0;
    while (frames < wanted && (frames == 0 || pmipc_monotonic_ns() < end)) {
        pmipc_view view;
        pmipc_status status = pmipc_stream_get_last(stream, &view);
        if (status == PMIPC_NOTHING_NEW)
            continue;
        CHECK_OK(status);
        if (view.seq != last && !is_whole(view.fields[0].data, bytes, view.seq))
            FAIL("frame %" PRIu64 ", read after %d others, is torn", view.seq, frames);
        CHECK(view.seq >= last);
        frames += view.seq > last; /* counts only new frames */
        last = view.seq;
        pmipc_view_release(&view);
    }
    fprintf(stderr, "    %d frames of %zu bytes\n", frames, bytes);
    pmipc_stream_close(stream);
    send_word(owner.channel, 0);
    helper_finish(&owner);
}

TEST(tiny_frames_with_streaming_stores_are_never_torn)
{
    check_never_torn("48");
}

TEST(frames_with_streaming_stores_are_never_torn)
{
    check_never_torn("4080");
}

TEST(large_frames_with_streaming_stores_are_never_torn)
{
    check_never_torn("65520");
}

/* Frames large enough that memcpy of the C library uses streaming stores. */
static void publishes_copies_forever(int channel, const char *argument)
{
    size_t bytes = (size_t)atoi(argument);
    use_processor(0);
    pmipc_schema schema = bytes_schema((int64_t)bytes);
    pmipc_producer_options options = {.history_len = 2};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    char *frame = malloc(bytes);
    send_word(channel, 0);
    while (!word_is_waiting(channel)) {
        frame_fill(frame, bytes, pmipc_producer_seq(producer) + 1);
        CHECK_OK(pmipc_producer_publish(producer, frame, 1, NULL));
    }
    receive_word(channel);
    free(frame);
    pmipc_producer_close(producer);
}

TEST(large_copies_are_never_torn)
{
    helper owner = helper_fork(publishes_copies_forever, "3000000");
    receive_word(owner.channel);
    use_processor(1);
    pmipc_stream *stream = stream_open("p", NULL);
    for (int i = 0; i < ROUNDS(200); i++) {
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
        check_view(&view);
        pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
    send_word(owner.channel, 0);
    helper_finish(&owner);
}

/* ---- pins in the store buffer ---- */

#define SLOT_BYTES 4032 /* a slot is one page: the pool has no slots beyond those requested */
#define COLD_BYTES ((size_t)64 << 20)
#define COLD_STORES 40

/* Stores to memory that is not in a cache: later stores stay in the store buffer until these are done. */
static void fill_store_buffer(char *cold, uint64_t round)
{
    for (uint64_t i = 0; i < COLD_STORES; i++)
        *(volatile uint64_t *)(cold + ((round * COLD_STORES + i) * 4160 % COLD_BYTES & ~UINT64_C(63))) = round;
}

/* A short history: each sample leaves the ring soon, and its slot is written again at once. In every second batch the
 * entry is late: a scan that does not wait for it misses the pins of the meantime. */
static void reuses_slots_forever(int channel, const char *argument)
{
    use_processor(0);
    char *cold = malloc(COLD_BYTES);
    memset(cold, 0, COLD_BYTES);
    pmipc_schema schema = bytes_schema(SLOT_BYTES);
    pmipc_producer_options options = {.history_len = (uint32_t)atoi(argument), .spare = 1};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    send_word(channel, 0);
    for (uint64_t batch = 0; !word_is_waiting(channel); batch++) {
        for (int i = 0; i < 1000; i++) {
            pmipc_loan loan;
            CHECK_OK(pmipc_producer_loan(producer, &loan));
            *(volatile uint64_t *)loan.fields[0].data = loan.seq; /* enough to distinguish frames */
            if (batch % 2)
                fill_store_buffer(cold, loan.seq);
            CHECK_OK(pmipc_producer_commit(producer, &loan, 1));
        }
    }
    receive_word(channel);
    free(cold);
    pmipc_producer_close(producer);
}

static pmipc_status take_last(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_last(stream, view);
}

static pmipc_status take_window(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_window(stream, 1, 2, view);
}

static pmipc_status take_next(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_next(stream, 0, view);
}

static void check_pins(const char *history, pmipc_status (*take)(pmipc_stream *, pmipc_view *))
{
    helper owner = helper_fork(reuses_slots_forever, history);
    receive_word(owner.channel);
    use_processor(1);
    pmipc_stream *stream = stream_open("p", NULL);
    char *cold = malloc(COLD_BYTES);
    memset(cold, 0, COLD_BYTES);
    const int64_t end = pmipc_monotonic_ns() + TIME_LIMIT_NS;
    int frames = 0;
    for (uint64_t round = 0; round < (uint64_t)ROUNDS(150000) && pmipc_monotonic_ns() < end; round++) {
        fill_store_buffer(cold, round);
        pmipc_view view;
        if (take(stream, &view) != PMIPC_OK)
            continue;
        for (int look = 0; look < 3; look++) {
            for (uint32_t i = 0; i < view.frame_count; i++) {
                const char *data = (const char *)view.fields[0].data + (int64_t)i * view.frame_stride;
                uint64_t seen = *(const volatile uint64_t *)(const void *)data;
                if (seen != view.seq - (view.frame_count - 1 - i))
                    FAIL("pinned frame %" PRIu64 " of %" PRIu64 " became %" PRIu64, i + view.seq - view.frame_count + 1,
                         view.seq, seen);
            }
        }
        frames++;
        pmipc_view_release(&view);
    }
    CHECK(frames > 0);
    fprintf(stderr, "    %d frames\n", frames);
    free(cold);
    pmipc_stream_close(stream);
    send_word(owner.channel, 0);
    helper_finish(&owner);
}

TEST(get_last_pins_before_it_rechecks)
{
    check_pins("1", take_last);
}

TEST(get_next_pins_before_it_rechecks)
{
    check_pins("1", take_next);
}

TEST(get_window_pins_before_it_rechecks)
{
    check_pins("2", take_window);
}
