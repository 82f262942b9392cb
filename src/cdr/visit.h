/* visit.h: walking through a message with names: for people, and to say where a message is wrong. */
#ifndef CDR_VISIT_H
#define CDR_VISIT_H

#include "cdr/cursor.h"
#include "cdr/types.h"

/* `message` is resolved. Returns: as pmipc_cdr_visit. */
pmipc_status cdr_walk(const struct cdr_message *message, const void *bytes, size_t byte_count,
                      pmipc_cdr_visitor visitor, void *context, pmipc_error *error);

#endif
