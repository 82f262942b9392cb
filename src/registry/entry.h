/* entry.h: opening a pool's file. The errors state what the file is, which user owns it, and which permission is
 * missing. */
#ifndef REGISTRY_ENTRY_H
#define REGISTRY_ENTRY_H

#include "registry/folder.h"

/* Open the pool's file in the open folder, for reading and writing or for reading only. Returns:
 * - PMIPC_OK: *fd is open
 * - PMIPC_NOT_FOUND
 * - PMIPC_CORRUPT: the entry is not a regular file on tmpfs
 * - PMIPC_PERMISSION: the message has owner, mode and the missing permission
 * - PMIPC_NO_MEMORY, PMIPC_SYSTEM */
pmipc_status entry_open(const struct pool_place *place, int folder, bool writable, int *fd, pmipc_error *error);

/* Whether the file begins with the magic number of a pool, which may be corrupt or of another layout version. A file
 * without it belongs to another program. Returns 1, 0 or -errno. */
int entry_has_magic(int fd);

/* Set the error for an entry that is not a pool; the message states what it is. Returns CORRUPT. */
pmipc_status entry_is_foreign(const struct pool_place *place, int folder, pmipc_error *error);

#endif
