/* helper.h: other processes that a test needs, and how to talk with them.
 *
 * A role is a body that runs in a fresh process image of the test program (posix_spawn: no fork handler runs, no handle
 * is inherited). A forked helper shares everything with the test and is for tests that hold no handle yet, or that are
 * about fork. Both talk over a channel of 64-bit words; a dead partner ends the test, so nobody waits forever. */
#ifndef PMIPC_TEST_HELPER_H
#define PMIPC_TEST_HELPER_H

#include "test.h"

#include <sys/types.h>

typedef struct helper {
    pid_t pid;
    int channel;
} helper;

typedef void (*role_body)(int channel, const char *argument);

typedef struct role_entry {
    const char *name;
    role_body body;
    struct role_entry *next;
} role_entry;

void role_register(role_entry *role);
int role_run(const char *name, const char *argument);

#define ROLE(role_name)                                                           \
    static void role_name(int channel, const char *argument);                     \
    static role_entry role_name##_role = {.name = #role_name, .body = role_name}; \
    __attribute__((constructor)) static void role_name##_register(void)           \
    {                                                                             \
        role_register(&role_name##_role);                                         \
    }                                                                             \
    static void role_name(int channel, const char *argument)

/** Start a role in a process of its own. */
helper helper_start(const char *role, const char *argument);

/** Start `body` in a forked process. */
helper helper_fork(role_body body, const char *argument);

/** SIGKILL, and wait until the process is gone: the kernel has then dropped its locks. */
void helper_kill(helper *child);

/** Wait until it ends by itself, and fail unless it ended with 0. */
void helper_finish(helper *child);

/** Send and receive one word. */
void send_word(int channel, uint64_t word);
uint64_t receive_word(int channel);

/** Whether a word is there to be heard (or the partner is gone), without waiting. */
bool word_is_waiting(int channel);

/** Wait until somebody kills this process. */
_Noreturn void sleep_until_killed(void);

#endif
