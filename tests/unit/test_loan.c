/* Loans: fill a frame in place, commit, discard, and every call in the wrong state. */
#include "pools.h"

#include <unistd.h>

static pmipc_schema points_schema(void)
{
    const int64_t points[] = {100, 3};
    const int64_t pose[] = {7};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "points", PMIPC_FLOAT32, 2, points, PMIPC_FIELD_VARIABLE, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "pose", PMIPC_FLOAT64, 1, pose, 0, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "mass", PMIPC_FLOAT64, 0, NULL, 0, NULL));
    return schema;
}

TEST(loan_has_sequence_number_fields_and_lengths)
{
    pmipc_schema schema = points_schema();
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    CHECK_EQ(loan.seq, 1);
    CHECK_EQ(loan.field_count, 3);
    CHECK_EQ(loan.fields[0].length, 100);
    CHECK_EQ(loan.fields[1].length, 7);
    CHECK_EQ(loan.fields[2].length, 1);
    for (int f = 0; f < 3; f++)
        CHECK_EQ((uintptr_t)loan.fields[f].data % 64, 0);
    CHECK_EQ(pmipc_producer_seq(producer), 0);
    CHECK_OK(pmipc_producer_commit(producer, &loan, 5));
    CHECK_EQ(pmipc_producer_seq(producer), 1);
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    CHECK_EQ(loan.seq, 2);
    pmipc_producer_discard(producer, &loan);
    pmipc_producer_close(producer);
}

TEST(committed_frame_is_read_and_loaned_frame_is_not)
{
    pmipc_producer *producer = bytes_producer("p", 500, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    for (uint64_t seq = 2; seq < 40; seq++) {
        pmipc_loan loan;
        CHECK_OK(pmipc_producer_loan(producer, &loan));
        memset(loan.fields[0].data, 0xdd, 500);
        CHECK_EQ(read_newest(stream), seq - 1);
        pmipc_view view;
        CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
        frame_fill(loan.fields[0].data, 500, loan.seq);
        CHECK_OK(pmipc_producer_commit(producer, &loan, PMIPC_STAMP_NOW));
        CHECK_EQ(read_newest(stream), seq);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(discarded_frame_is_never_read_and_leaves_no_gap)
{
    pmipc_producer *producer = bytes_producer("p", 500, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    uint64_t expected = 0;
    for (int i = 0; i < 50; i++) {
        pmipc_loan loan;
        CHECK_OK(pmipc_producer_loan(producer, &loan));
        memset(loan.fields[0].data, 0xdd, 500);
        pmipc_producer_discard(producer, &loan);
        CHECK_EQ(pmipc_producer_seq(producer), expected);
        expected = publish_frame(producer);
        CHECK_EQ(expected, (uint64_t)i + 1);
        CHECK_EQ(read_newest(stream), expected);
    }
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(stream, 3, 3, &view));
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* With no_growth, a slot lost at each discard would end in FULL. */
TEST(thousand_discards_use_up_no_slot)
{
    pmipc_schema schema = bytes_schema(500);
    pmipc_producer_options options = {.history_len = 3, .no_growth = true};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    pmipc_loan loan;
    for (int i = 0; i < 1000; i++) {
        CHECK_OK(pmipc_producer_loan(producer, &loan));
        pmipc_producer_discard(producer, &loan);
    }
    publish_frames(producer, 20);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(stream, 3, 3, &view));
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(second_loan_is_wrong_state)
{
    pmipc_producer *producer = bytes_producer("p", 500, 3);
    pmipc_loan first;
    pmipc_loan second;
    char data[500] = {0};
    CHECK_OK(pmipc_producer_loan(producer, &first));
    CHECK_STATUS(pmipc_producer_loan(producer, &second), PMIPC_WRONG_STATE);
    pmipc_error error;
    pmipc_producer_last_error(producer, &error);
    CHECK_EQ(error.status, PMIPC_WRONG_STATE);
    CHECK(error.text[0] != '\0');
    CHECK_STATUS(pmipc_producer_publish(producer, data, 0, NULL), PMIPC_WRONG_STATE);
    const pmipc_source source = {data, 0};
    CHECK_STATUS(pmipc_producer_publish_fields(producer, &source, 1, 0, NULL), PMIPC_WRONG_STATE);
    frame_fill(first.fields[0].data, 500, first.seq);
    CHECK_OK(pmipc_producer_commit(producer, &first, 0)); /* the first loan is still valid */
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(commit_without_loan_is_wrong_state)
{
    pmipc_producer *producer = bytes_producer("p", 500, 3);
    pmipc_loan loan = {0};
    CHECK_STATUS(pmipc_producer_commit(producer, &loan, 0), PMIPC_WRONG_STATE);
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    pmipc_loan copy = loan;
    CHECK_OK(pmipc_producer_commit(producer, &loan, 0));
    CHECK_STATUS(pmipc_producer_commit(producer, &loan, 0), PMIPC_WRONG_STATE);
    CHECK_STATUS(pmipc_producer_commit(producer, &copy, 0), PMIPC_WRONG_STATE);
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    pmipc_loan discarded = loan;
    pmipc_producer_discard(producer, &loan);
    CHECK_STATUS(pmipc_producer_commit(producer, &loan, 0), PMIPC_WRONG_STATE);
    CHECK_STATUS(pmipc_producer_commit(producer, &discarded, 0), PMIPC_WRONG_STATE);
    CHECK_EQ(pmipc_producer_seq(producer), 1);
    pmipc_producer_close(producer);
}

TEST(commit_of_loan_of_another_producer_is_wrong_state)
{
    pmipc_producer *one = bytes_producer("one", 500, 3);
    pmipc_producer *two = bytes_producer("two", 500, 3);
    publish_frame(two);
    pmipc_loan of_one;
    pmipc_loan of_two;
    CHECK_OK(pmipc_producer_loan(one, &of_one));
    CHECK_OK(pmipc_producer_loan(two, &of_two));
    CHECK_STATUS(pmipc_producer_commit(two, &of_one, 0), PMIPC_WRONG_STATE);
    CHECK_STATUS(pmipc_producer_commit(one, &of_two, 0), PMIPC_WRONG_STATE);
    CHECK_OK(pmipc_producer_commit(one, &of_one, 0));
    CHECK_OK(pmipc_producer_commit(two, &of_two, 0));
    pmipc_producer_close(one);
    pmipc_producer_close(two);
}

TEST(discard_without_loan_does_nothing)
{
    pmipc_producer *producer = bytes_producer("p", 500, 3);
    pmipc_loan loan = {0};
    pmipc_producer_discard(producer, &loan);
    publish_frame(producer);
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    pmipc_producer_discard(producer, &loan);
    pmipc_producer_discard(producer, &loan);
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    frame_fill(loan.fields[0].data, 500, loan.seq);
    CHECK_OK(pmipc_producer_commit(producer, &loan, 0));
    pmipc_producer_discard(producer, &loan); /* after its commit: no effect */
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 2);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(commit_with_wrong_length_is_mismatch_and_loan_stays_open)
{
    pmipc_schema schema = points_schema();
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    loan.fields[0].length = 101;
    CHECK_STATUS(pmipc_producer_commit(producer, &loan, 0), PMIPC_SCHEMA_MISMATCH);
    pmipc_error error;
    pmipc_producer_last_error(producer, &error);
    CHECK_HAS(error.text, "points");
    CHECK_HAS(error.text, "101");
    loan.fields[0].length = -1;
    CHECK_STATUS(pmipc_producer_commit(producer, &loan, 0), PMIPC_SCHEMA_MISMATCH);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOTHING_NEW);
    pmipc_loan second;
    CHECK_STATUS(pmipc_producer_loan(producer, &second), PMIPC_WRONG_STATE); /* the first is still loaned */
    loan.fields[0].length = 2;
    CHECK_OK(pmipc_producer_commit(producer, &loan, 0));
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK_EQ(view.fields[0].length, 2);
    pmipc_view_release(&view);

    CHECK_OK(pmipc_producer_loan(producer, &loan));
    CHECK_EQ(loan.fields[0].length, 100); /* preset again */
    loan.fields[0].length = 101;
    CHECK_STATUS(pmipc_producer_commit(producer, &loan, 0), PMIPC_SCHEMA_MISMATCH);
    pmipc_producer_discard(producer, &loan);
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    pmipc_producer_discard(producer, &loan);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(close_or_abandon_discards_open_loan)
{
    pmipc_producer *producer = bytes_producer("p", 500, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    memset(loan.fields[0].data, 0xdd, 500);
    pmipc_producer_abandon(producer);
    CHECK_EQ(read_newest(stream), 1);
    producer = bytes_producer("p", 500, 3);
    CHECK_EQ(publish_frame(producer), 2);
    CHECK_EQ(read_newest(stream), 2);
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    pmipc_producer_close(producer);
    pmipc_stream_close(stream);
}

/* The loaned slot must not be readable: held views and the whole history stay unchanged. */
TEST(loaned_slot_is_never_readable)
{
    pmipc_producer *producer = bytes_producer("p", 500, 4);
    pmipc_stream *stream = stream_open("p", NULL);
    for (int round = 0; round < 100; round++) {
        publish_frame(producer);
        pmipc_view held;
        CHECK_OK(pmipc_stream_get_last(stream, &held));
        pmipc_view window;
        CHECK_OK(pmipc_stream_get_window(stream, 1, 4, &window));
        pmipc_loan loan;
        CHECK_OK(pmipc_producer_loan(producer, &loan));
        memset(loan.fields[0].data, 0xdd, 500);
        check_view(&held);
        check_view(&window);
        pmipc_producer_discard(producer, &loan);
        pmipc_view_release(&held);
        pmipc_view_release(&window);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* The memory before a loan is the padding of the previous slot. The first slot of the pool has a page before it; the
 * first slot of a later mapping has nothing. */
TEST(headroom_of_loan_belongs_to_its_slot_also_after_growth)
{
    enum { MOST_SLOTS = 64, PADDING = 128 };
    const int64_t bytes = page_frame_bytes() - PADDING;
    pmipc_producer *producer = bytes_producer("p", bytes, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[PMIPC_MAX_VIEWS], window;
    const uint32_t slots_at_first = pmipc_producer_slot_count(producer);
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        publish_frame(producer);
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
    }
    publish_frames(producer, 10);
    const uint32_t slots = pmipc_producer_slot_count(producer);
    const int64_t stride = views[0].frame_stride;
    CHECK(slots > slots_at_first + 2 && slots <= MOST_SLOTS);
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
    }
    const char *data[MOST_SLOTS] = {NULL};
    uint32_t headroom[MOST_SLOTS] = {0};
    for (uint32_t i = 0; i < 2 * slots; i++) {
        pmipc_loan loan;
        CHECK_OK(pmipc_producer_loan(producer, &loan));
        data[loan.slot] = loan.fields[0].data;
        headroom[loan.slot] = loan.headroom;
        memset((char *)loan.fields[0].data - loan.headroom, 0xee, loan.headroom);
        frame_fill(loan.fields[0].data, (size_t)bytes, loan.seq);
        CHECK_OK(pmipc_producer_commit(producer, &loan, 0));
        CHECK_OK(pmipc_stream_get_window(stream, 3, 3, &window));
        check_view(&window);
        pmipc_view_release(&window);
    }
    for (uint32_t slot = 0; slot < slots; slot++) {
        const bool follows = slot > 0 && data[slot - 1] + stride == data[slot];
        CHECK(slot == 0 || slot >= slots_at_first || follows);
        CHECK_EQ(headroom[slot], slot == 0 ? (uint32_t)getpagesize() : follows ? PADDING : 0);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- places of slots ---- */

static const char *place_of_next(pmipc_producer *producer)
{
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    const char *place = loan.fields[0].data;
    CHECK_OK(pmipc_producer_commit(producer, &loan, 0));
    return place;
}

TEST(payload_of_large_sample_begins_at_page)
{
    pmipc_producer *producer = bytes_producer("p", 3 * sysconf(_SC_PAGESIZE), 2);
    for (int i = 0; i < 10; i++)
        CHECK_EQ((uintptr_t)place_of_next(producer) % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
    pmipc_producer_close(producer);
}

/* With a history of one sample, two slots take turns, unless a view holds one of them. */
TEST(large_samples_with_history_of_one_alternate_between_two_slots)
{
    pmipc_producer *producer = bytes_producer("p", 3 * sysconf(_SC_PAGESIZE), 1);
    pmipc_stream *stream = stream_open("p", NULL);
    const char *first = place_of_next(producer), *second = place_of_next(producer);
    for (int i = 0; i < 5; i++) {
        CHECK(place_of_next(producer) == first);
        CHECK(place_of_next(producer) == second);
    }
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view)); /* of the second slot */
    CHECK(place_of_next(producer) == first);
    const char *third = place_of_next(producer);
    CHECK(third != first && third != second);
    CHECK(place_of_next(producer) == first);
    CHECK(place_of_next(producer) == third);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
