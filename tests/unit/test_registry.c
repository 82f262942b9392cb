/* The registry: list, inspect, remove and clean pools with live and dead producers, without disturbing live processes.
 */
#include "helper.h"
#include "pools.h"

#include <sys/stat.h>
#include <unistd.h>

#define BYTES 500

static void abandon_pool(const char *name, uint64_t frames)
{
    pmipc_producer *producer = bytes_producer(name, BYTES, 4);
    publish_frames(producer, frames);
    pmipc_producer_abandon(producer);
}

/* ---- inspect ---- */

TEST(inspect_describes_pool_of_live_producer)
{
    const int64_t shape[] = {480, 640, 3};
    pmipc_schema schema = pmipc_schema_tensor(PMIPC_UINT8, 3, shape);
    pmipc_producer_options options = {
        .history_len = 5, .metadata = "{\"encoding\": \"rgb8\"}", .mode = 0660, .origin = PMIPC_ORIGIN_NUMPY};
    int64_t before = pmipc_realtime_ns();
    pmipc_producer *producer = producer_open("cam/rgb", &schema, &options);
    publish_frames(producer, 2);
    static char data[480 * 640 * 3];
    CHECK_OK(pmipc_producer_publish(producer, data, 777, NULL));
    pmipc_pool_info *info = inspect("cam/rgb");
    CHECK_TEXT(info->name, "cam/rgb");
    CHECK_OK(info->status);
    CHECK_OK(pmipc_schema_compare(&schema, &info->schema, NULL));
    CHECK_TEXT(info->metadata, "{\"encoding\": \"rgb8\"}");
    CHECK(info->incarnation == pmipc_producer_incarnation(producer));
    CHECK_EQ(info->seq, 3);
    CHECK_EQ(info->stamp_ns, 777);
    CHECK(info->published_ns > 0 && info->published_ns <= pmipc_monotonic_ns());
    CHECK_EQ(info->history_len, 5);
    CHECK_EQ(info->slot_count, pmipc_producer_slot_count(producer));
    CHECK_EQ(info->origin, PMIPC_ORIGIN_NUMPY);
    CHECK_EQ(info->mode & 0777, 0660);
    CHECK_EQ(info->uid, geteuid());
    CHECK_EQ(info->payload_bytes, sizeof data);
    CHECK(!info->retired);
    CHECK(info->producer_alive);
    CHECK_EQ(info->producer_pid, getpid());
    CHECK(info->producer_command[0] != '\0');
    CHECK(before - 10000000 <= info->producer_since_ns && info->producer_since_ns <= pmipc_realtime_ns() + 10000000);
    CHECK_EQ(info->owner_epoch, 1);
    CHECK_EQ(info->reader_count, 0);
    char path[512];
    struct stat facts;
    pool_path("rgb", path, sizeof path);
    CHECK_EQ(stat(path, &facts), 0);
    CHECK_EQ(info->file_bytes, facts.st_size);
    CHECK(info->file_bytes >= info->slot_count * info->payload_bytes);
    inspect_release(info);
    pmipc_producer_close(producer);
}

TEST(inspect_describes_empty_pool_without_metadata)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->seq, 0);
    CHECK_EQ(info->published_ns, 0);
    CHECK(info->metadata == NULL);
    inspect_release(info);
    pmipc_producer_close(producer);
}

ROLE(owns_pool_p)
{
    (void)argument;
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    send_word(channel, publish_frames(producer, 7));
    receive_word(channel);
    pmipc_producer_close(producer);
}

TEST(inspect_describes_pool_of_dead_producer)
{
    helper owner = helper_start("owns_pool_p", "");
    receive_word(owner.channel);
    pid_t pid = owner.pid;
    pmipc_pool_info *info = inspect("p");
    CHECK(info->producer_alive);
    CHECK_HAS(info->producer_command, "owns_pool_p");
    inspect_release(info);
    helper_kill(&owner);
    info = inspect("p");
    CHECK(!info->producer_alive);
    CHECK_EQ(info->producer_pid, pid); /* the pid of the dead producer */
    CHECK_EQ(info->seq, 7);
    inspect_release(info);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

TEST(inspect_counts_streams_and_claims_no_row)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    publish_frames(producer, 2);
    pmipc_stream *streams[3];
    pmipc_view views[3];
    for (int i = 0; i < 3; i++) {
        streams[i] = stream_open("p", NULL);
        CHECK_OK(pmipc_stream_get_last(streams[i], &views[i]));
        publish_frame(producer);
    }
    for (int i = 0; i < 100; i++) {
        pmipc_pool_info *info = inspect("p");
        CHECK_EQ(info->reader_count, 3);
        inspect_release(info);
    }
    CHECK_EQ(pmipc_producer_readers(producer, NULL, 0), 3);
    pmipc_pool_info *info = inspect("p");
    for (uint32_t r = 0; r < 3; r++) {
        CHECK(info->readers[r].alive);
        CHECK_EQ(info->readers[r].pid, getpid());
        CHECK_EQ(info->readers[r].pinned_slots, 1);
        CHECK(info->readers[r].last_seq >= 2 && info->readers[r].last_seq <= 4);
        CHECK_EQ(info->readers[r].oldest_pin_seq, info->readers[r].last_seq);
    }
    inspect_release(info);
    for (int i = 0; i < 3; i++) {
        check_view(&views[i]);
        pmipc_view_release(&views[i]);
        pmipc_stream_close(streams[i]);
    }
    pmipc_producer_close(producer);
}

TEST(absent_pool_is_not_found)
{
    pmipc_pool_info *info = calloc(1, sizeof *info);
    pmipc_error error = {0};
    CHECK_STATUS(pmipc_pool_inspect("absent", NULL, info, &error), PMIPC_NOT_FOUND);
    CHECK_HAS(error.text, "absent");
    CHECK_STATUS(pmipc_pool_inspect("absent", "/dev/shm/no-such-folder", info, &error), PMIPC_NOT_FOUND);
    CHECK_STATUS(pmipc_pool_remove("absent", NULL, NULL, &error), PMIPC_NOT_FOUND);
    CHECK_STATUS(pmipc_pool_remove("absent", NULL, &(pmipc_remove_options){.force = true}, &error), PMIPC_NOT_FOUND);
    free(info);
}

TEST(release_of_empty_info_does_nothing)
{
    pmipc_pool_info *info = calloc(1, sizeof *info);
    pmipc_pool_info_release(info);
    pmipc_pool_info_release(info);
    abandon_pool("p", 1);
    CHECK_OK(pmipc_pool_inspect("p", NULL, info, NULL));
    pmipc_pool_info_release(info);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
    free(info);
}

/* ---- list ---- */

TEST(list_of_absent_folder_is_empty)
{
    pmipc_registry *registry;
    pmipc_pool_info *info = calloc(1, sizeof *info);
    CHECK_OK(pmipc_registry_open(&registry, "/dev/shm/no-such-folder", NULL));
    CHECK_STATUS(pmipc_registry_next(registry, info), PMIPC_NOTHING_NEW);
    CHECK_STATUS(pmipc_registry_next(registry, info), PMIPC_NOTHING_NEW);
    pmipc_registry_close(registry);
    CHECK_OK(pmipc_registry_open(&registry, NULL, NULL));
    CHECK_STATUS(pmipc_registry_next(registry, info), PMIPC_NOTHING_NEW);
    pmipc_registry_close(registry);
    pmipc_registry_close(NULL);
    free(info);
}

TEST(list_has_every_pool_once_in_order_of_names)
{
    char name[32];
    for (int i = 49; i >= 0; i--) {
        snprintf(name, sizeof name, "pool/%02d", i);
        abandon_pool(name, (uint64_t)i + 1);
    }
    pmipc_registry *registry;
    pmipc_pool_info *info = calloc(1, sizeof *info);
    CHECK_OK(pmipc_registry_open(&registry, test_folder(), NULL));
    for (int i = 0; i < 50; i++) {
        CHECK_OK(pmipc_registry_next(registry, info));
        snprintf(name, sizeof name, "pool/%02d", i);
        CHECK_TEXT(info->name, name);
        CHECK_OK(info->status);
        CHECK_EQ(info->seq, i + 1);
        pmipc_pool_info_release(info);
    }
    CHECK_STATUS(pmipc_registry_next(registry, info), PMIPC_NOTHING_NEW);
    pmipc_registry_close(registry);
    free(info);
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
    CHECK_EQ(folder_entries(test_folder()), 0);
}

TEST(list_leaves_out_pools_that_are_removed_meanwhile)
{
    abandon_pool("a", 1);
    abandon_pool("b", 1);
    abandon_pool("c", 1);
    pmipc_registry *registry;
    pmipc_pool_info *info = calloc(1, sizeof *info);
    CHECK_OK(pmipc_registry_open(&registry, NULL, NULL));
    CHECK_OK(pmipc_registry_next(registry, info));
    CHECK_TEXT(info->name, "a");
    pmipc_pool_info_release(info);
    CHECK_OK(pmipc_pool_remove("b", NULL, NULL, NULL));
    CHECK_OK(pmipc_registry_next(registry, info));
    CHECK_TEXT(info->name, "c");
    pmipc_pool_info_release(info);
    CHECK_STATUS(pmipc_registry_next(registry, info), PMIPC_NOTHING_NEW);
    pmipc_registry_close(registry);
    free(info);
    CHECK_OK(pmipc_pool_remove("a", NULL, NULL, NULL));
    CHECK_OK(pmipc_pool_remove("c", NULL, NULL, NULL));
}

/* ---- remove ---- */

TEST(pool_of_live_producer_is_never_removed)
{
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    publish_frame(producer);
    pmipc_error error = {0};
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    CHECK_STATUS(pmipc_pool_remove("p", NULL, NULL, &error), PMIPC_BUSY);
    CHECK_HAS(error.text, pid);
    CHECK_STATUS(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.force = true}, &error), PMIPC_BUSY);
    CHECK_HAS(error.text, pid);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_and_read(producer, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(remove_of_pool_with_dead_producer)
{
    abandon_pool("p", 3);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
    CHECK_EQ(folder_entries(test_folder()), 0);
    CHECK_STATUS(pmipc_pool_remove("p", NULL, NULL, NULL), PMIPC_NOT_FOUND);
}

TEST(remove_of_pool_with_live_stream_needs_force)
{
    abandon_pool("p", 3);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    pmipc_error error = {0};
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    CHECK_STATUS(pmipc_pool_remove("p", NULL, NULL, &error), PMIPC_BUSY);
    CHECK_HAS(error.text, pid);
    CHECK(pmipc_stream_connected(stream));
    CHECK_OK(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.force = true}, NULL));
    CHECK_EQ(folder_entries(test_folder()), 0);
    CHECK(!pmipc_stream_connected(stream));
    pmipc_view none;
    CHECK_STATUS(pmipc_stream_get_last(stream, &none), PMIPC_NOT_CONNECTED);
    check_view(&view); /* held views stay valid */
    pmipc_view_release(&view);
    pmipc_producer *producer = bytes_producer("p", BYTES, 4);
    publish_frame(producer);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(remove_with_other_incarnation_is_not_found)
{
    abandon_pool("p", 3);
    pmipc_pool_info *info = inspect("p");
    pmipc_remove_options other = {.incarnation = info->incarnation + 1};
    CHECK_STATUS(pmipc_pool_remove("p", NULL, &other, NULL), PMIPC_NOT_FOUND);
    CHECK_EQ(folder_entries(test_folder()), 1);
    other.force = true;
    CHECK_STATUS(pmipc_pool_remove("p", NULL, &other, NULL), PMIPC_NOT_FOUND);
    CHECK_OK(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.incarnation = info->incarnation}, NULL));
    CHECK_EQ(folder_entries(test_folder()), 0);
    inspect_release(info);
}

TEST(remove_wakes_waiting_streams)
{
    abandon_pool("p", 3);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_waiter waiter;
    CHECK_OK(pmipc_waiter_init(&waiter, stream));
    CHECK_STATUS(pmipc_waiter_wait(&waiter, 1, 0, NULL), PMIPC_TIMEOUT);
    CHECK_OK(pmipc_pool_remove("p", NULL, &(pmipc_remove_options){.force = true}, NULL));
    CHECK_OK(pmipc_waiter_wait(&waiter, 1, PMIPC_FOREVER, NULL));
    pmipc_waiter_release(&waiter);
    pmipc_stream_close(stream);
}

/* A removed file is not adopted, not even by a producer that has opened the file before the removal. */
TEST(remove_and_producer_open_at_once)
{
    for (int round = 0; round < 10; round++) { /* each call tries for a second before it returns BUSY */
        abandon_pool("p", 3);
        helper owner = helper_start("owns_pool_p", "");
        pmipc_status status = pmipc_pool_remove("p", NULL, NULL, NULL);
        CHECK(status == PMIPC_OK || status == PMIPC_BUSY || status == PMIPC_NOT_FOUND);
        uint64_t seq = receive_word(owner.channel);
        CHECK(seq == 7 || seq == 10); /* created, or adopted with 3 samples */
        pmipc_stream *stream = stream_open("p", NULL);
        CHECK_EQ(read_newest(stream), seq); /* the pool under the name is that of the producer */
        pmipc_stream_close(stream);
        send_word(owner.channel, 0);
        helper_finish(&owner);
    }
}

/* ---- clean ---- */

typedef struct removed_list {
    unsigned count;
    uint64_t bytes;
    char names[8][PMIPC_MAX_NAME + 1];
} removed_list;

static void note_removed(const char *name, uint64_t file_bytes, const char *left_because, void *context)
{
    removed_list *list = context;
    CHECK(left_because == NULL);
    CHECK(list->count < 8);
    snprintf(list->names[list->count++], sizeof list->names[0], "%s", name);
    list->bytes += file_bytes;
}

static bool was_removed(const removed_list *list, const char *name)
{
    for (unsigned i = 0; i < list->count; i++)
        if (strcmp(list->names[i], name) == 0)
            return true;
    return false;
}

TEST(clean_removes_pools_without_live_processes)
{
    abandon_pool("dead/one", 3);
    abandon_pool("dead_two", 3);
    abandon_pool("dead_but_read", 3);
    pmipc_producer *producer = bytes_producer("live", BYTES, 4);
    pmipc_stream *stream = stream_open("dead_but_read", NULL);
    uint64_t bytes = pool_file_bytes("dead/one") + pool_file_bytes("dead_two");
    removed_list list = {0};
    CHECK_OK(pmipc_registry_clean(NULL, note_removed, &list, NULL));
    CHECK_EQ(list.count, 2);
    CHECK(was_removed(&list, "dead/one") && was_removed(&list, "dead_two"));
    CHECK_EQ(list.bytes, bytes);
    CHECK_EQ(folder_entries(test_folder()), 2);
    CHECK_EQ(read_newest(stream), 3);
    pmipc_stream_close(stream);
    list = (removed_list){0};
    CHECK_OK(pmipc_registry_clean(test_folder(), note_removed, &list, NULL));
    CHECK_EQ(list.count, 1);
    CHECK(was_removed(&list, "dead_but_read"));
    publish_frame(producer);
    pmipc_producer_close(producer);
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
    CHECK_OK(pmipc_registry_clean("/dev/shm/no-such-folder", NULL, NULL, NULL));
}

/* ---- list and clean while pools come and go ---- */

static void lists_and_cleans_forever(int channel, const char *argument)
{
    (void)argument;
    pmipc_pool_info *info = calloc(1, sizeof *info);
    send_word(channel, 0);
    while (!word_is_waiting(channel)) {
        pmipc_registry *registry;
        CHECK_OK(pmipc_registry_open(&registry, NULL, NULL));
        pmipc_status status;
        while ((status = pmipc_registry_next(registry, info)) == PMIPC_OK) {
            if (info->status != PMIPC_OK)
                FAIL("%s: %s: %s", info->name, pmipc_status_name(info->status), info->problem);
            pmipc_pool_info_release(info);
        }
        CHECK_STATUS(status, PMIPC_NOTHING_NEW);
        pmipc_registry_close(registry);
        CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
    }
    free(info);
}

/* List and clean at full speed never disturb a live producer and never find an incomplete pool. */
TEST(list_and_clean_never_disturb_live_producer)
{
    helper cleaner = helper_fork(lists_and_cleans_forever, "");
    receive_word(cleaner.channel);
    for (int round = 0; round < ROUNDS(500); round++) {
        pmipc_producer *producer = bytes_producer("moving", BYTES + round % 2, 4);
        pmipc_stream *stream = stream_open("moving", NULL);
        publish_and_read(producer, stream);
        CHECK(pmipc_stream_connected(stream));
        pmipc_stream_close(stream);
        if (round % 3)
            pmipc_producer_close(producer);
        else
            pmipc_producer_abandon(producer);
    }
    send_word(cleaner.channel, 0);
    helper_finish(&cleaner);
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
}
