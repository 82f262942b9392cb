#include "failing_rules.h"

#include <errno.h>

#define ANY_ERROR 0
#define ANY_KIND CALL_KIND_COUNT
#define EXPECTED (UINT64_C(1) << 62) /* the status without a fault */
#define OF_ERRNO (UINT64_C(1) << 63) /* the status of the errno */
#define STATUS(name) (UINT64_C(1) << PMIPC_##name)

/* Exceptions from the weights of the kinds (syscall_kinds.h). The first row that matches applies. */
static const struct exception {
    const char *operation; /* a part of its name; "": every operation */
    call_kind kind;
    int error;
    uint64_t allowed;
} exceptions[] = {
    /* The call waits for the lock, whose owner may keep it; of several rows, another one is tried. */
    {"", CALL_LOCK, EAGAIN, EXPECTED | STATUS(OK) | STATUS(BUSY) | STATUS(FULL) | OF_ERRNO},
    /* A pool or folder that disappears while it is opened counts as absent; a producer starts again. */
    {"inspect", CALL_OPEN_ENTRY, ENOENT, STATUS(NOT_FOUND)},
    {"remove", CALL_OPEN_ENTRY, ENOENT, STATUS(NOT_FOUND)},
    {"", CALL_OPEN_ENTRY, ENOENT, EXPECTED | STATUS(NOT_CONNECTED) | STATUS(OK)},
    {"inspect", CALL_OPEN_FOLDER, ENOENT, STATUS(NOT_FOUND)},
    {"remove", CALL_OPEN_FOLDER, ENOENT, STATUS(NOT_FOUND)},
    /* A stream does not create the folder and keeps waiting. */
    {"no pool yet", CALL_OPEN_FOLDER, ENOENT, STATUS(OK) | STATUS(TIMEOUT)},
    {"", CALL_OPEN_FOLDER, ENOENT, EXPECTED | STATUS(NOT_FOUND) | STATUS(NOT_CONNECTED) | STATUS(OK)},
    {"", CALL_LINK, EEXIST, STATUS(OK)},
    /* If there is no space for twice the capacity, there may be space for the needed capacity. */
    {"needs a larger pool", CALL_OPEN_UNNAMED, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    {"needs a larger pool", CALL_TRUNCATE, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    {"needs a larger pool", CALL_ALLOCATE, ANY_ERROR, STATUS(OK) | STATUS(NO_SPACE) | OF_ERRNO},
    /* The call removes the file of an unfinished growth, which does not exist here. */
    {"create", CALL_UNLINK, ANY_ERROR, STATUS(OK)},
    {"adopt", CALL_UNLINK, ANY_ERROR, STATUS(OK)},
    {"replace", CALL_UNLINK, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    {"remove", CALL_UNLINK, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    {"clean", CALL_UNLINK, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    /* The operation has no error, or nothing to report: a later call does the work. */
    {"sweep", ANY_KIND, ANY_ERROR, STATUS(OK)},
    {"describe readers", ANY_KIND, ANY_ERROR, STATUS(OK)},
    {"close a ", ANY_KIND, ANY_ERROR, STATUS(OK)},
    {"retire a ", ANY_KIND, ANY_ERROR, STATUS(OK)},
    {"release a ", ANY_KIND, ANY_ERROR, STATUS(OK)},
    {"query ", ANY_KIND, ANY_ERROR, STATUS(OK)},
    /* An error of fork itself; the views of a child without a row are valid as long as those of its parent. */
    {"fork ", CALL_FORK, ANY_ERROR, STATUS(SYSTEM)},
    {"fork ", ANY_KIND, ANY_ERROR, STATUS(OK)},
    /* A pool that cannot grow gives up history; without old history it is full. */
    {"must grow", ANY_KIND, ANY_ERROR, STATUS(OK) | STATUS(FULL)},
    {"gives up history", ANY_KIND, ANY_ERROR, STATUS(OK)},
    /* Errors of a full tmpfs: the error names the needed size. */
    {"create", CALL_ALLOCATE, ENOMEM, STATUS(NO_SPACE)},
    {"replace", CALL_ALLOCATE, ENOMEM, STATUS(NO_SPACE)},
    {"large", CALL_POPULATE, ENOMEM, STATUS(NO_SPACE)},
    {"large", CALL_POPULATE, EFAULT, STATUS(NO_SPACE)},
    {"prefault", CALL_POPULATE, ANY_ERROR, STATUS(OK)},
    /* The owner of the name is only for the message. */
    {"name is taken", CALL_PREAD, ANY_ERROR, STATUS(BUSY)},
    /* If the old file cannot be retired, its streams detect that it has lost its name. */
    {"replace", CALL_MAP, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    {"remove", CALL_MAP, ANY_ERROR, STATUS(OK)},
    {"clean", CALL_MAP, ANY_ERROR, STATUS(OK)},
    {"clean", CALL_PREAD, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    {"clean", CALL_OPEN_ENTRY, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    {"clean", CALL_ALLOCATION, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    /* The users of the pool are only for the message. Whether the file is a pool must be known. */
    {"remove: in use", CALL_PREAD, ANY_ERROR, STATUS(BUSY) | OF_ERRNO},
    {"remove: in use", CALL_ALLOCATION, ANY_ERROR, STATUS(BUSY)},
    /* A stream locks its row again before it clears it, to prove that it still owns it; otherwise the row is swept
       later. */
    {"get_last: the file is gone", CALL_LOCK, ANY_ERROR, EXPECTED | OF_ERRNO},
    {"open a stream: another schema", CALL_LOCK, ANY_ERROR, EXPECTED | OF_ERRNO},
    /* A signal ends a wait, and a timeout may be reached. */
    {"wait", CALL_SLEEP_ON_WORD, EINTR, STATUS(INTERRUPTED)},
    {"wait", CALL_SLEEP_ON_MANY, EINTR, STATUS(INTERRUPTED)},
    {"wait", CALL_PAUSE, EINTR, STATUS(INTERRUPTED)},
    {"wait", CALL_SLEEP_ON_WORD, ETIMEDOUT, STATUS(OK) | STATUS(TIMEOUT)},
    {"wait", CALL_SLEEP_ON_MANY, ETIMEDOUT, STATUS(OK) | STATUS(TIMEOUT)},
    /* If the name cannot be checked, the pool counts as absent. */
    {"no pool yet", CALL_STAT_NAME, ANY_ERROR, STATUS(OK) | STATUS(TIMEOUT)},
    /* No lock is taken yet. */
    {"no folder yet", CALL_FORK_HANDLERS, ANY_ERROR, STATUS(OK)},
    /* Tried again before a lock is taken. */
    {"create: first", CALL_FORK_HANDLERS, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    /* The newest sample is read again, and its times are only for the description. */
    {"list", CALL_PREAD, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    {"inspect", CALL_PREAD, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    {"list", CALL_QUERY_LOCK, ANY_ERROR, STATUS(OK) | OF_ERRNO},
    {"inspect", CALL_QUERY_LOCK, ANY_ERROR, STATUS(OK) | OF_ERRNO},
};

static pmipc_status status_of_errno(call_kind kind, int error)
{
    if ((kind == CALL_MAP || kind == CALL_MAP_PRIVATELY) && error == EAGAIN) /* mlockall and a small RLIMIT_MEMLOCK */
        return PMIPC_NO_MEMORY;
    switch (error) {
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

static const struct exception *find_exception(const struct operation *operation, call_kind kind, int error)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++) {
        const struct exception *exception = &exceptions[i];
        if ((exception->kind == kind || exception->kind == ANY_KIND) &&
            (exception->error == ANY_ERROR || exception->error == error) &&
            strstr(operation->name, exception->operation))
            return exception;
    }
    return NULL;
}

static uint64_t allowed_statuses(const struct operation *operation, call_kind kind, int error)
{
    const struct exception *exception = find_exception(operation, kind, error);
    uint64_t expected = UINT64_C(1) << operation->status, of_errno = UINT64_C(1) << status_of_errno(kind, error);
    if (exception)
        return exception->allowed | (exception->allowed & OF_ERRNO ? of_errno : 0) |
               (exception->allowed & EXPECTED ? expected : 0);
    switch (kind_weight(kind)) {
    case REQUIRED:
        return of_errno;
    case OPTIONAL:
        return expected;
    case EITHER:
        break;
    }
    return expected | of_errno;
}

static void check_error(const struct operation *operation, const struct fault *fault, pmipc_status status,
                        const pmipc_error *error)
{
    if (operation->flags & NO_ERROR_TEXT)
        return;
    CHECK_STATUS(error->status, status);
    size_t length = strnlen(error->text, sizeof error->text);
    if (length == 0 || length == sizeof error->text)
        FAIL("the text of the error is empty or not terminated");
    if (strchr(error->text, '\n') || error->text[length - 1] == ' ')
        FAIL("the text of the error is truncated or malformed: %s", error->text);
    if (!strstr(error->text, "pool '") && !strstr(error->text, "registry folder") && !strstr(error->text, "SIG"))
        FAIL("the error does not name the pool: %s", error->text);
    if (status >= PMIPC_NO_SPACE && status != PMIPC_UNSUPPORTED && error->os_error != fault->error &&
        error->os_error != ERRNO_UNKNOWN && !(fault->error == EFAULT && error->os_error == ENOSPC) &&
        !(fault->error == ENOMEM && error->os_error == 0))
        FAIL("the error has errno %d, not %d: %s", error->os_error, fault->error, error->text);
}

void rules_check_status(const struct operation *operation, call_kind kind, const struct fault *fault,
                        pmipc_status status, const pmipc_error *error)
{
    if (!(allowed_statuses(operation, kind, fault->error) >> status & 1))
        FAIL("it returns %s: %s", pmipc_status_name(status), error->status == status ? error->text : "");
    if (status != operation->status && status >= PMIPC_INVALID_ARGUMENT)
        check_error(operation, fault, status, error);
}

bool rules_allow_remains(const struct operation *operation, call_kind kind, int error)
{
    /* Row locks that could not be released: the next sweep releases them. A row lock of another process: the next row
     * is tried. A pool that did not exist yet: the stream connects later. */
    return (kind == CALL_UNLOCK && (operation->flags & NO_ERROR_TEXT)) || (kind == CALL_LOCK && error == EAGAIN) ||
           ((kind == CALL_OPEN_ENTRY || kind == CALL_OPEN_FOLDER) && error == ENOENT);
}
