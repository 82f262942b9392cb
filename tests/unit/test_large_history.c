/* Histories of more than 64 samples: pins and slots need several words of the producer's bitmap. Windows stay zero-copy
 * after adoption, after a discarded loan, and after a held window is released. */
#include "pools.h"

#define BYTES 56 /* 32 slots in the smallest page: the pool grows by 32 slots */
#define HISTORY 130

static pmipc_view window_of(pmipc_stream *stream, uint32_t count)
{
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(stream, count, count, &view));
    CHECK_EQ(view.frame_count, count);
    return view;
}

static void check_window_is_zero_copy(pmipc_stream *stream, uint32_t count)
{
    pmipc_view view = window_of(stream, count);
    CHECK(!view.copied);
    check_view(&view);
    pmipc_view_release(&view);
}

TEST(held_window_of_whole_bitmap_words_is_never_overwritten)
{
    const uint32_t counts[] = {63, 64, 65, 127, 128, HISTORY};
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, HISTORY);
    for (uint32_t round = 0; round < 40; round++) {
        const uint32_t count = counts[round % (sizeof counts / sizeof counts[0])];
        publish_frames(producer, 1 + round); /* each window at another position in the bitmap */
        pmipc_view view = window_of(stream, count);
        publish_frames(producer, 2 * (uint64_t)pmipc_producer_slot_count(producer));
        check_view(&view);
        pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(slots_of_released_window_are_reused_in_every_bitmap_word)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, HISTORY);
    pmipc_view view = window_of(stream, HISTORY);
    publish_frames(producer, 5 * HISTORY);
    check_view(&view);
    pmipc_view_release(&view);
    const uint32_t slots = pmipc_producer_slot_count(producer);
    CHECK(slots > 2 * HISTORY);
    publish_frames(producer, 2 * (uint64_t)slots);
    bool used[1024] = {false};
    CHECK(slots <= 1024);
    for (uint32_t i = 0; i < slots; i++) {
        pmipc_loan loan;
        CHECK_OK(pmipc_producer_loan(producer, &loan));
        CHECK(!used[loan.slot]); /* in one round every slot is used once */
        used[loan.slot] = true;
        frame_fill(loan.fields[0].data, BYTES, loan.seq);
        CHECK_OK(pmipc_producer_commit(producer, &loan, 0));
        check_window_is_zero_copy(stream, HISTORY);
    }
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(windows_are_zero_copy_right_after_adoption)
{
    pmipc_stream *stream = stream_open("p", NULL);
    for (uint32_t round = 0; round < 70; round++) {
        pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
        CHECK_EQ(pmipc_producer_adopted(producer), round > 0);
        publish_frames(producer, round == 0 ? HISTORY : 1);
        check_window_is_zero_copy(stream, HISTORY);
        publish_frames(producer, 2);
        check_window_is_zero_copy(stream, HISTORY);
        pmipc_producer_abandon(producer);
    }
    CHECK_EQ(stream_info(stream).copies, 0);
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

TEST(windows_are_zero_copy_after_discarded_loan)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, HISTORY);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, HISTORY);
    for (uint32_t i = 0; i < 2 * pmipc_producer_slot_count(producer); i++) {
        pmipc_loan loan;
        CHECK_OK(pmipc_producer_loan(producer, &loan));
        const uint32_t slot = loan.slot;
        pmipc_producer_discard(producer, &loan);
        CHECK_OK(pmipc_producer_loan(producer, &loan));
        CHECK_EQ(loan.slot, slot);
        frame_fill(loan.fields[0].data, BYTES, loan.seq);
        CHECK_OK(pmipc_producer_commit(producer, &loan, 0));
        check_window_is_zero_copy(stream, HISTORY);
    }
    CHECK_EQ(stream_info(stream).copies, 0);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
