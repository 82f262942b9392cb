/* failing_registry.c: the operations on the registry. */
#include "failing_operations.h"

#include <fcntl.h>
#include <unistd.h>

/* "p" has a live producer and a stream; "dead" was abandoned; "junk" is a corrupt pool with only the magic number. */
static void arrange_folder(void)
{
    char path[512];
    stage_pool(2);
    stage.second_producer = bytes_producer("dead", 64, 3);
    pmipc_producer_abandon(stage.second_producer);
    stage.second_producer = NULL;
    snprintf(path, sizeof path, "%s/junk", getenv("POLYMORPH_IPC_DIR"));
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, "PICPOOL1", 8) == 8);
    close(fd);
}

static bool exists(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", getenv("POLYMORPH_IPC_DIR"), name);
    return access(path, F_OK) == 0;
}

static void clear_folder(void)
{
    stage_check_bystander();
    CHECK_OK(pmipc_registry_clean(NULL, NULL, NULL, NULL));
    CHECK(exists("p") && !exists("dead") && !exists("junk"));
    stage_check_bystander();
}

/* A pool that cannot be described is listed with the reason. */
static pmipc_status list(pmipc_error *error)
{
    pmipc_status status = pmipc_registry_open(&stage.registry, NULL, error);
    if (status)
        return status;
    unsigned count = 0;
    while (pmipc_registry_next(stage.registry, &stage.info) == PMIPC_OK) {
        bool damaged = strcmp(stage.info.name, "junk") == 0;
        if (stage.info.status != (damaged ? PMIPC_CORRUPT : PMIPC_OK)) {
            error->status = status = stage.info.status;
            error->os_error = ERRNO_UNKNOWN;
            snprintf(error->text, sizeof error->text, "%s", stage.info.problem);
        }
        pmipc_pool_info_release(&stage.info);
        count++;
    }
    CHECK(count == 3 || fault_happened());
    pmipc_registry_close(stage.registry);
    stage.registry = NULL;
    return status;
}

static pmipc_status inspect_one(pmipc_error *error)
{
    return pmipc_pool_inspect("p", NULL, &stage.info, error);
}

static void confirm_inspected(void)
{
    CHECK_EQ(stage.info.seq, 2);
    CHECK_TEXT(stage.info.metadata, "{}");
    stage_check_bystander();
}

static void arrange_described_pool(void)
{
    const pmipc_producer_options options = {.history_len = 3, .metadata = "{}"};
    pmipc_schema schema = bytes_schema(BYTES);
    stage.producer = producer_open("p", &schema, &options);
    stage.bystander = stream_open("p", NULL);
    publish_frames(stage.producer, 2);
    CHECK_OK(pmipc_stream_get_last(stage.bystander, &stage.held[0]));
}

static pmipc_status remove_dead(pmipc_error *error)
{
    return pmipc_pool_remove("dead", NULL, NULL, error);
}

static void confirm_removed(void)
{
    CHECK(exists("p") && !exists("dead") && exists("junk"));
    clear_folder();
}

static pmipc_status remove_junk(pmipc_error *error)
{
    return pmipc_pool_remove("junk", NULL, NULL, error);
}

static void confirm_junk_removed(void)
{
    CHECK(exists("p") && exists("dead") && !exists("junk"));
    clear_folder();
}

static pmipc_status remove_pool_in_use(pmipc_error *error)
{
    const pmipc_remove_options options = {.no_wait = true};
    return pmipc_pool_remove("p", NULL, &options, error);
}

static void confirm_kept(void)
{
    CHECK(exists("p") && exists("dead") && exists("junk"));
    clear_folder();
}

static unsigned removed;

static void count_removed(const char *name, uint64_t bytes, const char *left_because, void *context)
{
    (void)bytes;
    (void)context;
    CHECK(strcmp(name, "p") != 0 && left_because == NULL);
    removed++;
}

static void arrange_cleaning(void)
{
    removed = 0;
    arrange_folder();
}

static pmipc_status clean(pmipc_error *error)
{
    return pmipc_registry_clean(NULL, count_removed, NULL, error);
}

static void confirm_cleaned(void)
{
    CHECK(removed == 2 || fault_happened());
    clear_folder();
}

static void arrange_nothing(void)
{
}

static pmipc_status explain_faults(pmipc_error *error)
{
    return pmipc_explain_faults(error);
}

const struct operation registry_operations[] = {
    {"list", arrange_folder, list, .confirm = confirm_kept},
    {"inspect", arrange_described_pool, inspect_one, .confirm = confirm_inspected},
    {"remove", arrange_folder, remove_dead, .confirm = confirm_removed},
    {"remove: no pool file", arrange_folder, remove_junk, .confirm = confirm_junk_removed},
    {"remove: in use", arrange_folder, remove_pool_in_use, confirm_kept, .status = PMIPC_BUSY},
    {"clean", arrange_cleaning, clean, confirm_cleaned, .flags = PARTIAL_RESULT},
    {"explain faults", arrange_nothing, explain_faults, arrange_nothing, .flags = FRESH_PROCESS},
    {0},
};
