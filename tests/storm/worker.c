#include "worker.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

struct worker me;
static _Thread_local const char *current_call;
static _Thread_local bool is_hidden;

static void wake_up(int signal_number)
{
    (void)signal_number; /* a sleep of the library ends with INTERRUPTED */
}

void worker_prepare(void)
{
    struct sigaction action = {.sa_handler = wake_up};
    sigaction(SIGUSR1, &action, NULL);
}

void worker_begin(const char *kind, unsigned number, uint64_t seed)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1)
        _exit(1);
    me = (struct worker){.state = &board->workers[number], .kind = kind, .number = number, .random = seed | 1};
    begin("the start of the worker");
}

bool must_end(void)
{
    return atomic_load_explicit(&me.state->ending, memory_order_relaxed);
}

uint64_t random_below(uint64_t limit)
{
    me.random ^= me.random << 13;
    me.random ^= me.random >> 7;
    me.random ^= me.random << 17;
    return (me.random * UINT64_C(0x2545f4914f6cdd1d) >> 32) % limit;
}

bool one_in(uint64_t times)
{
    return random_below(times) == 0;
}

void pause_us(uint64_t limit)
{
    struct timespec time = {.tv_nsec = (long)random_below(limit + 1) * 1000};
    nanosleep(&time, NULL);
}

void begin(const char *call)
{
    current_call = call;
    if (!is_hidden)
        atomic_store_explicit(&me.state->doing, call, memory_order_relaxed);
}

void hide_calls_of_this_thread(void)
{
    is_hidden = true;
}

void set_context(const char *pool, const char *manner)
{
    snprintf(me.state->with, sizeof me.state->with, "%s, %s", pool, manner);
}

pmipc_status check_status(pmipc_status got, uint64_t allowed, const char *text)
{
    if (!(allowed >> got & 1))
        found(FOUND_WRONG, "%s: %s returned %s: %s", me.kind, current_call, pmipc_status_name(got),
              text ? text : pmipc_status_text(got));
    count(&me.state->operations);
    begin("no call of the library");
    return got;
}

static void check_descriptors(const char *folder)
{
    DIR *descriptors = opendir("/proc/self/fd");
    for (struct dirent *entry; descriptors && (entry = readdir(descriptors));) {
        char path[300], target[PATH_MAX];
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length <= 0)
            continue;
        target[length] = '\0';
        if (strncmp(target, folder, strlen(folder)) == 0)
            found(FOUND_LEAK, "%s: descriptor %s of %s is open after all handles were closed", me.kind, entry->d_name,
                  target);
    }
    if (descriptors)
        closedir(descriptors);
}

void check_nothing_is_leaked(void)
{
    char folder[PATH_MAX], line[PATH_MAX + 200];
    if (pmipc_registry_folder(NULL, folder, sizeof folder) != PMIPC_OK)
        return;
    check_descriptors(folder);
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, folder))
            found(FOUND_LEAK, "%s: mapped after all handles were closed: %s", me.kind, line);
    if (maps)
        fclose(maps);
}
