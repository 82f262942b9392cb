/* forged.h: read and overwrite words of the file of a live pool. It includes the layout. */
#ifndef PMIPC_TEST_FORGED_H
#define PMIPC_TEST_FORGED_H

#include "pools.h"

#include "pool/protocol.h"

#include <fcntl.h>
#include <unistd.h>

#define HEAD (POOL_CONTROL_OFFSET + (off_t)offsetof(struct pool_control, head))
#define OWNERSHIP (POOL_CONTROL_OFFSET + (off_t)offsetof(struct pool_control, ownership))

static inline uint64_t read_word(int fd, off_t offset)
{
    uint64_t word;
    CHECK_EQ(pread(fd, &word, sizeof word, offset), sizeof word);
    return word;
}

static inline void write_word(int fd, off_t offset, uint64_t word)
{
    CHECK_EQ(pwrite(fd, &word, sizeof word, offset), sizeof word);
}

static inline struct pool_header header_of_file(int fd)
{
    struct pool_header header;
    CHECK_EQ(pread(fd, &header, sizeof header, 0), sizeof header);
    return header;
}

/* Every read that returns more than the newest sample returns CORRUPT. */
static inline void check_history_reads_are_corrupt(pmipc_stream *stream)
{
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_window(stream, 3, 3, &view), PMIPC_CORRUPT);
    CHECK_STATUS(pmipc_stream_get_unseen(stream, &view), PMIPC_CORRUPT);
    CHECK_STATUS(pmipc_stream_get_at(stream, 0, PMIPC_AT_NEAREST, -1, &view), PMIPC_CORRUPT);
    pmipc_error error;
    pmipc_stream_last_error(stream, &error);
    CHECK_HAS(error.text, "control page is corrupt");
}

#endif
