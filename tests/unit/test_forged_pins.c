/* The slot count of a live pool, and the pins of streams, overwritten by a process with write access: valid pins
 * protect their slots, malformed pins are ignored. */
#include "forged.h"

/* ---- the slot count ---- */

static void check_foreign_slot_count(uint64_t extra)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, 3); /* in the first three slots: the window below does not wrap around */
    const uint32_t slots = pmipc_producer_slot_count(producer);
    int fd = open_pool_file("p");
    CHECK_EQ(ftruncate(fd, (off_t)(pool_file_bytes("p") + extra * header_of_file(fd).geometry.stride)), 0);
    write_word(fd, OWNERSHIP, read_word(fd, OWNERSHIP) + extra);
    pmipc_view view, window;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK_OK(pmipc_stream_get_window(stream, 3, 3, &window));
    publish_frame(producer);
    CHECK_EQ((uint32_t)read_word(fd, OWNERSHIP), slots);
    publish_frames(producer, 3 * slots);
    check_view(&view);
    check_view(&window);
    pmipc_view_release(&view);
    pmipc_view_release(&window);
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->slot_count, pmipc_producer_slot_count(producer));
    CHECK_EQ(info->malformed_cells, 0);
    inspect_release(info);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(views_pinned_with_foreign_slot_count_are_protected)
{
    check_foreign_slot_count(1);
    check_foreign_slot_count(64);
    check_foreign_slot_count(MAX_SLOTS / 2);
}

/* The producer would ignore a pin with such a slot count, and the view would not be protected. */
TEST(impossible_slot_count_is_corrupt_until_next_publish)
{
    const pmipc_stream_options options = {.start_oldest = true};
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    pmipc_stream *stream = stream_open("p", &options);
    publish_frames(producer, 3);
    int fd = open_pool_file("p");
    const uint64_t own = read_word(fd, OWNERSHIP), epoch = own & ~(uint64_t)UINT32_MAX;
    const uint64_t counts[] = {0, MAX_SLOTS + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        write_word(fd, OWNERSHIP, epoch | counts[i]);
        pmipc_view view;
        CHECK_STATUS(pmipc_stream_get_last(stream, &view), PMIPC_CORRUPT);
        check_history_reads_are_corrupt(stream);
        publish_frame(producer);
        CHECK_EQ(read_word(fd, OWNERSHIP), own);
    }
    publish_and_read(producer, stream);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- pins ---- */

/* The file offset of the first cell of a row. */
static off_t cell_of_row(int fd, uint32_t row)
{
    return (off_t)header_of_file(fd).geometry.readers_offset + (off_t)offsetof(struct pool_readers, cells) +
           (off_t)(row * sizeof(((struct pool_readers *)0)->cells[0]));
}

static uint64_t cell_of(uint64_t first, uint64_t count, uint64_t slots)
{
    return slots << 32 | count << 16 | first;
}

/* A single store must not stop a producer permanently. */
TEST(pin_of_more_slots_than_history_is_malformed)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    read_newest(stream); /* the stream has row 0 */
    const uint32_t slots = pmipc_producer_slot_count(producer);
    int fd = open_pool_file("p");
    const uint64_t cells[] = {cell_of(0, slots - 1, slots + 1), cell_of(0, MAX_SLOTS, MAX_SLOTS),
                              cell_of(0, 4, slots + 1)};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        write_word(fd, cell_of_row(fd, 0), cells[i]);
        publish_frames(producer, 5 * slots);
        CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    }
    pmipc_pool_info *info = inspect("p");
    CHECK(info->malformed_cells >= 3);
    inspect_release(info);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* Describing a pool reads the sample number in a pinned slot; these pins name slots that do not exist. */
TEST(malformed_pins_are_left_out_of_reader_info)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    read_newest(stream); /* the stream has row 0 */
    const uint32_t slots = pmipc_producer_slot_count(producer);
    int fd = open_pool_file("p");
    const uint64_t cells[] = {cell_of(slots, 1, slots), cell_of(0, slots + 1, slots), cell_of(0, 0, slots),
                              cell_of(UINT16_MAX, 1, MAX_SLOTS), cell_of(UINT16_MAX, UINT16_MAX, UINT32_MAX)};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        write_word(fd, cell_of_row(fd, 0), cells[i]);
        pmipc_reader_info reader;
        CHECK_EQ(pmipc_producer_readers(producer, &reader, 1), 1);
        CHECK_EQ(reader.pinned_slots, 0);
        CHECK_EQ(reader.oldest_pin_seq, 0);
        pmipc_pool_info *info = inspect("p");
        CHECK_EQ(info->readers[0].pinned_slots, 0);
        inspect_release(info);
    }
    write_word(fd, cell_of_row(fd, 0), cell_of(0, 1, slots));
    CHECK_EQ(pinned_slots(producer), 1);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(pin_of_larger_slot_count_covers_only_its_slots)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    read_newest(stream); /* the stream has row 0 */
    const uint32_t slots = pmipc_producer_slot_count(producer);
    int fd = open_pool_file("p");
    /* Beyond the end, at the last slot of all, across the end, and wrapped around to slot 0. */
    const uint64_t cells[] = {cell_of(slots, 3, MAX_SLOTS), cell_of(MAX_SLOTS - 1, 1, MAX_SLOTS),
                              cell_of(slots - 1, 3, slots + 9), cell_of(slots + 8, 2, slots + 9)};
    const uint32_t named[] = {UINT32_MAX, UINT32_MAX, slots - 1, 0};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        publish_frames(producer, 5 * slots);
        write_word(fd, cell_of_row(fd, 0), cells[i]);
        publish_frames(producer, slots); /* uses up the clean slots */
        bool used[64] = {false};
        for (uint32_t n = 0; n < 5 * slots; n++) {
            publish_frame(producer);
            used[read_word(fd, HEAD) & 0xffff] = true;
        }
        for (uint32_t slot = 0; slot < slots; slot++)
            if (used[slot] != (slot != named[i]))
                FAIL("cell %zu: slot %u was %s", i, slot, used[slot] ? "used" : "not used");
    }
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- pins of every slot ---- */

#define FORGED_ROW 5

/* Pin every slot of the pool, as a process can that writes to the file without the library. */
static void pin_all(int fd, off_t readers, uint32_t slots)
{
    const off_t cell = readers + (off_t)offsetof(struct pool_readers, cells[FORGED_ROW]);
    write_word(fd, cell, cell_make(0, slots, slots));
    write_word(fd, readers + (off_t)offsetof(struct pool_readers, rows_in_use), UINT64_C(1) << FORGED_ROW);
}

static void check_bounded_growth(int64_t bytes, uint32_t history_len)
{
    struct pool_header header;
    pmipc_schema schema = bytes_schema(bytes);
    const pmipc_producer_options options = {.history_len = history_len, .spare = 1};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    int fd = open_pool_file("p");
    CHECK_EQ(pread(fd, &header, sizeof header, 0), sizeof header);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_BYTE_ROW(FORGED_ROW), .l_len = 1};
    CHECK_EQ(fcntl(fd, F_OFD_SETLK, &lock), 0);
    const uint32_t initial = pmipc_producer_slot_count(producer), step = header.geometry.slots_per_step;
    const uint32_t held = 64 * (2 * history_len + 15);
    char *data = calloc(1, (size_t)bytes);
    uint64_t newest = 0;
    pmipc_status status = PMIPC_OK;
    for (uint32_t i = 0; i < 4 * held && status == PMIPC_OK; i++) {
        pin_all(fd, (off_t)header.geometry.readers_offset, pmipc_producer_slot_count(producer));
        status = pmipc_producer_publish(producer, data, 0, &newest);
    }
    CHECK_STATUS(status, PMIPC_FULL);
    CHECK_EQ(pmipc_producer_slot_count(producer), initial + (held + step - 1) / step * step);
    pmipc_error error;
    pmipc_producer_last_error(producer, &error);
    CHECK_HAS(error.text, "its maximum number of slots");
    CHECK_HAS(error.text, "held by pid");
    lock.l_type = F_UNLCK; /* as when its owner dies */
    CHECK_EQ(fcntl(fd, F_OFD_SETLK, &lock), 0);
    CHECK(pmipc_producer_sweep(producer) == 1);
    uint64_t next;
    CHECK_OK(pmipc_producer_publish(producer, data, 0, &next));
    CHECK_EQ(next, newest + 1);
    free(data);
    close(fd);
    pmipc_producer_close(producer);
}

TEST(growth_by_forged_pins_stops_at_its_bound)
{
    check_bounded_growth(page_frame_bytes(), 2);
}

TEST(growth_of_small_slots_by_forged_pins_stops_at_its_bound)
{
    check_bounded_growth(8, 3);
}
