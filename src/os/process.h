/* process.h: which process is this? A fork is noticed by every handle, and handles can prepare for one.
 *
 * Each process in a line of forks has its own generation number. It lives in a page that the kernel wipes in a child
 * (MADV_WIPEONFORK), so a raw clone() is noticed too, at the cost of one load. */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* This process's generation, set up at first use. Never 0. Safe in any thread. */
uint64_t process_generation(void);

/* A random number that this process has and no other, whatever PID namespace that is in. Never 0. Safe in any thread.
 */
uint64_t process_identity(void);

extern const uint64_t *process_generation_word; /* what process_is reads; NULL before the first process_generation */

/* Whether a handle of that generation belongs to this very process. */
static inline bool process_is(uint64_t generation)
{
    return *(const volatile uint64_t *)process_generation_word == generation;
}

/* The fork handlers are in place: needed before the first lock is taken. Returns 0 or an errno (no memory; try again
 * later). */
int process_guard_forks(void);

/* Something that must act when the process forks. `prepare` and `parent` run in the parent, `child` in the child, all
 * under the fork mutex. Any of them may be NULL. */
struct fork_guard {
    struct fork_guard *next;
    struct fork_guard *previous;
    void (*prepare)(struct fork_guard *guard);
    void (*parent)(struct fork_guard *guard);
    void (*child)(struct fork_guard *guard);
};

/* The fork mutex covers open, lock and registering of a lock descriptor as one step: a fork in between would leave the
 * child with a descriptor that nobody closes, and so the parent's lock alive after the parent's death. */
void fork_mutex_lock(void);
void fork_mutex_unlock(void);

/* Under the fork mutex. */
void fork_guard_add(struct fork_guard *guard);
void fork_guard_remove(struct fork_guard *guard);

/* Whether there is a guard for which `is_it` holds. Takes the fork mutex. */
bool fork_guard_exists(bool (*is_it)(const struct fork_guard *guard, const void *context), const void *context);

/* "/usr/bin/python3 -u demo/camera.py --fps 30" of this process; "python3 camera.py --fps 30", for where there is
 * little room; and its short name. Cut to fit; never fail. */
void process_command_line(char *text, size_t text_bytes);
void process_program(char *text, size_t text_bytes);
void process_short_name(char *text, size_t text_bytes);

#endif
