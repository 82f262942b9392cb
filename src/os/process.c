#include "os/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os/atomic.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

static _Atomic uint64_t *generation_page;   /* wiped by the kernel in a forked child */
static uint64_t newest_generation;          /* inherited by a child, which counts on from it */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t fork_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct fork_guard guards = {.next = &guards, .previous = &guards};

static const uint64_t no_generation = 0;
const uint64_t *process_generation_word = &no_generation;

static void before_fork(void)
{
    pthread_mutex_lock(&fork_mutex);
    for (struct fork_guard *guard = guards.next; guard != &guards; guard = guard->next)
        if (guard->prepare)
            guard->prepare(guard);
}

static void after_fork_in_parent(void)
{
    for (struct fork_guard *guard = guards.next; guard != &guards; guard = guard->next)
        if (guard->parent)
            guard->parent(guard);
    pthread_mutex_unlock(&fork_mutex);
}

static void after_fork_in_child(void)
{
    store_relaxed(generation_page, ++newest_generation);
    struct fork_guard *next;
    for (struct fork_guard *guard = guards.next; guard != &guards; guard = next) {
        next = guard->next; /* a guard may take itself off the list */
        if (guard->child)
            guard->child(guard);
    }
    pthread_mutex_unlock(&fork_mutex);
}

static void set_up(void)
{
    static _Atomic uint64_t fallback;
    long page_bytes = sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, (size_t)page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED && madvise(page, (size_t)page_bytes, MADV_WIPEONFORK) == 0) {
        generation_page = page;
    } else {
        /* Before Linux 4.14: ordinary forks are still noticed, by the child handler; only raw clones are not. */
        if (page != MAP_FAILED)
            munmap(page, (size_t)page_bytes);
        generation_page = &fallback;
    }
    store_relaxed(generation_page, ++newest_generation);
    process_generation_word = (const uint64_t *)generation_page;
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

uint64_t process_generation(void)
{
    pthread_once(&once, set_up);
    uint64_t generation = load_relaxed(generation_page);
    if (generation == 0) { /* a raw clone: no handler has run in this child */
        pthread_mutex_lock(&fork_mutex);
        generation = load_relaxed(generation_page);
        if (generation == 0) {
            generation = ++newest_generation;
            store_relaxed(generation_page, generation);
        }
        pthread_mutex_unlock(&fork_mutex);
    }
    return generation;
}

void fork_mutex_lock(void)
{
    pthread_mutex_lock(&fork_mutex);
}

void fork_mutex_unlock(void)
{
    pthread_mutex_unlock(&fork_mutex);
}

void fork_guard_add(struct fork_guard *guard)
{
    guard->next = guards.next;
    guard->previous = &guards;
    guards.next->previous = guard;
    guards.next = guard;
}

void fork_guard_remove(struct fork_guard *guard)
{
    if (!guard->next)
        return;
    guard->previous->next = guard->next;
    guard->next->previous = guard->previous;
    guard->next = guard->previous = NULL;
}

void process_command_line(char *text, size_t text_bytes)
{
    memset(text, 0, text_bytes);
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, text_bytes - 1);
    if (fd >= 0)
        close(fd);
    if (length <= 0) {
        process_short_name(text, text_bytes);
        return;
    }
    for (ssize_t i = 0; i + 1 < length; i++)
        if (text[i] == '\0' || text[i] == '\n')
            text[i] = ' ';
    /* A cut multi-byte character at the end would not be UTF-8. */
    size_t end = strlen(text);
    if (end == text_bytes - 1)
        while (end > 0 && ((unsigned char)text[end - 1] & 0x80))
            text[--end] = '\0';
    while (end > 0 && text[end - 1] == ' ')
        text[--end] = '\0';
}

void process_short_name(char *text, size_t text_bytes)
{
    char name[17] = {0};
    prctl(PR_GET_NAME, name, 0, 0, 0);
    strncpy(text, name, text_bytes - 1);
    text[text_bytes - 1] = '\0';
}
