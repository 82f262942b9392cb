/* syscall_trap.h: every system call of this process passes through one function, which may let it be or answer it
 * itself.
 *
 * A seccomp filter turns each call into SIGSYS (SECCOMP_RET_TRAP), whoever makes it: libc, or a raw syscall(). Only
 * calls made at one single address are let through: the instruction in raw_syscall. So nothing escapes, and no other
 * process is needed. */
#ifndef FAULT_SYSCALL_TRAP_H
#define FAULT_SYSCALL_TRAP_H

#include <stdbool.h>

struct trapped_call {
    long number;
    long arguments[6];
};

/* What the caller gets: a result, or -errno. */
typedef long (*trap_answer)(const struct trapped_call *call);

/* From now on every call of this process, and of children it forks, is trapped; nothing undoes it. Calls are passed on
 * as they are while there is no `answer`, and while it is being asked. */
void trap_install(void);
void trap_set_answer(trap_answer answer);

/* Whether `answer` is being asked: what runs now is the test's. */
bool trap_is_answering(void);

/* Make the call. */
long trap_pass(const struct trapped_call *call);

#endif
