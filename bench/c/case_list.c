/* case_list.c: list pools=N live pools of 56 B.
 *
 * Limit: read the folder, and open, stat and read one page of every file in it, which any listing must do. */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static pmipc_producer **producers;
static uint32_t pool_count;
static char folder[4096];

static void list_once(void)
{
    pmipc_registry *registry;
    pmipc_error error;
    static pmipc_pool_info info;
    uint32_t found = 0;
    require(pmipc_registry_open(&registry, NULL, &error), "registry_open", &error);
    while (pmipc_registry_next(registry, &info) == PMIPC_OK) {
        found += info.status == PMIPC_OK && info.producer_alive;
        pmipc_pool_info_release(&info);
    }
    pmipc_registry_close(registry);
    if (found < pool_count) {
        die("listed %u of %u pools", found, pool_count);
    }
}

static void scan_once(void)
{
    char page[4096];
    DIR *directory = opendir(folder);
    if (!directory) {
        die("cannot read %s: %s", folder, strerror(errno));
    }
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        struct stat facts;
        const int fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &facts) || pread(fd, page, sizeof page, 0) < 0) {
            die("cannot read %s: %s", entry->d_name, strerror(errno));
        }
        close(fd);
    }
    closedir(directory);
}

static void list_pools(void *context, uint64_t count)
{
    (void)context;
    for (uint64_t i = 0; i < count; i++) {
        list_once();
    }
}

static void scan_folder(void *context, uint64_t count)
{
    (void)context;
    for (uint64_t i = 0; i < count; i++) {
        scan_once();
    }
}

static uint32_t open_list(const probe_arguments *arguments, probe_operation *operations)
{
    const int64_t shape[] = {7};
    const pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT64, 1, shape);
    struct rlimit files;
    pmipc_error error;
    char topic[32], name[64];
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    require(pmipc_registry_folder(NULL, folder, sizeof folder), "registry_folder", NULL);
    pool_count = arguments->pools;
    producers = calloc(pool_count, sizeof *producers);
    if (!producers) {
        die("out of memory");
    }
    for (uint32_t i = 0; i < pool_count; i++) {
        const double joints[7] = {0};
        snprintf(topic, sizeof topic, "list/arm_%u", i);
        pool_name(name, sizeof name, topic, getpid());
        require(pmipc_producer_open(&producers[i], name, &schema, NULL, &error), "producer_open", &error);
        require(pmipc_producer_publish(producers[i], joints, PMIPC_STAMP_NOW, NULL), "publish", NULL);
    }
    operations[0] = (probe_operation){"list", 1, NULL, list_pools, NULL, NULL};
    operations[1] = (probe_operation){"scan", 1, NULL, scan_folder, NULL, NULL};
    return 2;
}

static void close_list(void)
{
    for (uint32_t i = 0; i < pool_count; i++) {
        pmipc_producer_close(producers[i]);
    }
    free(producers);
}

const probe_case case_list = {"list", "list pools=N; open and read as many files", open_list, close_list};
