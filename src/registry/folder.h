/* folder.h: the registry folder and the names of its entries. */
#ifndef REGISTRY_FOLDER_H
#define REGISTRY_FOLDER_H

#include "os/error.h"
#include "polymorph_ipc/registry.h"

#define FOLDER_PATH_BYTES 768
#define ENTRY_BYTES (PMIPC_MAX_NAME + 1)
#define NEXT_ENTRY_BYTES (ENTRY_BYTES + 1)
#define ENTRY_PATH_BYTES (FOLDER_PATH_BYTES + ENTRY_BYTES)

/* A pool's name and where its file is. */
struct pool_place {
    char name[PMIPC_MAX_NAME + 1];
    char folder[FOLDER_PATH_BYTES];
    char entry[ENTRY_BYTES]; /* the name with '/' as ENTRY_SLASH */
    char path[ENTRY_PATH_BYTES];
};

/* The place of pool `name`. Returns OK, INVALID_NAME, INVALID_ARGUMENT. */
pmipc_status place_of(const char *name, const char *folder, struct pool_place *place, pmipc_error *error);

/* Another sound pool name in the same folder. */
void place_put_name(struct pool_place *place, const char *name);

/* The file name of a pool that is about to take the place of the one in `entry`. It is no pool's: streams never find
 * it. */
void next_entry_of(const char *entry, char next[NEXT_ENTRY_BYTES]);

/* Name of an entry, or false when it is no pool's. */
bool name_of_entry(const char *entry, char *name);

/* Open the folder. `make` it when it does not exist: for producers only, since a folder that a reader makes may belong
 * to the wrong user. The default folder must be a folder (not a link to one) of this user, without write permission for
 * others; one that the user has chosen is taken as it is. Returns a status; *fd on OK. NOT_FOUND when it does not
 * exist. */
pmipc_status folder_open(const char *path, bool make, int *fd, pmipc_error *error);

/* The folder of a pool; messages name the pool. */
pmipc_status place_open(const struct pool_place *place, bool make, int *fd, pmipc_error *error);

#endif
