/* leaks.c: descriptors, mappings, processes and files that a test has leaked. */
#include "state.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 4096
#define MAX_MAPPINGS 1024

static bool descriptor_at_start[MAX_DESCRIPTORS];
static uint64_t mapping_at_start[MAX_MAPPINGS];
static unsigned mappings_at_start;

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
        fprintf(stderr, "    leaked a child process\n");
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
