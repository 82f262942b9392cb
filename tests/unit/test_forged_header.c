/* Headers with false values and a valid checksum. Random damage is detected by the checksum; these values must be
 * detected by the checks after it. */
#include "pool_bytes.h"

/* Control for the tests below: a file with a valid checksum is a pool, a changed file with the old checksum is not. */
TEST(file_with_valid_checksum_is_a_pool)
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
    unlink(pool_file_path);
    free(file.bytes);
}

/* A file without the magic number is not a pool, and a producer does not replace it: remove it by force. */
static void remove_if_foreign(const pool_file *file)
{
    if (header_of(file)->magic == POOL_MAGIC)
        return;
    pmipc_schema schema = pmipc_schema_tensor(PMIPC_UINT8, 1, (const int64_t[]){1});
    pmipc_producer *refused;
    CHECK_STATUS(pmipc_producer_open(&refused, "p", &schema, NULL, NULL), PMIPC_CORRUPT);
    CHECK_OK(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.force = true}, NULL));
}

static void check_refused(const pool_file *file, const char *change)
{
    seal(file);
    write_file(file);
    pmipc_status status = inspected();
    if (status != PMIPC_CORRUPT && status != PMIPC_INCOMPATIBLE)
        FAIL("%s: inspect returned %s", change, pmipc_status_name(status));
    pmipc_stream *stream = NULL;
    status = pmipc_stream_open(&stream, "p", NULL, NULL);
    if (status != PMIPC_CORRUPT && status != PMIPC_INCOMPATIBLE)
        FAIL("%s: open returned %s", change, pmipc_status_name(status));
    remove_if_foreign(file);
    pmipc_producer *producer = plain_producer();
    if (pmipc_producer_adopted(producer))
        FAIL("%s: it was adopted", change);
    publish_frames(producer, 20);
    pmipc_producer_close(producer);
}

#define CHECK_REFUSED(change)                               \
    do {                                                    \
        memcpy(file.bytes, good, file.size);                \
        struct pool_header *header = header_of(&file);      \
        struct pool_geometry *geometry = &header->geometry; \
        pmipc_field *field = field_of(&file);               \
        (void)geometry;                                     \
        (void)field;                                        \
        change;                                             \
        check_refused(&file, #change);                      \
    } while (0)

TEST(false_header_with_valid_checksum_is_corrupt_or_incompatible)
{
    pool_file file = make_file();
    char *good = malloc(file.size);
    memcpy(good, file.bytes, file.size);
    CHECK_REFUSED(header->magic++);
    CHECK_REFUSED(header->layout_version++);
    CHECK_REFUSED(header->fingerprint++);
    CHECK_REFUSED(header->header_bytes++);
    CHECK_REFUSED(header->incarnation = 0);
    CHECK_REFUSED(header->field_count = 0);
    CHECK_REFUSED(header->field_count = 1);
    CHECK_REFUSED(header->field_count = 33);
    CHECK_REFUSED(header->field_count = UINT32_MAX);
    CHECK_REFUSED(header->text_bytes = UINT32_MAX);
    CHECK_REFUSED(header->text_bytes = 0);
    CHECK_REFUSED(geometry->page_bytes = 8192);
    CHECK_REFUSED(geometry->page_bytes = 0);
    CHECK_REFUSED(geometry->history_len = 0);
    CHECK_REFUSED(geometry->history_len = HISTORY + 100);
    CHECK_REFUSED(geometry->history_len = UINT32_MAX);
    CHECK_REFUSED(geometry->initial_slots += 64);
    CHECK_REFUSED(geometry->initial_slots = 0);
    CHECK_REFUSED(geometry->slots_per_step = 0);
    CHECK_REFUSED(geometry->slots_per_step = UINT32_MAX);
    CHECK_REFUSED(geometry->spare += 1000);
    CHECK_REFUSED(geometry->schema_offset += 64);
    CHECK_REFUSED(geometry->schema_offset = UINT64_MAX);
    CHECK_REFUSED(geometry->schema_bytes = 0);
    CHECK_REFUSED(geometry->metadata_offset = UINT64_MAX);
    CHECK_REFUSED(geometry->metadata_offset = 0);
    CHECK_REFUSED(geometry->metadata_bytes = UINT64_MAX);
    CHECK_REFUSED(geometry->metadata_bytes = 1 << 19);
    CHECK_REFUSED(geometry->readers_offset = 0);
    CHECK_REFUSED(geometry->readers_offset = UINT64_C(1) << 62);
    CHECK_REFUSED(geometry->slots_offset = 0);
    CHECK_REFUSED(geometry->slots_offset = UINT64_MAX - 4095);
    CHECK_REFUSED(geometry->stride = 0);
    CHECK_REFUSED(geometry->stride *= 2);
    CHECK_REFUSED(geometry->stride = UINT64_C(1) << 63);
    CHECK_REFUSED(geometry->payload_bytes = UINT64_MAX);
    CHECK_REFUSED(geometry->payload_bytes = 8);
    CHECK_REFUSED(field->ndim = 9);
    CHECK_REFUSED(field->ndim = 0);
    CHECK_REFUSED(field->shape[0] = INT64_MAX);
    CHECK_REFUSED(field->shape[0] = -1);
    CHECK_REFUSED(field->shape[0] = 21000);
    CHECK_REFUSED(field->itemsize = 0);
    CHECK_REFUSED(field->itemsize = 1u << 30);
    CHECK_REFUSED(field->flags = UINT32_MAX);
    CHECK_REFUSED(memset(field->name, 'n', sizeof field->name));
    CHECK_REFUSED(field[1].descr_offset = UINT32_MAX);
    CHECK_REFUSED(field[1].descr_bytes = 4000);
    free(good);
    free(file.bytes);
}

/* Random changes with a valid checksum: an accepted file is used, and every call returns a status. */
TEST(random_false_header_is_refused_or_harmless)
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
