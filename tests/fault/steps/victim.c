#include "victim.h"

#include "test.h"
#include "virtual.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

void run_stepped(void (*run)(void));
extern const char run_stepped_end[];

/* Stops before and after `run`: the operation is between the two breakpoints. */
__asm__(".text\n"
        ".type run_stepped, @function\n"
        "run_stepped:\n"
        "    sub $8, %rsp\n"
        "    int3\n"
        "    call *%rdi\n"
        "run_stepped_end:\n"
        "    int3\n"
        "    add $8, %rsp\n"
        "    ret\n"
        ".size run_stepped, . - run_stepped\n");

uint64_t victim_end_address(void)
{
    return (uint64_t)run_stepped_end;
}

/* The code of the victim, read in the tracer, which has the same code and no breakpoints. */
static const uint8_t *code_at(uint64_t address)
{
    return (const uint8_t *)(uintptr_t)address;
}

/* The bytes of a string instruction with a repeat prefix, in which a single step stops after every turn; otherwise 0.
 */
static unsigned repeated_bytes(uint64_t address)
{
    const uint8_t *code = code_at(address);
    if (code[0] != 0xf3 && code[0] != 0xf2)
        return 0;
    unsigned bytes = (code[1] & 0xf0) == 0x40 ? 2 : 1;
    uint8_t opcode = code[bytes];
    bool is_string = (opcode >= 0xa4 && opcode <= 0xa7) || (opcode >= 0xaa && opcode <= 0xaf);
    return is_string ? bytes + 1 : 0;
}

static long request(enum __ptrace_request what, const struct victim *victim, uint64_t address, uint64_t data)
{
    errno = 0;
    long result = ptrace(what, victim->pid, address, data);
    if (result == -1 && errno)
        FAIL("ptrace %d of a victim: %s", (int)what, strerror(errno));
    return result;
}

static void await_trap(const struct victim *victim)
{
    int status;
    while (waitpid(victim->pid, &status, 0) < 0)
        if (errno != EINTR)
            FAIL("waitpid: %s", strerror(errno));
    if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP)
        return;
    if (WIFSTOPPED(status))
        FAIL("the victim got signal %d (%s) at %#" PRIx64, WSTOPSIG(status), strsignal(WSTOPSIG(status)),
             victim_place(victim).address);
    FAIL("the victim ended with wait status %#x", (unsigned)status);
}

static void continue_to_trap(const struct victim *victim)
{
    request(PTRACE_CONT, victim, 0, 0);
    await_trap(victim);
}

struct victim victim_start(void (*prepare)(void), void (*run)(void))
{
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of a victim become children of this process */
    struct victim victim = {.pid = fork()};
    if (victim.pid < 0)
        FAIL("fork: %s", strerror(errno));
    if (victim.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpgid(0, 0); /* a process group with its children */
        sigset_t ends_of_children;
        sigemptyset(&ends_of_children);
        sigaddset(&ends_of_children, SIGCHLD);
        sigprocmask(SIG_BLOCK, &ends_of_children, NULL); /* the tracer would stop at each */
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
            FAIL("this process may not be traced: %s", strerror(errno));
        prepare();
        run_stepped(run);
        _exit(0);
    }
    await_trap(&victim);
    request(PTRACE_SETOPTIONS, &victim, 0, PTRACE_O_EXITKILL);
    return victim;
}

struct place victim_place(const struct victim *victim)
{
    struct user_regs_struct registers;
    request(PTRACE_GETREGS, victim, 0, (uint64_t)(uintptr_t)&registers);
    struct place place = {.address = registers.rip, .stack = registers.rsp};
    const uint8_t *code = code_at(place.address);
    place.is_call = code[0] == 0x0f && code[1] == 0x05;
    place.is_sleep = place.is_call &&
                     ((registers.rax == SYS_futex && registers.rsi == FUTEX_WAIT) || registers.rax == SYS_futex_waitv);
    return place;
}

static uint64_t instruction_pointer(const struct victim *victim)
{
    return (uint64_t)request(PTRACE_PEEKUSER, victim, offsetof(struct user, regs.rip), 0);
}

/* Uses the breakpoint register of the processor, not a changed instruction, so that each visit stops once. */
static void set_breakpoint(const struct victim *victim, uint64_t address)
{
    request(PTRACE_POKEUSER, victim, offsetof(struct user, u_debugreg[0]), address);
    request(PTRACE_POKEUSER, victim, offsetof(struct user, u_debugreg[7]), address != 0);
}

bool victim_run_to(const struct victim *victim, uint64_t address, uint32_t visits)
{
    bool reached = true;
    if (address != victim_end_address())
        set_breakpoint(victim, address);
    for (uint64_t stops = 0; reached && stops <= visits; stops++) {
        continue_to_trap(victim);
        uint64_t stopped_at = instruction_pointer(victim);
        if (stopped_at == victim_end_address() + 1) {
            reached = address == victim_end_address();
            request(PTRACE_POKEUSER, victim, offsetof(struct user, regs.rip), victim_end_address());
        } else if (stopped_at != address) {
            FAIL("the victim stopped at %#" PRIx64, stopped_at);
        }
    }
    set_breakpoint(victim, 0);
    return reached;
}

void victim_step(const struct victim *victim, uint64_t address)
{
    unsigned repeated = repeated_bytes(address);
    if (!repeated) {
        request(PTRACE_SINGLESTEP, victim, 0, 0);
        await_trap(victim);
    } else if (!victim_run_to(victim, address + repeated, 0)) {
        FAIL("a repeated instruction at %#" PRIx64 " does not end", address);
    }
}

void victim_sleeps_forever(const struct victim *victim)
{
    request(PTRACE_POKEDATA, victim, (uint64_t)(uintptr_t)&virtual_sleep_forever, 1);
}

void victim_run_to_sleep(const struct victim *victim)
{
    char path[64], line[256];
    request(PTRACE_CONT, victim, 0, 0);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)victim->pid);
    for (;;) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
        close(fd);
        line[length > 0 ? length : 0] = '\0';
        const char *state = strrchr(line, ')');
        if (!state || !strchr("RDSt", state[2]))
            FAIL("the victim does not sleep; its state is '%s'", state ? state + 2 : "?");
        if (state[2] == 'S')
            return;
        test_yield();
    }
}

void victim_kill(const struct victim *victim)
{
    int status;
    kill(victim->pid, SIGKILL);
    while (waitpid(victim->pid, &status, 0) != victim->pid || WIFSTOPPED(status))
        if (errno == ECHILD)
            FAIL("the victim had ended before the kill");
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        FAIL("the victim ended with wait status %#x before the kill", (unsigned)status);
    while (waitpid(-victim->pid, NULL, 0) > 0) /* its children, which exit */
        ;
}
