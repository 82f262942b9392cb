/* faults.h: which pool does an address belong to? Kept so that a signal handler can look it up: no locks, no
 * allocation. */
#ifndef OS_FAULTS_H
#define OS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

void faults_add_range(const void *address, size_t bytes, bool writable, const char *label);
void faults_remove_range(const void *address);

#endif
