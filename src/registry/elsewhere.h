/* elsewhere.h: a pool that is missing here may be in the default folder of another user (sudo, a service). */
#ifndef REGISTRY_ELSEWHERE_H
#define REGISTRY_ELSEWHERE_H

#include "registry/folder.h"

/* Append to the message that there is no such pool (ENOENT): which other users have one in their default folders, as
 * far as this process may look there. Nothing when `place` is not in this user's default folder. Reads a folder: not
 * for polls. */
void elsewhere_name(const struct pool_place *place, pmipc_error *error);

#endif
