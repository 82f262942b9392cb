/* Pools made by hand. First, headers that lie although their checksum is right: random damage never gets past the
 * checksum; these do, and must be stopped by what is checked after it. Second, the states in which a kill between two
 * stores leaves a pool: too short-lived to be hit by killing.
 *
 * This test knows the layout from the inside: forging needs it. */
#include "pools.h"

#include "pool/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HISTORY 4

static char path[512];

typedef struct pool_file {
    char *bytes;
    size_t size;
} pool_file;

static struct pool_header *header_of(const pool_file *file)
{
    return (struct pool_header *)(void *)file->bytes;
}

static pmipc_field *field_of(const pool_file *file)
{
    return (pmipc_field *)(void *)(file->bytes + header_of(file)->geometry.schema_offset);
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Compute the checksum again, as far as the file goes. */
static void seal(const pool_file *file)
{
    struct pool_header *header = header_of(file);
    const struct pool_geometry *geometry = &header->geometry;
    const uint64_t offsets[] = {geometry->schema_offset,
                                geometry->schema_offset + header->field_count * sizeof(pmipc_field),
                                geometry->metadata_offset};
    const uint64_t bytes[] = {header->field_count * sizeof(pmipc_field), header->text_bytes, geometry->metadata_bytes};
    header->checksum = 0;
    uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), header, sizeof *header);
    for (int i = 0; i < 3; i++)
        if (offsets[i] <= file->size && bytes[i] <= file->size - offsets[i])
            hash = hash_bytes(hash, file->bytes + offsets[i], bytes[i]);
    header->checksum = hash;
}

static pmipc_producer *plain_producer(void)
{
    const int64_t points[] = {20, 3};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "points", PMIPC_FLOAT32, 2, points, PMIPC_FIELD_VARIABLE, NULL));
    CHECK_OK(pmipc_schema_add_opaque(&schema, "label", 16, "S16", 3, 0, NULL, 0, NULL));
    pmipc_producer_options options = {.history_len = HISTORY, .metadata = "{\"unit\": \"m\"}"};
    return producer_open("p", &schema, &options);
}

static pool_file make_file(void)
{
    pmipc_producer *producer = plain_producer();
    publish_frames(producer, 9);
    pool_path("p", path, sizeof path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat facts;
    CHECK(fd >= 0 && fstat(fd, &facts) == 0);
    pool_file file = {.bytes = malloc((size_t)facts.st_size), .size = (size_t)facts.st_size};
    CHECK_EQ(pread(fd, file.bytes, file.size, 0), facts.st_size);
    close(fd);
    pmipc_producer_close(producer);
    return file;
}

static void write_file(const pool_file *file)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, file->bytes, file->size), (ssize_t)file->size);
    close(fd);
}

static pmipc_status inspected(void)
{
    pmipc_pool_info *info = calloc(1, sizeof *info);
    pmipc_status status = pmipc_pool_inspect("p", NULL, info, NULL);
    pmipc_pool_info_release(info);
    free(info);
    return status;
}

/* The forging itself works: a sealed file that was not changed is a pool, one that was not sealed again is none. */
TEST(a_sealed_file_is_a_pool)
{
    pool_file file = make_file();
    seal(&file);
    write_file(&file);
    CHECK_OK(inspected());
    pmipc_producer *producer = plain_producer();
    CHECK(pmipc_producer_adopted(producer));
    CHECK_EQ(pmipc_producer_seq(producer), 9);
    pmipc_producer_close(producer);
    header_of(&file)->incarnation++;
    write_file(&file);
    CHECK_STATUS(inspected(), PMIPC_CORRUPT);
    seal(&file);
    write_file(&file);
    CHECK_OK(inspected());
    unlink(path);
    free(file.bytes);
}

/* Without the magic number it is not a pool: a producer does not replace it. */
static void remove_if_foreign(const pool_file *file)
{
    if (header_of(file)->magic == POOL_MAGIC)
        return;
    pmipc_schema schema = pmipc_schema_tensor(PMIPC_UINT8, 1, (const int64_t[]){1});
    pmipc_producer *refused;
    CHECK_STATUS(pmipc_producer_open(&refused, "p", &schema, NULL, NULL), PMIPC_CORRUPT);
    CHECK_OK(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.force = true}, NULL));
}

static void check_refused(const pool_file *file, const char *lie)
{
    seal(file);
    write_file(file);
    pmipc_status status = inspected();
    if (status != PMIPC_CORRUPT && status != PMIPC_INCOMPATIBLE)
        FAIL("%s: inspect gave %s", lie, pmipc_status_name(status));
    pmipc_stream *stream = NULL;
    status = pmipc_stream_open(&stream, "p", NULL, NULL);
    if (status != PMIPC_CORRUPT && status != PMIPC_INCOMPATIBLE)
        FAIL("%s: open gave %s", lie, pmipc_status_name(status));
    remove_if_foreign(file);
    pmipc_producer *producer = plain_producer();
    if (pmipc_producer_adopted(producer))
        FAIL("%s: it was adopted", lie);
    publish_frames(producer, 20);
    pmipc_producer_close(producer);
}

#define CHECK_LIE(lie)                                      \
    do {                                                    \
        memcpy(file.bytes, good, file.size);                \
        struct pool_header *header = header_of(&file);      \
        struct pool_geometry *geometry = &header->geometry; \
        pmipc_field *field = field_of(&file);               \
        (void)geometry;                                     \
        (void)field;                                        \
        lie;                                                \
        check_refused(&file, #lie);                         \
    } while (0)

TEST(a_header_that_lies_is_refused_although_its_checksum_is_right)
{
    pool_file file = make_file();
    char *good = malloc(file.size);
    memcpy(good, file.bytes, file.size);
    CHECK_LIE(header->magic++);
    CHECK_LIE(header->layout_version++);
    CHECK_LIE(header->fingerprint++);
    CHECK_LIE(header->header_bytes++);
    CHECK_LIE(header->incarnation = 0);
    CHECK_LIE(header->field_count = 0);
    CHECK_LIE(header->field_count = 1);
    CHECK_LIE(header->field_count = 33);
    CHECK_LIE(header->field_count = UINT32_MAX);
    CHECK_LIE(header->text_bytes = UINT32_MAX);
    CHECK_LIE(header->text_bytes = 0);
    CHECK_LIE(geometry->page_bytes = 8192);
    CHECK_LIE(geometry->page_bytes = 0);
    CHECK_LIE(geometry->history_len = 0);
    CHECK_LIE(geometry->history_len = HISTORY + 100);
    CHECK_LIE(geometry->history_len = UINT32_MAX);
    CHECK_LIE(geometry->initial_slots += 64);
    CHECK_LIE(geometry->initial_slots = 0);
    CHECK_LIE(geometry->slots_per_step = 0);
    CHECK_LIE(geometry->slots_per_step = UINT32_MAX);
    CHECK_LIE(geometry->spare += 1000);
    CHECK_LIE(geometry->schema_offset += 64);
    CHECK_LIE(geometry->schema_offset = UINT64_MAX);
    CHECK_LIE(geometry->schema_bytes = 0);
    CHECK_LIE(geometry->metadata_offset = UINT64_MAX);
    CHECK_LIE(geometry->metadata_offset = 0);
    CHECK_LIE(geometry->metadata_bytes = UINT64_MAX);
    CHECK_LIE(geometry->metadata_bytes = 1 << 19);
    CHECK_LIE(geometry->readers_offset = 0);
    CHECK_LIE(geometry->readers_offset = UINT64_C(1) << 62);
    CHECK_LIE(geometry->slots_offset = 0);
    CHECK_LIE(geometry->slots_offset = UINT64_MAX - 4095);
    CHECK_LIE(geometry->stride = 0);
    CHECK_LIE(geometry->stride *= 2);
    CHECK_LIE(geometry->stride = UINT64_C(1) << 63);
    CHECK_LIE(geometry->payload_bytes = UINT64_MAX);
    CHECK_LIE(geometry->payload_bytes = 8);
    CHECK_LIE(field->ndim = 9);
    CHECK_LIE(field->ndim = 0);
    CHECK_LIE(field->shape[0] = INT64_MAX);
    CHECK_LIE(field->shape[0] = -1);
    CHECK_LIE(field->shape[0] = 21000);
    CHECK_LIE(field->itemsize = 0);
    CHECK_LIE(field->itemsize = 1u << 30);
    CHECK_LIE(field->flags = UINT32_MAX);
    CHECK_LIE(memset(field->name, 'n', sizeof field->name));
    CHECK_LIE(field[1].descr_offset = UINT32_MAX);
    CHECK_LIE(field[1].descr_bytes = 4000);
    free(good);
    free(file.bytes);
}

/* Lies at random, sealed: whatever is accepted is used as far as it goes, and only statuses come of it. */
TEST(random_lies_are_refused_or_harmless)
{
    test_random random = random_start();
    pool_file file = make_file();
    char *good = malloc(file.size);
    memcpy(good, file.bytes, file.size);
    const size_t description_end = (size_t)header_of(&file)->geometry.readers_offset;
    for (int round = 0; round < ROUNDS(2000); round++) {
        memcpy(file.bytes, good, file.size);
        for (uint64_t n = 1 + random_below(&random, 3); n > 0; n--) {
            const uint64_t words[] = {
                0, 1, 64, 4096, UINT32_MAX, UINT64_MAX, random_next(&random), random_below(&random, 100)};
            size_t limit = random_below(&random, 2) ? sizeof(struct pool_header) : description_end;
            size_t at = (size_t)random_below(&random, limit / 4) * 4;
            memcpy(file.bytes + at, &words[random_below(&random, 8)], random_below(&random, 2) ? 4 : 8);
        }
        seal(&file);
        write_file(&file);
        pmipc_stream_options options = {.follow_schema = true};
        pmipc_stream *stream = NULL;
        if (pmipc_stream_open(&stream, "p", &options, NULL) == PMIPC_OK) {
            pmipc_view view;
            if (pmipc_stream_get_last(stream, &view) == PMIPC_OK) {
                for (uint32_t f = 0; f < view.field_count; f++)
                    frame_is_whole(view.fields[f].data, (size_t)pmipc_field_bytes(&view.schema->fields[f]), view.seq);
                pmipc_view_release(&view);
            }
            pmipc_stream_close(stream);
        }
        (void)inspected();
        remove_if_foreign(&file);
        pmipc_producer *producer = plain_producer();
        publish_frames(producer, 3);
        pmipc_producer_close(producer);
    }
    free(good);
    free(file.bytes);
}

/* ---- between two stores ---- */

static struct pool_control *control_of(const pool_file *file)
{
    return (struct pool_control *)(void *)(file->bytes + POOL_CONTROL_OFFSET);
}

static _Atomic uint64_t *ring_of(const pool_file *file)
{
    return (_Atomic uint64_t *)(void *)(file->bytes + POOL_RING_OFFSET);
}

/* Killed after the ring's store and before head's: sample 9 is complete, head still names 8. */
TEST(a_producer_killed_between_its_two_stores_is_adopted_with_its_last_sample)
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
    CHECK_OK(pmipc_stream_get_new(stream, 0, &view)); /* streams have it too */
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

/* Killed after the very first ring store: there is an entry, and head is still empty. */
TEST(a_producer_killed_between_its_first_two_stores_is_adopted_too)
{
    pool_file file = make_file();
    uint64_t entry = atomic_load(&ring_of(&file)[9 % HISTORY]);
    for (int i = 0; i < HISTORY; i++)
        atomic_store(&ring_of(&file)[i], 0);
    uint64_t first = UINT64_C(1) << 16 | (entry & 0xffff);
    atomic_store(&ring_of(&file)[1 % HISTORY], first);
    atomic_store(&control_of(&file)->head, 0);
    struct slot_header *slot = (struct slot_header *)(void *)(file.bytes + header_of(&file)->geometry.slots_offset +
                                                              (entry & 0xffff) * header_of(&file)->geometry.stride);
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

/* Whoever sleeps has read the bell before it looked: adoption and retirement must change it, not only wake. */
TEST(adoption_and_retirement_ring_the_bell)
{
    pool_file file = make_file();
    uint32_t bell = atomic_load(&control_of(&file)->bell);
    write_file(&file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
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

/* A flag that a killed waiter left set costs one bump of the bell, never one a publish. */
TEST(a_waiting_flag_left_by_the_dead_is_cleared_by_one_publish)
{
    pool_file file = make_file();
    struct pool_readers *readers =
        (struct pool_readers *)(void *)(file.bytes + header_of(&file)->geometry.readers_offset);
    atomic_store(&readers->waiting, 1);
    write_file(&file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
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

/* A row that is still marked costs every scan of the producer; nobody would notice. */
TEST(a_closed_stream_leaves_no_trace_in_the_readers_region)
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
    pool_path("p", path, sizeof path);
    struct pool_readers *readers = calloc(1, sizeof *readers);
    struct pool_header header;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
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

/* Retired, but killed before it was unlinked: the file is nobody's pool, and does not stand in the way. */
TEST(a_retired_file_under_a_name_is_absent_and_replaced)
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

/* ---- rings that are not sound: never adopted ---- */

#define CHECK_UNSOUND(damage)                             \
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
            FAIL("adopted in spite of %s", #damage);      \
        publish_frames(producer, 20);                     \
        pmipc_producer_close(producer);                   \
    } while (0)

static void swap_entries(_Atomic uint64_t *ring, uint32_t i, uint32_t j)
{
    uint64_t entry = ring[i];
    ring[i] = ring[j];
    ring[j] = entry;
}

TEST(a_ring_that_is_not_sound_is_not_adopted)
{
    pool_file file = make_file(); /* samples 6 to 9 */
    char *good = malloc(file.size);
    memcpy(good, file.bytes, file.size);
    const uint64_t entry = UINT64_C(1) << 16;             /* one sequence number */
    CHECK_UNSOUND(ring[9 % HISTORY] = ring[8 % HISTORY]); /* one slot twice, and a seq that does not fit its place */
    CHECK_UNSOUND(ring[7 % HISTORY] = 7 * entry | (ring[8 % HISTORY] & 0xffff)); /* one slot twice */
    CHECK_UNSOUND(swap_entries(ring, 7 % HISTORY, 8 % HISTORY));                 /* both in the wrong place */
    CHECK_UNSOUND(ring[7 % HISTORY] = 7 * entry | 0xffff);                       /* no such slot */
    CHECK_UNSOUND(ring[7 % HISTORY] += HISTORY * entry);                         /* two ahead of head */
    CHECK_UNSOUND(ring[7 % HISTORY] = 3 * entry | (ring[7 % HISTORY] & 0xffff)); /* a gap */
    CHECK_UNSOUND(ring[7 % HISTORY] = 0);                                        /* a hole in the middle */
    CHECK_UNSOUND(control->head += entry); /* head names what is not in the ring */
    CHECK_UNSOUND(control->head -= 3 * entry);
    CHECK_UNSOUND(control->head = 0);
    CHECK_UNSOUND(control->head ^= 1);                          /* the right number in another slot */
    CHECK_UNSOUND(control->ownership &= ~(uint64_t)UINT32_MAX); /* no slots */
    CHECK_UNSOUND(control->ownership = (control->ownership & ~(uint64_t)UINT32_MAX) | 1);
    CHECK_UNSOUND(control->ownership += 64);
    CHECK_UNSOUND(control->ownership |= UINT32_MAX);
    free(good);
    free(file.bytes);
}

/* History is copied into the larger pool: lengths in it are whatever somebody has written there. */
TEST(growth_reads_no_further_than_slots_go_whatever_their_lengths_say)
{
    pool_file file = make_file();
    const struct pool_geometry *geometry = &header_of(&file)->geometry;
    for (uint32_t i = 0; i < geometry->initial_slots; i++) {
        struct slot_header *slot =
            (struct slot_header *)(void *)(file.bytes + geometry->slots_offset + i * geometry->stride);
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
