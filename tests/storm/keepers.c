/* keepers.c: those who look at pools and take them away: cleaners, removers, onlookers. */
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
        found(FOUND_WRONG, "cleaner: '%s' is left: %s", name, left_because);
    count(&board->removed);
}

void play_cleaner(void)
{
    while (!is_over()) {
        pmipc_error error = {0};
        begin("registry_clean");
        judge(pmipc_registry_clean(NULL, cleaned, NULL, &error), MAY(OK), error.text);
        pause_us(20000);
    }
}

/* What a person does who has heard of no tool: rm. */
static void remove_by_hand(const char *name)
{
    char path[800];
    if (pmipc_registry_folder(NULL, path, sizeof path - 100) != PMIPC_OK)
        return;
    size_t end = strlen(path);
    snprintf(path + end, sizeof path - end, "/%s", name);
    char *slash = strchr(path + end + 1, '/');
    *slash = '%'; /* as the registry writes it */
    begin("rm");
    if (unlink(path) != 0 && errno != ENOENT)
        found(FOUND_WRONG, "remover: rm %s: %s", path, strerror(errno));
    judge(PMIPC_OK, MAY(OK), NULL);
}

void play_remover(void)
{
    while (!is_over()) {
        const char *name = pool_names[chance(POOLS)];
        pmipc_remove_options options = {.force = one_in(2), .no_patience = one_in(2)};
        pmipc_error error = {0};
        if (one_in(20)) {
            remove_by_hand(name);
            continue;
        }
        begin("pool_remove");
        if (judge(pmipc_pool_remove(name, NULL, &options, &error), MAY(OK) | MAY(NOT_FOUND) | MAY(BUSY), error.text) ==
            PMIPC_OK)
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
        found(FOUND_STRAY, "lister: a pool '%s' that nobody has made", info->name);
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
    if (judge(pmipc_registry_open(&registry, NULL, &error), MAY(OK), error.text))
        return;
    for (;;) {
        begin("registry_next");
        if (judge(pmipc_registry_next(registry, &info), MAY(OK) | MAY(NOTHING_NEW), NULL))
            break;
        check_info(&info, false);
        pmipc_pool_info_release(&info);
        count(&board->listed);
    }
    pmipc_registry_close(registry);
}

void play_lister(void)
{
    while (!is_over()) {
        static pmipc_pool_info info;
        const char *name = board->plant == PLANT_WRONG && one_in(20) ? "no/pool's name" : pool_names[chance(POOLS)];
        pmipc_error error = {0};
        begin("pool_inspect");
        if (judge(pmipc_pool_inspect(name, NULL, &info, &error), MAY(OK) | MAY(NOT_FOUND), error.text) == PMIPC_OK) {
            check_info(&info, true);
            pmipc_pool_info_release(&info);
        }
        if (one_in(4))
            list_all();
        pause_us(5000);
    }
}
