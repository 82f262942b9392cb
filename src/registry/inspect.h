/* inspect.h: describing a pool from its file alone. */
#ifndef REGISTRY_INSPECT_H
#define REGISTRY_INSPECT_H

#include "registry/folder.h"

/* Describe the pool of an open file, or of an entry of an open folder. Name, mode, owner and size are set on failure
 * too, as far as they are known. */
pmipc_status inspect_file(int fd, const char *name, pmipc_pool_info *info, pmipc_error *error);
pmipc_status inspect_entry(int folder, const struct pool_place *place, pmipc_pool_info *info, pmipc_error *error);

#endif
