/* Programs that close every descriptor they find (daemonizers, os.closerange): locks go with them, and the numbers lead
 * to other files by and by. Streams find out, and nobody writes where he has no right to any more. */
#include "helper.h"
#include "pools.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#endif

#define BYTES 2000
#define HIGHEST 256
#define HELD 3 /* views: history is given up, and the newest can still be published */

/* ---- the descriptors that were open before ---- */

static bool was_open[HIGHEST];

static void note_open_descriptors(void)
{
    for (int fd = 0; fd < HIGHEST; fd++)
        was_open[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* All that the library has opened since. */
static void close_descriptors(void)
{
    for (int fd = 3; fd < HIGHEST; fd++)
        if (!was_open[fd])
            close(fd);
}

/* Whether the kernel lists a lock of this descriptor's. */
static bool has_lock(int fd)
{
    char path[64], line[256];
    bool found = false;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *facts = fopen(path, "re");
    while (facts && fgets(line, sizeof line, facts))
        found = found || strncmp(line, "lock:", 5) == 0;
    if (facts)
        fclose(facts);
    return found;
}

/* ---- the producer, and another stream, in a process of their own ---- */

enum { PUBLISH, SWEEP, HOLD_A_VIEW, CHECK_THE_VIEW };

ROLE(owns_the_pool)
{
    (void)argument;
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    pmipc_stream *stream = NULL;
    pmipc_view view = {0};
    publish_frames(producer, 5);
    tell(channel, 5);
    for (;;) {
        uint64_t answer = 0;
        switch (hear(channel)) {
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
        tell(channel, answer);
    }
}

static helper owner;

static uint64_t ask(uint64_t what)
{
    tell(owner.channel, what);
    return hear(owner.channel);
}

static pmipc_stream *begin(const pmipc_stream_options *options)
{
    owner = helper_start("owns_the_pool", "");
    CHECK_EQ(hear(owner.channel), 5);
    note_open_descriptors();
    return stream_open("p", options);
}

static void end(pmipc_stream *stream)
{
    pmipc_stream_close(stream);
    helper_kill(&owner);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

static void lose_the_row(void)
{
    close_descriptors();
    CHECK_EQ(ask(SWEEP), 1);
}

/* ---- streams ---- */

TEST(a_stream_that_has_lost_its_row_says_so_once_and_connects_anew)
{
    pmipc_stream *stream = begin(NULL);
    CHECK_EQ(read_newest(stream), 5);
    lose_the_row();
    uint64_t newest = ask(PUBLISH);
    CHECK(!pmipc_stream_connected(stream));
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_LOST);
    CHECK(!view.owner);
    pmipc_error error;
    pmipc_stream_last_error(stream, &error);
    CHECK_HAS(error.text, "closed its descriptors");
    CHECK_HAS(error.text, "not protected");
    CHECK_EQ(pmipc_stream_cursor(stream), 5); /* it is the same pool: nothing comes twice, nothing is skipped */
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.seq, newest - 2);
    CHECK_EQ(view.lost, newest - 2 - 6);
    check_view(&view);
    ask(PUBLISH);
    check_view(&view);
    pmipc_view_release(&view);
    CHECK_EQ(stream_info(stream).reconnects, 0);
    end(stream);
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

TEST(every_read_notices_that_the_row_is_lost)
{
    const read_call reads[] = {get_last, get_new, get_next, get_window, get_unseen, get_at};
    pmipc_stream *stream = begin(NULL);
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        CHECK_EQ(stream_info(stream).views_held, 0);
        lose_the_row();
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
    end(stream);
}

/* The other stream has the row that was ours, and its first cell. */
TEST(a_stream_that_has_lost_its_row_writes_nothing_into_it)
{
    pmipc_stream *stream = begin(NULL);
    pmipc_view old, view;
    CHECK_OK(pmipc_stream_get_last(stream, &old));
    lose_the_row();
    ask(HOLD_A_VIEW);
    ask(PUBLISH); /* the newest is another one by now */
    pmipc_view_release(&old);
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_LOST);
    ask(CHECK_THE_VIEW);
    CHECK_OK(pmipc_stream_get_last(stream, &view)); /* it has a row of its own again */
    pmipc_view_release(&view);
    end(stream);
}

/* An old view's release must neither empty the new connection's cell nor close its descriptors, which have the old
 * numbers. */
TEST(a_view_from_before_the_loss_is_released_without_harm_to_the_new_connection)
{
    pmipc_stream *stream = begin(NULL);
    pmipc_view old, view;
    CHECK_OK(pmipc_stream_get_last(stream, &old));
    lose_the_row();
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
    end(stream);
}

TEST(with_manual_reconnect_a_lost_row_is_left_to_reconnect)
{
    const pmipc_stream_options options = {.manual_reconnect = true};
    pmipc_stream *stream = begin(&options);
    lose_the_row();
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_LOST);
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_LOST);
    CHECK_OK(pmipc_stream_reconnect(stream, NULL));
    CHECK_EQ(read_newest(stream), 5);
    end(stream);
}

TEST(closing_a_stream_whose_descriptors_were_closed_closes_nobody_elses)
{
    pmipc_stream *stream = begin(NULL);
    close_descriptors();
    pmipc_stream *next = stream_open("p", NULL); /* of the same pool: its descriptors get the numbers */
    pmipc_stream_close(stream);
    CHECK_EQ(ask(SWEEP), 1); /* the closed stream's row, which it could not clear */
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(next, &view));
    ask(PUBLISH);
    check_view(&view);
    pmipc_view_release(&view);
    end(next);
}

TEST(whether_the_producer_is_alive_is_known_without_descriptors_too)
{
    pmipc_stream *stream = begin(NULL);
    close_descriptors();
    CHECK(pmipc_stream_producer_alive(stream));
    int stranger = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC); /* numbers used again */
    CHECK(pmipc_stream_producer_alive(stream));
    helper_kill(&owner);
    CHECK(!pmipc_stream_producer_alive(stream));
    close(stranger);
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

/* A description does not see its own locks: where the stream's number leads to its own process's producer, only the
 * lost row tells that the descriptor is not the stream's. */
TEST(a_producer_whose_descriptor_got_the_streams_number_is_not_taken_for_dead)
{
    pmipc_producer *producer = bytes_producer("own", BYTES, 3);
    int lock_fd = 3;
    while (lock_fd < HIGHEST && !has_lock(lock_fd))
        lock_fd++;
    CHECK(lock_fd < HIGHEST);
    note_open_descriptors();
    pmipc_stream *stream = stream_open("own", NULL);
    for (int fd = 3; fd < HIGHEST; fd++)
        if (!was_open[fd] && fcntl(fd, F_GETFD) >= 0)
            CHECK_EQ(dup3(lock_fd, fd, O_CLOEXEC), fd);
    CHECK(pmipc_stream_producer_alive(stream));
    pmipc_stream_close(stream);
    close_descriptors();
    pmipc_producer_close(producer);
}

/* ---- forks ---- */

static pmipc_view the_view;

static void holds_what_it_inherited(int channel, const char *argument)
{
    (void)argument;
    tell(channel, 0);
    hear(channel);
    pmipc_view_release(&the_view);
}

/* The row is another stream's by now: a child must not hold that one's samples. */
TEST(a_child_does_not_copy_the_pins_of_whoever_has_the_lost_row)
{
    pmipc_stream *stream = begin(NULL);
    CHECK_OK(pmipc_stream_get_last(stream, &the_view));
    for (int fd = 3; fd < HIGHEST; fd++)
        if (!was_open[fd] && has_lock(fd))
            close(fd);
    CHECK_EQ(ask(SWEEP), 1);
    ask(HOLD_A_VIEW);
    helper child = helper_fork(holds_what_it_inherited, "");
    hear(child.channel);
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->reader_count, 1);
    inspect_release(info);
    tell(child.channel, 0);
    helper_finish(&child);
    pmipc_view_release(&the_view);
    ask(CHECK_THE_VIEW);
    end(stream);
}

static bool anybody_locks(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK_EQ(fcntl(fd, F_OFD_GETLK, &lock), 0);
    return lock.l_type != F_UNLCK;
}

/* A row that is claimed by a lock on another file may be a live stream's. */
TEST(a_fork_claims_no_row_by_a_strangers_file)
{
    char path[300];
    int strangers[16];
    pmipc_stream *stream = begin(NULL);
    CHECK_OK(pmipc_stream_get_last(stream, &the_view));
    close_descriptors();
    snprintf(path, sizeof path, "%s/stranger", test_folder());
    for (int i = 0; i < 16; i++)
        CHECK((strangers[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) >= 0);
    helper child = helper_fork(holds_what_it_inherited, "");
    hear(child.channel);
    CHECK(!anybody_locks(strangers[0]));
    tell(child.channel, 0);
    helper_finish(&child);
    pmipc_view_release(&the_view);
    for (int i = 0; i < 16; i++)
        CHECK_EQ(close(strangers[i]), 0);
    CHECK_EQ(unlink(path), 0);
    end(stream);
}

/* ---- producers ---- */

ROLE(hoards_the_pool)
{
    pmipc_stream *stream = stream_open(argument, NULL);
    pmipc_view views[HELD];
    for (int i = 0; i < HELD; i++) {
        tell(channel, 0);
        hear(channel);
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
    }
    tell(channel, 0);
    sleep_until_killed();
}

/* The pool has to grow, and the number of its descriptor leads to somebody else's file. */
TEST(a_producer_whose_descriptors_were_closed_does_not_grow_a_strangers_file)
{
    note_open_descriptors();
    pmipc_producer *producer = bytes_producer("own", BYTES, 3);
    publish_frame(producer);
    close_descriptors();
    helper hoarder = helper_start("hoards_the_pool", "own");
    char path[300];
    int strangers[16];
    struct stat facts;
    snprintf(path, sizeof path, "%s/stranger", test_folder());
    for (int i = 0; i < 16; i++) {
        strangers[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        CHECK(strangers[i] >= 0);
    }
    for (int i = 0; i < HELD; i++) {
        hear(hoarder.channel);
        publish_frames(producer, 2);
        tell(hoarder.channel, 0);
    }
    hear(hoarder.channel);
    publish_frames(producer, 20); /* it goes on with what it has */
    CHECK(stat(path, &facts) == 0);
    CHECK_EQ(facts.st_size, 0);
    helper_kill(&hoarder);
    pmipc_producer_close(producer);
    for (int i = 0; i < 16; i++)
        CHECK_EQ(close(strangers[i]), 0); /* nor are they closed */
    CHECK_EQ(unlink(path), 0);
    CHECK_OK(pmipc_pool_remove("own", NULL, NULL, NULL));
}
