/* Frames filled with streaming stores are never torn. A release store does not order such stores: without the fence before
 * a publish, nearly every frame a spinning reader takes is torn. */
#include "helper.h"
#include "pools.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#define BYTES 4096
#define WORDS (BYTES / 8)
#define TIME_LIMIT_NS INT64_C(3000000000)  /* on a machine that gives both processes one core, fewer frames must do */

static void fill_streaming(void *data, uint64_t value)
{
#if defined(__x86_64__)
    __m128i both = _mm_set1_epi64x((long long)value);
    for (int i = 0; i < BYTES / 16; i++) _mm_stream_si128((__m128i *)data + i, both);
#else
    for (int i = 0; i < WORDS; i++) ((uint64_t *)data)[i] = value;
#endif
}

/* Whether every word is the frame's number. The last words were stored last: look at them first. */
static bool is_whole(const void *data, uint64_t seq)
{
    const volatile uint64_t *words = data;
    for (int i = WORDS - 1; i >= 0; i--)
        if (words[i] != seq) return false;
    return true;
}

static void streams_frames_for_ever(int channel, const char *argument)
{
    pmipc_schema schema = bytes_schema(BYTES);
    pmipc_producer_options options = {.history_len = 2, .no_growth = true, .prefault = true};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    bool by_copy = strcmp(argument, "copy") == 0;
    static _Alignas(64) char frame[BYTES];
    tell(channel, 0);
    while (!heard_something(channel)) {
        for (int i = 0; i < 1000; i++) {
            pmipc_loan loan;
            if (by_copy) {
                fill_streaming(frame, pmipc_producer_seq(producer) + 1);
                CHECK_OK(pmipc_producer_publish(producer, frame, 1, NULL));
                continue;
            }
            CHECK_OK(pmipc_producer_loan(producer, &loan));
            fill_streaming(loan.fields[0].data, loan.seq);
            CHECK_OK(pmipc_producer_commit(producer, &loan, 1));
        }
    }
    hear(channel);
    pmipc_producer_close(producer);
}

static void check_never_torn(const char *argument)
{
    helper owner = helper_fork(streams_frames_for_ever, argument);
    hear(owner.channel);
    pmipc_stream *stream = stream_open("p", NULL);
    const int wanted = ROUNDS(120000);
    const int64_t end = pmipc_monotonic_ns() + TIME_LIMIT_NS;
    uint64_t last = 0;
    int frames = 0;
    while (frames < wanted && (frames == 0 || pmipc_monotonic_ns() < end)) {
        pmipc_view view;
        pmipc_status status = pmipc_stream_get_last(stream, &view);
        if (status == PMIPC_NOTHING_NEW) continue;
        CHECK_OK(status);
        if (!is_whole(view.fields[0].data, view.seq)) FAIL("frame %" PRIu64 ", the %dth seen, is torn", view.seq, frames);
        CHECK(view.seq >= last);
        frames += view.seq > last;  /* only frames not seen before count */
        last = view.seq;
        pmipc_view_release(&view);
    }
    fprintf(stderr, "    %d frames checked\n", frames);
    pmipc_stream_close(stream);
    tell(owner.channel, 0);
    helper_finish(&owner);
}

TEST(frames_filled_in_place_with_streaming_stores_are_never_torn)
{
    check_never_torn("loan");
}

TEST(published_copies_are_never_torn)
{
    check_never_torn("copy");
}

/* Frames large enough that a C library copies them with streaming stores of its own. */
static void publishes_large_frames_for_ever(int channel, const char *argument)
{
    (void)argument;
    enum { LARGE = 3000000 };
    pmipc_schema schema = bytes_schema(LARGE);
    pmipc_producer_options options = {.history_len = 2};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    char *frame = malloc(LARGE);
    tell(channel, 0);
    while (!heard_something(channel)) {
        uint64_t seq = pmipc_producer_seq(producer) + 1;
        frame_fill(frame, LARGE, seq);
        CHECK_OK(pmipc_producer_publish(producer, frame, 1, NULL));
    }
    hear(channel);
    free(frame);
    pmipc_producer_close(producer);
}

TEST(large_copies_are_never_torn)
{
    helper owner = helper_fork(publishes_large_frames_for_ever, "");
    hear(owner.channel);
    pmipc_stream *stream = stream_open("p", NULL);
    for (int i = 0; i < ROUNDS(300); i++) {
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
        check_view(&view);
        pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
    tell(owner.channel, 0);
    helper_finish(&owner);
}
