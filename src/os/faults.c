#include "os/faults.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "os/atomic.h"
#include "os/error.h"
#include "polymorph_ipc/registry.h"

#define RANGES_MAX 1024

/* begin == 0: free; begin == 1: being filled or emptied. A reader in a signal handler takes a range only when begin is a
 * real address, and label and end were stored before it [FAULT]. */
struct range {
    _Atomic uintptr_t begin;
    _Atomic uintptr_t end;
    bool writable;
    char label[PMIPC_MAX_NAME + 1];
};

static struct range ranges[RANGES_MAX];
static _Atomic uint32_t ranges_used; /* every used range has a lower index */
static struct sigaction old_segv, old_bus;

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

/* write() is all a signal handler may do. */
static void say(const char *words)
{
    if (write(STDERR_FILENO, words, strlen(words)) < 0)
        return;
}

static void explain(int signal_number, uintptr_t address)
{
    uint32_t used = load_relaxed(&ranges_used);
    for (uint32_t i = 0; i < used; i++) {
        uintptr_t begin = load_acquire(&ranges[i].begin); /* [FAULT] */
        if (begin <= 1 || address < begin || address >= load_relaxed(&ranges[i].end))
            continue;
        say("polymorph_ipc: ");
        if (signal_number == SIGSEGV && !ranges[i].writable) {
            say("a write to a read-only view of pool '");
            say(ranges[i].label);
            say("'.\n  Views share the producer's memory, so they cannot be written in place.\n"
                "  Take a private copy: stream.get_last(copy=True), TensorStream(..., copy=True), view.copy() or "
                "view.clone().\n");
        } else if (signal_number == SIGBUS) {
            say("the file of pool '");
            say(ranges[i].label);
            say("' was truncated, or its memory went away, while it was in use.\n"
                "  Nothing in polymorph_ipc truncates a live pool: look for another program that writes in the folder,\n"
                "  then remove the pool with polymorph_ipc.remove_pool() and start its producer again.\n");
        } else {
            say("a fault in the memory of pool '");
            say(ranges[i].label);
            say("'.\n");
        }
        return;
    }
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    int kept_errno = errno;
    explain(signal_number, (uintptr_t)info->si_addr);
    errno = kept_errno;
    const struct sigaction *old = signal_number == SIGSEGV ? &old_segv : &old_bus;
    if (old->sa_flags & SA_SIGINFO) {
        old->sa_sigaction(signal_number, info, context);
    } else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
        old->sa_handler(signal_number);
    } else {
        /* The faulting instruction runs again when this handler returns, and then the default action is taken. */
        struct sigaction standard = {.sa_handler = SIG_DFL};
        sigaction(signal_number, &standard, NULL);
    }
}

static pthread_mutex_t install_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool installed;

pmipc_status pmipc_explain_faults(pmipc_error *error)
{
    pmipc_status status = PMIPC_OK;
    pthread_mutex_lock(&install_mutex);
    if (!installed) {
        struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        sigemptyset(&action.sa_mask);
        if (sigaction(SIGSEGV, &action, &old_segv) != 0) {
            status = error_set(error, PMIPC_SYSTEM, errno, "cannot install a handler for SIGSEGV");
        } else if (sigaction(SIGBUS, &action, &old_bus) != 0) {
            status = error_set(error, PMIPC_SYSTEM, errno, "cannot install a handler for SIGBUS");
            /* Else the next try would take ours for the one that was there before. */
            sigaction(SIGSEGV, &old_segv, NULL);
        } else {
            installed = true;
        }
    }
    pthread_mutex_unlock(&install_mutex);
    return status;
}
