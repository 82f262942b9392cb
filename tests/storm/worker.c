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
static _Thread_local bool is_aside;

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
    me = (struct worker){.seat = &board->seats[number], .kind = kind, .number = number, .random = seed | 1};
    begin("first steps");
}

bool is_over(void)
{
    return atomic_load_explicit(&me.seat->ending, memory_order_relaxed);
}

uint64_t chance(uint64_t limit)
{
    me.random ^= me.random << 13;
    me.random ^= me.random >> 7;
    me.random ^= me.random << 17;
    return (me.random * UINT64_C(0x2545f4914f6cdd1d) >> 32) % limit;
}

bool one_in(uint64_t times)
{
    return chance(times) == 0;
}

void pause_us(uint64_t limit)
{
    struct timespec time = {.tv_nsec = (long)chance(limit + 1) * 1000};
    nanosleep(&time, NULL);
}

void begin(const char *call)
{
    current_call = call;
    if (!is_aside)
        atomic_store_explicit(&me.seat->doing, call, memory_order_relaxed);
}

void step_aside(void)
{
    is_aside = true;
}

void with(const char *pool, const char *manner)
{
    snprintf(me.seat->with, sizeof me.seat->with, "%s, %s", pool, manner);
}

pmipc_status judge(pmipc_status got, uint64_t allowed, const char *text)
{
    if (!(allowed >> got & 1))
        found(FOUND_WRONG, "%s: %s gave %s: %s", me.kind, current_call, pmipc_status_name(got),
              text ? text : pmipc_status_text(got));
    count(&me.seat->operations);
    begin("nothing of the library");
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
            found(FOUND_LEAK, "%s: descriptor %s of %s is open after everything was closed", me.kind, entry->d_name,
                  target);
    }
    if (descriptors)
        closedir(descriptors);
}

void check_nothing_is_left(void)
{
    char folder[PATH_MAX], line[PATH_MAX + 200];
    if (pmipc_registry_folder(NULL, folder, sizeof folder) != PMIPC_OK)
        return;
    check_descriptors(folder);
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, folder))
            found(FOUND_LEAK, "%s: mapped after everything was closed: %s", me.kind, line);
    if (maps)
        fclose(maps);
}
