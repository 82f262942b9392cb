/* audit.h: what must be true when the storm is over. */
#ifndef STORM_AUDIT_H
#define STORM_AUDIT_H

#include <stdint.h>

/** Readers are gone, producers go on: each pool must find all rows and slots again, and never grow any more. */
void audit_quiet_pools(void);
void audit_quiet_pool(const char *name);

/** Everybody is gone: the folder holds nothing but pools, and cleaning takes all of them. */
void audit_folder(void);

/** The storm's own registry folder, on tmpfs. */
void audit_make_folder(void);
void audit_remove_folder(void);
const char *audit_folder_path(void);

/** Bytes that the files of the folder hold now. */
uint64_t audit_folder_bytes(void);

#endif
