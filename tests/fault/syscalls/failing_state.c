#include "failing_state.h"

#include "syscall_faults.h"
#include "test.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#endif
#define LOCK_BYTES 65 /* of the producer and 64 rows */

__attribute__((format(printf, 2, 3))) static void add_line(struct state *state, const char *format, ...)
{
    if (state->count == STATE_LINES_MAX)
        FAIL("more than %d items", STATE_LINES_MAX);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(state->lines[state->count++], STATE_LINE_BYTES, format, arguments);
    va_end(arguments);
}

/* "/dev/shm/x/#123 (deleted)" is an unnamed file, "pipe:[123]" a pipe: their numbers differ between runs. */
static void erase_number(char *path)
{
    char *kept = strpbrk(path, "#[");
    for (const char *c = kept; c; c++) {
        if (!isdigit((unsigned char)*c))
            *kept++ = *c;
        if (!*c)
            break;
    }
}

static void take_descriptors(struct state *state)
{
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        FAIL("/proc/self/fd: %s", strerror(errno));
    for (struct dirent *entry; (entry = readdir(folder));) {
        char target[256];
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        if (length <= 0 || atoi(entry->d_name) == dirfd(folder))
            continue;
        target[length] = '\0';
        erase_number(target);
        add_line(state, "descriptor of %.120s", target);
    }
    closedir(folder);
}

/* Shared mappings are pool files; private ones without access are addresses reserved for them. The kernel may merge
 * adjacent mappings, so the bytes are added up. */
static void take_mappings(struct state *state)
{
    unsigned first = state->count;
    uint64_t totals[STATE_LINES_MAX];
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        FAIL("/proc/self/maps: %s", strerror(errno));
    char line[512];
    while (fgets(line, sizeof line, maps)) {
        unsigned long long start, end;
        char permissions[5], path[300] = "";
        if (sscanf(line, "%llx-%llx %4s %*s %*s %*s %299[^\n]", &start, &end, permissions, path) < 3 ||
            (permissions[3] != 's' && strcmp(permissions, "---p") != 0) || strstr(path, ".so"))
            continue;
        erase_number(path);
        char what[STATE_LINE_BYTES];
        snprintf(what, sizeof what, "mapping %s of %.100s", permissions, path);
        unsigned i = first;
        while (i < state->count && strcmp(state->lines[i], what) != 0)
            i++;
        if (i == state->count) {
            totals[i] = 0;
            add_line(state, "%s", what);
        }
        totals[i] += end - start;
    }
    fclose(maps);
    for (unsigned i = first; i < state->count; i++) {
        size_t used = strlen(state->lines[i]);
        snprintf(state->lines[i] + used, STATE_LINE_BYTES - used, ": %" PRIu64 " bytes", totals[i]);
    }
}

/* Queried through a separate open file description, so that locks of this process are reported, too. */
static void take_locks(struct state *state, int folder, const char *entry)
{
    int fd = openat(folder, entry, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    for (off_t byte = 0; fd >= 0 && byte < LOCK_BYTES;) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = LOCK_BYTES - byte};
        if (fcntl(fd, F_OFD_GETLK, &lock) != 0)
            FAIL("F_OFD_GETLK: %s", strerror(errno));
        if (lock.l_type == F_UNLCK)
            break;
        add_line(state, "lock on %s of byte %d", entry, (int)lock.l_start);
        byte = lock.l_start + (lock.l_len ? lock.l_len : LOCK_BYTES);
    }
    if (fd >= 0)
        close(fd);
}

static void take_folder(struct state *state, const char *path)
{
    DIR *folder = opendir(path);
    if (!folder && errno == ENOENT)
        return;
    if (!folder)
        FAIL("%s: %s", path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        add_line(state, "file %.100s", entry->d_name);
        take_locks(state, dirfd(folder), entry->d_name);
    }
    closedir(folder);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(a, b);
}

void state_take(struct state *state, const char *folder)
{
    state->count = 0;
    long blocks = live_blocks();
    take_descriptors(state);
    take_mappings(state);
    take_folder(state, folder);
    add_line(state, "memory in %ld blocks", blocks);
    qsort(state->lines, state->count, sizeof state->lines[0], compare_lines);
}

unsigned state_locks(void)
{
    static struct state state;
    unsigned locks = 0;
    state.count = 0;
    take_folder(&state, getenv("POLYMORPH_IPC_DIR"));
    for (unsigned i = 0; i < state.count; i++)
        locks += strncmp(state.lines[i], "lock", 4) == 0;
    return locks;
}

bool state_is_equal(const struct state *before, const struct state *after, const char *words, bool ignore_mappings)
{
    bool equal = true;
    unsigned i = 0, j = 0;
    while (i < before->count || j < after->count) {
        int order = i == before->count ? 1 : j == after->count ? -1 : strcmp(before->lines[i], after->lines[j]);
        const char *line = order > 0 ? after->lines[j] : before->lines[i];
        if (order != 0 && !(ignore_mappings && strncmp(line, "mapping", 7) == 0)) {
            fprintf(stderr, "    %s %s %s\n", words, order > 0 ? "additional" : "missing", line);
            equal = false;
        }
        i += order <= 0;
        j += order >= 0;
    }
    return equal;
}
