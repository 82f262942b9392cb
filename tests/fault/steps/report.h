/* report.h: the table with the results of the operations. */
#ifndef FAULT_REPORT_H
#define FAULT_REPORT_H

#include "campaign.h"

void report_begin(void);

/** Print one line, and unless `sound` the failure and the instruction. `messages`: a file with the messages of the
 * campaign. */
void report_operation(const struct operation *operation, const struct result *result, bool sound, int wait_status,
                      int messages);

void report_total(unsigned campaigns, const struct result *total, bool sound);

/** The same for a mutant of the library. */
void report_mutant(const char *mutant, const struct operation *operation, const struct result *result, bool sound,
                   int wait_status, int messages);

#endif
