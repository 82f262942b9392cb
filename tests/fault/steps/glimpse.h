/* glimpse.h: what everybody can see of the registry folder, and whether it has changed. */
#ifndef FAULT_GLIMPSE_H
#define FAULT_GLIMPSE_H

#include <stdbool.h>

/** Whether a byte of the files seen so far is another than at the last look. */
bool glimpse_stores(void);

/** Look which files there are, and of what length: only a system call changes that. */
void glimpse_files(void);

void glimpse_end(void);

#endif
