/* folder.h: the registry folder, and pool names as file names. */
#ifndef REGISTRY_FOLDER_H
#define REGISTRY_FOLDER_H

#include "os/error.h"
#include "polymorph_ipc/registry.h"

#define FOLDER_PATH_BYTES 768
#define ENTRY_BYTES (PMIPC_MAX_NAME + 1)
#define NEXT_ENTRY_BYTES (ENTRY_BYTES + 1)
#define ENTRY_PATH_BYTES (FOLDER_PATH_BYTES + ENTRY_BYTES)

/* A pool's name and the place of its file. */
struct pool_place {
    char name[PMIPC_MAX_NAME + 1];
    char folder[FOLDER_PATH_BYTES];
    char entry[ENTRY_BYTES]; /* the file name: the pool name with ENTRY_SLASH for '/' */
    char path[ENTRY_PATH_BYTES];
};

/* The place of pool `name`. Returns OK, INVALID_NAME, INVALID_ARGUMENT. */
pmipc_status place_of(const char *name, const char *folder, struct pool_place *place, pmipc_error *error);

/* Set another valid pool name in the same folder. */
void place_set_name(struct pool_place *place, const char *name);

/* The temporary file name of a pool that will replace the one in `entry`. It is not the file name of any pool name, so
 * streams never find it. */
void next_entry_of(const char *entry, char next[NEXT_ENTRY_BYTES]);

/* The pool name of a file name. False: it is not the file name of a pool. */
bool name_of_entry(const char *entry, char *name);

/* Open the folder. With `create`, create it if it does not exist. Only producers do that: a folder that a stream
 * creates may belong to the wrong user. The default folder must be a folder of this user, not a symbolic link, without
 * write permission for others. The owner and mode of a folder that the user has chosen are not checked. Returns:
 * - PMIPC_OK: *fd is open
 * - PMIPC_NOT_FOUND: it does not exist
 * - PMIPC_PERMISSION: it cannot be opened or created, or the default folder belongs to another user
 * - PMIPC_UNSUPPORTED: it is not on tmpfs
 * - PMIPC_NO_SPACE, PMIPC_NO_MEMORY, PMIPC_SYSTEM */
pmipc_status folder_open(const char *path, bool create, int *fd, pmipc_error *error);

/* folder_open for the folder of a pool. Messages name the pool. */
pmipc_status place_open(const struct pool_place *place, bool create, int *fd, pmipc_error *error);

#endif
