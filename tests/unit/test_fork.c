/* fork with live handles and live views: the child may do nothing for the parent, and nothing to it. */
#include "inherited.h"
#include "pools.h"

#include <unistd.h>

/* ---- statuses in the child ---- */

TEST(inherited_handles_say_that_they_are_the_parents)
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

TEST(an_inherited_loan_cannot_be_committed_or_discarded_for_the_parent)
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

/* ---- the child's end ---- */

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
    exit(0); /* with whatever handlers run there */
}

TEST(a_child_that_closes_releases_or_just_ends_leaves_the_parent_alone)
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

TEST(a_child_that_is_killed_leaves_the_parent_alone)
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
    tell(channel, 0);
    hear(channel); /* by now the parent has released its own and published a lot */
    check_view(&the_view);
    CHECK_EQ(the_view.seq, 3);
    if (atoi(argument))
        pmipc_view_release(&the_view);
    tell(channel, 0);
    hear(channel);
}

/* "views inherited over fork stay valid and may be released in both processes" */
TEST(an_inherited_view_outlives_the_parents_own)
{
    for (int release = 0; release < 2; release++) {
        set_up();
        helper child = helper_fork(checks_its_view_when_told, release ? "1" : "0");
        hear(child.channel);
        pmipc_view_release(&the_view);
        publish_frames(the_producer, 200);
        tell(child.channel, 0);
        hear(child.channel);
        publish_frames(the_producer, 200);
        tell(child.channel, 0);
        helper_finish(&child);
        uint32_t slots = pmipc_producer_slot_count(the_producer);
        publish_frames(the_producer, 200);
        CHECK_EQ(pmipc_producer_slot_count(the_producer), slots);
        pmipc_stream_close(the_stream);
        pmipc_producer_close(the_producer);
    }
}

TEST(an_inherited_view_outlives_the_parents_handles_and_the_pool)
{
    set_up();
    helper child = helper_fork(checks_its_view_when_told, "1");
    hear(child.channel);
    pmipc_view_release(&the_view);
    pmipc_stream_close(the_stream);
    publish_frames(the_producer, 200);
    pmipc_producer_close(the_producer);
    tell(child.channel, 0);
    hear(child.channel);
    tell(child.channel, 0);
    helper_finish(&child);
}

static void releases_and_stays(int channel, const char *argument)
{
    (void)argument;
    pmipc_view_release(&the_view);
    tell(channel, 0);
    hear(channel);
}

/* A child's release must not clear the parent's cell. */
TEST(a_view_released_by_the_child_stays_pinned_for_the_parent)
{
    set_up();
    helper child = helper_fork(releases_and_stays, "");
    hear(child.channel);
    publish_frames(the_producer, 200);
    check_view(&the_view);
    tell(child.channel, 0);
    helper_finish(&child);
    publish_frames(the_producer, 200);
    check_parent_and_tear_down();
}

/* The producer scans rows upwards: it finds a copied pin where the parent's is already gone only in a row above (scan
 * in protocol.c). */
TEST(an_inherited_view_is_pinned_in_a_row_above_the_parents_that_names_the_child)
{
    the_producer = bytes_producer("p", INHERITED_BYTES, 4);
    publish_frames(the_producer, 3);
    pmipc_stream *below = stream_open("p", NULL);
    the_stream = stream_open("p", NULL);
    the_view = newest(the_stream);
    pmipc_stream_close(below); /* the row below is free */
    helper child = helper_fork(checks_its_view_when_told, "1");
    hear(child.channel);
    pmipc_reader_info readers[2];
    CHECK_EQ(pmipc_producer_readers(the_producer, readers, 2), 2);
    CHECK_EQ(readers[0].row, 1);
    CHECK_EQ(readers[0].pid, getpid());
    CHECK(readers[1].row > 1);
    CHECK_EQ(readers[1].pid, child.pid);
    CHECK_EQ(readers[1].pinned_slots, 1);
    CHECK_EQ(readers[1].oldest_pin_seq, 3);
    tell(child.channel, 0);
    hear(child.channel);
    tell(child.channel, 0);
    helper_finish(&child);
    check_parent_and_tear_down();
}

/* Rows the children needed for their views are given back: a hundred children, one after the other. */
TEST(children_with_inherited_views_do_not_use_up_rows)
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

/* All rows are taken: the child has none of its own, and the fork takes no descriptor. */
TEST(forks_without_a_row_for_the_child_leave_no_descriptor_behind)
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
    tell(channel, hear(grandchild.channel));
    hear(channel);
    tell(grandchild.channel, 0);
    hear(grandchild.channel);
    tell(grandchild.channel, 0);
    helper_finish(&grandchild);
    check_view(&the_view);
    tell(channel, 0);
}

TEST(an_inherited_view_can_be_inherited_again)
{
    set_up();
    helper child = helper_fork(forks_again, "");
    hear(child.channel);
    pmipc_view_release(&the_view);
    publish_frames(the_producer, 200);
    tell(child.channel, 0);
    hear(child.channel);
    helper_finish(&child);
    pmipc_stream_close(the_stream);
    pmipc_producer_close(the_producer);
}

/* ---- the child's own handles ---- */

static void makes_its_own_handles(int channel, const char *argument)
{
    (void)argument;
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 3);
    pmipc_producer *producer = bytes_producer("child", 64, 2);
    publish_frame(producer);
    pmipc_schema schema = bytes_schema(INHERITED_BYTES);
    pmipc_producer *second;
    CHECK_STATUS(pmipc_producer_open(&second, "p", &schema, NULL, NULL), PMIPC_BUSY); /* the parent lives */
    pmipc_stream *own = stream_open("child", NULL);
    CHECK_EQ(read_newest(own), 1);
    tell(channel, 0);
    hear(channel);
    CHECK_EQ(read_newest(stream), 13);
    pmipc_stream_close(own);
    pmipc_producer_close(producer);
    pmipc_stream_close(stream);
}

TEST(a_child_may_open_handles_of_its_own)
{
    set_up();
    helper child = helper_fork(makes_its_own_handles, "");
    hear(child.channel);
    publish_frames(the_producer, 10);
    CHECK_EQ(folder_entries(test_folder()), 2);
    tell(child.channel, 0);
    helper_finish(&child);
    CHECK_EQ(folder_entries(test_folder()), 1);
    check_parent_and_tear_down();
}
