/* Single words of a living pool's control page and ring, overwritten by somebody with write access: whoever reads them says
 * CORRUPT, in time.
 *
 * This test knows the layout from the inside: forging needs it. */
#include "pools.h"
#include "sleeper.h"

#include "pool/protocol.h"

#include <fcntl.h>
#include <unistd.h>

#define BYTES 1000
#define MS INT64_C(1000000)

static const off_t HEAD = POOL_CONTROL_OFFSET + (off_t)offsetof(struct pool_control, head);

static int open_file(const char *name)
{
    char path[512];
    pool_path(name, path, sizeof path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static uint64_t read_word(int fd, off_t offset)
{
    uint64_t word;
    CHECK_EQ(pread(fd, &word, sizeof word, offset), sizeof word);
    return word;
}

static void write_word(int fd, off_t offset, uint64_t word)
{
    CHECK_EQ(pwrite(fd, &word, sizeof word, offset), sizeof word);
}

/* ---- head ---- */

TEST(a_head_that_promises_what_history_does_not_hold_is_damage_to_get_next)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 10);
    publish_frames(producer, 20);
    pmipc_stream *stream = stream_open("p", NULL);
    int fd = open_file("p");
    write_word(fd, HEAD, read_word(fd, HEAD) + (UINT64_C(1000) << 16));
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_next(stream, 200 * MS, &view), PMIPC_CORRUPT);
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_CORRUPT);
    pmipc_error error;
    pmipc_stream_last_error(stream, &error);
    CHECK_HAS(error.text, "damaged");
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(a_head_that_promises_what_history_does_not_hold_is_damage_to_reads_of_history)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 10);
    publish_frames(producer, 20);
    pmipc_stream *stream = stream_open("p", NULL);
    int fd = open_file("p");
    write_word(fd, HEAD, read_word(fd, HEAD) + (UINT64_C(1000) << 16));
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_unseen(stream, &view), PMIPC_CORRUPT);
    CHECK_STATUS(pmipc_stream_get_window(stream, 1, 4, &view), PMIPC_CORRUPT);
    CHECK_STATUS(pmipc_stream_get_at(stream, 0, PMIPC_AT_NEAREST, -1, &view), PMIPC_CORRUPT);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(a_history_of_one_is_never_empty_to_reads_of_history)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 1);
    publish_frames(producer, 3);
    const pmipc_stream_options options = {.start_oldest = true};
    pmipc_stream *stream = stream_open("p", &options);
    int fd = open_file("p");
    uint64_t head = read_word(fd, HEAD);
    /* As between two stores of publish. */
    write_word(fd, POOL_RING_OFFSET, UINT64_C(4) << 16 | ((head & 0xffff) == 0 ? 1 : 0));
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(stream, 1, 1, &view));
    CHECK_EQ(view.seq, 3);
    pmipc_view_release(&view);
    CHECK_OK(pmipc_stream_get_at(stream, 0, PMIPC_AT_NEAREST, -1, &view));
    CHECK_EQ(view.seq, 3);
    pmipc_view_release(&view);
    CHECK_STATUS(pmipc_stream_get_at(stream, 0, PMIPC_AT_BEFORE, -1, &view), PMIPC_NOTHING_NEW);
    CHECK_OK(pmipc_stream_get_unseen(stream, &view));
    CHECK_EQ(view.seq, 3);
    pmipc_view_release(&view);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(get_next_finds_the_newest_where_a_kill_between_two_stores_left_a_history_of_one)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 1);
    publish_frames(producer, 3);
    pmipc_producer_abandon(producer);
    int fd = open_file("p");
    uint64_t head = read_word(fd, HEAD);
    /* The next entry, head not stored. */
    write_word(fd, POOL_RING_OFFSET, UINT64_C(4) << 16 | ((head & 0xffff) == 0 ? 1 : 0));
    const pmipc_stream_options options = {.start_oldest = true};
    pmipc_stream *stream = stream_open("p", &options);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
    CHECK_EQ(view.seq, 3);
    CHECK_EQ(view.lost, 0);
    check_view(&view);
    pmipc_view_release(&view);
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_TIMEOUT);
    close(fd);
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

/* A single sample whose number is `seq`, in slot 1. */
static void write_only_sample(int fd, uint64_t seq)
{
    struct pool_header header;
    CHECK_EQ(pread(fd, &header, sizeof header, 0), sizeof header);
    for (uint32_t i = 0; i < header.geometry.history_len; i++)
        write_word(fd, POOL_RING_OFFSET + 8 * (off_t)i, 0);
    write_word(fd, POOL_RING_OFFSET + 8 * (off_t)(seq % header.geometry.history_len), seq << 16 | 1);
    write_word(fd, (off_t)(header.geometry.slots_offset + header.geometry.stride), seq);
    write_word(fd, HEAD, seq << 16 | 1);
}

static void check_goes_on_from_three(uint32_t history_len, void (*forge)(int fd))
{
    pmipc_producer *producer = bytes_producer("p", BYTES, history_len);
    publish_frames(producer, 3);
    int fd = open_file("p");
    forge(fd);
    publish_frames(producer, 1);
    CHECK_EQ(pmipc_producer_seq(producer), 4);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    CHECK_EQ(view.seq, 4);
    pmipc_view_release(&view);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

static void write_first_sample(int fd)
{
    write_only_sample(fd, 1);
}

static void write_no_sample(int fd)
{
    write_word(fd, POOL_RING_OFFSET, 0);
    write_word(fd, HEAD, 0);
}

/* A producer that lost its lock may publish once more, long after, and history is then a sound one of the past. Numbers that came
 * twice would be taken for the same sample. */
TEST(a_producer_never_goes_back_to_a_history_that_is_older_than_its_own)
{
    check_goes_on_from_three(1, write_first_sample);
    check_goes_on_from_three(2, write_first_sample);
    check_goes_on_from_three(1, write_no_sample);
}

/* A head that makes no sense is overwritten by the next publish; until then, and after, no slot in the ring is written. */
TEST(a_producer_whose_head_was_overwritten_still_knows_which_slots_its_history_is_in)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    pmipc_stream *stream = stream_open("p", NULL);
    const uint32_t slots = pmipc_producer_slot_count(producer);
    CHECK_EQ(slots, 6);
    pmipc_view views[3], window;
    for (int i = 0; i < 3; i++) {
        publish_frame(producer);
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
    }
    publish_frames(producer, 3); /* every slot is pinned or in the ring */
    int fd = open_file("p");
    const uint64_t head = read_word(fd, HEAD);
    write_word(fd, HEAD, head + (UINT64_C(1000) << 16));
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    memset(loan.fields[0].data, 0xff, (size_t)page_frame_bytes());
    write_word(fd, HEAD, head);
    CHECK_OK(pmipc_stream_get_window(stream, 3, 3, &window));
    check_view(&window);
    CHECK_EQ(window.seq, 6);
    pmipc_view_release(&window);
    pmipc_producer_discard(producer, &loan);
    CHECK_EQ(pmipc_producer_slot_count(producer), slots + 1);
    for (int i = 0; i < 3; i++) {
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
    }
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* Numbers end at 2^48: whoever adopts one shortly before it would publish what no stream can read. */
TEST(a_pool_whose_sequence_numbers_are_nearly_used_up_is_replaced)
{
    const uint64_t end = UINT64_C(1) << 48;
    const struct {
        uint64_t seq;
        bool adopted;
    } cases[] = {{end - 4, false}, {end / 2, false}, {end / 4, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pmipc_producer *producer = bytes_producer("p", BYTES, 3);
        publish_frames(producer, 3);
        pmipc_producer_abandon(producer);
        int fd = open_file("p");
        write_only_sample(fd, cases[i].seq);
        close(fd);
        producer = bytes_producer("p", BYTES, 3);
        CHECK_EQ(pmipc_producer_adopted(producer), cases[i].adopted);
        CHECK_EQ(publish_frame(producer), cases[i].adopted ? cases[i].seq + 1 : 1);
        pmipc_producer_close(producer);
    }
}

/* ---- the name in the header ---- */

TEST(a_renamed_pool_is_damage_and_its_header_is_not_believed)
{
    pmipc_producer *producer = bytes_producer("old", BYTES, 3);
    publish_frames(producer, 3);
    pmipc_producer_abandon(producer);
    char from[512], to[600];
    pool_path("old", from, sizeof from);
    snprintf(to, sizeof to, "%s/new", test_folder());
    CHECK_EQ(rename(from, to), 0);
    pmipc_error error = {0};
    pmipc_stream *stream;
    CHECK_STATUS(pmipc_stream_open(&stream, "new", NULL, &error), PMIPC_CORRUPT);
    CHECK_HAS(error.text, "pool 'new'");
    CHECK_HAS(error.text, "renamed");
    CHECK(!strstr(error.text, "old"));
    pmipc_pool_info *info = calloc(1, sizeof *info);
    CHECK_STATUS(pmipc_pool_inspect("new", NULL, info, NULL), PMIPC_CORRUPT);
    free(info);
    producer = bytes_producer("new", BYTES, 3); /* replaced, not adopted */
    CHECK(!pmipc_producer_adopted(producer));
    pmipc_producer_close(producer);
}

/* ---- a lost wake ---- */

static pmipc_producer *publisher;

/* While the sleeper sleeps: it is not known to wait any more, so the next publish rings for nobody. */
static void publish_without_ringing(void *context)
{
    int fd = *(int *)context;
    struct pool_header header;
    const uint32_t nobody = 0;
    CHECK_EQ(pread(fd, &header, sizeof header, 0), sizeof header);
    const off_t waiting = (off_t)header.geometry.readers_offset + (off_t)offsetof(struct pool_readers, waiting);
    CHECK_EQ(pwrite(fd, &nobody, sizeof nobody, waiting), sizeof nobody);
    publish_frame(publisher);
}

TEST(a_wake_that_is_lost_costs_a_tenth_of_a_second)
{
    publisher = bytes_producer("p", BYTES, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    int fd = open_file("p");
    waker watcher;
    when_i_sleep(&watcher, publish_without_ringing, &fd);
    int64_t begin_ns = pmipc_monotonic_ns();
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_new(stream, 20000 * MS, &view));
    int64_t took_ns = pmipc_monotonic_ns() - begin_ns;
    CHECK_EQ(view.seq, 1);
    if (took_ns > 5000 * MS)
        FAIL("woke after %" PRId64 " ms", took_ns / MS);
    pmipc_view_release(&view);
    pthread_join(watcher.thread, NULL);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(publisher);
}

/* ---- facts ---- */

TEST(a_producer_that_claims_to_be_older_than_time_is_named_all_the_same)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 10), *second;
    const pmipc_schema schema = bytes_schema(BYTES);
    int fd = open_file("p");
    write_word(fd, POOL_CONTROL_OFFSET + (off_t)offsetof(struct pool_control, owner_since_ns), (uint64_t)INT64_MIN);
    pmipc_error error;
    CHECK_STATUS(pmipc_producer_open(&second, "p", &schema, NULL, &error), PMIPC_BUSY);
    CHECK_HAS(error.text, "for 1"); /* about 11 thousand million seconds, and not less than none */
    close(fd);
    pmipc_producer_close(producer);
}

/* ---- the slot count, and pins of more slots than there are ---- */

static const off_t OWNERSHIP = POOL_CONTROL_OFFSET + (off_t)offsetof(struct pool_control, ownership);

static struct pool_header header_of_file(int fd)
{
    struct pool_header header;
    CHECK_EQ(pread(fd, &header, sizeof header, 0), sizeof header);
    return header;
}

/* The first cell of a row. */
static off_t cell_of_row(int fd, uint32_t row)
{
    return (off_t)header_of_file(fd).geometry.readers_offset + (off_t)offsetof(struct pool_readers, cells) +
           (off_t)(row * sizeof(((struct pool_readers *)0)->cells[0]));
}

static void check_foreign_slot_count(uint64_t extra)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, 3); /* in the first three slots: the window below does not go round */
    const uint32_t slots = pmipc_producer_slot_count(producer);
    int fd = open_file("p");
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

TEST(views_taken_while_a_foreign_slot_count_stands_are_protected_and_it_is_replaced)
{
    check_foreign_slot_count(1);
    check_foreign_slot_count(64);
    check_foreign_slot_count(MAX_SLOTS / 2);
}

static uint64_t cell_of(uint64_t first, uint64_t count, uint64_t slots)
{
    return slots << 32 | count << 16 | first;
}

/* A single store must not stop a producer for good. */
TEST(a_pin_of_more_slots_than_history_in_a_larger_pool_is_malformed)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    read_newest(stream); /* it has row 0 */
    const uint32_t slots = pmipc_producer_slot_count(producer);
    int fd = open_file("p");
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

TEST(a_pin_in_a_larger_pool_covers_the_slots_that_it_names_and_no_others)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    read_newest(stream); /* it has row 0 */
    const uint32_t slots = pmipc_producer_slot_count(producer);
    int fd = open_file("p");
    /* Beyond the end; over the end; round the larger end, down to slot 0. */
    const uint64_t cells[] = {cell_of(slots, 3, MAX_SLOTS), cell_of(MAX_SLOTS - 1, 1, MAX_SLOTS),
                              cell_of(slots - 1, 3, slots + 9), cell_of(slots + 8, 2, slots + 9)};
    const uint32_t named[] = {UINT32_MAX, UINT32_MAX, slots - 1, 0};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        publish_frames(producer, 5 * slots);
        write_word(fd, cell_of_row(fd, 0), cells[i]);
        publish_frames(producer, slots); /* what was clean is used up */
        bool used[64] = {false};
        for (uint32_t n = 0; n < 5 * slots; n++) {
            publish_frame(producer);
            used[read_word(fd, HEAD) & 0xffff] = true;
        }
        for (uint32_t slot = 0; slot < slots; slot++)
            if (used[slot] != (slot != named[i]))
                FAIL("cell %zu: slot %u was %s", i, slot, used[slot] ? "used" : "left out");
    }
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- pins ---- */

#define FORGED_ROW 5

/* Pin every slot that the pool has, as a process can that writes to the file and does not keep to the library's limits. */
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
    int fd = open_file("p");
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
    CHECK_HAS(error.text, "reached its bound");
    CHECK_HAS(error.text, "held by pid");
    lock.l_type = F_UNLCK; /* its holder has died */
    CHECK_EQ(fcntl(fd, F_OFD_SETLK, &lock), 0);
    CHECK(pmipc_producer_sweep(producer) == 1);
    uint64_t next;
    CHECK_OK(pmipc_producer_publish(producer, data, 0, &next));
    CHECK_EQ(next, newest + 1);
    free(data);
    close(fd);
    pmipc_producer_close(producer);
}

TEST(forged_pins_make_a_pool_grow_to_its_bound_and_not_beyond)
{
    check_bounded_growth(page_frame_bytes(), 2);
}

TEST(forged_pins_make_a_pool_of_small_slots_grow_to_its_bound_and_not_beyond)
{
    check_bounded_growth(8, 3);
}
