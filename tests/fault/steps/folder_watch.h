/* folder_watch.h: the contents of the registry folder, and whether they have changed. */
#ifndef FAULT_FOLDER_WATCH_H
#define FAULT_FOLDER_WATCH_H

#include <stdbool.h>

/** Whether a byte of the known files has changed since the last call. */
bool folder_watch_stores(void);

/** Find the files and their lengths. Only a system call changes these. */
void folder_watch_files(void);

void folder_watch_end(void);

#endif
