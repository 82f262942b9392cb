/* syscall_kinds.h: the kinds of calls the library makes, the errors each may give, and what such an error may do to
 * whoever called the library. */
#ifndef FAULT_SYSCALL_KINDS_H
#define FAULT_SYSCALL_KINDS_H

#include "syscall_trap.h"

#include <stdbool.h>

/* What a failure of one such call means for the operation. */
typedef enum call_weight {
    NEEDED,  /* the operation fails, with the status and the errno that fit */
    HELPFUL, /* the operation goes on as if nothing had been: a wish, a fact for people, or there is another way */
    EITHER,  /* libc and the library make it for both purposes: one of the two */
} call_weight;

/* X(identifier, name, weight, errors) */
#define CALL_KINDS(X)                                                                                              \
    X(OPEN_FOLDER, "open: the folder", NEEDED, EACCES, EMFILE, ENFILE, ENOMEM, ENOTDIR, ELOOP, EIO, EINTR, ENOENT) \
    X(OPEN_UNNAMED, "open: an unnamed file", NEEDED, ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, EACCES, EROFS,        \
      EOPNOTSUPP)                                                                                                  \
    X(OPEN_ENTRY, "open: a pool file", NEEDED, EACCES, EPERM, EMFILE, ENFILE, ENOMEM, EIO, EINTR, ENOENT)          \
    X(OPEN_UNFINISHED, "open: an unfinished successor", HELPFUL, ENOENT, EACCES, EPERM, EMFILE, ENFILE, ENOMEM)    \
    X(OPEN_AGAIN, "open: /proc/self/fd", NEEDED, ENOENT, EACCES, EMFILE, ENFILE, ENOMEM, EINTR)                    \
    X(OPEN_FACTS, "open: facts in /proc, /sys", HELPFUL, ENOENT, EACCES, EMFILE, ENFILE, ENOMEM, EIO)              \
    X(CLOSE, "close", HELPFUL, EINTR, EIO)                                                                         \
    X(READ, "read", HELPFUL, EINTR, EAGAIN, EIO)                                                                   \
    X(PREAD, "pread", NEEDED, EIO, ENOMEM)                                                                         \
    X(PWRITE, "pwrite", HELPFUL, EIO, ENOSPC, EINTR)                                                               \
    X(FSTAT, "fstat", EITHER, ENOMEM, EIO, EOVERFLOW)                                                              \
    X(STAT_NAME, "stat: by name", EITHER, ENOMEM, EACCES, EIO)                                                     \
    X(FSTATFS, "fstatfs", EITHER, ENOMEM, EIO, ENOSYS, EINTR)                                                      \
    X(GETDENTS, "getdents", NEEDED, EIO, ENOMEM, EINTR)                                                            \
    X(MKDIR, "mkdir", NEEDED, EACCES, ENOSPC, EROFS, ENOMEM, EMLINK)                                               \
    X(FCHMOD, "fchmod", EITHER, EPERM, EIO, ENOMEM, EROFS)                                                         \
    X(DUP, "dup", NEEDED, EMFILE, ENOMEM)                                                                          \
    X(FCNTL, "fcntl: flags", NEEDED, EINTR, ENOMEM)                                                                \
    X(LOCK, "fcntl: take a lock", NEEDED, ENOLCK, ENOMEM, EINVAL, EINTR, EAGAIN)                                   \
    X(UNLOCK, "fcntl: give a lock back", HELPFUL, ENOLCK, ENOMEM)                                                  \
    X(ASK_LOCK, "fcntl: ask for a lock", HELPFUL, EINVAL, ENOMEM, EINTR)                                           \
    X(LINK, "linkat", NEEDED, ENOENT, EACCES, EPERM, ENOSPC, ENOMEM, EMLINK, EROFS, EIO, EEXIST)                   \
    X(RENAME, "renameat", NEEDED, EACCES, EPERM, EBUSY, ENOSPC, EROFS, EIO, ENOMEM)                                \
    X(UNLINK, "unlinkat", NEEDED, EACCES, EPERM, EBUSY, EROFS, EIO, ENOMEM)                                        \
    X(TRUNCATE, "ftruncate", NEEDED, ENOSPC, EFBIG, EDQUOT, EPERM, EINVAL, EIO, EINTR)                             \
    X(ALLOCATE, "fallocate", NEEDED, ENOSPC, EFBIG, ENOMEM, EDQUOT, EOPNOTSUPP, ENOSYS, EIO)                       \
    X(MAP, "mmap: a pool", NEEDED, ENOMEM, EAGAIN, EACCES, EPERM, ENFILE)                                          \
    X(MAP_PRIVATELY, "mmap: private memory", EITHER, ENOMEM, EAGAIN)                                               \
    X(UNMAP, "munmap", HELPFUL, ENOMEM)                                                                            \
    X(GROW_HEAP, "brk", HELPFUL, ENOMEM)                                                                           \
    X(POPULATE, "madvise: populate", NEEDED, ENOMEM, EFAULT, EAGAIN, EIO)                                          \
    X(ADVISE, "madvise: a wish", HELPFUL, EINVAL, ENOMEM, EAGAIN, ENOSYS)                                          \
    X(MLOCK, "mlock", HELPFUL, ENOMEM, EPERM, EAGAIN)                                                              \
    X(SLEEP_ON_WORD, "futex: wait", HELPFUL, EAGAIN, EINTR, ETIMEDOUT, ENOMEM, EINVAL)                             \
    X(SLEEP_ON_MANY, "futex_waitv", HELPFUL, EPERM, ENOSYS, ENOMEM, EINVAL, EAGAIN, EINTR, ETIMEDOUT)              \
    X(WAKE, "futex: wake", HELPFUL, EFAULT, EINVAL)                                                                \
    X(PAUSE, "clock_nanosleep", HELPFUL, EINTR)                                                                    \
    X(RANDOM, "getrandom", HELPFUL, ENOSYS, EINTR, EAGAIN)                                                         \
    X(LIMIT, "prlimit", HELPFUL, EPERM, EINVAL)                                                                    \
    X(SHORT_NAME, "prctl", HELPFUL, EINVAL)                                                                        \
    X(SIGNAL_ACTION, "sigaction", NEEDED, EINVAL)                                                                  \
    X(FORK, "clone", NEEDED, EAGAIN, ENOMEM)                                                                       \
    X(IDENTITY, "calls that cannot fail", HELPFUL)                                                                 \
    X(ALLOCATION, "malloc", NEEDED, ENOMEM)                                                                        \
    X(FILE_STREAM, "fopen", HELPFUL, ENOMEM)                                                                       \
    X(FOLDER_STREAM, "fdopendir", NEEDED, ENOMEM)                                                                  \
    X(FORK_HANDLERS, "pthread_atfork", NEEDED, ENOMEM)                                                             \
    X(OTHER, "unknown", NEEDED)

#define CALL_KIND_ENUM(identifier, ...) CALL_##identifier,
typedef enum call_kind { CALL_KINDS(CALL_KIND_ENUM) CALL_KIND_COUNT } call_kind;
#undef CALL_KIND_ENUM

call_kind kind_of_call(const struct trapped_call *call);

const char *kind_name(call_kind kind);
call_weight kind_weight(call_kind kind);

/* The errors of a kind; 0 ends them. */
const int *kind_errors(call_kind kind);

#endif
