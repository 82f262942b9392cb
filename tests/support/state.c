/* state.c: descriptors and mappings of the process, entries of a folder. */
#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

void visit_descriptors(descriptor_visitor visit, void *context)
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

/* A shared mapping has an 's' in its permissions. */
void visit_shared_mappings(mapping_visitor visit, void *context)
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
