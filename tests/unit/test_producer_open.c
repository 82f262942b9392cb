/* Opening a producer: create, adopt, replace, refuse. */
#include "helper.h"
#include "pools.h"

#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const int64_t seven[] = {7};

TEST(new_pool_is_empty_and_has_defaults)
{
    pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT64, 1, seven);
    pmipc_producer *producer = producer_open("arm/q", &schema, NULL);
    CHECK_TEXT(pmipc_producer_name(producer), "arm/q");
    CHECK_OK(pmipc_schema_compare(&schema, pmipc_producer_schema(producer), NULL));
    CHECK_EQ(pmipc_producer_history_len(producer), PMIPC_DEFAULT_HISTORY_LEN);
    CHECK(pmipc_producer_slot_count(producer) >= PMIPC_DEFAULT_HISTORY_LEN + PMIPC_DEFAULT_SPARE);
    CHECK(pmipc_producer_incarnation(producer) != 0);
    CHECK_TEXT(pmipc_producer_metadata(producer), "");
    CHECK(!pmipc_producer_adopted(producer));
    CHECK_EQ(pmipc_producer_seq(producer), 0);
    CHECK_EQ(pmipc_producer_readers(producer, NULL, 0), 0);
    CHECK_EQ(folder_entries(test_folder()), 1);
    pmipc_producer_close(producer);
}

TEST(schema_options_and_metadata_are_copied)
{
    pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT64, 1, seven);
    char metadata[] = "{\"unit\": \"rad\"}";
    char name[] = "arm/q";
    pmipc_producer_options options = {.history_len = 3, .metadata = metadata, .origin = PMIPC_ORIGIN_TORCH};
    pmipc_producer *producer = producer_open(name, &schema, &options);
    memset(&schema, 0xff, sizeof schema);
    memset(metadata, 'x', sizeof metadata - 1);
    memset(name, 'x', sizeof name - 1);
    memset(&options, 0xff, sizeof options);
    publish_frame(producer);
    CHECK_TEXT(pmipc_producer_name(producer), "arm/q");
    CHECK_TEXT(pmipc_producer_metadata(producer), "{\"unit\": \"rad\"}");
    CHECK_EQ(pmipc_producer_history_len(producer), 3);
    CHECK_EQ(pmipc_producer_schema(producer)->fields[0].shape[0], 7);
    pmipc_stream *stream = stream_open("arm/q", NULL);
    pmipc_stream_info info = stream_info(stream);
    CHECK_TEXT(info.metadata, "{\"unit\": \"rad\"}");
    CHECK_EQ(info.origin, PMIPC_ORIGIN_TORCH);
    CHECK_EQ(info.history_len, 3);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(every_new_pool_has_another_incarnation)
{
    uint64_t incarnations[32];
    for (size_t i = 0; i < COUNT(incarnations); i++) {
        pmipc_producer *producer = bytes_producer("p", 8, 1);
        incarnations[i] = pmipc_producer_incarnation(producer);
        for (size_t k = 0; k < i; k++)
            CHECK(incarnations[k] != incarnations[i]);
        pmipc_producer_close(producer);
    }
}

TEST(history_len_and_spare_have_limits)
{
    pmipc_schema schema = bytes_schema(8);
    pmipc_producer *producer;
    pmipc_error error = {0};
    pmipc_producer_options options = {.history_len = PMIPC_MAX_HISTORY_LEN + 1};
    CHECK_STATUS(pmipc_producer_open(&producer, "p", &schema, &options, &error), PMIPC_INVALID_ARGUMENT);
    CHECK(error.text[0] != '\0');
    options.history_len = UINT32_MAX;
    CHECK_STATUS(pmipc_producer_open(&producer, "p", &schema, &options, NULL), PMIPC_INVALID_ARGUMENT);
    options = (pmipc_producer_options){.history_len = 1, .spare = UINT32_MAX};
    CHECK_STATUS(pmipc_producer_open(&producer, "p", &schema, &options, NULL), PMIPC_INVALID_ARGUMENT);
    CHECK_EQ(folder_entries(test_folder()), 0);
    options = (pmipc_producer_options){.history_len = PMIPC_MAX_HISTORY_LEN};
    producer = producer_open("p", &schema, &options);
    publish_frames(producer, PMIPC_MAX_HISTORY_LEN + 100);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(stream, PMIPC_MAX_HISTORY_LEN, PMIPC_MAX_HISTORY_LEN, &view));
    CHECK_EQ(view.frame_count, PMIPC_MAX_HISTORY_LEN);
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(metadata_is_limited_to_one_megabyte)
{
    pmipc_schema schema = bytes_schema(8);
    char *metadata = malloc(PMIPC_MAX_METADATA_BYTES + 2);
    memset(metadata, ' ', PMIPC_MAX_METADATA_BYTES + 1);
    memcpy(metadata, "{\"k\": 1", 7);
    metadata[PMIPC_MAX_METADATA_BYTES] = '}';
    metadata[PMIPC_MAX_METADATA_BYTES + 1] = '\0';
    pmipc_producer_options options = {.metadata = metadata};
    pmipc_producer *producer;
    CHECK_STATUS(pmipc_producer_open(&producer, "p", &schema, &options, NULL), PMIPC_INVALID_ARGUMENT);
    metadata[PMIPC_MAX_METADATA_BYTES - 2] = '}';
    metadata[PMIPC_MAX_METADATA_BYTES - 1] = '\0';
    producer = producer_open("p", &schema, &options);
    CHECK_TEXT(pmipc_producer_metadata(producer), metadata);
    pmipc_pool_info *info = inspect("p");
    CHECK_TEXT(info->metadata, metadata);
    inspect_release(info);
    pmipc_producer_close(producer);
    free(metadata);
}

TEST(folder_option_of_producer_is_used_and_copied)
{
    char folder[256];
    snprintf(folder, sizeof folder, "%s/given", test_folder());
    setenv("POLYMORPH_IPC_DIR", "/dev/shm/absent-folder", 1);
    pmipc_schema schema = bytes_schema(8);
    pmipc_producer_options options = {.folder = folder};
    pmipc_producer *producer = producer_open("p", &schema, &options);
    pmipc_stream_options stream_options = {.folder = folder};
    pmipc_stream *stream = stream_open("p", &stream_options);
    CHECK_EQ(publish_and_read(producer, stream), 1);
    CHECK_EQ(folder_entries(folder), 1);
    memset(folder + strlen(folder) - 5, 'x', 5); /* options are copied: close still removes the file */
    pmipc_producer_close(producer);
    memcpy(folder + strlen(folder) - 5, "given", 5);
    CHECK_EQ(folder_entries(folder), 0);
    pmipc_stream_close(stream);
    folder_remove(folder);
}

TEST(mode_option_is_exact_with_any_umask)
{
    char path[512];
    struct stat facts;
    pmipc_producer *producer = bytes_producer("plain", 8, 1);
    pool_path("plain", path, sizeof path);
    CHECK_EQ(stat(path, &facts), 0);
    CHECK_EQ(facts.st_mode & 0777, 0600);
    pmipc_producer_close(producer);
    umask(077);
    pmipc_schema schema = bytes_schema(8);
    pmipc_producer_options options = {.mode = 0666};
    producer = producer_open("shared", &schema, &options);
    pool_path("shared", path, sizeof path);
    CHECK_EQ(stat(path, &facts), 0);
    CHECK_EQ(facts.st_mode & 0777, 0666);
    pmipc_producer_close(producer);
}

/* ---- a second producer ---- */

ROLE(owns_a_pool)
{
    pmipc_producer *producer = bytes_producer(argument, 64, 4);
    send_word(channel, publish_frames(producer, 3));
    receive_word(channel);
    send_word(channel, publish_frame(producer));
    receive_word(channel);
    pmipc_producer_close(producer);
}

TEST(second_producer_is_busy_and_error_names_the_first)
{
    helper owner = helper_start("owns_a_pool", "camera");
    CHECK_EQ(receive_word(owner.channel), 3);
    pmipc_schema schema = bytes_schema(64);
    pmipc_producer_options options = {.history_len = 4};
    pmipc_producer *second;
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_producer_open(&second, "camera", &schema, &options, &error), PMIPC_BUSY);
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)owner.pid);
    CHECK_HAS(error.text, pid);
    CHECK_HAS(error.text, "owns_a_pool"); /* a part of its command line */
    CHECK_HAS(error.text, "camera");
    pmipc_schema other = bytes_schema(128); /* also with a schema that would replace the pool */
    CHECK_STATUS(pmipc_producer_open(&second, "camera", &other, NULL, NULL), PMIPC_BUSY);
    send_word(owner.channel, 0);
    CHECK_EQ(receive_word(owner.channel), 4);
    pmipc_stream *stream = stream_open("camera", NULL);
    CHECK_EQ(read_newest(stream), 4);
    pmipc_stream_close(stream);
    send_word(owner.channel, 0);
    helper_finish(&owner);
}

TEST(second_producer_in_same_process_is_busy)
{
    pmipc_producer *first = bytes_producer("camera", 64, 4);
    pmipc_schema schema = bytes_schema(64);
    pmipc_producer_options options = {.history_len = 4};
    pmipc_producer *second;
    publish_frame(first);
    CHECK_STATUS(pmipc_producer_open(&second, "camera", &schema, &options, NULL), PMIPC_BUSY);
    pmipc_producer_close(first);
    second = bytes_producer("camera", 64, 4);
    CHECK_EQ(pmipc_producer_seq(second), 0);
    pmipc_producer_close(second);
}

/* Many producers open the pool at once: exactly one succeeds. Detects a liveness check that takes the lock, and a pool
 * that gets its name before its lock. */
ROLE(tries_to_own_a_pool)
{
    (void)argument;
    send_word(channel, 0);
    receive_word(channel);
    pmipc_schema schema = bytes_schema(64);
    pmipc_producer *producer = NULL;
    pmipc_status status = pmipc_producer_open(&producer, "wanted", &schema, NULL, NULL);
    send_word(channel, (uint64_t)status);
    receive_word(channel);
    if (status == PMIPC_OK)
        pmipc_producer_close(producer);
}

TEST(one_of_many_producers_opened_at_once_gets_pool)
{
    enum { CONTENDERS = 6 };
    for (int round = 0; round < 2; round++) {
        helper contenders[CONTENDERS];
        for (int i = 0; i < CONTENDERS; i++)
            contenders[i] = helper_start("tries_to_own_a_pool", "");
        for (int i = 0; i < CONTENDERS; i++)
            receive_word(contenders[i].channel);
        for (int i = 0; i < CONTENDERS; i++)
            send_word(contenders[i].channel, 0);
        int winners = 0;
        for (int i = 0; i < CONTENDERS; i++) {
            pmipc_status status = (pmipc_status)receive_word(contenders[i].channel);
            CHECK(status == PMIPC_OK || status == PMIPC_BUSY);
            winners += status == PMIPC_OK;
        }
        CHECK_EQ(winners, 1);
        for (int i = 0; i < CONTENDERS; i++) {
            send_word(contenders[i].channel, 0);
            helper_finish(&contenders[i]);
        }
    }
}

/* A process that lists and inspects all the time never makes a producer's open fail. */
static void inspects_forever(int channel, const char *argument)
{
    (void)argument;
    send_word(channel, 0);
    pmipc_pool_info *info = calloc(1, sizeof *info);
    while (!word_is_waiting(channel))
        if (pmipc_pool_inspect("wanted", NULL, info, NULL) == PMIPC_OK)
            pmipc_pool_info_release(info);
    free(info);
}

TEST(inspect_never_makes_producer_open_fail)
{
    helper inspector = helper_fork(inspects_forever, "");
    receive_word(inspector.channel);
    for (int round = 0; round < ROUNDS(1000); round++) {
        pmipc_producer *producer = bytes_producer("wanted", 64, 2);
        pmipc_producer_close(producer);
    }
    send_word(inspector.channel, 0);
    helper_finish(&inspector);
}

/* ---- adoption ---- */

static void check_continues(pmipc_producer *producer, uint64_t seq, uint64_t incarnation)
{
    CHECK(pmipc_producer_adopted(producer));
    CHECK_EQ(pmipc_producer_seq(producer), seq);
    CHECK_EQ(pmipc_producer_incarnation(producer), incarnation);
}

TEST(adopt_after_kill_continues_sequence_numbers)
{
    helper owner = helper_start("owns_a_pool", "camera");
    receive_word(owner.channel);
    pmipc_pool_info *before = inspect("camera");
    CHECK(before->producer_alive);
    CHECK_EQ(before->owner_epoch, 1);
    helper_kill(&owner);
    pmipc_producer *producer = bytes_producer("camera", 64, 4);
    check_continues(producer, 3, before->incarnation);
    CHECK_EQ(publish_frame(producer), 4);
    pmipc_pool_info *after = inspect("camera");
    CHECK_EQ(after->owner_epoch, 2);
    CHECK_EQ(after->producer_pid, getpid());
    CHECK_EQ(after->seq, 4);
    inspect_release(before);
    inspect_release(after);
    pmipc_stream_options options = {.start_oldest = true};
    pmipc_stream *stream = stream_open("camera", &options);
    for (uint64_t seq = 1; seq <= 4; seq++) {
        pmipc_view view;
        CHECK_OK(pmipc_stream_get_next(stream, 0, &view));
        CHECK_EQ(view.seq, seq);
        check_view(&view);
        pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(no_adopt_replaces_pool_of_dead_producer)
{
    helper owner = helper_start("owns_a_pool", "camera");
    receive_word(owner.channel);
    pmipc_stream_options oldest = {.start_oldest = true};
    pmipc_stream *connected = stream_open("camera", &oldest);
    helper_kill(&owner);
    const pmipc_schema schema = bytes_schema(64);
    const pmipc_producer_options options = {.history_len = 4, .no_adopt = true};
    pmipc_producer *producer;
    pmipc_error error;
    CHECK_OK(pmipc_producer_open(&producer, "camera", &schema, &options, &error));
    CHECK(!pmipc_producer_adopted(producer));
    CHECK_EQ(pmipc_producer_seq(producer), 0);
    pmipc_stream *late = stream_open("camera", &oldest);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_next(late, 0, &view), PMIPC_TIMEOUT);
    for (uint64_t seq = 1; seq <= 3; seq++) { /* a connected stream reads what it has not read */
        CHECK_OK(pmipc_stream_get_next(connected, 0, &view));
        CHECK_EQ(view.seq, seq);
        pmipc_view_release(&view);
    }
    CHECK_STATUS(pmipc_stream_get_next(connected, 0, &view), PMIPC_TIMEOUT);
    CHECK(pmipc_stream_connected(connected));
    pmipc_stream_close(late);
    pmipc_stream_close(connected);
    pmipc_producer_close(producer);
}

TEST(adopt_keeps_streams_connected)
{
    helper owner = helper_start("owns_a_pool", "camera");
    receive_word(owner.channel);
    pmipc_stream *stream = stream_open("camera", NULL);
    CHECK_EQ(read_newest(stream), 3);
    CHECK(pmipc_stream_producer_alive(stream));
    helper_kill(&owner);
    CHECK(!pmipc_stream_producer_alive(stream));
    CHECK(pmipc_stream_connected(stream));
    CHECK_EQ(read_newest(stream), 3);
    pmipc_view view;
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    pmipc_producer *producer = bytes_producer("camera", 64, 4);
    CHECK_STATUS(pmipc_stream_get_new(stream, 0, &view), PMIPC_TIMEOUT);
    publish_frame(producer);
    CHECK_OK(pmipc_stream_get_new(stream, 0, &view));
    CHECK_EQ(view.seq, 4);
    check_view(&view);
    pmipc_view_release(&view);
    CHECK_EQ(stream_info(stream).reconnects, 0);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(adopt_works_after_every_death)
{
    uint64_t incarnation = 0;
    for (uint64_t round = 0; round < 40; round++) {
        pmipc_producer *producer = bytes_producer("camera", 64, 4);
        if (round > 0)
            check_continues(producer, round * 5, incarnation);
        incarnation = pmipc_producer_incarnation(producer);
        publish_frames(producer, 5);
        pmipc_producer_abandon(producer);
    }
    pmipc_pool_info *info = inspect("camera");
    CHECK_EQ(info->owner_epoch, 40);
    CHECK_EQ(info->seq, 200);
    CHECK(!info->producer_alive);
    inspect_release(info);
    CHECK_OK(pmipc_pool_remove("camera", NULL, NULL, NULL));
}

/* The adopter starts with every slot unclean: it must not overwrite held views in its first rounds. */
TEST(views_held_across_adopt_stay_unchanged)
{
    pmipc_producer *producer = bytes_producer("camera", 64, 4);
    publish_frames(producer, 3);
    pmipc_stream *stream = stream_open("camera", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    pmipc_producer_abandon(producer);
    producer = bytes_producer("camera", 64, 4);
    publish_frames(producer, 100);
    check_view(&view);
    CHECK_EQ(view.seq, 3);
    CHECK_EQ(read_newest(stream), 103);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(adopt_of_empty_pool)
{
    pmipc_producer *producer = bytes_producer("camera", 64, 4);
    uint64_t incarnation = pmipc_producer_incarnation(producer);
    pmipc_producer_abandon(producer);
    producer = bytes_producer("camera", 64, 4);
    check_continues(producer, 0, incarnation);
    CHECK_EQ(publish_frame(producer), 1);
    pmipc_producer_close(producer);
}

/* ---- replacement ---- */

static void check_replaces(const pmipc_schema *schema, const pmipc_producer_options *options)
{
    pmipc_schema first_schema = bytes_schema(64);
    pmipc_producer_options first_options = {.history_len = 4, .metadata = "{\"a\": 1}"};
    pmipc_producer *first = producer_open("camera", &first_schema, &first_options);
    uint64_t incarnation = pmipc_producer_incarnation(first);
    publish_frames(first, 3);
    pmipc_producer_abandon(first);
    pmipc_producer *second = producer_open("camera", schema, options);
    CHECK(!pmipc_producer_adopted(second));
    CHECK(pmipc_producer_incarnation(second) != incarnation);
    CHECK_EQ(pmipc_producer_seq(second), 0);
    CHECK_EQ(folder_entries(test_folder()), 1);
    CHECK_EQ(publish_frame(second), 1);
    pmipc_producer_close(second);
}

TEST(adopt_with_other_schema_replaces_pool)
{
    pmipc_producer_options options = {.history_len = 4, .metadata = "{\"a\": 1}"};
    pmipc_schema schema = bytes_schema(65);
    check_replaces(&schema, &options);
    const int64_t shape[] = {64};
    schema = pmipc_schema_tensor(PMIPC_INT8, 1, shape);
    check_replaces(&schema, &options);
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "named", PMIPC_UINT8, 1, shape, 0, NULL));
    check_replaces(&schema, &options);
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "", PMIPC_UINT8, 1, shape, PMIPC_FIELD_VARIABLE, NULL));
    check_replaces(&schema, &options);
}

TEST(adopt_with_other_history_len_replaces_pool)
{
    pmipc_schema schema = bytes_schema(64);
    pmipc_producer_options options = {.history_len = 5, .metadata = "{\"a\": 1}"};
    check_replaces(&schema, &options);
}

TEST(adopt_with_other_metadata_replaces_pool)
{
    pmipc_schema schema = bytes_schema(64);
    pmipc_producer_options options = {.history_len = 4, .metadata = "{\"a\": 2}"};
    check_replaces(&schema, &options);
    options.metadata = "{\"a\":1}"; /* metadata is compared byte by byte */
    check_replaces(&schema, &options);
    options.metadata = NULL;
    check_replaces(&schema, &options);
    options.metadata = "{\"a\": 1, \"b\": 2}";
    check_replaces(&schema, &options);
}

TEST(refused_producer_leaves_orphaned_pool_unchanged)
{
    pmipc_producer *first = bytes_producer("camera", 64, 4);
    publish_frames(first, 3);
    pmipc_producer_abandon(first);
    pmipc_schema broken = {0};
    pmipc_producer *second;
    CHECK_STATUS(pmipc_producer_open(&second, "camera", &broken, NULL, NULL), PMIPC_INVALID_ARGUMENT);
    second = bytes_producer("camera", 64, 4);
    check_continues(second, 3, pmipc_producer_incarnation(second));
    pmipc_producer_close(second);
}

/* ---- options that bound memory ---- */

TEST(pool_at_max_bytes_gives_up_history_instead_of_growth)
{
    pmipc_schema schema = bytes_schema(page_frame_bytes());
    pmipc_producer_options options = {.history_len = 8, .spare = 2};
    pmipc_producer *producer = producer_open("camera", &schema, &options);
    uint32_t slots = pmipc_producer_slot_count(producer);
    options.max_bytes = pool_file_bytes("camera");
    pmipc_producer_close(producer);
    producer = producer_open("camera", &schema, &options);
    pmipc_stream *stream = stream_open("camera", NULL);
    pmipc_view views[PMIPC_MAX_VIEWS];
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        uint64_t seq = publish_frames(producer, 20);
        CHECK_OK(pmipc_stream_get_last(stream, &views[i]));
        CHECK_EQ(views[i].seq, seq);
        CHECK(pool_file_bytes("camera") <= options.max_bytes);
    }
    CHECK_EQ(pmipc_producer_slot_count(producer), slots);
    publish_frames(producer, 20);
    CHECK_EQ(read_newest(stream), 160);
    pmipc_view window;
    CHECK_STATUS(pmipc_stream_get_window(stream, 8, 8, &window), PMIPC_TOO_FEW);
    for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
    }
    publish_frames(producer, 20); /* history is complete again */
    CHECK_OK(pmipc_stream_get_window(stream, 8, 8, &window));
    check_view(&window);
    pmipc_view_release(&window);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(prefault_and_no_growth_pool_is_readable)
{
    pmipc_schema schema = bytes_schema(100000);
    pmipc_producer_options options = {.history_len = 4, .no_growth = true, .prefault = true};
    pmipc_producer *producer = producer_open("camera", &schema, &options);
    pmipc_stream_options stream_options = {.prefault = true};
    pmipc_stream *stream = stream_open("camera", &stream_options);
    for (int i = 0; i < 30; i++)
        publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
