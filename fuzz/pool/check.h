/* check.h: what must hold of whatever the library hands out, however damaged the file is. */
#ifndef FUZZ_CHECK_H
#define FUZZ_CHECK_H

#include <polymorph_ipc/polymorph_ipc.h>

#include "fuzz.h"

/* A set of statuses. */
#define STATUS(name) (UINT64_C(1) << PMIPC_##name)

/* Of every status that was asked for so far. */
extern uint64_t statuses_hash;

/* The call ended in one of the ways that it documents and that can happen here. */
void require_status(const char *call, pmipc_status status, uint64_t allowed);

/* A failure has a text: terminated, not empty, and printable. */
void require_words(const char *call, pmipc_status status, const pmipc_error *error);

/* NUL-terminated within `bytes`, UTF-8 without control characters. */
void require_text(const char *what, const char *text, size_t bytes);

#endif
