/* helper.h: other processes of a test, and words that it exchanges with them.
 *
 * A role is a function that runs in a new process image of the test program (posix_spawn: no fork handler runs, no
 * handle is inherited). A forked helper inherits everything from the test; it is for tests that hold no handle yet, or
 * that test fork. Both use a channel of 64-bit words. When the other process has ended, send_word() and receive_word()
 * end the test. */
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

/** Start a role in another process. */
helper helper_start(const char *role, const char *argument);

/** Start `body` in a forked process. */
helper helper_fork(role_body body, const char *argument);

/** Send SIGKILL and wait until the process has ended: then the kernel has dropped its locks. */
void helper_kill(helper *child);

/** Wait until the process exits, and fail unless its exit code is 0. */
void helper_finish(helper *child);

/** Send and receive one word. */
void send_word(int channel, uint64_t word);
uint64_t receive_word(int channel);

/** Whether a word has arrived or the other process has ended, without a wait. */
bool word_is_waiting(int channel);

/** Wait until this process is killed. */
_Noreturn void sleep_until_killed(void);

#endif
