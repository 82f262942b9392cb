/* elsewhere.h: a pool that is missing may be in the default folder of another user, for example with
 * sudo or a service. */
#ifndef REGISTRY_ELSEWHERE_H
#define REGISTRY_ELSEWHERE_H

#include "registry/folder.h"

/* Append to the error of a missing pool (ENOENT) which other users have a pool of that name in their default folder, as
 * far as this process may read those folders. Does nothing if `place` is not in this user's default folder. It reads a
 * folder, so do not call it when polling. */
void elsewhere_name(const struct pool_place *place, pmipc_error *error);

#endif
