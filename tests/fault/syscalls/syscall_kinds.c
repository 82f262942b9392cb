#include "syscall_kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define OFD_GETLK 36
#define OFD_SETLK 37

#define ERRORS_MAX 10

static const struct {
    const char *name;
    call_weight weight;
    int errors[ERRORS_MAX];
} kinds[] = {
#define CALL_KIND_ROW(identifier, words, weight_of_it, ...) {words, weight_of_it, {__VA_ARGS__}},
    CALL_KINDS(CALL_KIND_ROW)
#undef CALL_KIND_ROW
};

const char *kind_name(call_kind kind)
{
    return kinds[kind].name;
}

call_weight kind_weight(call_kind kind)
{
    return kinds[kind].weight;
}

const int *kind_errors(call_kind kind)
{
    return kinds[kind].errors;
}

static call_kind kind_of_open(const char *path, int flags)
{
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return CALL_OPEN_UNNAMED;
    if (strncmp(path, "/proc/self/fd/", 14) == 0)
        return CALL_OPEN_AGAIN;
    if (strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/sys/", 5) == 0)
        return CALL_OPEN_FACTS;
    if (path[0] == '~')
        return CALL_OPEN_UNFINISHED;
    return flags & O_DIRECTORY ? CALL_OPEN_FOLDER : CALL_OPEN_ENTRY;
}

static call_kind kind_of_fcntl(const long *arguments)
{
    if (arguments[1] == OFD_GETLK)
        return CALL_QUERY_LOCK;
    if (arguments[1] == OFD_SETLK)
        return ((const struct flock *)arguments[2])->l_type == F_UNLCK ? CALL_UNLOCK : CALL_LOCK;
    return CALL_FCNTL;
}

/* fstat is newfstatat with an empty name in newer C libraries. */
static call_kind kind_of_stat(const char *path)
{
    return path && path[0] ? CALL_STAT_NAME : CALL_FSTAT;
}

call_kind kind_of_call(const struct trapped_call *call)
{
    const long *a = call->arguments;
    switch (call->number) {
    case SYS_openat:
        return kind_of_open((const char *)a[1], (int)a[2]);
    case SYS_close:
        return CALL_CLOSE;
    case SYS_read:
        return CALL_READ;
    case SYS_pread64:
        return CALL_PREAD;
    case SYS_pwrite64:
        return CALL_PWRITE;
    case SYS_newfstatat:
        return kind_of_stat((const char *)a[1]);
    case SYS_fstat:
        return CALL_FSTAT;
    case SYS_fstatfs:
        return CALL_FSTATFS;
    case SYS_getdents64:
        return CALL_GETDENTS;
    case SYS_fchmod:
        return CALL_FCHMOD;
    case SYS_dup:
        return CALL_DUP;
    case SYS_fcntl:
        return kind_of_fcntl(a);
    case SYS_linkat:
        return CALL_LINK;
    case SYS_renameat:
        return CALL_RENAME;
    case SYS_unlinkat:
        return CALL_UNLINK;
    case SYS_mkdirat:
        return CALL_MKDIR;
    case SYS_ftruncate:
        return CALL_TRUNCATE;
    case SYS_fallocate:
        return CALL_ALLOCATE;
    case SYS_mmap:
        return a[3] & MAP_SHARED ? CALL_MAP : CALL_MAP_PRIVATELY;
    case SYS_munmap:
        return CALL_UNMAP;
    case SYS_brk:
        return CALL_GROW_HEAP;
    case SYS_madvise:
        return a[2] == MADV_POPULATE_WRITE ? CALL_POPULATE : CALL_ADVISE;
    case SYS_mlock:
        return CALL_MLOCK;
    case SYS_futex:
        return (a[1] & FUTEX_CMD_MASK) == FUTEX_WAKE ? CALL_WAKE : CALL_SLEEP_ON_WORD;
    case SYS_futex_waitv:
        return CALL_SLEEP_ON_MANY;
    case SYS_clock_nanosleep:
        return CALL_PAUSE;
    case SYS_getrandom:
        return CALL_RANDOM;
    case SYS_prlimit64:
        return CALL_LIMIT;
    case SYS_prctl:
        return CALL_SHORT_NAME;
    case SYS_rt_sigaction:
        return CALL_SIGNAL_ACTION;
    case SYS_clone:
        return CALL_FORK;
    case SYS_getpid:
    case SYS_geteuid:
    case SYS_getegid:
    case SYS_set_robust_list: /* the first call of a new process */
        return CALL_IDENTITY;
#ifdef SYS_open /* older calls, which not every architecture has */
    case SYS_open:
        return kind_of_open((const char *)a[0], (int)a[1]);
    case SYS_mkdir:
        return CALL_MKDIR;
    case SYS_rmdir:
        return CALL_UNLINK;
    case SYS_lstat:
        return CALL_STAT_NAME;
#endif
    default:
        return CALL_OTHER;
    }
}
