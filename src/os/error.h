/* error.h: filling in the caller's pmipc_error. */
#ifndef OS_ERROR_H
#define OS_ERROR_H

#include "polymorph_ipc/status.h"

/* Write status, errno and message into `error` (NULL allowed) and return `status`, so that a failure is one statement.
 */
pmipc_status error_set(pmipc_error *error, pmipc_status status, int os_error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "pool 'name': cannot look at its file: Permission denied (errno 13)", with the status that fits the errno. */
pmipc_status error_of_call(pmipc_error *error, int os_error, const char *pool, const char *what);

/* Append to the message. */
void error_append(pmipc_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "12.3 KB" or "4.5 MB"; `text` needs 32 bytes. Returns `text`. */
const char *error_describe_bytes(uint64_t bytes, char *text);

/* The status that fits an errno: PERMISSION, NO_SPACE, NO_MEMORY or SYSTEM. Not NOT_FOUND: whether a missing file means
 * that there is no pool depends on the file (/proc may be missing, too). */
pmipc_status error_status_of(int os_error);

/* "Permission denied (errno 13)" without strerror's shared buffer; `text` needs 128 bytes. Returns `text`. */
const char *error_describe_errno(int os_error, char *text);

#endif
