/* failing_rules.h: what an operation may say when one of its calls fails. */
#ifndef FAULT_FAILING_RULES_H
#define FAULT_FAILING_RULES_H

#include "failing_operations.h"

/* End the process with a message unless the status fits the call that failed, and the error tells of it. */
void rules_check_status(const struct operation *operation, call_kind kind, const struct fault *fault,
                        pmipc_status status, const pmipc_error *error);

/* Whether such a failure may leave something else behind in this operation, until the next one. */
bool rules_allow_remains(const struct operation *operation, call_kind kind, int error);

#endif
