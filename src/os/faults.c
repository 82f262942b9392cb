#include "os/faults.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/atomic.h"
#include "os/error.h"
#include "polymorph_ipc/registry.h"

#define RANGES_MAX 1024

/* begin == 0: free. begin == 1: being filled. A signal handler uses a range only when begin is an address. Label and
 * end are stored before that address [FAULT]. */
struct range {
    _Atomic uintptr_t begin;
    _Atomic uintptr_t end;
    bool writable;
    char label[PMIPC_MAX_NAME + 1];
};

static struct range ranges[RANGES_MAX];
static _Atomic uint32_t ranges_used; /* each used range has a lower index */

void faults_add_range(const void *address, size_t bytes, bool writable, const char *label)
{
    for (uint32_t i = 0; i < RANGES_MAX; i++) {
        uintptr_t unused = 0;
        if (load_relaxed(&ranges[i].begin) != 0 || !compare_exchange_acq_rel(&ranges[i].begin, &unused, 1))
            continue;
        ranges[i].writable = writable;
        strncpy(ranges[i].label, label, PMIPC_MAX_NAME);
        store_relaxed(&ranges[i].end, (uintptr_t)address + bytes);
        store_release(&ranges[i].begin, (uintptr_t)address); /* [FAULT] */
        uint32_t used = load_relaxed(&ranges_used);
        while (used < i + 1 && !compare_exchange_acq_rel(&ranges_used, &used, i + 1))
            ;
        return;
    }
}

void faults_remove_range(const void *address)
{
    uint32_t used = load_relaxed(&ranges_used);
    for (uint32_t i = 0; i < used; i++) {
        uintptr_t begin = (uintptr_t)address;
        if (compare_exchange_acq_rel(&ranges[i].begin, &begin, 0))
            return;
    }
}

/* A signal handler may call write, but not the functions of stdio. */
static void write_text(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

static void explain(int signal_number, uintptr_t address)
{
    uint32_t used = load_relaxed(&ranges_used);
    for (uint32_t i = 0; i < used; i++) {
        uintptr_t begin = load_acquire(&ranges[i].begin); /* [FAULT] */
        if (begin <= 1 || address < begin || address >= load_relaxed(&ranges[i].end))
            continue;
        write_text("polymorph_ipc: ");
        if (signal_number == SIGSEGV && !ranges[i].writable) {
            write_text("a write to a read-only view of pool '");
            write_text(ranges[i].label);
            write_text(
                "'.\n  Views share the producer's memory, so they cannot be written in place.\n"
                "  Take a private copy: stream.get_last(copy=True), TensorStream(..., copy=True), view.copy() or "
                "view.clone().\n");
        } else if (signal_number == SIGBUS) {
            write_text("the file of pool '");
            write_text(ranges[i].label);
            write_text(
                "' was truncated, or its memory was taken away, while it was in use.\n"
                "  polymorph_ipc never truncates a live pool: look for another program that writes to the folder,\n"
                "  then remove the pool with polymorph_ipc.remove_pool() and start its producer again.\n");
        } else {
            write_text("a fault in the memory of pool '");
            write_text(ranges[i].label);
            write_text("'.\n");
        }
        return;
    }
}

/* ---- the handler */

/* What the handler does after its message. All members but `spent` are written before the handler is installed. */
struct chain {
    int signal_number;
    struct sigaction earlier; /* the disposition before this library's */
    _Atomic bool spent;       /* `earlier` has SA_RESETHAND and has run */
};

static struct chain chains[] = {{.signal_number = SIGSEGV}, {.signal_number = SIGBUS}};
static pthread_mutex_t install_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool installed;

/* Whether the interrupted instruction faulted. False for a signal that a process sent, and for a report of a memory
 * error at another place. */
static bool is_fault(int signal_number, const siginfo_t *info)
{
#ifdef BUS_MCEERR_AO
    if (signal_number == SIGBUS && info->si_code == BUS_MCEERR_AO)
        return false;
#endif
    (void)signal_number;
    return info->si_code > 0;
}

/* Make the kernel take the default action. The signal is blocked while its handler runs, so a signal that is sent here
 * with the same siginfo is delivered when the handler returns. The instruction need not fault again. */
static void take_default_action(int signal_number, siginfo_t *info)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigaction(signal_number, &standard, NULL);
    if (syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), signal_number, info) != 0)
        raise(signal_number); /* a sandbox forbids the call */
}

/* The kernel has applied sa_mask and SA_RESTART of `earlier`, because this library's action has the same. SA_ONSTACK is
 * always set. */
static void call_earlier(const struct sigaction *earlier, int signal_number, siginfo_t *info, void *context)
{
    if (earlier->sa_flags & SA_NODEFER) {
        sigset_t own;
        sigemptyset(&own);
        sigaddset(&own, signal_number);
        pthread_sigmask(SIG_UNBLOCK, &own, NULL);
    }
    if (earlier->sa_flags & SA_SIGINFO)
        earlier->sa_sigaction(signal_number, info, context);
    else
        earlier->sa_handler(signal_number);
}

static bool is_handler(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) || (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

/* Whether the earlier handler runs now. One with SA_RESETHAND runs once, in the first thread that faults. */
static bool may_call_earlier(struct chain *chain)
{
    bool unspent = false;
    return is_handler(&chain->earlier) &&
           (!(chain->earlier.sa_flags & (int)SA_RESETHAND) || compare_exchange_acq_rel(&chain->spent, &unspent, true));
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    int kept_errno = errno;
    struct chain *chain = &chains[signal_number == SIGSEGV ? 0 : 1];
    const struct sigaction *earlier = &chain->earlier;
    bool fault = is_fault(signal_number, info);
    if (fault)
        explain(signal_number, (uintptr_t)info->si_addr);
    errno = kept_errno;
    if (may_call_earlier(chain))
        call_earlier(earlier, signal_number, info, context);
    else if (is_handler(earlier) || earlier->sa_handler == SIG_DFL || fault) /* a fault cannot be ignored */
        take_default_action(signal_number, info);
    errno = kept_errno;
}

/* ---- installing it */

static int install(struct chain *chain)
{
    /* Read the earlier disposition first: a signal may arrive before the second sigaction returns. */
    if (sigaction(chain->signal_number, NULL, &chain->earlier) != 0)
        return -1;
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    action.sa_flags |= chain->earlier.sa_flags & SA_RESTART;
    action.sa_mask = chain->earlier.sa_mask;
    return sigaction(chain->signal_number, &action, NULL);
}

/* Restore the earlier disposition, unless another handler was installed after this library's. */
static void uninstall(const struct chain *chain)
{
    struct sigaction now, standard = {.sa_handler = SIG_DFL};
    if (sigaction(chain->signal_number, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fault)
        sigaction(chain->signal_number, load_relaxed(&chain->spent) ? &standard : &chain->earlier, NULL);
}

pmipc_status pmipc_explain_faults(pmipc_error *error)
{
    pmipc_status status = PMIPC_OK;
    pthread_mutex_lock(&install_mutex);
    if (!installed) {
        if (install(&chains[0]) != 0) {
            status = error_set(error, PMIPC_SYSTEM, errno, "cannot install a handler for SIGSEGV");
        } else if (install(&chains[1]) != 0) {
            status = error_set(error, PMIPC_SYSTEM, errno, "cannot install a handler for SIGBUS");
            /* Otherwise the next call would take this library's handler for the earlier one. */
            uninstall(&chains[0]);
        } else {
            installed = true;
        }
    }
    pthread_mutex_unlock(&install_mutex);
    return status;
}

/* The library is unloaded (dlclose of a plugin that is linked with it), or the process ends. */
__attribute__((destructor)) static void restore_handlers(void)
{
    for (size_t i = 0; installed && i < sizeof chains / sizeof chains[0]; i++)
        uninstall(&chains[i]);
}
