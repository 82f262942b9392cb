/* Connections and rows without a stream: what the stream has checked may change before the connection or the rows read
 * it. */
#include "pool/connection.h"

#include "pools.h"

#include <fcntl.h>
#include <unistd.h>

#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#endif

static struct pool_connection *connection_of(const char *name)
{
    pmipc_error error = {0};
    struct pool_connection *connection;
    const int fd = open_pool_file(name);
    CHECK_OK(connection_open(&connection, fd, name, false, &error));
    return connection;
}

/* ---- rows ---- */

static int row_lock(const char *path, short type, uint32_t first, uint32_t count)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = LOCK_BYTE_ROW(first), .l_len = count};
    CHECK_EQ(fcntl(fd, F_OFD_SETLK, &lock), 0);
    return fd;
}

/* rows_holder_of_all() when row `free_row` is free and row `read_row` has a read lock; NO_ROW: no such row. */
static void check_holder(uint32_t free_row, uint32_t read_row, enum rows_holder expected)
{
    char path[512];
    int fds[PIN_ROWS];
    pool_path("p", path, sizeof path);
    for (uint32_t row = 0; row < PIN_ROWS; row++)
        fds[row] = row_lock(path, row == free_row ? F_UNLCK : row == read_row ? F_RDLCK : F_WRLCK, row, 1);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK_EQ(rows_holder_of_all(fd), expected);
    close(fd);
    for (uint32_t row = 0; row < PIN_ROWS; row++)
        close(fds[row]);
}

TEST(free_row_takes_precedence_over_read_locked_row)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    check_holder(NO_ROW, NO_ROW, ROWS_STREAMS);
    check_holder(NO_ROW, 0, ROWS_READ_LOCK);
    check_holder(NO_ROW, PIN_ROWS - 1, ROWS_READ_LOCK);
    check_holder(3, NO_ROW, ROWS_FREE);
    check_holder(3, 10, ROWS_FREE);
    check_holder(10, 3, ROWS_FREE);
    pmipc_producer_close(producer);
}

/* ---- views ---- */

/* Head goes back when a producer that has lost its pool, and is past its last check, stores head once more. */
TEST(window_above_seq_beyond_head_is_too_few)
{
    pmipc_producer *producer = bytes_producer("p", 64, 4);
    publish_frames(producer, 6);
    struct pool_connection *connection = connection_of("p");
    const uint64_t floors[] = {6, 7, 100, UINT64_MAX};
    pmipc_view view;
    for (size_t i = 0; i < sizeof floors / sizeof floors[0]; i++)
        CHECK_STATUS(connection_view_window(connection, floors[i], 1, 4, &view), PMIPC_TOO_FEW);
    CHECK_OK(connection_view_window(connection, 4, 1, 4, &view));
    CHECK_EQ(view.frame_count, 2);
    check_view(&view);
    pmipc_view_release(&view);
    connection_close(connection);
    pmipc_producer_close(producer);
}
