/* registry.h: which pools exist: list, describe and remove them.
 *
 * A registry folder holds pools; each pool is one file in it. `folder` is the folder's path, or NULL for
 * $POLYMORPH_IPC_DIR, and where that is not set /dev/shm/polymorph_ipc-<uid>. These functions read files only: they
 * need no producer and no stream, and do not slow them down.
 *
 * Threads: any; one thread at a time uses a pmipc_registry.
 *
 * pthread_cancel: no function in this file is a cancellation point. */
#ifndef PMIPC_REGISTRY_H
#define PMIPC_REGISTRY_H

#include "pool.h"

PMIPC_BEGIN_DECLS

/** What the file of a pool says about the pool. */
typedef struct pmipc_pool_info {
    char name[PMIPC_MAX_NAME + 1];
    pmipc_status status;        /* PMIPC_OK, or why the pool cannot be described; the members below may be 0 then */
    char problem[256];          /* the message that belongs to `status` */
    pmipc_schema schema;        /* its fields */
    char *metadata;             /* a JSON object; NULL: none */
    uint64_t incarnation;       /* its random identity */
    uint64_t seq;               /* sequence number of the newest sample; 0: none */
    int64_t published_ns;       /* when that sample was published, on the clock of pmipc_monotonic_ns; 0: none */
    int64_t stamp_ns;           /* its stamp */
    uint32_t history_len;       /* samples in a full history */
    uint32_t slot_count;        /* slots it has now */
    uint32_t origin;            /* PMIPC_ORIGIN_C, PMIPC_ORIGIN_NUMPY or PMIPC_ORIGIN_TORCH */
    uint32_t overflow;          /* PMIPC_OVERFLOW_*: what its producer does when streams have not read the history */
    uint32_t mode;              /* permission bits of the file */
    uint32_t uid;               /* owner of the file */
    uint64_t payload_bytes;     /* the most bytes that one sample can have */
    uint64_t file_bytes;        /* size of the file */
    bool retired;               /* it was retired */
    bool producer_alive;        /* a process holds the producer's lock */
    int32_t producer_pid;       /* the newest producer's, in its own PID namespace */
    char producer_command[128]; /* the newest producer's command line, UTF-8, cut */
    int64_t producer_since_ns;  /* when that producer opened the pool, ns since the epoch */
    uint64_t owner_epoch;       /* 1 for the producer that created it, one more for each that adopted it */
    int64_t clock_offset_ns;    /* CLOCK_REALTIME minus CLOCK_BOOTTIME; the producer stores it once a second */
    uint64_t grown;             /* times the pool grew, or was replaced by a larger one */
    uint64_t given_up;          /* samples that left the history early because no slot was free */
    uint64_t cleared_rows;      /* rows of dead streams that producers have cleared */
    uint64_t malformed_cells;   /* pins that do not make sense: a program overwrites the file */
    uint32_t reader_count;      /* connected streams; the first so many entries of `readers` are set */
    pmipc_reader_info readers[PMIPC_MAX_READERS];
} pmipc_pool_info;

/** Describe the pool `name`.
 *
 * Ownership: on PMIPC_OK, release `info` with pmipc_pool_info_release.
 * Progress: system calls; one for each connected stream.
 * Returns:
 * - PMIPC_OK: `*info` is set
 * - PMIPC_INVALID_ARGUMENT: `info` is NULL, or the folder's path is too long
 * - PMIPC_INVALID_NAME: `name` is not a pool name
 * - PMIPC_NOT_FOUND: there is no pool of this name; the message names other users that have one, where that can be seen
 * - PMIPC_CORRUPT: the pool file is corrupt, or is not a pool
 * - PMIPC_INCOMPATIBLE: an incompatible build created the pool
 * - PMIPC_PERMISSION: no permission for the folder or the file
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_pool_inspect(const char *name, const char *folder, pmipc_pool_info *info,
                                                         pmipc_error *error);

/** Free what `info` owns. Does nothing when it is released or zeroed, and for NULL. */
PMIPC_API void pmipc_pool_info_release(pmipc_pool_info *info);

/** A listing of the pools in a folder. */
typedef struct pmipc_registry pmipc_registry;

/** Begin a listing of the pools in a folder, in the order of their names. A folder that does not exist has no pools.
 *
 * Ownership: `*registry` belongs to the caller until pmipc_registry_close.
 * Progress: reads the folder.
 * Returns:
 * - PMIPC_OK: `*registry` is set
 * - PMIPC_INVALID_ARGUMENT: `registry` is NULL, or the folder's path is too long
 * - PMIPC_PERMISSION: no permission for the folder
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_registry_open(pmipc_registry **registry, const char *folder,
                                                          pmipc_error *error);

/** Describe the next pool of a listing.
 *
 * A pool that cannot be described is listed too, with the reason in info->status and info->problem. A pool that was
 * removed since the listing began is left out.
 *
 * Ownership: on PMIPC_OK, release `info` with pmipc_pool_info_release.
 * Progress: that of pmipc_pool_inspect.
 * Returns:
 * - PMIPC_OK: `*info` is set
 * - PMIPC_NOTHING_NEW: there is no further pool
 * - PMIPC_INVALID_ARGUMENT: an argument is NULL */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_registry_next(pmipc_registry *registry, pmipc_pool_info *info);

/** Free a listing. NULL is allowed. */
PMIPC_API void pmipc_registry_close(pmipc_registry *registry);

/** Options of pmipc_pool_remove. Zero is the default of every member. */
typedef struct pmipc_remove_options {
    uint64_t incarnation; /* remove the pool only if it has this incarnation; 0: any */
    uint64_t owner_epoch; /* remove the pool only if it has this owner epoch: no producer has adopted it; 0: any */
    bool force;           /* remove the pool although streams are connected, or a file that is not a pool. The streams
                             drain the pool, and their views stay valid. A pool with a live producer is never removed */
    bool no_wait;         /* do not wait a second for the locks of a process that is dying */
} pmipc_remove_options;

/** Retire and remove the pool `name`.
 *
 * A corrupt pool is removed too, if its file begins with the magic number of a pool. Any other file (a file of another
 * program, a FIFO, a symbolic link, a socket) needs `force`. A folder is never removed. A program that abandons a pool,
 * and removes it later if no producer has adopted it until then, passes the incarnation and owner epoch that it had.
 * `options` may be NULL.
 *
 * Progress: system calls; waits up to a second for the locks of a process that is dying.
 * Returns:
 * - PMIPC_OK: the pool is removed
 * - PMIPC_INVALID_ARGUMENT: the folder's path is too long
 * - PMIPC_INVALID_NAME: `name` is not a pool name
 * - PMIPC_NOT_FOUND: there is no pool of this name, or it has another incarnation or owner epoch
 * - PMIPC_BUSY: the pool has a live producer or connected streams; the message names their processes
 * - PMIPC_CORRUPT: the file is not a pool; the message says what it is
 * - PMIPC_PERMISSION: no permission for the folder or the file, or a process holds a read lock on the file
 * - PMIPC_UNSUPPORTED: with `force`, the file is a folder; or the registry folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_pool_remove(const char *name, const char *folder,
                                                        const pmipc_remove_options *options, pmipc_error *error);

/** What pmipc_registry_clean calls for each pool that it has removed, with `left_because` NULL, and for each file that
 * it has left. A file is left when it is not a pool, or when it belongs to another user and cannot be removed;
 * `left_because` is the reason. `file_bytes` is the size of the file. */
typedef void (*pmipc_clean_callback)(const char *name, uint64_t file_bytes, const char *left_because, void *context);

/** Remove every pool that has no live producer and no connected stream, corrupt pools included.
 *
 * Files of other programs stay: they may be in the same folder. `visit` may be NULL. One pool that cannot be removed
 * does not stop the others from being removed; its status is returned.
 *
 * Progress: system calls; does not wait for locks.
 * Returns:
 * - PMIPC_OK: the folder is clean, or does not exist
 * - PMIPC_INVALID_ARGUMENT: the folder's path is too long
 * - PMIPC_PERMISSION: no permission for the folder, or a pool of this user cannot be removed
 * - PMIPC_UNSUPPORTED: the folder is not on tmpfs
 * - PMIPC_NO_MEMORY: out of memory
 * - PMIPC_SYSTEM: a system call failed */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_registry_clean(const char *folder, pmipc_clean_callback visit,
                                                           void *context, pmipc_error *error);

/** Check that `name` is a pool name: 1 to PMIPC_MAX_NAME bytes of A-Z a-z 0-9 _ - . and /. Between slashes there is at
 * least one byte, and not "." or "..".
 *
 * Returns:
 * - PMIPC_OK: it is a pool name
 * - PMIPC_INVALID_NAME: it is not; the message says why */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_name_check(const char *name, pmipc_error *error);

/** Copy the absolute path of the registry folder, `folder` or the default, into `path`.
 *
 * `path` has room for `path_bytes` bytes. The path ends with NUL.
 *
 * Returns:
 * - PMIPC_OK: `path` is set
 * - PMIPC_INVALID_ARGUMENT: the path does not fit, or the working directory is unknown */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_registry_folder(const char *folder, char *path, size_t path_bytes);

PMIPC_END_DECLS

#endif
