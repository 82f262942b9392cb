/* leaks.c: what a process has open and mapped, before and after a test. */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 4096
#define MAX_MAPPINGS 1024

static bool descriptor_at_start[MAX_DESCRIPTORS];
static uint64_t mapping_at_start[MAX_MAPPINGS];
static unsigned mappings_at_start;

typedef void (*descriptor_visitor)(int fd, void *context);
typedef void (*mapping_visitor)(uint64_t start, const char *line, void *context);

static void visit_descriptors(descriptor_visitor visit, void *context)
{
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        FAIL("/proc/self/fd: %s", strerror(errno));
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        int fd = atoi(entry->d_name);
        if (fd != dirfd(folder))
            visit(fd, context);
    }
    closedir(folder);
}

/* Only shared mappings ('s' in the permissions): pool files are always mapped shared, code and heap never are. */
static void visit_shared_mappings(mapping_visitor visit, void *context)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        FAIL("/proc/self/maps: %s", strerror(errno));
    char line[1024];
    while (fgets(line, sizeof line, maps)) {
        const char *permissions = strchr(line, ' ');
        if (permissions && permissions[4] == 's')
            visit(strtoull(line, NULL, 16), line, context);
    }
    fclose(maps);
}

static void count_descriptor(int fd, void *context)
{
    (void)fd;
    ++*(unsigned *)context;
}

static void count_mapping(uint64_t start, const char *line, void *context)
{
    (void)start;
    (void)line;
    ++*(unsigned *)context;
}

process_state process_state_now(void)
{
    process_state state = {0};
    visit_descriptors(count_descriptor, &state.descriptors);
    visit_shared_mappings(count_mapping, &state.shared_mappings);
    return state;
}

static void note_descriptor(int fd, void *context)
{
    (void)context;
    if (fd < MAX_DESCRIPTORS)
        descriptor_at_start[fd] = true;
}

static void note_mapping(uint64_t start, const char *line, void *context)
{
    (void)line;
    (void)context;
    if (mappings_at_start < MAX_MAPPINGS)
        mapping_at_start[mappings_at_start++] = start;
}

void leaks_begin(void)
{
    memset(descriptor_at_start, 0, sizeof descriptor_at_start);
    mappings_at_start = 0;
    visit_descriptors(note_descriptor, NULL);
    visit_shared_mappings(note_mapping, NULL);
}

static void report_new_descriptor(int fd, void *context)
{
    if (fd < MAX_DESCRIPTORS && descriptor_at_start[fd])
        return;
    char link[64];
    char target[512] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    fprintf(stderr, "    leaked descriptor %d -> %s\n", fd, target);
    *(bool *)context = true;
}

static void report_new_mapping(uint64_t start, const char *line, void *context)
{
    for (unsigned i = 0; i < mappings_at_start; i++)
        if (mapping_at_start[i] == start)
            return;
    fprintf(stderr, "    leaked mapping %s", line);
    *(bool *)context = true;
}

test_verdict leaks_end(unsigned flags)
{
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
        fprintf(stderr, "    a child process was left behind\n");
        return TEST_LEAKED_PROCESS;
    }
    bool leaked = false;
    visit_descriptors(report_new_descriptor, &leaked);
    if (leaked)
        return TEST_LEAKED_DESCRIPTOR;
    visit_shared_mappings(report_new_mapping, &leaked);
    if (leaked)
        return TEST_LEAKED_MAPPING;
    if (!(flags & TEST_LEAVES_POOLS) && folder_entries(test_folder()) > 0) {
        fprintf(stderr, "    the registry folder is not empty\n");
        return TEST_LEAKED_POOL;
    }
    return TEST_PASSED;
}

unsigned folder_entries(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        FAIL("%s: %s", path, strerror(errno));
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count++;
    closedir(folder);
    return count;
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    (void)remove(path);
    return 0;
}

void folder_remove(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
