#include "failing_rules.h"

#include <errno.h>

#define ANY_ERROR 0
#define ANY_KIND CALL_KIND_COUNT
#define AS_EVER (UINT64_C(1) << 62)
#define FITTING (UINT64_C(1) << 63) /* the status that fits the errno */
#define STATUS(name) (UINT64_C(1) << PMIPC_##name)

/* Where the weight of a kind (syscall_kinds.h) does not say it all. The first row that fits counts. */
static const struct exception {
    const char *operation; /* a part of its name; "" is any */
    call_kind kind;
    int error;
    uint64_t allowed;
} exceptions[] = {
    /* Whoever has the lock is waited for, and may never let go; a row is not the only one. */
    {"", CALL_LOCK, EAGAIN, AS_EVER | STATUS(OK) | STATUS(BUSY) | STATUS(FULL) | FITTING},
    /* A pool or a folder that goes while it is being opened was not there; who makes one begins anew. */
    {"inspect", CALL_OPEN_ENTRY, ENOENT, STATUS(NOT_FOUND)},
    {"remove", CALL_OPEN_ENTRY, ENOENT, STATUS(NOT_FOUND)},
    {"", CALL_OPEN_ENTRY, ENOENT, AS_EVER | STATUS(NOT_CONNECTED) | STATUS(OK)},
    {"inspect", CALL_OPEN_FOLDER, ENOENT, STATUS(NOT_FOUND)},
    {"remove", CALL_OPEN_FOLDER, ENOENT, STATUS(NOT_FOUND)},
    /* A stream does not make the folder: it goes on waiting. */
    {"no pool yet", CALL_OPEN_FOLDER, ENOENT, STATUS(OK) | STATUS(TIMEOUT)},
    {"", CALL_OPEN_FOLDER, ENOENT, AS_EVER | STATUS(NOT_FOUND) | STATUS(NOT_CONNECTED) | STATUS(OK)},
    {"", CALL_LINK, EEXIST, STATUS(OK)},
    /* Where there is no room for twice as much, there may be for what is needed. */
    {"needs a larger pool", CALL_OPEN_UNNAMED, ANY_ERROR, STATUS(OK) | FITTING},
    {"needs a larger pool", CALL_TRUNCATE, ANY_ERROR, STATUS(OK) | FITTING},
    {"needs a larger pool", CALL_ALLOCATE, ANY_ERROR, STATUS(OK) | STATUS(NO_SPACE) | FITTING},
    /* What a producer killed at growth may have left is looked for, and there is nothing. */
    {"create", CALL_UNLINK, ANY_ERROR, STATUS(OK)},
    {"adopt", CALL_UNLINK, ANY_ERROR, STATUS(OK)},
    {"replace", CALL_UNLINK, ANY_ERROR, STATUS(OK) | FITTING},
    {"remove", CALL_UNLINK, ANY_ERROR, STATUS(OK) | FITTING},
    {"clean", CALL_UNLINK, ANY_ERROR, STATUS(OK) | FITTING},
    /* Nothing to say it with, or nothing to be said: it is made up for later. */
    {"sweep", ANY_KIND, ANY_ERROR, STATUS(OK)},
    {"describe readers", ANY_KIND, ANY_ERROR, STATUS(OK)},
    {"close a ", ANY_KIND, ANY_ERROR, STATUS(OK)},
    {"retire a ", ANY_KIND, ANY_ERROR, STATUS(OK)},
    {"release a ", ANY_KIND, ANY_ERROR, STATUS(OK)},
    {"ask for ", ANY_KIND, ANY_ERROR, STATUS(OK)},
    /* The kernel's word on the fork itself; the views of a child that got no row hold as long as its parent's. */
    {"fork ", CALL_FORK, ANY_ERROR, STATUS(SYSTEM)},
    {"fork ", ANY_KIND, ANY_ERROR, STATUS(OK)},
    /* A pool that cannot grow gives history up; where there is none to give, it is full. */
    {"must grow", ANY_KIND, ANY_ERROR, STATUS(OK) | STATUS(FULL)},
    {"gives up history", ANY_KIND, ANY_ERROR, STATUS(OK)},
    /* What tmpfs says when it is full: the error tells how much was needed. */
    {"create", CALL_ALLOCATE, ENOMEM, STATUS(NO_SPACE)},
    {"replace", CALL_ALLOCATE, ENOMEM, STATUS(NO_SPACE)},
    {"large", CALL_POPULATE, ENOMEM, STATUS(NO_SPACE)},
    {"large", CALL_POPULATE, EFAULT, STATUS(NO_SPACE)},
    {"prefault", CALL_POPULATE, ANY_ERROR, STATUS(OK)},
    /* Whose name is taken need not be known. */
    {"name is taken", CALL_PREAD, ANY_ERROR, STATUS(BUSY)},
    /* The old file is retired as far as can be: its streams find that it has lost its name. */
    {"replace", CALL_MAP, ANY_ERROR, STATUS(OK) | FITTING},
    {"remove", CALL_MAP, ANY_ERROR, STATUS(OK)},
    {"clean", CALL_MAP, ANY_ERROR, STATUS(OK)},
    {"clean", CALL_PREAD, ANY_ERROR, STATUS(OK) | FITTING},
    {"clean", CALL_OPEN_ENTRY, ANY_ERROR, STATUS(OK) | FITTING},
    {"clean", CALL_ALLOCATION, ANY_ERROR, STATUS(OK) | FITTING},
    /* By whom it is used need not be known. Whether it is a pool must be. */
    {"remove: in use", CALL_PREAD, ANY_ERROR, STATUS(BUSY) | FITTING},
    {"remove: in use", CALL_ALLOCATION, ANY_ERROR, STATUS(BUSY)},
    /* A stream that gives its row back takes the row's lock again to prove that it holds it; if not, the row is swept
       later. */
    {"get_last: the file is gone", CALL_LOCK, ANY_ERROR, AS_EVER | FITTING},
    {"open a stream: another schema", CALL_LOCK, ANY_ERROR, AS_EVER | FITTING},
    /* A signal ends a wait, and time may be over. */
    {"wait", CALL_SLEEP_ON_WORD, EINTR, STATUS(INTERRUPTED)},
    {"wait", CALL_SLEEP_ON_MANY, EINTR, STATUS(INTERRUPTED)},
    {"wait", CALL_PAUSE, EINTR, STATUS(INTERRUPTED)},
    {"wait", CALL_SLEEP_ON_WORD, ETIMEDOUT, STATUS(OK) | STATUS(TIMEOUT)},
    {"wait", CALL_SLEEP_ON_MANY, ETIMEDOUT, STATUS(OK) | STATUS(TIMEOUT)},
    /* Where no name can be looked at, no pool is seen. */
    {"no pool yet", CALL_STAT_NAME, ANY_ERROR, STATUS(OK) | STATUS(TIMEOUT)},
    /* No lock is taken yet. */
    {"no folder yet", CALL_FORK_HANDLERS, ANY_ERROR, STATUS(OK)},
    /* Tried once more before the lock is taken. */
    {"create: first", CALL_FORK_HANDLERS, ANY_ERROR, STATUS(OK) | FITTING},
    /* The newest sample is looked at again, and its times are facts for people. */
    {"list", CALL_PREAD, ANY_ERROR, STATUS(OK) | FITTING},
    {"inspect", CALL_PREAD, ANY_ERROR, STATUS(OK) | FITTING},
    {"list", CALL_ASK_LOCK, ANY_ERROR, STATUS(OK) | FITTING},
    {"inspect", CALL_ASK_LOCK, ANY_ERROR, STATUS(OK) | FITTING},
};

static pmipc_status fitting_status(call_kind kind, int error)
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
    uint64_t as_ever = UINT64_C(1) << operation->status, fitting = UINT64_C(1) << fitting_status(kind, error);
    if (exception)
        return exception->allowed | (exception->allowed & FITTING ? fitting : 0) |
               (exception->allowed & AS_EVER ? as_ever : 0);
    switch (kind_weight(kind)) {
    case NEEDED:
        return fitting;
    case HELPFUL:
        return as_ever;
    case EITHER:
        break;
    }
    return as_ever | fitting;
}

static void check_words(const struct operation *operation, const struct fault *fault, pmipc_status status,
                        const pmipc_error *error)
{
    if (operation->flags & SAYS_NOTHING)
        return;
    CHECK_STATUS(error->status, status);
    size_t length = strnlen(error->text, sizeof error->text);
    if (length == 0 || length == sizeof error->text)
        FAIL("the error has no text, or one without an end");
    if (strchr(error->text, '\n') || error->text[length - 1] == ' ')
        FAIL("the error's text is cut or broken: %s", error->text);
    if (!strstr(error->text, "pool '") && !strstr(error->text, "registry folder") && !strstr(error->text, "SIG"))
        FAIL("the error does not say of which pool: %s", error->text);
    if (status >= PMIPC_NO_SPACE && status != PMIPC_UNSUPPORTED && error->os_error != fault->error &&
        error->os_error != ERRNO_UNTOLD && !(fault->error == EFAULT && error->os_error == ENOSPC) &&
        !(fault->error == ENOMEM && error->os_error == 0))
        FAIL("the error has errno %d, not %d: %s", error->os_error, fault->error, error->text);
}

void rules_check_status(const struct operation *operation, call_kind kind, const struct fault *fault,
                        pmipc_status status, const pmipc_error *error)
{
    if (!(allowed_statuses(operation, kind, fault->error) >> status & 1))
        FAIL("it gives %s: %s", pmipc_status_name(status), error->status == status ? error->text : "");
    if (status != operation->status && status >= PMIPC_INVALID_ARGUMENT)
        check_words(operation, fault, status, error);
}

bool rules_allow_remains(const struct operation *operation, call_kind kind, int error)
{
    /* Rows whose locks could not be given back: the next sweep does. A lock that another has: the next row is taken. A
     * pool that was not there yet: the stream connects later. */
    return (kind == CALL_UNLOCK && (operation->flags & SAYS_NOTHING)) || (kind == CALL_LOCK && error == EAGAIN) ||
           ((kind == CALL_OPEN_ENTRY || kind == CALL_OPEN_FOLDER) && error == ENOENT);
}
