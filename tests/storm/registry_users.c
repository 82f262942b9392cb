/* registry_users.c: processes that clean, remove, list and inspect pools. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker.h"

static void cleaned(const char *name, uint64_t file_bytes, const char *left_because, void *context)
{
    (void)file_bytes;
    (void)context;
    if (left_because)
        found(FOUND_WRONG, "cleaner: '%s' was not removed: %s", name, left_because);
    count(&board->removed);
}

void run_cleaner(void)
{
    while (!must_end()) {
        pmipc_error error = {0};
        begin("registry_clean");
        check_status(pmipc_registry_clean(NULL, cleaned, NULL, &error), ALLOW(OK), error.text);
        pause_us(20000);
    }
}

/* Remove the file directly, as with rm. */
static void remove_file(const char *name)
{
    char path[800];
    if (pmipc_registry_folder(NULL, path, sizeof path - 100) != PMIPC_OK)
        return;
    size_t end = strlen(path);
    snprintf(path + end, sizeof path - end, "/%s", name);
    char *slash = strchr(path + end + 1, '/');
    *slash = '%'; /* the encoding of the registry */
    begin("rm");
    if (unlink(path) != 0 && errno != ENOENT)
        found(FOUND_WRONG, "remover: rm %s: %s", path, strerror(errno));
    check_status(PMIPC_OK, ALLOW(OK), NULL);
}

void run_remover(void)
{
    while (!must_end()) {
        const char *name = pool_names[random_below(POOLS)];
        pmipc_remove_options options = {.force = one_in(2), .no_wait = one_in(2)};
        pmipc_error error = {0};
        if (one_in(20)) {
            remove_file(name);
            continue;
        }
        begin("pool_remove");
        if (check_status(pmipc_pool_remove(name, NULL, &options, &error), ALLOW(OK) | ALLOW(NOT_FOUND) | ALLOW(BUSY),
                         error.text) == PMIPC_OK)
            count(&board->removed);
        pause_us(20000);
    }
}

static void check_info(const pmipc_pool_info *info, bool any_name)
{
    bool known = any_name;
    for (int i = 0; i < POOLS; i++)
        known = known || strcmp(info->name, pool_names[i]) == 0;
    if (!known)
        found(FOUND_STRAY, "lister: a pool '%s' that no producer has created", info->name);
    if (info->status != PMIPC_OK)
        found(FOUND_WRONG, "lister: pool '%s' is listed as %s: %s", info->name, pmipc_status_name(info->status),
              info->problem);
    else if (info->reader_count > PMIPC_MAX_READERS || info->incarnation == 0 ||
             info->slot_count < info->history_len + 1 || info->malformed_cells)
        found(FOUND_WRONG,
              "lister: pool '%s' with %u readers, incarnation %" PRIx64 ", %u slots for %u samples, %" PRIu64
              " malformed pins",
              info->name, info->reader_count, info->incarnation, info->slot_count, info->history_len,
              info->malformed_cells);
}

static void list_all(void)
{
    static pmipc_pool_info info;
    pmipc_registry *registry = NULL;
    pmipc_error error = {0};
    begin("registry_open");
    if (check_status(pmipc_registry_open(&registry, NULL, &error), ALLOW(OK), error.text))
        return;
    for (;;) {
        begin("registry_next");
        if (check_status(pmipc_registry_next(registry, &info), ALLOW(OK) | ALLOW(NOTHING_NEW), NULL))
            break;
        check_info(&info, false);
        pmipc_pool_info_release(&info);
        count(&board->listed);
    }
    pmipc_registry_close(registry);
}

void run_lister(void)
{
    while (!must_end()) {
        static pmipc_pool_info info;
        const char *name =
            board->plant == PLANT_WRONG && one_in(20) ? "no/pool's name" : pool_names[random_below(POOLS)];
        pmipc_error error = {0};
        begin("pool_inspect");
        if (check_status(pmipc_pool_inspect(name, NULL, &info, &error), ALLOW(OK) | ALLOW(NOT_FOUND), error.text) ==
            PMIPC_OK) {
            check_info(&info, true);
            pmipc_pool_info_release(&info);
        }
        if (one_in(4))
            list_all();
        pause_us(5000);
    }
}
