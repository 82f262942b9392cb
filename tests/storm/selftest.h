/* selftest.h: the test of the audit. */
#ifndef STORM_SELFTEST_H
#define STORM_SELFTEST_H

#include <stdbool.h>
#include <stdint.h>

/** Plant each fault in a short storm; false when one was not found. */
bool self_test(uint64_t seed);

#endif
