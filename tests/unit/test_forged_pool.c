/* Pool files in the states in which a kill between two stores leaves them, which random kills hit too rarely, and with
 * inconsistent rings. */
#include "pool_bytes.h"

/* ---- between two stores ---- */

/* Killed after the store to the ring and before the store to head: sample 9 is complete, head still names sample 8. */
TEST(adopt_after_kill_between_ring_and_head_keeps_last_sample)
{
    pool_file file = make_file();
    uint64_t before = atomic_load(&ring_of(&file)[8 % HISTORY]);
    CHECK_EQ(before >> 16, 8);
    CHECK_EQ(atomic_load(&control_of(&file)->head) >> 16, 9);
    atomic_store(&control_of(&file)->head, before);
    write_file(&file);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(read_newest(stream), 8);
    pmipc_producer *producer = plain_producer();
    CHECK(pmipc_producer_adopted(producer));
    CHECK_EQ(pmipc_producer_seq(producer), 9);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_new(stream, 0, &view)); /* the stream reads it, too */
    CHECK_EQ(view.seq, 9);
    check_view(&view);
    pmipc_view_release(&view);
    CHECK_OK(pmipc_stream_get_window(stream, HISTORY, HISTORY, &view));
    publish_frames(producer, 50);
    check_view(&view);
    pmipc_view_release(&view);
    CHECK_EQ(read_newest(stream), 59);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    free(file.bytes);
}

/* Killed after the first store to the ring: there is an entry, and head is still 0. */
TEST(adopt_after_kill_in_first_publish_keeps_first_sample)
{
    pool_file file = make_file();
    uint64_t entry = atomic_load(&ring_of(&file)[9 % HISTORY]);
    for (int i = 0; i < HISTORY; i++)
        atomic_store(&ring_of(&file)[i], 0);
    uint64_t first = UINT64_C(1) << 16 | (entry & 0xffff);
    atomic_store(&ring_of(&file)[1 % HISTORY], first);
    atomic_store(&control_of(&file)->head, 0);
    const struct pool_geometry *geometry = &header_of(&file)->geometry;
    struct slot_header *slot =
        (struct slot_header *)(void *)(file.bytes + geometry->slots_offset + (entry & 0xffff) * geometry->stride +
                                       slot_header_offset(geometry));
    atomic_store(&slot->seq, 1);
    write_file(&file);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOTHING_NEW);
    pmipc_producer *producer = plain_producer();
    CHECK(pmipc_producer_adopted(producer));
    CHECK_EQ(pmipc_producer_seq(producer), 1);
    CHECK_OK(pmipc_stream_get_new(stream, 0, &view));
    CHECK_EQ(view.seq, 1);
    pmipc_view_release(&view);
    CHECK_EQ(publish_frame(producer), 2);
    CHECK_EQ(read_newest(stream), 2);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    free(file.bytes);
}

/* A stream reads the bell before it checks for samples and sleeps: adoption and retirement must change the bell, not
 * only wake sleepers. */
TEST(adopt_and_retire_increment_the_bell)
{
    pool_file file = make_file();
    uint32_t bell = atomic_load(&control_of(&file)->bell);
    write_file(&file);
    int fd = open(pool_file_path, O_RDONLY | O_CLOEXEC);
    uint32_t now = 0;
    pmipc_producer *producer = plain_producer();
    CHECK(pmipc_producer_adopted(producer));
    CHECK_EQ(pread(fd, &now, sizeof now, POOL_CONTROL_OFFSET + offsetof(struct pool_control, bell)), sizeof now);
    CHECK(now != bell);
    bell = now;
    pmipc_producer_close(producer);
    CHECK_EQ(pread(fd, &now, sizeof now, POOL_CONTROL_OFFSET + offsetof(struct pool_control, bell)), sizeof now);
    CHECK(now != bell);
    close(fd);
    free(file.bytes);
}

/* A waiting flag that a killed stream left set causes one increment of the bell, not one per publish. */
TEST(waiting_flag_of_dead_stream_is_cleared_by_one_publish)
{
    pool_file file = make_file();
    struct pool_readers *readers =
        (struct pool_readers *)(void *)(file.bytes + header_of(&file)->geometry.readers_offset);
    atomic_store(&readers->waiting, 1);
    write_file(&file);
    int fd = open(pool_file_path, O_RDONLY | O_CLOEXEC);
    uint32_t bells[3];
    pmipc_producer *producer = plain_producer();
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(pread(fd, &bells[i], sizeof bells[i], POOL_CONTROL_OFFSET + offsetof(struct pool_control, bell)),
                 sizeof bells[i]);
        publish_frame(producer);
    }
    CHECK(bells[1] == bells[0] + 1);
    CHECK(bells[2] == bells[1]);
    close(fd);
    pmipc_producer_close(producer);
    free(file.bytes);
}

/* A row left in use would slow down every scan of the producer, without any other effect. */
TEST(closed_stream_clears_its_row_and_cells)
{
    pmipc_producer *producer = plain_producer();
    publish_frames(producer, 9);
    pmipc_stream *streams[3];
    for (int i = 0; i < 3; i++) {
        streams[i] = stream_open("p", NULL);
        read_newest(streams[i]);
    }
    for (int i = 0; i < 3; i++)
        pmipc_stream_close(streams[i]);
    pool_path("p", pool_file_path, sizeof pool_file_path);
    struct pool_readers *readers = calloc(1, sizeof *readers);
    struct pool_header header;
    int fd = open(pool_file_path, O_RDONLY | O_CLOEXEC);
    CHECK_EQ(pread(fd, &header, sizeof header, 0), sizeof header);
    CHECK_EQ(pread(fd, readers, sizeof *readers, (off_t)header.geometry.readers_offset), sizeof *readers);
    CHECK_EQ(atomic_load(&readers->rows_in_use), 0);
    for (int row = 0; row < PIN_ROWS; row++)
        for (int i = 0; i < PIN_CELLS; i++)
            CHECK_EQ(atomic_load(&readers->cells[row][i]), 0);
    close(fd);
    free(readers);
    pmipc_producer_close(producer);
}

/* A pool that was retired and whose producer was killed before it unlinked the file: the next producer replaces it. */
TEST(retired_pool_file_is_absent_and_replaced)
{
    pool_file file = make_file();
    atomic_store(&control_of(&file)->retired, 1);
    write_file(&file);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK(!pmipc_stream_connected(stream));
    CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_NOT_CONNECTED);
    CHECK_STATUS(pmipc_stream_get_new(stream, 1000000, &view), PMIPC_TIMEOUT);
    pmipc_producer *producer = plain_producer();
    CHECK(!pmipc_producer_adopted(producer));
    CHECK_EQ(publish_frame(producer), 1);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    free(file.bytes);
}

/* ---- inconsistent rings are never adopted ---- */

#define CHECK_NOT_ADOPTED(damage)                         \
    do {                                                  \
        memcpy(file.bytes, good, file.size);              \
        _Atomic uint64_t *ring = ring_of(&file);          \
        struct pool_control *control = control_of(&file); \
        (void)ring;                                       \
        (void)control;                                    \
        damage;                                           \
        write_file(&file);                                \
        pmipc_producer *producer = plain_producer();      \
        if (pmipc_producer_adopted(producer))             \
            FAIL("adopted after %s", #damage);            \
        publish_frames(producer, 20);                     \
        pmipc_producer_close(producer);                   \
    } while (0)

static void swap_entries(_Atomic uint64_t *ring, uint32_t i, uint32_t j)
{
    uint64_t entry = ring[i];
    ring[i] = ring[j];
    ring[j] = entry;
}

TEST(inconsistent_ring_is_not_adopted)
{
    pool_file file = make_file(); /* samples 6 to 9 */
    char *good = malloc(file.size);
    memcpy(good, file.bytes, file.size);
    const uint64_t entry = UINT64_C(1) << 16;                 /* one sequence number */
    CHECK_NOT_ADOPTED(ring[9 % HISTORY] = ring[8 % HISTORY]); /* a slot twice, and a seq in the wrong place */
    CHECK_NOT_ADOPTED(ring[7 % HISTORY] = 7 * entry | (ring[8 % HISTORY] & 0xffff)); /* a slot twice */
    CHECK_NOT_ADOPTED(swap_entries(ring, 7 % HISTORY, 8 % HISTORY));                 /* both in the wrong place */
    CHECK_NOT_ADOPTED(ring[7 % HISTORY] = 7 * entry | 0xffff);                       /* a slot beyond the pool */
    CHECK_NOT_ADOPTED(ring[7 % HISTORY] += HISTORY * entry);                         /* a seq beyond head */
    CHECK_NOT_ADOPTED(ring[7 % HISTORY] = 3 * entry | (ring[7 % HISTORY] & 0xffff)); /* a gap */
    CHECK_NOT_ADOPTED(ring[7 % HISTORY] = 0);                                        /* an empty entry in the middle */
    CHECK_NOT_ADOPTED(control->head += entry); /* head names a sample that is not in the ring */
    CHECK_NOT_ADOPTED(control->head -= 3 * entry);
    CHECK_NOT_ADOPTED(control->head = 0);
    CHECK_NOT_ADOPTED(control->head ^= 1);                          /* the seq of the newest entry with another slot */
    CHECK_NOT_ADOPTED(control->ownership &= ~(uint64_t)UINT32_MAX); /* no slots */
    CHECK_NOT_ADOPTED(control->ownership = (control->ownership & ~(uint64_t)UINT32_MAX) | 1);
    CHECK_NOT_ADOPTED(control->ownership += 64);
    CHECK_NOT_ADOPTED(control->ownership |= UINT32_MAX);
    free(good);
    free(file.bytes);
}

/* Growth copies history into the larger pool, with lengths that another process may have overwritten. */
TEST(growth_with_forged_lengths_reads_only_within_slots)
{
    pool_file file = make_file();
    const struct pool_geometry *geometry = &header_of(&file)->geometry;
    for (uint32_t i = 0; i < geometry->initial_slots; i++) {
        struct slot_header *slot = (struct slot_header *)(void *)(file.bytes + geometry->slots_offset +
                                                                  i * geometry->stride + slot_header_offset(geometry));
        atomic_store(&slot->lengths[0], UINT32_MAX);
        atomic_store(&slot->valid_bytes, UINT64_MAX);
    }
    write_file(&file);
    pmipc_producer *producer = plain_producer();
    CHECK(pmipc_producer_adopted(producer));
    static float points[25 * 3];
    const pmipc_source sources[] = {{points, 25}, {"0123456789abcdef", 1}};
    CHECK_OK(pmipc_producer_publish_fields(producer, sources, 2, 0, NULL));
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(stream, HISTORY, HISTORY, &view));
    for (uint32_t i = 0; i < HISTORY; i++) {
        pmipc_frame frame;
        CHECK_OK(pmipc_view_frame(&view, i, &frame));
        CHECK_EQ(frame.seq, 7 + i);
        CHECK_EQ(frame.fields[0].length, i == HISTORY - 1 ? 25 : 20);
    }
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    free(file.bytes);
}
