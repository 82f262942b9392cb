/* syscall_kinds.h: the kinds of calls that the library makes, the errors that each may return, and the effect of such
 * an error on the operation. */
#ifndef FAULT_SYSCALL_KINDS_H
#define FAULT_SYSCALL_KINDS_H

#include "syscall_trap.h"

#include <stdbool.h>

/* The effect of a failed call on the operation. */
typedef enum call_weight {
    REQUIRED, /* the operation fails with the status and the errno of the call */
    OPTIONAL, /* the operation succeeds: the call is a hint, or only for messages, or has a fallback */
    EITHER,   /* either of the two, because the call has both purposes */
} call_weight;

/* X(identifier, name, weight, errors) */
#define CALL_KINDS(X)                                                                                                \
    X(OPEN_FOLDER, "open: the folder", REQUIRED, EACCES, EMFILE, ENFILE, ENOMEM, ENOTDIR, ELOOP, EIO, EINTR, ENOENT) \
    X(OPEN_UNNAMED, "open: an unnamed file", REQUIRED, ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, EACCES, EROFS,        \
      EOPNOTSUPP)                                                                                                    \
    X(OPEN_ENTRY, "open: a pool file", REQUIRED, EACCES, EPERM, EMFILE, ENFILE, ENOMEM, EIO, EINTR, ENOENT)          \
    X(OPEN_UNFINISHED, "open: an unfinished larger pool", OPTIONAL, ENOENT, EACCES, EPERM, EMFILE, ENFILE, ENOMEM)   \
    X(OPEN_AGAIN, "open: /proc/self/fd", REQUIRED, ENOENT, EACCES, EMFILE, ENFILE, ENOMEM, EINTR)                    \
    X(OPEN_FACTS, "open: facts in /proc, /sys", OPTIONAL, ENOENT, EACCES, EMFILE, ENFILE, ENOMEM, EIO)               \
    X(CLOSE, "close", OPTIONAL, EINTR, EIO)                                                                          \
    X(READ, "read", OPTIONAL, EINTR, EAGAIN, EIO)                                                                    \
    X(PREAD, "pread", REQUIRED, EIO, ENOMEM)                                                                         \
    X(PWRITE, "pwrite", OPTIONAL, EIO, ENOSPC, EINTR)                                                                \
    X(FSTAT, "fstat", EITHER, ENOMEM, EIO, EOVERFLOW)                                                                \
    X(STAT_NAME, "stat: by name", EITHER, ENOMEM, EACCES, EIO)                                                       \
    X(FSTATFS, "fstatfs", EITHER, ENOMEM, EIO, ENOSYS, EINTR)                                                        \
    X(GETDENTS, "getdents", REQUIRED, EIO, ENOMEM, EINTR)                                                            \
    X(MKDIR, "mkdir", REQUIRED, EACCES, ENOSPC, EROFS, ENOMEM, EMLINK)                                               \
    X(FCHMOD, "fchmod", EITHER, EPERM, EIO, ENOMEM, EROFS)                                                           \
    X(DUP, "dup", REQUIRED, EMFILE, ENOMEM)                                                                          \
    X(FCNTL, "fcntl: flags", REQUIRED, EINTR, ENOMEM)                                                                \
    X(LOCK, "fcntl: take a lock", REQUIRED, ENOLCK, ENOMEM, EINVAL, EINTR, EAGAIN)                                   \
    X(UNLOCK, "fcntl: release a lock", OPTIONAL, ENOLCK, ENOMEM)                                                     \
    X(QUERY_LOCK, "fcntl: query a lock", OPTIONAL, EINVAL, ENOMEM, EINTR)                                            \
    X(LINK, "linkat", REQUIRED, ENOENT, EACCES, EPERM, ENOSPC, ENOMEM, EMLINK, EROFS, EIO, EEXIST)                   \
    X(RENAME, "renameat", REQUIRED, EACCES, EPERM, EBUSY, ENOSPC, EROFS, EIO, ENOMEM)                                \
    X(UNLINK, "unlinkat", REQUIRED, EACCES, EPERM, EBUSY, EROFS, EIO, ENOMEM)                                        \
    X(TRUNCATE, "ftruncate", REQUIRED, ENOSPC, EFBIG, EDQUOT, EPERM, EINVAL, EIO, EINTR)                             \
    X(ALLOCATE, "fallocate", REQUIRED, ENOSPC, EFBIG, ENOMEM, EDQUOT, EOPNOTSUPP, ENOSYS, EIO)                       \
    X(MAP, "mmap: a pool", REQUIRED, ENOMEM, EAGAIN, EACCES, EPERM, ENFILE)                                          \
    X(MAP_PRIVATELY, "mmap: private memory", EITHER, ENOMEM, EAGAIN)                                                 \
    X(UNMAP, "munmap", OPTIONAL, ENOMEM)                                                                             \
    X(GROW_HEAP, "brk", OPTIONAL, ENOMEM)                                                                            \
    X(POPULATE, "madvise: populate", REQUIRED, ENOMEM, EFAULT, EAGAIN, EIO)                                          \
    X(ADVISE, "madvise: a hint", OPTIONAL, EINVAL, ENOMEM, EAGAIN, ENOSYS)                                           \
    X(MLOCK, "mlock", OPTIONAL, ENOMEM, EPERM, EAGAIN)                                                               \
    X(SLEEP_ON_WORD, "futex: wait", OPTIONAL, EAGAIN, EINTR, ETIMEDOUT, ENOMEM, EINVAL)                              \
    X(SLEEP_ON_MANY, "futex_waitv", OPTIONAL, EPERM, ENOSYS, ENOMEM, EINVAL, EAGAIN, EINTR, ETIMEDOUT)               \
    X(WAKE, "futex: wake", OPTIONAL, EFAULT, EINVAL)                                                                 \
    X(PAUSE, "clock_nanosleep", OPTIONAL, EINTR)                                                                     \
    X(RANDOM, "getrandom", OPTIONAL, ENOSYS, EINTR, EAGAIN)                                                          \
    X(LIMIT, "prlimit", OPTIONAL, EPERM, EINVAL)                                                                     \
    X(SHORT_NAME, "prctl", OPTIONAL, EINVAL)                                                                         \
    X(SIGNAL_ACTION, "sigaction", REQUIRED, EINVAL)                                                                  \
    X(FORK, "clone", REQUIRED, EAGAIN, ENOMEM)                                                                       \
    X(IDENTITY, "calls that cannot fail", OPTIONAL)                                                                  \
    X(ALLOCATION, "malloc", REQUIRED, ENOMEM)                                                                        \
    X(FILE_STREAM, "fopen", OPTIONAL, ENOMEM)                                                                        \
    X(FOLDER_STREAM, "fdopendir", REQUIRED, ENOMEM)                                                                  \
    X(FORK_HANDLERS, "pthread_atfork", REQUIRED, ENOMEM)                                                             \
    X(OTHER, "unknown", REQUIRED)

#define CALL_KIND_ENUM(identifier, ...) CALL_##identifier,
typedef enum call_kind { CALL_KINDS(CALL_KIND_ENUM) CALL_KIND_COUNT } call_kind;
#undef CALL_KIND_ENUM

call_kind kind_of_call(const struct trapped_call *call);

const char *kind_name(call_kind kind);
call_weight kind_weight(call_kind kind);

/* The errors of a kind, terminated by 0. */
const int *kind_errors(call_kind kind);

#endif
