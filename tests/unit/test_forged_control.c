/* Single words of the control page, the ring and the slot headers of a live pool, overwritten by a process with write
 * access: reads return CORRUPT and do not hang. */
#include "forged.h"
#include "sleeper.h"

#define BYTES 1000
#define MS INT64_C(1000000)

/* ---- head ---- */

TEST(get_next_with_head_beyond_history_is_corrupt)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 10);
    publish_frames(producer, 20);
    pmipc_stream *stream = stream_open("p", NULL);
    int fd = open_pool_file("p");
    write_word(fd, HEAD, read_word(fd, HEAD) + (UINT64_C(1000) << 16));
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_next(stream, 200 * MS, &view), PMIPC_CORRUPT);
    CHECK_STATUS(pmipc_stream_get_next(stream, 0, &view), PMIPC_CORRUPT);
    pmipc_error error;
    pmipc_stream_last_error(stream, &error);
    CHECK_HAS(error.text, "corrupt");
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(history_reads_with_head_beyond_history_are_corrupt)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 10);
    publish_frames(producer, 20);
    pmipc_stream *stream = stream_open("p", NULL);
    int fd = open_pool_file("p");
    write_word(fd, HEAD, read_word(fd, HEAD) + (UINT64_C(1000) << 16));
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_unseen(stream, &view), PMIPC_CORRUPT);
    CHECK_STATUS(pmipc_stream_get_window(stream, 1, 4, &view), PMIPC_CORRUPT);
    CHECK_STATUS(pmipc_stream_get_at(stream, 0, PMIPC_AT_NEAREST, -1, &view), PMIPC_CORRUPT);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(history_of_one_is_never_empty_between_stores_of_publish)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 1);
    publish_frames(producer, 3);
    const pmipc_stream_options options = {.start_oldest = true};
    pmipc_stream *stream = stream_open("p", &options);
    int fd = open_pool_file("p");
    uint64_t head = read_word(fd, HEAD);
    /* The state between the two stores of a publish. */
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

TEST(get_next_finds_newest_of_history_of_one_after_kill)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 1);
    publish_frames(producer, 3);
    pmipc_producer_abandon(producer);
    int fd = open_pool_file("p");
    uint64_t head = read_word(fd, HEAD);
    /* The entry of the next sample is stored, head is not. */
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

/* Overwrite the ring and head: one sample, sequence number `seq`, in slot 1. */
static void write_only_sample(int fd, uint64_t seq)
{
    struct pool_header header;
    CHECK_EQ(pread(fd, &header, sizeof header, 0), sizeof header);
    for (uint32_t i = 0; i < header.geometry.history_len; i++)
        write_word(fd, POOL_RING_OFFSET + 8 * (off_t)i, 0);
    write_word(fd, POOL_RING_OFFSET + 8 * (off_t)(seq % header.geometry.history_len), seq << 16 | 1);
    write_word(
        fd, (off_t)(header.geometry.slots_offset + header.geometry.stride + slot_header_offset(&header.geometry)), seq);
    write_word(fd, HEAD, seq << 16 | 1);
}

static void check_next_seq_is_four(uint32_t history_len, void (*forge)(int fd))
{
    pmipc_producer *producer = bytes_producer("p", BYTES, history_len);
    publish_frames(producer, 3);
    int fd = open_pool_file("p");
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

/* A producer that lost its lock may publish once more, much later: history is then consistent but old. If the producer
 * continued from there, streams would take two samples with the same sequence number for one. */
TEST(producer_ignores_forged_history_older_than_its_own)
{
    check_next_seq_is_four(1, write_first_sample);
    check_next_seq_is_four(2, write_first_sample);
    check_next_seq_is_four(1, write_no_sample);
}

/* The next publish replaces an invalid head. The producer never writes a slot of its history, before or after that. */
TEST(producer_with_forged_head_keeps_slots_of_history)
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
    publish_frames(producer, 3); /* now every slot is pinned or in the ring */
    int fd = open_pool_file("p");
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

/* Sequence numbers end at 2^48: a producer that adopted a pool just before that limit could not publish. */
TEST(pool_near_end_of_sequence_numbers_is_replaced)
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
        int fd = open_pool_file("p");
        write_only_sample(fd, cases[i].seq);
        close(fd);
        producer = bytes_producer("p", BYTES, 3);
        CHECK_EQ(pmipc_producer_adopted(producer), cases[i].adopted);
        CHECK_EQ(publish_frame(producer), cases[i].adopted ? cases[i].seq + 1 : 1);
        pmipc_producer_close(producer);
    }
}

/* ---- the pool name in the header ---- */

TEST(renamed_pool_file_is_corrupt_and_replaced)
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

/* Clear the waiting flag while the stream sleeps: the next publish does not increment the bell. */
static void publish_without_bell(void *context)
{
    int fd = *(int *)context;
    struct pool_header header;
    const uint32_t none = 0;
    CHECK_EQ(pread(fd, &header, sizeof header, 0), sizeof header);
    const off_t waiting = (off_t)header.geometry.readers_offset + (off_t)offsetof(struct pool_readers, waiting);
    CHECK_EQ(pwrite(fd, &none, sizeof none, waiting), sizeof none);
    publish_frame(publisher);
}

TEST(wait_returns_although_the_wake_was_lost)
{
    publisher = bytes_producer("p", BYTES, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    int fd = open_pool_file("p");
    waker watcher;
    when_i_sleep(&watcher, publish_without_bell, &fd);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_new(stream, PMIPC_FOREVER, &view));
    CHECK_EQ(view.seq, 1);
    pmipc_view_release(&view);
    pthread_join(watcher.thread, NULL);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(publisher);
}

/* ---- facts of the producer ---- */

TEST(busy_error_with_forged_start_time_names_producer)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 10), *second;
    const pmipc_schema schema = bytes_schema(BYTES);
    int fd = open_pool_file("p");
    write_word(fd, POOL_CONTROL_OFFSET + (off_t)offsetof(struct pool_control, owner_since_ns), (uint64_t)INT64_MIN);
    pmipc_error error;
    CHECK_STATUS(pmipc_producer_open(&second, "p", &schema, NULL, &error), PMIPC_BUSY);
    CHECK_HAS(error.text, "for 1"); /* about 11 thousand million seconds; the difference must not overflow */
    close(fd);
    pmipc_producer_close(producer);
}

/* ---- the ring ---- */

TEST(ring_entry_with_slot_beyond_pool_is_corrupt)
{
    const pmipc_stream_options options = {.start_oldest = true};
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    pmipc_stream *stream = stream_open("p", &options);
    publish_frames(producer, 3);
    int fd = open_pool_file("p");
    const uint64_t slots[] = {pmipc_producer_slot_count(producer), MAX_SLOTS, UINT16_MAX};
    for (uint64_t seq = 1; seq <= 3; seq++) { /* oldest, middle, newest */
        const off_t place = POOL_RING_OFFSET + 8 * (off_t)(seq % 3);
        const uint64_t entry = read_word(fd, place);
        for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
            write_word(fd, place, seq << 16 | slots[i]);
            check_history_reads_are_corrupt(stream);
        }
        write_word(fd, place, entry);
    }
    pmipc_view window;
    CHECK_OK(pmipc_stream_get_window(stream, 3, 3, &window));
    check_view(&window);
    pmipc_view_release(&window);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- the headers of slots ---- */

/* The file offset of the slot of a sample. */
static off_t slot_of_sample(int fd, uint64_t seq)
{
    const struct pool_header header = header_of_file(fd);
    const uint64_t entry = read_word(fd, POOL_RING_OFFSET + 8 * (off_t)(seq % header.geometry.history_len));
    return (off_t)(header.geometry.slots_offset + (entry & 0xffff) * header.geometry.stride +
                   slot_header_offset(&header.geometry));
}

/* `held`: the number of views to hold; with PMIPC_MAX_VIEWS the reads below return copies. */
static void check_damaged_slot_headers(uint32_t held)
{
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), 3);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, 3);
    int fd = open_pool_file("p");
    pmipc_view views[PMIPC_MAX_VIEWS], view;
    for (uint32_t i = 0; i < held; i++)
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
    for (uint64_t seq = 1; seq <= 3; seq++) {
        write_word(fd, slot_of_sample(fd, seq), seq + 3);
        CHECK_STATUS(pmipc_stream_get_window(stream, 3, 3, &view), PMIPC_CORRUPT);
        pmipc_error error;
        pmipc_stream_last_error(stream, &error);
        CHECK_HAS(error.text, "the slot header of sample");
        CHECK_EQ(pinned_slots(producer), held);
        CHECK_STATUS(pmipc_stream_get_at(stream, 0, PMIPC_AT_NEAREST, -1, &view), PMIPC_CORRUPT);
        CHECK_EQ(pinned_slots(producer), held);
        CHECK_STATUS(pmipc_stream_get_last(stream, &view), seq == 3 ? PMIPC_CORRUPT : PMIPC_OK);
        if (seq < 3)
            pmipc_view_release(&view);
        CHECK_EQ(pinned_slots(producer), held);
        write_word(fd, slot_of_sample(fd, seq), seq);
    }
    CHECK_OK(pmipc_stream_get_window(stream, 3, 3, &view));
    CHECK_EQ(view.copied, held == PMIPC_MAX_VIEWS);
    check_view(&view);
    pmipc_view_release(&view);
    for (uint32_t i = 0; i < held; i++)
        pmipc_view_release(&views[i]);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(damaged_slot_header_is_corrupt_and_leaves_no_pin)
{
    check_damaged_slot_headers(0);
    check_damaged_slot_headers(PMIPC_MAX_VIEWS);
}

static void write_length(int fd, uint64_t seq, uint32_t length)
{
    const off_t place = slot_of_sample(fd, seq) + (off_t)offsetof(struct slot_header, lengths);
    CHECK_EQ(pwrite(fd, &length, sizeof length, place), sizeof length);
}

TEST(length_beyond_field_is_corrupt_in_reads_and_views)
{
    const int64_t room = 100;
    const uint8_t data[100] = {0};
    const pmipc_source source = {data, room};
    const pmipc_producer_options options = {.history_len = 3};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "points", PMIPC_UINT8, 1, &room, PMIPC_FIELD_VARIABLE, NULL));
    pmipc_producer *producer = producer_open("p", &schema, &options);
    for (int i = 0; i < 3; i++)
        CHECK_OK(pmipc_producer_publish_fields(producer, &source, 1, 0, NULL));
    pmipc_stream *stream = stream_open("p", NULL);
    int fd = open_pool_file("p");
    pmipc_view window, view;
    pmipc_frame frame;
    CHECK_OK(pmipc_stream_get_window(stream, 3, 3, &window));
    for (uint64_t seq = 1; seq <= 3; seq++) {
        write_length(fd, seq, (uint32_t)room + 1);
        CHECK_STATUS(pmipc_stream_get_window(stream, 3, 3, &view), PMIPC_CORRUPT);
        pmipc_error error;
        pmipc_stream_last_error(stream, &error);
        CHECK_HAS(error.text, "the length of sample");
        CHECK_EQ(pinned_slots(producer), 3);
        for (uint32_t index = 0; index < 3; index++)
            CHECK_STATUS(pmipc_view_frame(&window, index, &frame), index + 1 == seq ? PMIPC_CORRUPT : PMIPC_OK);
        CHECK_STATUS(pmipc_stream_get_last(stream, &view), seq == 3 ? PMIPC_CORRUPT : PMIPC_OK);
        if (seq < 3)
            pmipc_view_release(&view);
        CHECK_EQ(pinned_slots(producer), 3);
        write_length(fd, seq, (uint32_t)room);
        CHECK_OK(pmipc_stream_get_window(stream, 3, 3, &view));
        pmipc_view_release(&view);
    }
    pmipc_view_release(&window);
    close(fd);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
