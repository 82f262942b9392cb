/* audit.h: what must be true at the end of the storm. */
#ifndef STORM_AUDIT_H
#define STORM_AUDIT_H

#include <stdint.h>

/** The readers have ended, the producers publish: in each pool all rows and slots become free, and no pool grows. */
void audit_quiet_pools(void);
void audit_quiet_pool(const char *name);

/** All processes have ended: the folder has only pool files, and registry_clean removes all of them. */
void audit_folder(void);

/** The registry folder of the storm, on tmpfs. */
void audit_make_folder(void);
void audit_remove_folder(void);
const char *audit_folder_path(void);

/** The size of all files in the folder. */
uint64_t audit_folder_bytes(void);

#endif
