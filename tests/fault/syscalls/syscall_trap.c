#include "syscall_trap.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

long raw_syscall(long number, long a, long b, long c, long d, long e, long f);
extern const char raw_syscall_returns[];

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
__asm__(".text\n"
        ".type raw_syscall, @function\n"
        "raw_syscall:\n"
        "    mov %rdi, %rax\n"
        "    mov %rsi, %rdi\n"
        "    mov %rdx, %rsi\n"
        "    mov %rcx, %rdx\n"
        "    mov %r8, %r10\n"
        "    mov %r9, %r8\n"
        "    mov 8(%rsp), %r9\n"
        "    syscall\n"
        "raw_syscall_returns:\n"
        "    ret\n");

static struct trapped_call call_of(const ucontext_t *context)
{
    const greg_t *r = context->uc_mcontext.gregs;
    return (struct trapped_call){r[REG_RAX], {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]}};
}

static void set_result(ucontext_t *context, long result)
{
    context->uc_mcontext.gregs[REG_RAX] = result;
}
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
__asm__(".text\n"
        ".type raw_syscall, %function\n"
        "raw_syscall:\n"
        "    mov x8, x0\n"
        "    mov x0, x1\n"
        "    mov x1, x2\n"
        "    mov x2, x3\n"
        "    mov x3, x4\n"
        "    mov x4, x5\n"
        "    mov x5, x6\n"
        "    svc #0\n"
        "raw_syscall_returns:\n"
        "    ret\n");

static struct trapped_call call_of(const ucontext_t *context)
{
    const unsigned long long *r = context->uc_mcontext.regs;
    return (struct trapped_call){(long)r[8], {(long)r[0], (long)r[1], (long)r[2], (long)r[3], (long)r[4], (long)r[5]}};
}

static void set_result(ucontext_t *context, long result)
{
    context->uc_mcontext.regs[0] = (unsigned long long)result;
}
#else
#error "raw_syscall() is not implemented for this architecture"
#endif

static trap_answer current_answer;
static bool is_answering;

long trap_pass(const struct trapped_call *call)
{
    const long *a = call->arguments;
    return raw_syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

void trap_set_answer(trap_answer answer)
{
    current_answer = answer;
}

bool trap_is_answering(void)
{
    return is_answering;
}

static void on_call(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    (void)info;
    int kept_errno = errno;
    struct trapped_call call = call_of(context);
    long result;
    if (current_answer && !is_answering) {
        is_answering = true;
        result = current_answer(&call);
        is_answering = false;
    } else {
        result = trap_pass(&call);
    }
    set_result(context, result);
    errno = kept_errno;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

#define WORD(member, half) (offsetof(struct seccomp_data, member) + 4 * (half))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define IF_EQUAL(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), (then), (otherwise))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))

void trap_install(void)
{
    /* `answer` may make calls, which are trapped, too: SIGSYS is not blocked while it runs. */
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGSYS, &action, NULL) != 0)
        die("sigaction");
    uint64_t place = (uint64_t)(uintptr_t)raw_syscall_returns;
    struct sock_filter program[] = {
        LOAD(offsetof(struct seccomp_data, arch)),
        IF_EQUAL(ARCHITECTURE, 1, 0),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        LOAD(WORD(instruction_pointer, 0)),
        IF_EQUAL(place & UINT32_MAX, 0, 3),
        LOAD(WORD(instruction_pointer, 1)),
        IF_EQUAL(place >> 32, 0, 1),
        RETURN(SECCOMP_RET_ALLOW),
        LOAD(offsetof(struct seccomp_data, nr)),
        IF_EQUAL(SYS_rt_sigreturn, 0, 1), /* the end of the signal handler */
        RETURN(SECCOMP_RET_ALLOW),
        RETURN(SECCOMP_RET_TRAP),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        die("seccomp");
}
