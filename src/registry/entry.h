/* entry.h: opening the file of a pool, and the errors that say what it is, whose it is, and which permission is
 * missing. */
#ifndef REGISTRY_ENTRY_H
#define REGISTRY_ENTRY_H

#include "registry/folder.h"

/* Open the pool's file in the open folder, for reading and writing or for reading only. Returns OK with *fd; NOT_FOUND;
 * CORRUPT: the name leads to something other than a regular file on tmpfs; PERMISSION names the owner, the mode and
 * what is missing; NO_MEMORY, SYSTEM. */
pmipc_status entry_open(const struct pool_place *place, int folder, bool writable, int *fd, pmipc_error *error);

/* Whether the file begins with the magic number of a pool, sound or damaged, of any layout version. A file without it
 * belongs to another program. 1, 0 or -errno. */
int entry_has_magic(int fd);

/* The error when the name leads to something that is not a pool: what it is. Returns CORRUPT. */
pmipc_status entry_is_foreign(const struct pool_place *place, int folder, pmipc_error *error);

#endif
