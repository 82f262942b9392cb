/* Rows: at most sixty-four streams per pool, and the description of streams by the producer. */
#include "helper.h"
#include "pools.h"

#include <unistd.h>

ROLE(holds_streams)
{
    pmipc_stream *streams[PMIPC_MAX_READERS];
    int count = atoi(argument);
    for (int i = 0; i < count; i++)
        streams[i] = stream_open("crowded", NULL);
    send_word(channel, 0);
    receive_word(channel);
    for (int i = 0; i < count; i++)
        pmipc_stream_close(streams[i]);
}

TEST(sixty_fifth_stream_is_full_and_error_names_owners_of_rows)
{
    pmipc_producer *producer = bytes_producer("crowded", 64, 4);
    publish_frame(producer);
    pmipc_stream *late = NULL;
    helper holder = helper_start("holds_streams", "60");
    receive_word(holder.channel);
    pmipc_stream *streams[4];
    for (int i = 0; i < 4; i++)
        streams[i] = stream_open("crowded", NULL);
    CHECK_EQ(pmipc_producer_readers(producer, NULL, 0), 64);
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_stream_open(&late, "crowded", NULL, &error), PMIPC_FULL);
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)holder.pid);
    CHECK_HAS(error.text, pid);
    CHECK_HAS(error.text, "64");
    CHECK_HAS(error.text, "forked children");
    for (int i = 0; i < 4; i++)
        CHECK_EQ(read_newest(streams[i]), 1); /* the other streams keep reading */
    pmipc_stream_close(streams[2]);
    late = stream_open("crowded", NULL);
    CHECK_EQ(read_newest(late), 1);
    helper_kill(&holder); /* its rows are free again */
    streams[2] = stream_open("crowded", NULL);
    CHECK_EQ(read_newest(streams[2]), 1);
    for (int i = 0; i < 4; i++)
        pmipc_stream_close(streams[i]);
    pmipc_stream_close(late);
    pmipc_producer_close(producer);
}

TEST(stream_without_row_connects_when_another_closes)
{
    pmipc_stream *late = stream_open("crowded", NULL); /* before the pool exists: it connects in a later call */
    pmipc_producer *producer = bytes_producer("crowded", 64, 4);
    publish_frame(producer);
    pmipc_stream *streams[PMIPC_MAX_READERS];
    for (int i = 0; i < PMIPC_MAX_READERS; i++)
        streams[i] = stream_open("crowded", NULL);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(late, &view), PMIPC_FULL);
    CHECK_STATUS(pmipc_stream_get_new(late, 0, &view), PMIPC_FULL);
    pmipc_stream_close(streams[63]);
    CHECK_EQ(read_newest(late), 1);
    for (int i = 0; i < PMIPC_MAX_READERS - 1; i++)
        pmipc_stream_close(streams[i]);
    pmipc_stream_close(late);
    pmipc_producer_close(producer);
}

TEST(producer_readers_describes_streams)
{
    pmipc_producer *producer = bytes_producer("crowded", 64, 4);
    publish_frames(producer, 3);
    helper holder = helper_start("holds_streams", "2");
    receive_word(holder.channel);
    pmipc_stream *own = stream_open("crowded", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(own, &view));
    publish_frames(producer, 3);
    pmipc_reader_info readers[PMIPC_MAX_READERS];
    memset(readers, 0x77, sizeof readers);
    CHECK_EQ(pmipc_producer_readers(producer, readers, PMIPC_MAX_READERS), 3);
    int own_rows = 0;
    for (int i = 0; i < 3; i++) {
        CHECK(readers[i].alive);
        CHECK(readers[i].since_ns > 0 && readers[i].since_ns <= pmipc_realtime_ns());
        CHECK(memchr(readers[i].command, '\0', sizeof readers[i].command) && readers[i].command[0]);
        if (readers[i].pid != getpid()) {
            CHECK_EQ(readers[i].pid, holder.pid);
            CHECK_EQ(readers[i].pinned_slots, 0);
            CHECK_EQ(readers[i].oldest_pin_seq, 0);
            continue;
        }
        own_rows++;
        CHECK_EQ(readers[i].row, stream_info(own).row);
        CHECK_EQ(readers[i].last_seq, 3);
        CHECK_EQ(readers[i].pinned_slots, 1);
        CHECK_EQ(readers[i].oldest_pin_seq, 3);
    }
    CHECK_EQ(own_rows, 1);
    CHECK_EQ(pmipc_producer_readers(producer, readers, 1), 3); /* an array for fewer: the result is the number of all */
    pmipc_view_release(&view);
    pmipc_stream_close(own);
    send_word(holder.channel, 0);
    helper_finish(&holder);
    CHECK_EQ(pmipc_producer_readers(producer, readers, PMIPC_MAX_READERS), 0);
    pmipc_producer_close(producer);
}
