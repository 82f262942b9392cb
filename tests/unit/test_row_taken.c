/* The program closes the lock descriptor of a stream, and another stream claims the row exactly when the first one
 * queries whether the row is still its own. This program defines fcntl, which the library calls. */
#include "descriptors.h"
#include "helper.h"
#include "pools.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BYTES 2000

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#endif

static void (*after_row_lock)(void);
static void (*after_row_query)(void);

static void act_once(void (**act)(void))
{
    void (*now)(void) = *act;
    *act = NULL;
    if (now)
        now();
}

int fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    const struct flock *lock = argument;
    const bool of_row = (command == F_OFD_SETLK || command == F_OFD_GETLK) && lock->l_start > 0;
    int result = (int)syscall(SYS_fcntl, fd, command, argument);
    if (of_row && command == F_OFD_SETLK && result == 0)
        act_once(&after_row_lock);
    if (of_row && command == F_OFD_GETLK)
        act_once(&after_row_query);
    return result;
}

/* ---- the other stream ---- */

static int channel_of_helper;

static void wait_before_the_claim(void)
{
    send_word(channel_of_helper, 0);
    receive_word(channel_of_helper);
}

ROLE(claims_the_row)
{
    (void)argument;
    channel_of_helper = channel;
    after_row_lock = wait_before_the_claim;
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK(!view.copied);
    send_word(channel, 0);
    receive_word(channel);
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
}

/* ---- the first stream ---- */

static helper other;

static void let_other_claim_row(void)
{
    send_word(other.channel, 0);
    receive_word(other.channel); /* the other stream has claimed the row and holds a view */
}

/* `reused_for`: the file that the program then opens under the number of the closed descriptor; NULL: none. */
static void check_close_without_lock(const char *reused_for)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    publish_frame(producer);
    descriptors_note();
    pmipc_stream *stream = stream_open("p", NULL);
    read_newest(stream);
    const int lock_fd = descriptor_with_lock();
    pmipc_stream *others[PMIPC_MAX_READERS - 1]; /* they use all other rows */
    for (int i = 0; i < PMIPC_MAX_READERS - 1; i++) {
        others[i] = stream_open("p", NULL);
        read_newest(others[i]);
    }
    CHECK_EQ(close(lock_fd), 0);
    if (reused_for) {
        int fd = open(reused_for, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        CHECK_EQ(dup3(fd, lock_fd, O_CLOEXEC), lock_fd);
        CHECK_EQ(close(fd), 0);
    }
    other = helper_start("claims_the_row", "");
    receive_word(other.channel); /* it has locked the row; the token is still that of the first stream */
    after_row_query = let_other_claim_row;
    pmipc_stream_close(stream);
    act_once(&after_row_query);
    publish_frames(producer, 50);
    send_word(other.channel, 0);
    helper_finish(&other); /* it has checked its view */
    for (int i = 0; i < PMIPC_MAX_READERS - 1; i++)
        pmipc_stream_close(others[i]);
    if (reused_for && strstr(reused_for, "other_file"))
        CHECK_EQ(close(lock_fd), 0);
    pmipc_producer_close(producer);
}

TEST(close_without_lock_does_not_clear_row_of_claiming_stream)
{
    check_close_without_lock(NULL);
}

TEST(close_with_reused_fd_of_pool_does_not_clear_row)
{
    char path[512];
    pmipc_producer *producer = bytes_producer("p", BYTES, 3);
    pool_path("p", path, sizeof path);
    pmipc_producer_abandon(producer); /* the producer below adopts the file */
    check_close_without_lock(path);
}

TEST(close_with_reused_fd_of_other_file_does_not_clear_row)
{
    char path[300];
    snprintf(path, sizeof path, "%s/other_file", test_folder());
    check_close_without_lock(path);
    CHECK_EQ(unlink(path), 0);
}
