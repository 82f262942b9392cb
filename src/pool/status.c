/* status.c: names and texts of statuses, the version, the clocks. */
#include "polymorph_ipc/status.h"

#include "os/clock.h"

#define TEXT_OF(x) #x
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *pmipc_status_name(pmipc_status status)
{
    switch (status) {
#define STATUS_NAME(name, value, text, exception, builtin) \
    case PMIPC_##name:                                     \
        return #name;
        PMIPC_STATUS_MAP(STATUS_NAME)
    }
    return "UNKNOWN";
}

const char *pmipc_status_text(pmipc_status status)
{
    switch (status) {
#define STATUS_TEXT(name, value, text, exception, builtin) \
    case PMIPC_##name:                                     \
        return text;
        PMIPC_STATUS_MAP(STATUS_TEXT)
    }
    return "unknown status";
}

const char *pmipc_version(void)
{
    return VERSION_TEXT(PMIPC_VERSION_MAJOR, PMIPC_VERSION_MINOR, PMIPC_VERSION_PATCH);
}

int64_t pmipc_monotonic_ns(void)
{
    return clock_age_ns();
}

int64_t pmipc_realtime_ns(void)
{
    return clock_realtime_ns();
}
