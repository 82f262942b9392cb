/* Pool names: valid and invalid ones, and each valid name is a separate pool. The registry folder. */
#include "pools.h"

#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const valid_names[] = {
    "a",
    "camera",
    "victor/left_arm/joint_states",
    "victor/left_arm.joint_states",
    "victor_left_arm/joint_states",
    "A-Z.0-9_z",
    ".hidden",
    "...",
    "a/...",
    "a..b",
    "..a/b..",
    "-",
    "_",
    "a-b",
    "a/b",
    "a_b",
    "a.b",
    "a.-b",
    "a/b/c/d/e/f/g/h",
    "0",
    "camera.tmp",
    "camera.lock",
    "A",
    "Camera",
};

static const char *const invalid_names[] = {
    "",      "/",      "/a",    "a/",   "a//b",        ".",     "..",    "./a",   "../a", "a/.", "a/..",
    "a/./b", "a/../b", "a b",   "a\tb", "a\nb",        "a\\b",  "a%2Fb", "a:b",   "a~b",  "a@b", "a,b",
    "a+b",   "a#b",    "a\x7f", "\x01", "caf\xc3\xa9", "a\xff", "a*",    "$HOME", "a\"b", "a'b",
};

static void long_name(char *name, size_t length)
{
    for (size_t i = 0; i < length; i++)
        name[i] = i % 20 == 19 ? '/' : (char)('a' + i % 20);
    name[length - 1] = 'z';
    name[length] = '\0';
}

TEST(valid_names_are_accepted)
{
    for (size_t i = 0; i < COUNT(valid_names); i++) {
        pmipc_error error = {0};
        if (pmipc_name_check(valid_names[i], &error) != PMIPC_OK)
            FAIL("'%s': %s", valid_names[i], error.text);
    }
}

TEST(invalid_names_are_refused_with_reason)
{
    for (size_t i = 0; i < COUNT(invalid_names); i++) {
        pmipc_error error = {0};
        if (pmipc_name_check(invalid_names[i], &error) != PMIPC_INVALID_NAME)
            FAIL("'%s' was accepted", invalid_names[i]);
        CHECK_EQ(error.status, PMIPC_INVALID_NAME);
        CHECK(error.text[0] != '\0');
    }
}

TEST(every_byte_outside_alphabet_is_refused)
{
    for (int byte = 1; byte < 256; byte++) {
        const char name[] = {'a', (char)byte, 'b', '\0'};
        bool allowed = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                       byte == '_' || byte == '-' || byte == '.' || byte == '/';
        if ((pmipc_name_check(name, NULL) == PMIPC_OK) != allowed)
            FAIL("byte %d was accepted", byte);
    }
}

TEST(name_of_maximum_length_is_accepted_and_longer_is_refused)
{
    char name[PMIPC_MAX_NAME + 2];
    long_name(name, PMIPC_MAX_NAME);
    CHECK_OK(pmipc_name_check(name, NULL));
    pmipc_producer *producer = bytes_producer(name, 8, 1);
    publish_frame(producer);
    pmipc_stream *stream = stream_open(name, NULL);
    CHECK_EQ(read_newest(stream), 1);
    pmipc_pool_info *info = inspect(name);
    CHECK_TEXT(info->name, name);
    inspect_release(info);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);

    long_name(name, PMIPC_MAX_NAME + 1);
    CHECK_STATUS(pmipc_name_check(name, NULL), PMIPC_INVALID_NAME);
}

TEST(invalid_names_are_refused_by_every_call)
{
    pmipc_schema schema = bytes_schema(8);
    for (size_t i = 0; i < COUNT(invalid_names); i++) {
        pmipc_producer *producer;
        pmipc_stream *stream;
        pmipc_error error = {0};
        pmipc_pool_info *info = calloc(1, sizeof *info);
        CHECK_STATUS(pmipc_producer_open(&producer, invalid_names[i], &schema, NULL, &error), PMIPC_INVALID_NAME);
        CHECK(error.text[0] != '\0');
        CHECK_STATUS(pmipc_stream_open(&stream, invalid_names[i], NULL, &error), PMIPC_INVALID_NAME);
        CHECK_STATUS(pmipc_pool_inspect(invalid_names[i], NULL, info, &error), PMIPC_INVALID_NAME);
        CHECK_STATUS(pmipc_pool_remove(invalid_names[i], NULL, NULL, &error), PMIPC_INVALID_NAME);
        free(info);
    }
}

/* Among the names are "a/b", "a.b", "a_b" and "a-b": replacing '/' by a valid byte would give two pools the same file.
 */
TEST(every_valid_name_is_a_separate_pool)
{
    pmipc_producer *producers[COUNT(valid_names)];
    for (size_t i = 0; i < COUNT(valid_names); i++) {
        producers[i] = bytes_producer(valid_names[i], 8, 1);
        publish_frames(producers[i], i + 1);
    }
    CHECK_EQ(folder_entries(test_folder()), COUNT(valid_names)); /* one file per pool, no subfolders */
    for (size_t i = 0; i < COUNT(valid_names); i++) {
        pmipc_stream *stream = stream_open(valid_names[i], NULL);
        CHECK_EQ(read_newest(stream), i + 1);
        CHECK_TEXT(pmipc_stream_name(stream), valid_names[i]);
        CHECK_TEXT(pmipc_producer_name(producers[i]), valid_names[i]);
        pmipc_stream_close(stream);
    }
    for (size_t i = 0; i < COUNT(valid_names); i++)
        pmipc_producer_close(producers[i]);
}

TEST(list_returns_unchanged_names_in_order)
{
    pmipc_producer *producers[COUNT(valid_names)];
    bool seen[COUNT(valid_names)] = {false};
    for (size_t i = 0; i < COUNT(valid_names); i++)
        producers[i] = bytes_producer(valid_names[i], 8, 1);
    pmipc_registry *registry;
    CHECK_OK(pmipc_registry_open(&registry, NULL, NULL));
    pmipc_pool_info *info = calloc(1, sizeof *info);
    char previous[PMIPC_MAX_NAME + 1] = "";
    while (pmipc_registry_next(registry, info) == PMIPC_OK) {
        CHECK_OK(info->status);
        CHECK(strcmp(previous, info->name) < 0); /* in order, no name twice */
        strcpy(previous, info->name);
        for (size_t i = 0; i < COUNT(valid_names); i++)
            if (strcmp(valid_names[i], info->name) == 0)
                seen[i] = true;
        pmipc_pool_info_release(info);
    }
    free(info);
    pmipc_registry_close(registry);
    for (size_t i = 0; i < COUNT(valid_names); i++)
        if (!seen[i])
            FAIL("'%s' was not listed", valid_names[i]);
    for (size_t i = 0; i < COUNT(valid_names); i++)
        pmipc_producer_close(producers[i]);
}

TEST(folder_is_argument_or_environment_or_default)
{
    char path[256];
    char expected[256];
    CHECK_OK(pmipc_registry_folder("/dev/shm/elsewhere", path, sizeof path));
    CHECK_TEXT(path, "/dev/shm/elsewhere");
    CHECK_OK(pmipc_registry_folder(NULL, path, sizeof path));
    CHECK_TEXT(path, test_folder());
    unsetenv("POLYMORPH_IPC_DIR");
    CHECK_OK(pmipc_registry_folder(NULL, path, sizeof path));
    snprintf(expected, sizeof expected, "/dev/shm/polymorph_ipc-%u", (unsigned)geteuid());
    CHECK_TEXT(path, expected);
    CHECK_STATUS(pmipc_registry_folder("/dev/shm/elsewhere", path, 5), PMIPC_INVALID_ARGUMENT);
    CHECK_OK(pmipc_registry_folder("/dev/shm/elsewhere", path, strlen("/dev/shm/elsewhere") + 1));
    CHECK_STATUS(pmipc_registry_folder("/dev/shm/elsewhere", path, strlen("/dev/shm/elsewhere")),
                 PMIPC_INVALID_ARGUMENT);
}

TEST(producer_creates_missing_folder)
{
    char folder[256];
    snprintf(folder, sizeof folder, "%s/made", test_folder());
    setenv("POLYMORPH_IPC_DIR", folder, 1);
    pmipc_producer *producer = bytes_producer("p", 8, 1);
    struct stat facts;
    CHECK_EQ(stat(folder, &facts), 0);
    CHECK_EQ(facts.st_mode & 0777, 0700);
    CHECK_EQ(folder_entries(folder), 1);
    pmipc_producer_close(producer);
    folder_remove(folder);
}

TEST(error_text_replaces_unprintable_bytes_of_name)
{
    pmipc_error error;
    CHECK_STATUS(pmipc_name_check("a\x1b[2J\xc3", &error), PMIPC_INVALID_NAME);
    CHECK_HAS(error.text, "'a?[2J?' has byte 0x1b at position 1");
}

/* ---- folders ---- */

TEST(relative_folder_is_resolved_when_handle_is_opened)
{
    CHECK_EQ(chdir("/dev/shm"), 0);
    setenv("POLYMORPH_IPC_DIR", strrchr(test_folder(), '/') + 1, 1);
    char path[512];
    CHECK_OK(pmipc_registry_folder(NULL, path, sizeof path));
    CHECK_TEXT(path, test_folder());
    CHECK_STATUS(pmipc_registry_folder(NULL, path, strlen(test_folder())), PMIPC_INVALID_ARGUMENT);
    CHECK_OK(pmipc_registry_folder(NULL, path, strlen(test_folder()) + 1));
    pmipc_producer *producer = bytes_producer("p", 64, 2);
    pmipc_stream *stream = stream_open("later", NULL);
    CHECK_EQ(folder_entries(test_folder()), 1);
    CHECK_EQ(chdir("/"), 0);
    setenv("POLYMORPH_IPC_DIR", test_folder(), 1);
    pmipc_producer *later = bytes_producer("later", 64, 2);
    publish_and_read(later, stream);
    pmipc_stream_close(stream);
    pmipc_producer_close(later);
    pmipc_producer_close(producer);
    CHECK_EQ(folder_entries(test_folder()), 0);
}
