/* process.h: the identity of this process, and fork handlers.
 *
 * Each process in a line of forks has its own generation number. The number is in a page that the kernel clears in a
 * child (MADV_WIPEONFORK). So a handle detects a fork, also one by a raw clone(), with one load. */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* This process's generation, assigned at first use. Never 0. For any thread. */
uint64_t process_generation(void);

/* A random number that distinguishes this process from all others, in any PID namespace. Never 0. For any thread. */
uint64_t process_identity(void);

extern const uint64_t *process_generation_word; /* read by process_is; 0 before the first process_generation */

/* Whether a handle of that generation belongs to this process. */
static inline bool process_is(uint64_t generation)
{
    return *(const volatile uint64_t *)process_generation_word == generation;
}

/* Install the fork handlers. They must be in place before the first lock is taken. Returns 0 or an errno (ENOMEM: try
 * again later). */
int process_guard_forks(void);

/* Functions that run when the process forks: `prepare` and `parent` in the parent, `child` in the child, all under the
 * fork mutex. Each may be NULL. */
struct fork_guard {
    struct fork_guard *next;
    struct fork_guard *previous;
    void (*prepare)(struct fork_guard *guard);
    void (*parent)(struct fork_guard *guard);
    void (*child)(struct fork_guard *guard);
};

/* Opening a lock descriptor, locking and registering its guard are one step under the fork mutex. After a fork in
 * between, the child would never close its copy of the descriptor, and the parent's lock would outlive the parent. */
void fork_mutex_lock(void);
void fork_mutex_unlock(void);

/* Call these under the fork mutex. */
void fork_guard_add(struct fork_guard *guard);
void fork_guard_remove(struct fork_guard *guard);

/* Whether `matches` is true for one of the guards. Takes the fork mutex. */
bool fork_guard_exists(bool (*matches)(const struct fork_guard *guard, const void *context), const void *context);

/* Texts about this process, cut to fit: its command line ("/usr/bin/python3 -u demo/camera.py --fps 30"), a shorter
 * form of it ("python3 camera.py --fps 30"), and its name for the kernel ("python3"). They never fail. */
void process_command_line(char *text, size_t text_bytes);
void process_program(char *text, size_t text_bytes);
void process_short_name(char *text, size_t text_bytes);

#endif
