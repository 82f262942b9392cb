#include "audit.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver.h"
#include "worker.h"

#define ROUNDS_TO_SETTLE 4   /* rounds through all slots of a pool */
#define SAMPLES_TO_SWEEP 300 /* quiet producers sweep every 64 samples */

struct quiet_pool {
    const char *name;
    uint64_t incarnation;
    uint64_t wanted_seq;
    pmipc_pool_info info; /* the result of the last inspection */
    char problem[300];
};

static bool inspect_quiet_pool(struct quiet_pool *pool)
{
    pmipc_error error = {0};
    pmipc_status status = pmipc_pool_inspect(pool->name, NULL, &pool->info, &error);
    if (status != PMIPC_OK) {
        snprintf(pool->problem, sizeof pool->problem, "%s: %.250s", pmipc_status_name(status), error.text);
        return false;
    }
    pmipc_pool_info_release(&pool->info);
    snprintf(pool->problem, sizeof pool->problem,
             "sample %" PRIu64 ", producer alive %d, %u readers, the first of pid %d", pool->info.seq,
             pool->info.producer_alive, pool->info.reader_count, pool->info.readers[0].pid);
    return true;
}

static bool has_published_enough(void *context)
{
    struct quiet_pool *pool = context;
    if (!inspect_quiet_pool(pool) || !pool->info.producer_alive)
        return false;
    if (pool->info.incarnation != pool->incarnation) { /* the first inspection, or replaced before the quiet began */
        pool->incarnation = pool->info.incarnation;
        pool->wanted_seq = pool->info.seq + ROUNDS_TO_SETTLE * (uint64_t)pool->info.slot_count + 200;
    }
    return pool->info.seq >= pool->wanted_seq;
}

void audit_quiet_pool(const char *name)
{
    static struct quiet_pool pool;
    pool = (struct quiet_pool){.name = name};
    if (!driver_wait(has_published_enough, &pool)) {
        found(FOUND_STUCK, "pool %s gets no samples although its producers are alive: %s", name, pool.problem);
        return;
    }
    pool.wanted_seq += SAMPLES_TO_SWEEP;
    if (!driver_wait(has_published_enough, &pool)) {
        found(FOUND_STUCK, "pool %s gets no more samples: %s", name, pool.problem);
        return;
    }
    if (pool.info.reader_count)
        found(FOUND_LEAK, "pool %s: its readers have ended and a row is still in use: %s", name, pool.problem);
    uint64_t file_bytes = pool.info.file_bytes, incarnation = pool.incarnation;
    pool.wanted_seq = pool.info.seq + ROUNDS_TO_SETTLE * (uint64_t)pool.info.slot_count + 200;
    if (!driver_wait(has_published_enough, &pool))
        found(FOUND_STUCK, "pool %s gets no more samples: %s", name, pool.problem);
    else if (pool.incarnation != incarnation)
        found(FOUND_WRONG, "pool %s was replaced although its producer kept it", name);
    else if (pool.info.file_bytes != file_bytes)
        found(FOUND_LEAK, "pool %s grew from %" PRIu64 " to %" PRIu64 " bytes without a reader", name, file_bytes,
              pool.info.file_bytes);
}

void audit_quiet_pools(void)
{
    atomic_store(&board->quiet, 1);
    for (int i = 0; i < POOLS; i++)
        audit_quiet_pool(pool_names[i]);
}

/* ---- the folder ---- */

static char folder[64];

void audit_make_folder(void)
{
    strcpy(folder, "/dev/shm/pmipc-storm-XXXXXX");
    if (!mkdtemp(folder)) {
        perror(folder);
        exit(2);
    }
    setenv("POLYMORPH_IPC_DIR", folder, 1);
}

void audit_remove_folder(void)
{
    if (rmdir(folder) != 0)
        perror(folder);
}

const char *audit_folder_path(void)
{
    return folder;
}

static bool is_pool_file(const char *entry)
{
    for (int i = 0; i < POOLS; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "%s", pool_names[i]);
        *strchr(expected, '/') = '%';
        if (strcmp(entry, expected) == 0)
            return true;
    }
    return false;
}

/* The size of all files; `entries`: their number. `stray`: also report files that are not pools of the storm. */
static uint64_t visit_folder(unsigned *entries, bool stray)
{
    uint64_t bytes = 0;
    *entries = 0;
    DIR *listing = opendir(folder);
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        struct stat facts;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(listing), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        bytes += (uint64_t)facts.st_blocks * 512;
        ++*entries;
        if (stray && !is_pool_file(entry->d_name))
            found(FOUND_STRAY, "%s/%s, %lld bytes", folder, entry->d_name, (long long)facts.st_size);
    }
    if (listing)
        closedir(listing);
    return bytes;
}

uint64_t audit_folder_bytes(void)
{
    unsigned entries;
    return visit_folder(&entries, false);
}

static void check_listing(void)
{
    static pmipc_pool_info info;
    pmipc_registry *registry;
    pmipc_error error = {0};
    if (pmipc_registry_open(&registry, NULL, &error) != PMIPC_OK) {
        found(FOUND_WRONG, "audit: the folder cannot be listed: %s", error.text);
        return;
    }
    while (pmipc_registry_next(registry, &info) == PMIPC_OK) {
        if (info.status != PMIPC_OK)
            found(FOUND_WRONG, "audit: pool %s is %s: %s", info.name, pmipc_status_name(info.status), info.problem);
        else if (info.producer_alive || info.reader_count)
            found(FOUND_LEAK, "audit: pool %s is in use although all processes have ended", info.name);
        pmipc_pool_info_release(&info);
    }
    pmipc_registry_close(registry);
}

void audit_folder(void)
{
    unsigned entries;
    pmipc_error error = {0};
    visit_folder(&entries, true);
    check_listing();
    pmipc_status status = pmipc_registry_clean(NULL, NULL, NULL, &error);
    if (status != PMIPC_OK)
        found(FOUND_WRONG, "audit: cleaning: %s: %s", pmipc_status_name(status), error.text);
    uint64_t bytes = visit_folder(&entries, false);
    if (entries)
        found(FOUND_LEAK, "%" PRIu64 " bytes in %u files are in the folder after cleaning", bytes, entries);
}
