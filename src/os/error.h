/* error.h: writing messages into the caller's pmipc_error. `error` may be NULL everywhere. */
#ifndef OS_ERROR_H
#define OS_ERROR_H

#include "polymorph_ipc/status.h"

#define ERRNO_TEXT_BYTES 128
#define SIZE_TEXT_BYTES 32

/* Write status, errno and message. Returns `status`. */
pmipc_status error_set(pmipc_error *error, pmipc_status status, int os_error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A failed system call: with `what` "examine its file", the message is "pool 'name': cannot examine its file:
 * Permission denied (errno 13)". Returns the status that fits the errno. */
pmipc_status error_of_call(pmipc_error *error, int os_error, const char *pool, const char *what);

/* Append to the message. */
void error_append(pmipc_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "12.3 KB" or "4.5 MB". `text` has SIZE_TEXT_BYTES. Returns `text`. */
const char *error_describe_bytes(uint64_t bytes, char *text);

/* The status that fits an errno: PERMISSION, NO_SPACE, NO_MEMORY or SYSTEM. Never NOT_FOUND: a missing file means a
 * missing pool only if it is the pool's own file (/proc may be missing too). */
pmipc_status error_status_of(int os_error);

/* "Permission denied (errno 13)", without the shared buffer of strerror. `text`
 * has ERRNO_TEXT_BYTES. Returns `text`. */
const char *error_describe_errno(int os_error, char *text);

#endif
