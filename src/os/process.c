#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os/atomic.h"
#include "os/cancel.h"
#include "os/random.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

static _Atomic uint64_t *generation_page; /* generation, then identity; the kernel clears both in a forked child */
static uint64_t newest_generation;        /* a child inherits it and counts on from it */
static _Atomic int handlers;              /* state of the fork handlers: one of these */
enum { HANDLERS_MISSING, HANDLERS_UNDERWAY, HANDLERS_IN_PLACE };
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t fork_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct fork_guard guards = {.next = &guards, .previous = &guards};

static const uint64_t no_generation = 0;
const uint64_t *process_generation_word = &no_generation;

static int cancel_state_before_fork; /* of the forking thread, which holds the fork mutex */

static void before_fork(void)
{
    int before = cancel_defer();
    pthread_mutex_lock(&fork_mutex);
    cancel_state_before_fork = before;
    for (struct fork_guard *guard = guards.next; guard != &guards; guard = guard->next)
        if (guard->prepare)
            guard->prepare(guard);
}

static void after_fork_in_parent(void)
{
    for (struct fork_guard *guard = guards.next; guard != &guards; guard = guard->next)
        if (guard->parent)
            guard->parent(guard);
    int before = cancel_state_before_fork;
    pthread_mutex_unlock(&fork_mutex);
    cancel_restore(&before);
}

static void after_fork_in_child(void)
{
    store_relaxed(generation_page, ++newest_generation);
    store_relaxed(generation_page + 1, 0);
    struct fork_guard *next;
    for (struct fork_guard *guard = guards.next; guard != &guards; guard = next) {
        next = guard->next; /* the guard may remove itself */
        if (guard->child)
            guard->child(guard);
    }
    int before = cancel_state_before_fork;
    pthread_mutex_unlock(&fork_mutex);
    cancel_restore(&before);
}

static int add_handlers(void)
{
    return pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static void set_up(void)
{
    static _Atomic uint64_t fallback[2];
    long page_bytes = sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, (size_t)page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED && madvise(page, (size_t)page_bytes, MADV_WIPEONFORK) == 0) {
        generation_page = page;
    } else {
        /* Before Linux 4.14 the child handler detects an ordinary fork. A raw clone is not detected. */
        if (page != MAP_FAILED)
            munmap(page, (size_t)page_bytes);
        generation_page = fallback;
    }
    store_relaxed(generation_page, ++newest_generation);
    process_generation_word = (const uint64_t *)generation_page;
    store_release(&handlers, add_handlers() == 0 ? HANDLERS_IN_PLACE : HANDLERS_MISSING);
}

int process_guard_forks(void)
{
    process_generation();
    int found = HANDLERS_MISSING;
    if (!compare_exchange_acq_rel(&handlers, &found, HANDLERS_UNDERWAY))
        return found == HANDLERS_IN_PLACE ? 0 : ENOMEM; /* ENOMEM: another thread is installing them and may fail */
    int failure = add_handlers();
    store_release(&handlers, failure ? HANDLERS_MISSING : HANDLERS_IN_PLACE);
    return failure;
}

uint64_t process_generation(void)
{
    pthread_once(&once, set_up);
    uint64_t generation = load_relaxed(generation_page);
    if (generation == 0) { /* a child of a raw clone, in which no handler has run */
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

uint64_t process_identity(void)
{
    process_generation();
    uint64_t known = load_relaxed(generation_page + 1);
    if (known)
        return known;
    uint64_t made = random_identity();
    return compare_exchange_relaxed(generation_page + 1, &known, made) ? made : known; /* known: of another thread */
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

bool fork_guard_exists(bool (*matches)(const struct fork_guard *guard, const void *context), const void *context)
{
    bool found = false;
    fork_mutex_lock();
    for (const struct fork_guard *guard = guards.next; guard != &guards && !found; guard = guard->next)
        found = matches(guard, context);
    fork_mutex_unlock();
    return found;
}

/* Read the arguments, each followed by a NUL; one more NUL follows the last. Returns their bytes, 0 on failure. */
static size_t read_arguments(char *text, size_t text_bytes)
{
    memset(text, 0, text_bytes);
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, text_bytes - 1);
    if (fd >= 0)
        close(fd);
    return length > 0 ? (size_t)length : 0;
}

/* Join the arguments into one line of UTF-8. `is_cut`: the last character may be incomplete. */
static void join_arguments(char *text, size_t length, bool is_cut)
{
    for (size_t i = 0; i + 1 < length; i++)
        if (text[i] == '\0' || text[i] == '\n')
            text[i] = ' ';
    size_t end = strlen(text);
    if (is_cut)
        while (end > 0 && ((unsigned char)text[end - 1] & 0x80))
            text[--end] = '\0';
    while (end > 0 && text[end - 1] == ' ')
        text[--end] = '\0';
}

void process_command_line(char *text, size_t text_bytes)
{
    size_t length = read_arguments(text, text_bytes);
    if (length == 0)
        process_short_name(text, text_bytes);
    else
        join_arguments(text, length, length == text_bytes - 1);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* Skip the options of a Python interpreter. Returns its script, or the -m or -c that replaces a script. */
static const char *skip_options(const char *argument, const char *end)
{
    while (argument < end && argument[0] == '-' && argument[1] && !strchr("mc", argument[1])) {
        bool has_value = strcmp(argument, "-X") == 0 || strcmp(argument, "-W") == 0;
        argument += strlen(argument) + 1;
        if (has_value && argument < end)
            argument += strlen(argument) + 1;
    }
    return argument;
}

void process_program(char *text, size_t text_bytes)
{
    char arguments[512];
    size_t length = read_arguments(arguments, sizeof arguments);
    if (length == 0) {
        process_short_name(text, text_bytes);
        return;
    }
    const char *end = arguments + length, *program = base_name(arguments), *script = arguments + strlen(arguments) + 1;
    if (strncmp(program, "python", 6) == 0)
        script = skip_options(script, end);
    size_t used = 0;
    memset(text, 0, text_bytes);
    for (const char *part = program; part && used + 1 < text_bytes;) {
        size_t bytes = strnlen(part, text_bytes - 1 - used);
        memcpy(text + used, part, bytes);
        used += bytes + 1;
        if (part == program)
            part = script < end ? base_name(script) : NULL;
        else
            part = part + strlen(part) + 1 < end ? part + strlen(part) + 1 : NULL;
    }
    join_arguments(text, used < text_bytes ? used : text_bytes - 1, used >= text_bytes);
}

void process_short_name(char *text, size_t text_bytes)
{
    char name[17] = {0};
    prctl(PR_GET_NAME, name, 0, 0, 0);
    strncpy(text, name, text_bytes - 1);
    text[text_bytes - 1] = '\0';
}
