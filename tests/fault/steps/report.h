/* report.h: the table of what came of every operation. */
#ifndef FAULT_REPORT_H
#define FAULT_REPORT_H

#include "campaign.h"

void report_begin(void);

/** One line, and unless it is `sound` what was wrong, and after which instruction. `messages`: a file with what was
 * said. */
void report_operation(const struct operation *operation, const struct result *result, bool sound, int wait_status,
                      int messages);

void report_total(unsigned campaigns, const struct result *total, bool sound);

/** The same of a library that is wrong on purpose. */
void report_mutant(const char *mutant, const struct operation *operation, const struct result *result, bool sound,
                   int wait_status, int messages);

#endif
