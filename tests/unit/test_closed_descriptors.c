/* Programs that close every descriptor (daemonizers, os.closerange): the kernel drops the locks, and the numbers of the
 * descriptors are reused for other files. Streams and producers detect this and do not write to rows, pools or files
 * that they no longer own. */
#include "descriptors.h"
#include "helper.h"
#include "pools.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#endif

#define BYTES 2000
#define HELD 3 /* views: history is given up, and publishing still works */

/* ---- the producer, and another stream, in another process ---- */

enum { PUBLISH, SWEEP, HOLD_A_VIEW, CHECK_THE_VIEW };

ROLE(owns_the_pool)
{
    (void)argument;
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    pmipc_stream *stream = NULL;
    pmipc_view view = {0};
    publish_frames(producer, 5);
    send_word(channel, 5);
    for (;;) {
        uint64_t answer = 0;
        switch (receive_word(channel)) {
        case PUBLISH:
            answer = publish_frames(producer, 50);
            break;
        case SWEEP:
            answer = pmipc_producer_sweep(producer);
            break;
        case HOLD_A_VIEW:
            stream = stream_open("p", NULL);
            CHECK_OK(pmipc_stream_get_last(stream, &view));
            break;
        default:
            publish_frames(producer, 50);
            check_view(&view);
            pmipc_view_release(&view);
            pmipc_stream_close(stream);
            break;
        }
        send_word(channel, answer);
    }
}

static helper owner;

static uint64_t ask(uint64_t what)
{
    send_word(owner.channel, what);
    return receive_word(owner.channel);
}

static pmipc_stream *open_stream_of_other_process(const pmipc_stream_options *options)
{
    owner = helper_start("owns_the_pool", "");
    CHECK_EQ(receive_word(owner.channel), 5);
    descriptors_note();
    return stream_open("p", options);
}

static void close_stream_and_remove_pool(pmipc_stream *stream)
{
    pmipc_stream_close(stream);
    helper_kill(&owner);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

static void lose_row(void)
{
    descriptors_close_new();
    CHECK_EQ(ask(SWEEP), 1);
}

/* ---- streams ---- */

TEST(stream_with_lost_row_returns_lost_once_and_reconnects)
{
    pmipc_stream *stream = open_stream_of_other_process(NULL);
    CHECK_EQ(read_newest(stream), 5);
    lose_row();
    uint64_t newest = ask(PUBLISH);
    CHECK(!pmipc_stream_connected(stream));
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_LOST);
    CHECK(!view.owner);
    pmipc_error error;
    pmipc_stream_last_error(stream, &error);
    CHECK_HAS(error.text, "closed all descriptors");
    CHECK_HAS(error.text, "no longer protected");
    CHECK_EQ(pmipc_stream_cursor(stream), 5); /* the same pool: no sample is repeated or skipped */
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.seq, newest - 2);
    CHECK_EQ(view.lost, newest - 2 - 6);
    check_view(&view);
    ask(PUBLISH);
    check_view(&view);
    pmipc_view_release(&view);
    CHECK_EQ(stream_info(stream).reconnects, 0);
    close_stream_and_remove_pool(stream);
}

typedef pmipc_status (*read_call)(pmipc_stream *stream, pmipc_view *view);

static pmipc_status get_last(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_last(stream, view);
}

static pmipc_status get_new(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_new(stream, PMIPC_FOREVER, view);
}

static pmipc_status get_next(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_next(stream, PMIPC_FOREVER, view);
}

static pmipc_status get_window(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_window(stream, 2, 3, view);
}

static pmipc_status get_unseen(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_unseen(stream, view);
}

static pmipc_status get_at(pmipc_stream *stream, pmipc_view *view)
{
    return pmipc_stream_get_at(stream, 0, PMIPC_AT_NEAREST, -1, view);
}

TEST(every_read_returns_lost_when_row_is_lost)
{
    const read_call reads[] = {get_last, get_new, get_next, get_window, get_unseen, get_at};
    pmipc_stream *stream = open_stream_of_other_process(NULL);
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        CHECK_EQ(stream_info(stream).views_held, 0);
        lose_row();
        ask(PUBLISH);
        pmipc_view view;
        pmipc_status status = reads[i](stream, &view);
        if (status != PMIPC_LOST)
            FAIL("read %zu: %s", i, pmipc_status_name(status));
        CHECK_OK(reads[i](stream, &view));
        ask(PUBLISH);
        check_view(&view);
        pmipc_view_release(&view);
    }
    close_stream_and_remove_pool(stream);
}

/* The other stream now owns the row, and its view is pinned in the row's first cell. */
TEST(stream_with_lost_row_does_not_write_into_it)
{
    pmipc_stream *stream = open_stream_of_other_process(NULL);
    pmipc_view old, view;
    CHECK_OK(pmipc_stream_get_last(stream, &old));
    lose_row();
    ask(HOLD_A_VIEW);
    ask(PUBLISH); /* so that the next get_last would pin another slot */
    pmipc_view_release(&old);
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_LOST);
    ask(CHECK_THE_VIEW);
    CHECK_OK(pmipc_stream_get_last(stream, &view)); /* connected again, with a new row */
    pmipc_view_release(&view);
    close_stream_and_remove_pool(stream);
}

/* The release of a view from the old connection must neither empty a cell of the new connection nor close its
 * descriptors, which have the numbers of the old ones. */
TEST(release_of_view_of_lost_row_leaves_new_connection_intact)
{
    pmipc_stream *stream = open_stream_of_other_process(NULL);
    pmipc_view old, view;
    CHECK_OK(pmipc_stream_get_last(stream, &old));
    lose_row();
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_LOST);
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    pmipc_view_release(&old);
    CHECK_EQ(ask(SWEEP), 0);
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->reader_count, 1);
    inspect_release(info);
    ask(PUBLISH);
    check_view(&view);
    pmipc_view_release(&view);
    close_stream_and_remove_pool(stream);
}

TEST(lost_row_with_manual_reconnect_needs_reconnect)
{
    const pmipc_stream_options options = {.manual_reconnect = true};
    pmipc_stream *stream = open_stream_of_other_process(&options);
    lose_row();
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_LOST);
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_LOST);
    CHECK_OK(pmipc_stream_reconnect(stream, NULL));
    CHECK_EQ(read_newest(stream), 5);
    close_stream_and_remove_pool(stream);
}

TEST(close_of_stream_does_not_close_reused_descriptors)
{
    pmipc_stream *stream = open_stream_of_other_process(NULL);
    descriptors_close_new();
    pmipc_stream *next = stream_open("p", NULL); /* of the same pool: its descriptors reuse the numbers */
    pmipc_stream_close(stream);
    CHECK_EQ(ask(SWEEP), 1); /* the row of the closed stream, which the close could not clear */
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(next, &view));
    ask(PUBLISH);
    check_view(&view);
    pmipc_view_release(&view);
    close_stream_and_remove_pool(next);
}

TEST(producer_alive_is_known_after_descriptors_are_closed)
{
    pmipc_stream *stream = open_stream_of_other_process(NULL);
    descriptors_close_new();
    CHECK(pmipc_stream_producer_alive(stream));
    int other_fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC); /* reuses one of the numbers */
    CHECK(pmipc_stream_producer_alive(stream));
    helper_kill(&owner);
    CHECK(!pmipc_stream_producer_alive(stream));
    close(other_fd);
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

/* F_OFD_GETLK does not report the locks of the open file description it is called on. When the stream's descriptor
 * number belongs to the producer of the same process, only the lost row shows that the descriptor is not the stream's.
 */
TEST(producer_on_reused_descriptor_is_reported_alive)
{
    descriptors_note();
    pmipc_producer *producer = bytes_producer("own", BYTES, 3);
    const int lock_fd = descriptor_with_lock();
    descriptors_note();
    pmipc_stream *stream = stream_open("own", NULL);
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        if (descriptor_is_new(fd))
            CHECK_EQ(dup3(lock_fd, fd, O_CLOEXEC), fd);
    CHECK(pmipc_stream_producer_alive(stream));
    pmipc_stream_close(stream);
    descriptors_close_new();
    pmipc_producer_close(producer);
}

/* ---- forks ---- */

static pmipc_view inherited_view;

static void holds_inherited_view(int channel, const char *argument)
{
    (void)argument;
    send_word(channel, 0);
    receive_word(channel);
    pmipc_view_release(&inherited_view);
}

/* Another stream owns the row: the child must not copy that stream's pins. */
TEST(fork_does_not_copy_pins_of_new_owner_of_lost_row)
{
    pmipc_stream *stream = open_stream_of_other_process(NULL);
    CHECK_OK(pmipc_stream_get_last(stream, &inherited_view));
    descriptors_close_new_locks();
    CHECK_EQ(ask(SWEEP), 1);
    ask(HOLD_A_VIEW);
    helper child = helper_fork(holds_inherited_view, "");
    receive_word(child.channel);
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->reader_count, 1);
    inspect_release(info);
    send_word(child.channel, 0);
    helper_finish(&child);
    pmipc_view_release(&inherited_view);
    ask(CHECK_THE_VIEW);
    close_stream_and_remove_pool(stream);
}

static bool is_locked(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK_EQ(fcntl(fd, F_OFD_GETLK, &lock), 0);
    return lock.l_type != F_UNLCK;
}

/* A lock on another file does not protect a row: the row may belong to a live stream. */
TEST(fork_claims_no_row_through_reused_descriptor)
{
    char path[300];
    int other_fds[16];
    pmipc_stream *stream = open_stream_of_other_process(NULL);
    CHECK_OK(pmipc_stream_get_last(stream, &inherited_view));
    descriptors_close_new();
    snprintf(path, sizeof path, "%s/other", test_folder());
    for (int i = 0; i < 16; i++)
        CHECK((other_fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) >= 0);
    helper child = helper_fork(holds_inherited_view, "");
    receive_word(child.channel);
    CHECK(!is_locked(other_fds[0]));
    send_word(child.channel, 0);
    helper_finish(&child);
    pmipc_view_release(&inherited_view);
    for (int i = 0; i < 16; i++)
        CHECK_EQ(close(other_fds[i]), 0);
    CHECK_EQ(unlink(path), 0);
    close_stream_and_remove_pool(stream);
}

/* ---- producers ---- */

ROLE(hoards_the_pool)
{
    pmipc_stream *stream = stream_open(argument, NULL);
    pmipc_view views[HELD];
    for (int i = 0; i < HELD; i++) {
        send_word(channel, 0);
        receive_word(channel);
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
    }
    send_word(channel, 0);
    sleep_until_killed();
}

/* The pool has to grow, and the number of its descriptor now belongs to another file. */
TEST(growth_does_not_resize_file_on_reused_descriptor)
{
    descriptors_note();
    pmipc_producer *producer = bytes_producer("own", BYTES, 3);
    publish_frame(producer);
    descriptors_close_new();
    helper hoarder = helper_start("hoards_the_pool", "own");
    char path[300];
    int other_fds[16];
    struct stat facts;
    snprintf(path, sizeof path, "%s/other", test_folder());
    for (int i = 0; i < 16; i++) {
        other_fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        CHECK(other_fds[i] >= 0);
    }
    for (int i = 0; i < HELD; i++) {
        receive_word(hoarder.channel);
        publish_frames(producer, 2);
        send_word(hoarder.channel, 0);
    }
    receive_word(hoarder.channel);
    publish_frames(producer, 20); /* it continues with the slots it has */
    CHECK(stat(path, &facts) == 0);
    CHECK_EQ(facts.st_size, 0);
    helper_kill(&hoarder);
    pmipc_producer_close(producer);
    for (int i = 0; i < 16; i++)
        CHECK_EQ(close(other_fds[i]), 0); /* the library did not close them */
    CHECK_EQ(unlink(path), 0);
    CHECK_OK(pmipc_pool_remove("own", NULL, NULL, NULL));
}
