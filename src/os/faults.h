/* faults.h: the address ranges of mapped pools, for a signal handler that names the pool of an address. Adding and
 * removing a range takes no lock and allocates nothing. */
#ifndef OS_FAULTS_H
#define OS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

void faults_add_range(const void *address, size_t bytes, bool writable, const char *label);
void faults_remove_range(const void *address);

#endif
