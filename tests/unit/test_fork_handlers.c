/* Adding the fork handlers fails at first for lack of memory: no lock may be held without them, and none while they are
 * being added. */
#include <errno.h>

#include "pools.h"

int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso);

static int calls;
static void (*during_registration)(void);

/* The library calls this one instead of that of libc. */
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    if (++calls == 1)
        return ENOMEM;
    if (during_registration) {
        void (*act)(void) = during_registration;
        during_registration = NULL;
        act();
    }
    return __register_atfork(prepare, parent, child, NULL);
}

static pmipc_status open_producer(const char *name, pmipc_producer **producer)
{
    pmipc_schema schema = bytes_schema(100);
    pmipc_error error;
    return pmipc_producer_open(producer, name, &schema, NULL, &error);
}

static void open_another(void)
{
    pmipc_producer *producer;
    CHECK_STATUS(open_producer("q", &producer), PMIPC_NO_MEMORY);
}

TEST(open_takes_no_lock_while_fork_handlers_are_added)
{
    pmipc_producer *first, *second;
    during_registration = open_another;
    CHECK_OK(open_producer("p", &first));
    CHECK(!during_registration);
    CHECK_EQ(calls, 2);
    CHECK_OK(open_producer("q", &second));
    CHECK_EQ(calls, 2);
    pmipc_producer_close(second);
    pmipc_producer_close(first);
}
