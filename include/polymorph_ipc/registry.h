/* registry.h: the pools that exist, read from their files alone: of the living and the dead, disturbing nobody.
 *
 * A folder holds the pools; each file in it is one pool. `folder` NULL means $POLYMORPH_IPC_DIR, or
 * /dev/shm/polymorph_ipc-<uid>. Threads: any; handles are one thread's at a time. No function in this file is a
 * cancellation point of pthread_cancel. */
#ifndef PMIPC_REGISTRY_H
#define PMIPC_REGISTRY_H

#include "pool.h"

PMIPC_BEGIN_DECLS

/** A pool, as its file describes it. */
typedef struct pmipc_pool_info {
    char name[PMIPC_MAX_NAME + 1];
    pmipc_status status; /* OK; CORRUPT, INCOMPATIBLE, PERMISSION ...: `problem` says why and the rest is zero */
    char problem[256];
    pmipc_schema schema;
    char *metadata;       /* JSON object text, NUL-terminated, owned by this struct; NULL when none */
    uint64_t incarnation; /* the pool's random identity */
    uint64_t seq;         /* newest sample, 0 when none */
    int64_t published_ns; /* when it was published, as pmipc_monotonic_ns; 0 when none */
    int64_t stamp_ns;     /* its stamp */
    uint32_t history_len;
    uint32_t slot_count;
    uint32_t origin;        /* PMIPC_ORIGIN_* */
    uint32_t mode;          /* permission bits */
    uint32_t uid;           /* owner of the file */
    uint64_t payload_bytes; /* of one sample at most */
    uint64_t file_bytes;
    bool retired;
    bool producer_alive;        /* kernel truth: its lock is held */
    int32_t producer_pid;       /* newest producer, in its own PID namespace; for people only */
    char producer_command[128]; /* its command line, UTF-8, cut */
    int64_t producer_since_ns;  /* when it opened the pool, ns since the epoch */
    uint64_t owner_epoch;       /* 1 for the creator, one more for each adopter */
    int64_t
        clock_offset_ns;   /* CLOCK_REALTIME less CLOCK_BOOTTIME, as the producer saw it within about its last second */
    uint64_t grown;        /* times the pool grew because streams held views */
    uint64_t given_up;     /* samples dropped from history early because no slot was free */
    uint64_t cleared_rows; /* rows of dead streams that producers have cleared */
    uint64_t malformed_cells; /* pins that made no sense: somebody writes into the file */
    uint32_t reader_count;    /* rows whose lock is held */
    pmipc_reader_info readers[PMIPC_MAX_READERS];
} pmipc_pool_info;

/** Describe the pool `name`. Ownership: release the info after OK.
 *  Returns: OK; NOT_FOUND; INVALID_NAME; CORRUPT, INCOMPATIBLE, PERMISSION (with the reason); UNSUPPORTED (the folder
 * is not on tmpfs); NO_MEMORY; SYSTEM. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_pool_inspect(const char *name, const char *folder, pmipc_pool_info *info,
                                                         pmipc_error *error);

/** Free what an info owns. Harmless on a zeroed one. */
PMIPC_API void pmipc_pool_info_release(pmipc_pool_info *info);

typedef struct pmipc_registry pmipc_registry;

/** Begin a listing of the folder's pools, in the order of their names. A folder that does not exist is an empty
 * listing. Returns: OK; UNSUPPORTED (it is not on tmpfs); PERMISSION; NO_MEMORY; SYSTEM. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_registry_open(pmipc_registry **registry, const char *folder,
                                                          pmipc_error *error);

/** Describe the next pool. Damaged ones come too, with info->status set. Pools that vanish meanwhile are left out.
 *  Returns: OK; NOTHING_NEW at the end. Ownership: release the info after OK. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_registry_next(pmipc_registry *registry, pmipc_pool_info *info);

PMIPC_API void pmipc_registry_close(pmipc_registry *registry);

/** Options of a removal. All zero (or NULL) is the default: whichever pool has the name, if nobody live uses it. */
typedef struct pmipc_remove_options {
    uint64_t incarnation; /* remove only that very pool; 0: any */
    uint64_t owner_epoch; /* and only while no producer has adopted it since this epoch; 0: any */
    bool force;       /* although live streams use it: their views stay valid, their next call finds the pool gone; and
                         although it is not a pool at all. A live producer always keeps its pool */
    bool no_patience; /* do not wait a second for locks that a dying process may be letting go of */
} pmipc_remove_options;

/** Retire and remove the pool `name`: streams treat it as absent. A damaged pool is removed too, if the file still
 * begins with the magic number of a pool. Anything else (a file of another program, a FIFO, a symbolic link, a socket)
 * needs `force`, and a folder is never removed. Whoever abandoned a pool and wants it gone later gives its incarnation
 * and owner epoch: should another producer own it by then, or have left it behind on purpose, it stays. Returns: OK;
 * NOT_FOUND (also: it is another incarnation or epoch by now); BUSY (a live producer or stream holds it; names them);
 * CORRUPT (it is not a pool; says what it is); INVALID_NAME; PERMISSION; UNSUPPORTED (it is a folder); SYSTEM. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_pool_remove(const char *name, const char *folder,
                                                        const pmipc_remove_options *options, pmipc_error *error);

/** Called for each pool that pmipc_registry_clean removed (`left_because` is NULL), and for each entry that it left
 * alone because it is not a pool, or belongs to another user who does not permit its removal (`left_because` says
 * which, in words). */
typedef void (*pmipc_clean_callback)(const char *name, uint64_t file_bytes, const char *left_because, void *context);

/** Remove every pool that no live producer and no live stream uses, damaged ones included. Files of other programs
 * stay, so that the folder may be shared with them. `visit` may be NULL. Returns: OK; UNSUPPORTED (the folder is not on
 * tmpfs); PERMISSION (a pool of this user cannot be removed); NO_MEMORY; SYSTEM. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_registry_clean(const char *folder, pmipc_clean_callback visit,
                                                           void *context, pmipc_error *error);

/** Whether `name` is a pool name: 1 to 200 bytes of A-Z a-z 0-9 _ - . /, no empty, "." or ".." component.
 *  Returns: OK; INVALID_NAME with the reason. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_name_check(const char *name, pmipc_error *error);

/** Path of the registry folder in use: `folder`, or the default. Returns: OK; INVALID_ARGUMENT when it does not fit. */
PMIPC_API PMIPC_MUST_USE pmipc_status pmipc_registry_folder(const char *folder, char *path, size_t path_bytes);

PMIPC_END_DECLS

#endif
