/* check.h: properties of the results that the library returns, also for corrupt files. */
#ifndef FUZZ_CHECK_H
#define FUZZ_CHECK_H

#include <polymorph_ipc/polymorph_ipc.h>

#include "fuzz.h"

/* A set of statuses. */
#define STATUS(name) (UINT64_C(1) << PMIPC_##name)

/* A hash of all statuses that were checked so far. */
extern uint64_t statuses_hash;

/* The call returned one of the statuses that it documents and that are possible here. */
void require_status(const char *call, pmipc_status status, uint64_t allowed);

/* A failure has a message: terminated, not empty and printable. */
void require_message(const char *call, pmipc_status status, const pmipc_error *error);

/* NUL-terminated within `bytes`, UTF-8 without control characters. */
void require_text(const char *what, const char *text, size_t bytes);

#endif
