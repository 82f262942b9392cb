/* producer_handle.c: whether a call may use the producer, and its error text. */
#include "api/producer.h"
#include "os/error.h"

pmipc_status producer_fail(pmipc_producer *producer, pmipc_status status, const char *what)
{
    return error_set(&producer->error, status, 0, "pool '%s': %s", producer->place.name, what);
}

pmipc_status producer_check_usable(pmipc_producer *producer)
{
    if (__builtin_expect(!process_is(producer->generation), 0))
        return producer_fail(
            producer, PMIPC_FORKED,
            "this producer belongs to the parent process. A pool has one producer: open another pool in the child, "
            "or close the producer in the parent first");
    if (__builtin_expect(producer->retired, 0))
        return producer_fail(producer, PMIPC_CLOSED, "this producer was closed");
    return PMIPC_OK;
}
