/* status.h: every way a call can end, in one table, and the caller-owned message that explains it.
 *
 * A call returns PMIPC_OK, an outcome (1 to 15: nothing went wrong, there is only nothing to hand over) or a failure
 * (16 and up). Calls that set something up take an optional pmipc_error and fill it on failure. Calls made in a loop
 * (publish, loan, commit, get) take none: after a failure, pmipc_producer_last_error or pmipc_stream_last_error gives
 * the full message. */
#ifndef PMIPC_STATUS_H
#define PMIPC_STATUS_H

#include "export.h"

PMIPC_BEGIN_DECLS

/* X(name, value, short text, Python exception, Python builtin it also derives from); outcomes raise nothing in Python.
 */
#define PMIPC_STATUS_MAP(X)                                                                                \
    X(OK, 0, "success", None, None)                                                                        \
    X(NOTHING_NEW, 1, "nothing new has been published", None, None)                                        \
    X(TIMEOUT, 2, "nothing new was published in time", None, None)                                         \
    X(INTERRUPTED, 3, "a signal interrupted the wait", None, None)                                         \
    X(NOT_CONNECTED, 4, "no pool of this name exists yet", None, None)                                     \
    X(RETIRED, 5, "the pool was retired by its producer", None, None)                                      \
    X(TOO_FEW, 6, "history does not hold that many samples yet", None, None)                               \
    X(INVALID_ARGUMENT, 16, "invalid argument", InvalidArgumentError, ValueError)                          \
    X(INVALID_NAME, 17, "invalid pool name", InvalidNameError, ValueError)                                 \
    X(NOT_FOUND, 18, "no such pool", PoolNotFoundError, LookupError)                                       \
    X(BUSY, 19, "the pool is in use", PoolBusyError, RuntimeError)                                         \
    X(FULL, 20, "the pool has no room left", PoolFullError, RuntimeError)                                  \
    X(SCHEMA_MISMATCH, 21, "schema mismatch", SchemaMismatchError, ValueError)                             \
    X(CORRUPT, 22, "the pool file is damaged", PoolCorruptError, RuntimeError)                             \
    X(INCOMPATIBLE, 23, "the pool was made by an incompatible build", PoolIncompatibleError, RuntimeError) \
    X(CLOSED, 24, "the handle is closed", ClosedError, ValueError)                                         \
    X(FORKED, 25, "the handle belongs to the parent process", ForkedError, RuntimeError)                   \
    X(LOST, 26, "the handle has lost its place in the pool", PoolLostError, RuntimeError)                  \
    X(WRONG_STATE, 27, "the call does not fit the handle's state", WrongStateError, RuntimeError)          \
    X(NO_SPACE, 28, "not enough shared memory", PoolSpaceError, OSError)                                   \
    X(NO_MEMORY, 29, "out of memory", OutOfMemoryError, MemoryError)                                       \
    X(PERMISSION, 30, "permission denied", PoolPermissionError, PermissionError)                           \
    X(UNSUPPORTED, 31, "not supported here", UnsupportedError, RuntimeError)                               \
    X(SYSTEM, 32, "a system call failed", SystemCallError, OSError)

#define PMIPC_STATUS_ENUM(name, value, text, exception, builtin) PMIPC_##name = value,
typedef enum pmipc_status { PMIPC_STATUS_MAP(PMIPC_STATUS_ENUM) } pmipc_status;
#undef PMIPC_STATUS_ENUM

#define PMIPC_ERROR_TEXT_BYTES 1536

/** What happened, to which pool, because of whom, and what to do. Caller-owned; every call accepts NULL for it. */
typedef struct pmipc_error {
    pmipc_status status;
    int os_error;                      /* errno of the system call that failed, or 0 */
    char text[PMIPC_ERROR_TEXT_BYTES]; /* NUL-terminated UTF-8 */
} pmipc_error;

/** The identifier of a status, "PMIPC_BUSY" without the prefix: "BUSY". Never NULL; any thread. */
PMIPC_API const char *pmipc_status_name(pmipc_status status);

/** One line on what a status means in general. Never NULL; any thread. */
PMIPC_API const char *pmipc_status_text(pmipc_status status);

/** "major.minor.patch" of the library that is loaded. */
PMIPC_API const char *pmipc_version(void);

/** Nanoseconds on CLOCK_BOOTTIME: the clock of published_ns and of every age. It is monotonic and goes on while the
 * machine is suspended, so that a sample from before is old afterwards. It is not the clock of timeouts and of
 * clock_nanosleep loops (CLOCK_MONOTONIC). A container with a time namespace of its own has another zero: ages of
 * samples that cross its border are wrong. Any thread; no system call (vDSO) since Linux 5.3. */
PMIPC_API int64_t pmipc_monotonic_ns(void);

/** Nanoseconds since the epoch on CLOCK_REALTIME: the clock of default stamps. Any thread, no system call (vDSO). */
PMIPC_API int64_t pmipc_realtime_ns(void);

/** Install a handler for SIGSEGV and SIGBUS that says on stderr which pool a faulting address belongs to and what the
 *  cure is, and then does what the earlier disposition says: the earlier handler is called (with its sa_mask,
 * SA_RESTART, SA_NODEFER and SA_RESETHAND; always on the alternate stack if there is one), or the process ends by that
 * very signal. A signal that was sent (kill, raise, sigqueue) is passed on without words. Nothing in the library calls
 * it by itself. When the library is unloaded (dlclose) the earlier dispositions are restored, unless another handler
 * was installed since. Threads: any; idempotent. Returns: OK, SYSTEM. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_explain_faults(pmipc_error *error);

PMIPC_END_DECLS

#endif
