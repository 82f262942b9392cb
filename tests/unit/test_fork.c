/* fork with open handles and held views: what the child does with inherited handles does not affect the parent. */
#include "inherited.h"
#include "pools.h"

#include <unistd.h>

/* ---- statuses in the child ---- */

TEST(calls_on_inherited_handles_return_forked)
{
    set_up();
    helper child = helper_fork(uses_inherited_handles, "");
    helper_finish(&child);
    check_parent_and_tear_down();
}

static void commits_an_inherited_loan(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    CHECK_STATUS(pmipc_producer_commit(the_producer, &the_loan, 0), PMIPC_FORKED);
    pmipc_producer_discard(the_producer, &the_loan);
}

TEST(inherited_loan_is_not_committed_or_discarded_by_child)
{
    set_up();
    CHECK_OK(pmipc_producer_loan(the_producer, &the_loan));
    frame_fill(the_loan.fields[0].data, INHERITED_BYTES, the_loan.seq);
    helper child = helper_fork(commits_an_inherited_loan, "");
    helper_finish(&child);
    CHECK_EQ(pmipc_producer_seq(the_producer), 3);
    CHECK_OK(pmipc_producer_commit(the_producer, &the_loan, PMIPC_STAMP_NOW));
    CHECK_EQ(read_newest(the_stream), 4);
    check_parent_and_tear_down();
}

/* ---- the child ends ---- */

static void retires_inherited_handles(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    pmipc_producer_retire(the_producer);
    pmipc_producer_retire(the_producer);
    CHECK_EQ(pmipc_producer_sweep(the_producer), 0);
    pmipc_producer_close(the_producer);
}

static void abandons_inherited_handles(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    pmipc_stream_close(the_stream);
    pmipc_producer_abandon(the_producer);
    check_view(&the_view);
    pmipc_view_release(&the_view);
}

static void sleeps_until_killed(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    sleep_until_killed();
}

static void ends_by_exit(int channel, const char *argument)
{
    (void)channel;
    (void)argument;
    exit(0); /* runs exit handlers */
}

TEST(close_release_or_exit_in_child_does_not_affect_parent)
{
    const role_body bodies[] = {closes_inherited_handles, abandons_inherited_handles, retires_inherited_handles,
                                ends_at_once, ends_by_exit};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        set_up();
        for (int k = 0; k < 5; k++) {
            helper child = helper_fork(bodies[i], "");
            helper_finish(&child);
            publish_frames(the_producer, 10);
            check_view(&the_view);
        }
        check_parent_and_tear_down();
    }
}

TEST(kill_of_child_does_not_affect_parent)
{
    set_up();
    for (int i = 0; i < 20; i++) {
        helper child = helper_fork(sleeps_until_killed, "");
        helper_kill(&child);
        publish_frames(the_producer, 10);
        check_view(&the_view);
    }
    check_parent_and_tear_down();
}

/* ---- views ---- */

static void checks_its_view_when_told(int channel, const char *argument)
{
    send_word(channel, 0);
    receive_word(channel); /* by now the parent has released its view and published many samples */
    check_view(&the_view);
    CHECK_EQ(the_view.seq, 3);
    if (atoi(argument))
        pmipc_view_release(&the_view);
    send_word(channel, 0);
    receive_word(channel);
}

/* Views inherited over fork stay valid and may be released in both processes. */
TEST(inherited_view_stays_valid_after_release_in_parent)
{
    for (int release = 0; release < 2; release++) {
        set_up();
        helper child = helper_fork(checks_its_view_when_told, release ? "1" : "0");
        receive_word(child.channel);
        pmipc_view_release(&the_view);
        publish_frames(the_producer, 200);
        send_word(child.channel, 0);
        receive_word(child.channel);
        publish_frames(the_producer, 200);
        send_word(child.channel, 0);
        helper_finish(&child);
        uint32_t slots = pmipc_producer_slot_count(the_producer);
        publish_frames(the_producer, 200);
        CHECK_EQ(pmipc_producer_slot_count(the_producer), slots);
        pmipc_stream_close(the_stream);
        pmipc_producer_close(the_producer);
    }
}

TEST(inherited_view_stays_valid_after_parent_closes_and_pool_ends)
{
    set_up();
    helper child = helper_fork(checks_its_view_when_told, "1");
    receive_word(child.channel);
    pmipc_view_release(&the_view);
    pmipc_stream_close(the_stream);
    publish_frames(the_producer, 200);
    pmipc_producer_close(the_producer);
    send_word(child.channel, 0);
    receive_word(child.channel);
    send_word(child.channel, 0);
    helper_finish(&child);
}

static void releases_and_stays(int channel, const char *argument)
{
    (void)argument;
    pmipc_view_release(&the_view);
    send_word(channel, 0);
    receive_word(channel);
}

/* The release in the child must not clear the cell of the parent. */
TEST(view_released_by_child_stays_pinned_for_parent)
{
    set_up();
    helper child = helper_fork(releases_and_stays, "");
    receive_word(child.channel);
    publish_frames(the_producer, 200);
    check_view(&the_view);
    send_word(child.channel, 0);
    helper_finish(&child);
    publish_frames(the_producer, 200);
    check_parent_and_tear_down();
}

/* The producer scans the rows upwards: when the parent clears its pin during the scan, the producer sees the copied pin
 * only if its row is above the parent's (scan in protocol.c). */
TEST(inherited_view_is_pinned_in_row_above_that_of_parent)
{
    the_producer = bytes_producer("p", INHERITED_BYTES, 4);
    publish_frames(the_producer, 3);
    pmipc_stream *below = stream_open("p", NULL);
    the_stream = stream_open("p", NULL);
    the_view = newest_view(the_stream);
    pmipc_stream_close(below); /* now the row below is free */
    helper child = helper_fork(checks_its_view_when_told, "1");
    receive_word(child.channel);
    pmipc_reader_info readers[2];
    CHECK_EQ(pmipc_producer_readers(the_producer, readers, 2), 2);
    CHECK_EQ(readers[0].row, 1);
    CHECK_EQ(readers[0].pid, getpid());
    CHECK(readers[1].row > 1);
    CHECK_EQ(readers[1].pid, child.pid);
    CHECK_EQ(readers[1].pinned_slots, 1);
    CHECK_EQ(readers[1].oldest_pin_seq, 3);
    send_word(child.channel, 0);
    receive_word(child.channel);
    send_word(child.channel, 0);
    helper_finish(&child);
    check_parent_and_tear_down();
}

/* The rows that children claim for their views become free again: a hundred children, one after another. */
TEST(rows_of_children_with_inherited_views_become_free_again)
{
    set_up();
    for (int i = 0; i < ROUNDS(100); i++) {
        helper child = helper_fork(i % 2 ? closes_inherited_handles : ends_at_once, "");
        helper_finish(&child);
    }
    pmipc_stream *streams[PMIPC_MAX_READERS - 1];
    for (int i = 0; i < PMIPC_MAX_READERS - 1; i++)
        streams[i] = stream_open("p", NULL);
    for (int i = 0; i < PMIPC_MAX_READERS - 1; i++)
        pmipc_stream_close(streams[i]);
    check_parent_and_tear_down();
}

/* All rows are in use: the child gets no row, and the fork opens no descriptor. */
TEST(fork_without_free_row_leaks_no_descriptor)
{
    set_up();
    pmipc_stream *streams[PMIPC_MAX_READERS - 1];
    for (int i = 0; i < PMIPC_MAX_READERS - 1; i++)
        streams[i] = stream_open("p", NULL);
    const unsigned descriptors = process_state_now().descriptors;
    for (int i = 0; i < 5; i++) {
        helper child = helper_fork(ends_at_once, "");
        helper_finish(&child);
    }
    CHECK_EQ(process_state_now().descriptors, descriptors);
    for (int i = 0; i < PMIPC_MAX_READERS - 1; i++)
        pmipc_stream_close(streams[i]);
    check_parent_and_tear_down();
}

static void forks_again(int channel, const char *argument)
{
    (void)argument;
    helper grandchild = helper_fork(checks_its_view_when_told, "1");
    send_word(channel, receive_word(grandchild.channel));
    receive_word(channel);
    send_word(grandchild.channel, 0);
    receive_word(grandchild.channel);
    send_word(grandchild.channel, 0);
    helper_finish(&grandchild);
    check_view(&the_view);
    send_word(channel, 0);
}

TEST(inherited_view_is_inherited_by_second_fork)
{
    set_up();
    helper child = helper_fork(forks_again, "");
    receive_word(child.channel);
    pmipc_view_release(&the_view);
    publish_frames(the_producer, 200);
    send_word(child.channel, 0);
    receive_word(child.channel);
    helper_finish(&child);
    pmipc_stream_close(the_stream);
    pmipc_producer_close(the_producer);
}

/* ---- handles that the child opens ---- */

static void makes_its_own_handles(int channel, const char *argument)
{
    (void)argument;
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 3);
    pmipc_producer *producer = bytes_producer("child", 64, 2);
    publish_frame(producer);
    pmipc_schema schema = bytes_schema(INHERITED_BYTES);
    pmipc_producer *second;
    CHECK_STATUS(pmipc_producer_open(&second, "p", &schema, NULL, NULL), PMIPC_BUSY); /* the parent has the pool */
    pmipc_stream *own = stream_open("child", NULL);
    CHECK_EQ(read_newest(own), 1);
    send_word(channel, 0);
    receive_word(channel);
    CHECK_EQ(read_newest(stream), 13);
    pmipc_stream_close(own);
    pmipc_producer_close(producer);
    pmipc_stream_close(stream);
}

TEST(forked_child_opens_its_own_handles)
{
    set_up();
    helper child = helper_fork(makes_its_own_handles, "");
    receive_word(child.channel);
    publish_frames(the_producer, 10);
    CHECK_EQ(folder_entries(test_folder()), 2);
    send_word(child.channel, 0);
    helper_finish(&child);
    CHECK_EQ(folder_entries(test_folder()), 1);
    check_parent_and_tear_down();
}
