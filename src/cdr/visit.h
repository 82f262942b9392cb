/* visit.h: walk through a message field by field, for a visitor or to find the path of a fault. */
#ifndef CDR_VISIT_H
#define CDR_VISIT_H

#include "cdr/primitives.h"
#include "cdr/types.h"

/* `message` is resolved. Returns: as pmipc_cdr_visit. */
pmipc_status cdr_walk(const struct cdr_message *message, const void *bytes, size_t byte_count,
                      pmipc_cdr_visitor visitor, void *context, pmipc_error *error);

#endif
