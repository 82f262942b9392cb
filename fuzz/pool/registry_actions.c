/* registry_actions.c: all calls of the registry, and entries that other programs may create in the folder. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session.h"

#define DAMAGE (STATUS(CORRUPT) | STATUS(INCOMPATIBLE))

static void check_info(const pmipc_pool_info *info, pmipc_status status)
{
    REQUIRE(info->status == status);
    require_text("name", info->name, sizeof info->name);
    require_text("problem", info->problem, sizeof info->problem);
    require_text("producer's command", info->producer_command, sizeof info->producer_command);
    REQUIRE(info->reader_count <= PMIPC_MAX_READERS);
    if (status)
        return;
    REQUIRE(pmipc_schema_check(&info->schema, NULL) == PMIPC_OK);
    REQUIRE(info->history_len >= 1 && info->slot_count > info->history_len && info->incarnation != 0);
    REQUIRE(info->slot_count * info->payload_bytes <= info->file_bytes);
    REQUIRE(!info->metadata || strlen(info->metadata) < PMIPC_MAX_METADATA_BYTES);
    for (uint32_t i = 0; i < info->reader_count; i++) {
        require_text("a reader's command", info->readers[i].command, sizeof info->readers[i].command);
        REQUIRE(info->readers[i].row < PMIPC_MAX_READERS && info->readers[i].alive);
    }
    char text[512];
    REQUIRE(pmipc_schema_format(&info->schema, text, sizeof text) > 0);
    require_text("schema", text, sizeof text);
}

void act_list(struct session *session, const struct record *record)
{
    static pmipc_pool_info info;
    pmipc_registry *registry;
    (void)session;
    (void)record;
    require_status("registry_open", pmipc_registry_open(&registry, pool_folder(), NULL), STATUS(OK));
    pmipc_status status;
    char previous[sizeof info.name] = "";
    while ((status = pmipc_registry_next(registry, &info)) == PMIPC_OK) {
        require_status("registry_next", info.status, STATUS(OK) | DAMAGE);
        check_info(&info, info.status);
        REQUIRE((info.status == PMIPC_OK) == (info.problem[0] == '\0'));
        REQUIRE(pmipc_name_check(info.name, NULL) == PMIPC_OK && strcmp(previous, info.name) < 0);
        strcpy(previous, info.name);
        pmipc_pool_info_release(&info);
    }
    require_status("registry_next", status, STATUS(NOTHING_NEW));
    pmipc_registry_close(registry);
}

void act_inspect(struct session *session, const struct record *record)
{
    static pmipc_pool_info info;
    pmipc_error error;
    (void)session;
    (void)record;
    pmipc_status status = pmipc_pool_inspect(POOL_NAME, pool_folder(), &info, &error);
    require_status("pool_inspect", status, STATUS(OK) | STATUS(NOT_FOUND) | DAMAGE);
    if (status)
        require_message("pool_inspect", status, &error);
    check_info(&info, status);
    pmipc_pool_info_release(&info);
}

void act_remove(struct session *session, const struct record *record)
{
    const uint16_t flags = record->index;
    const pmipc_remove_options options = {
        .incarnation = flags & 1 ? record->value : 0,
        .owner_epoch = flags & 2 ? record->delay : 0,
        .force = flags & 4,
        .no_wait = flags & 8,
    };
    pmipc_error error;
    (void)session;
    pmipc_status status = pmipc_pool_remove(POOL_NAME, pool_folder(), &options, &error);
    require_status("pool_remove", status,
                   STATUS(OK) | STATUS(NOT_FOUND) | STATUS(BUSY) | STATUS(UNSUPPORTED) | STATUS(CORRUPT));
    if (status)
        require_message("pool_remove", status, &error);
}

static void count_removed(const char *name, uint64_t file_bytes, const char *left_because, void *context)
{
    (void)file_bytes;
    REQUIRE(pmipc_name_check(name, NULL) == PMIPC_OK && (!left_because || left_because[0]));
    *(uint32_t *)context += left_because == NULL;
}

void act_clean(struct session *session, const struct record *record)
{
    uint32_t removed = 0;
    (void)session;
    (void)record;
    require_status("registry_clean", pmipc_registry_clean(pool_folder(), count_removed, &removed, NULL), STATUS(OK));
}

/* Another entry appears in the folder, perhaps with the name of the pool. */
void act_make_entry(struct session *session, const struct record *record)
{
    static const char *const names[] = {POOL_NAME, "a", "q%r", "%", "..x", "b c", "a\nb", "z"};
    char path[256];
    (void)session;
    REQUIRE(snprintf(path, sizeof path, "%s/%s", pool_folder(), names[record->index % 8]) < (int)sizeof path);
    if (record->index & 64 && unlinkat(AT_FDCWD, path, 0) != 0)
        (void)!unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
    switch (record->index >> 3 & 7) {
    case 0:
        (void)!mkfifo(path, 0600);
        break;
    case 1:
        (void)!mkdir(path, 0700);
        break;
    case 2:
        (void)!symlink(POOL_NAME, path);
        break;
    default: {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            break;
        (void)!ftruncate(fd, record->delay % (1 << 16));
        close(fd);
        break;
    }
    }
}

void act_follow(struct session *session, const struct record *record)
{
    (void)session;
    (void)record;
    pool_file_follow();
}
