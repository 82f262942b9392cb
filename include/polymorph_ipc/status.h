/* status.h: what calls return, error messages, clocks.
 *
 * A call that can fail returns a pmipc_status:
 *
 *   0           PMIPC_OK
 *   1 to 15     an outcome: nothing went wrong, and there is nothing to return (PMIPC_TIMEOUT)
 *   16 and up   a failure (PMIPC_CORRUPT)
 *
 * Calls that set something up take an optional pmipc_error and fill it on failure. Calls that programs make in loops
 * (publish, loan, commit, get) do not take one: after a failure, pmipc_producer_last_error and pmipc_stream_last_error
 * return the message. */
#ifndef PMIPC_STATUS_H
#define PMIPC_STATUS_H

#include "export.h"

PMIPC_BEGIN_DECLS

/* X(name, value, text, Python exception, builtin exception that it is derived from). Outcomes have no exception. */
#define PMIPC_STATUS_MAP(X)                                                                            \
    X(OK, 0, "success", None, None)                                                                    \
    X(NOTHING_NEW, 1, "nothing new has been published", None, None)                                    \
    X(TIMEOUT, 2, "nothing new was published in time", None, None)                                     \
    X(INTERRUPTED, 3, "a signal interrupted the wait", None, None)                                     \
    X(NOT_CONNECTED, 4, "no pool of this name exists yet", None, None)                                 \
    X(RETIRED, 5, "the pool was retired", None, None)                                                  \
    X(TOO_FEW, 6, "the history has fewer samples", None, None)                                         \
    X(INVALID_ARGUMENT, 16, "invalid argument", InvalidArgumentError, ValueError)                      \
    X(INVALID_NAME, 17, "invalid pool name", InvalidNameError, ValueError)                             \
    X(NOT_FOUND, 18, "no such pool", PoolNotFoundError, LookupError)                                   \
    X(BUSY, 19, "the pool is in use", PoolBusyError, RuntimeError)                                     \
    X(FULL, 20, "the pool has no room left", PoolFullError, RuntimeError)                              \
    X(SCHEMA_MISMATCH, 21, "schema mismatch", SchemaMismatchError, ValueError)                         \
    X(CORRUPT, 22, "the pool file is corrupt", PoolCorruptError, RuntimeError)                         \
    X(INCOMPATIBLE, 23, "an incompatible build created the pool", PoolIncompatibleError, RuntimeError) \
    X(CLOSED, 24, "the handle is closed", ClosedError, ValueError)                                     \
    X(FORKED, 25, "the handle belongs to the parent process", ForkedError, RuntimeError)               \
    X(LOST, 26, "the handle has lost its pool or its row", PoolLostError, RuntimeError)                \
    X(WRONG_STATE, 27, "the call does not fit the handle's state", WrongStateError, RuntimeError)      \
    X(NO_SPACE, 28, "not enough shared memory", PoolSpaceError, OSError)                               \
    X(NO_MEMORY, 29, "out of memory", OutOfMemoryError, MemoryError)                                   \
    X(PERMISSION, 30, "permission denied", PoolPermissionError, PermissionError)                       \
    X(UNSUPPORTED, 31, "not supported here", UnsupportedError, RuntimeError)                           \
    X(SYSTEM, 32, "a system call failed", SystemCallError, OSError)

#define PMIPC_STATUS_ENUM(name, value, text, exception, builtin) PMIPC_##name = value,
typedef enum pmipc_status { PMIPC_STATUS_MAP(PMIPC_STATUS_ENUM) } pmipc_status;
#undef PMIPC_STATUS_ENUM

#define PMIPC_ERROR_TEXT_BYTES 1536

/** The message of a failure: what happened, to which pool, because of which process, and what to do. The caller owns
 * it. Every function that takes one accepts NULL. It is undefined after PMIPC_OK. */
typedef struct pmipc_error {
    pmipc_status status;
    int os_error;                      /* errno of the system call that failed, or 0 */
    char text[PMIPC_ERROR_TEXT_BYTES]; /* UTF-8, ends with NUL */
} pmipc_error;

/** Return the name of a status without its prefix: "BUSY" for PMIPC_BUSY, "UNKNOWN" for another number.
 *
 * Threads: any. */
PMIPC_API const char *pmipc_status_name(pmipc_status status);

/** Return one line about a status: "the pool is in use" for PMIPC_BUSY.
 *
 * Threads: any. */
PMIPC_API const char *pmipc_status_text(pmipc_status status);

/** Return the version of the loaded library as "major.minor.patch".
 *
 * Threads: any. */
PMIPC_API const char *pmipc_version(void);

/** Return the time of CLOCK_BOOTTIME in nanoseconds: the clock of published_ns and of all ages.
 *
 * It continues while the machine is suspended, so a sample from before a suspension is old afterwards. Timeouts and
 * clock_nanosleep loops use CLOCK_MONOTONIC, which does not. In a container that has a time namespace of its own, this
 * clock has another zero: ages of samples from outside the container are wrong there.
 *
 * Threads: any. Progress: no system call (vDSO) since Linux 5.3. */
PMIPC_API int64_t pmipc_monotonic_ns(void);

/** Return the time of CLOCK_REALTIME in nanoseconds since the epoch: the clock of default stamps.
 *
 * Threads: any. Progress: no system call (vDSO). */
PMIPC_API int64_t pmipc_realtime_ns(void);

/** Install a handler for SIGSEGV and SIGBUS that prints on stderr to which pool a faulting address belongs and what to
 * do.
 *
 * After the message, the handler does what the earlier disposition asks for. An earlier handler is called with its
 * sa_mask, SA_RESTART, SA_NODEFER and SA_RESETHAND, on the alternate stack if there is one. Otherwise the signal ends
 * the process. Nothing is printed for a signal that a process sent (kill, raise, sigqueue).
 *
 * The library never installs this handler without this call. When the library is unloaded (dlclose), it restores the
 * earlier dispositions, unless another handler was installed since then.
 *
 * Threads: any. A second call changes nothing.
 * Returns:
 * - PMIPC_OK: the handler is installed
 * - PMIPC_SYSTEM: sigaction failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_explain_faults(pmipc_error *error);

PMIPC_END_DECLS

#endif
