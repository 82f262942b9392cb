#include "os/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os/text.h"

pmipc_status error_set(pmipc_error *error, pmipc_status status, int os_error, const char *format, ...)
{
    if (!error)
        return status;
    error->status = status;
    error->os_error = os_error;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    text_make_printable(error->text); /* names and descriptions may come from another process */
    return status;
}

pmipc_status error_of_call(pmipc_error *error, int os_error, const char *pool, const char *what)
{
    char reason[ERRNO_TEXT_BYTES];
    return error_set(error, error_status_of(os_error), os_error, "pool '%s': cannot %s: %s", pool, what,
                     error_describe_errno(os_error, reason));
}

void error_append(pmipc_error *error, const char *format, ...)
{
    if (!error)
        return;
    size_t used = strlen(error->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text + used, sizeof error->text - used, format, arguments);
    va_end(arguments);
    text_make_printable(error->text);
}

pmipc_status error_status_of(int os_error)
{
    switch (os_error) {
    case EACCES:
    case EPERM:
    case EROFS:
        return PMIPC_PERMISSION;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return PMIPC_NO_SPACE;
    case ENOMEM:
        return PMIPC_NO_MEMORY;
    default:
        return PMIPC_SYSTEM;
    }
}

const char *error_describe_bytes(uint64_t bytes, char *text)
{
    bool small = bytes < 1000000;
    snprintf(text, SIZE_TEXT_BYTES, "%.1f %s", (double)bytes / (small ? 1e3 : 1e6), small ? "KB" : "MB");
    return text;
}

/* GNU's strerror_r returns the text, which may be a static string. POSIX's (musl) fills the buffer and returns 0. */
static const char *result_of_gnu(const char *result, const char *buffer)
{
    (void)buffer;
    return result;
}

static const char *result_of_posix(int failure, const char *buffer)
{
    return failure == 0 ? buffer : "unknown error";
}

const char *error_describe_errno(int os_error, char *text)
{
    char buffer[96];
    const char *reason =
        _Generic(strerror_r(os_error, buffer, sizeof buffer), int: result_of_posix, char *: result_of_gnu)(
            strerror_r(os_error, buffer, sizeof buffer), buffer);
    snprintf(text, ERRNO_TEXT_BYTES, "%s (errno %d)", reason, os_error);
    return text;
}
