/* syscall_trap.h: every system call of this process passes through one function, which makes the call or returns a
 * result of its own.
 *
 * A seccomp filter turns each call of libc or of syscall() into SIGSYS (SECCOMP_RET_TRAP). Only calls from one address
 * are executed: the instruction in raw_syscall(). So every call is trapped, and no other process is needed. */
#ifndef FAULT_SYSCALL_TRAP_H
#define FAULT_SYSCALL_TRAP_H

#include <stdbool.h>

struct trapped_call {
    long number;
    long arguments[6];
};

/* Return the result for the caller: a value, or -errno. */
typedef long (*trap_answer)(const struct trapped_call *call);

/* From now on every call of this process and of its children is trapped; this cannot be undone. Calls are made
 * unchanged while there is no `answer`, and while `answer` runs. */
void trap_install(void);
void trap_set_answer(trap_answer answer);

/* Whether `answer` is running: calls made now are those of the test. */
bool trap_is_answering(void);

/* Make the call. */
long trap_pass(const struct trapped_call *call);

#endif
