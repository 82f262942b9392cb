/* failing_rules.h: the statuses that an operation may return when one of its calls fails. */
#ifndef FAULT_FAILING_RULES_H
#define FAULT_FAILING_RULES_H

#include "failing_operations.h"

/* End the process with a message unless the status matches the failed call and the error describes it. */
void rules_check_status(const struct operation *operation, call_kind kind, const struct fault *fault,
                        pmipc_status status, const pmipc_error *error);

/* Whether such a failure of this operation may leave something, such as a lock, until the next operation. */
bool rules_allow_remains(const struct operation *operation, call_kind kind, int error);

#endif
