/* There is no memory for the fork handlers at first: nobody may hold a lock without them, also not while they are being
 * added. */
#include <errno.h>

#include "pools.h"

int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso);

static int calls;
static void (*meanwhile)(void);

/* In place of libc's, which the library would call. */
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    if (++calls == 1)
        return ENOMEM;
    if (meanwhile) {
        void (*act)(void) = meanwhile;
        meanwhile = NULL;
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

TEST(no_lock_is_taken_while_the_handlers_are_being_added)
{
    pmipc_producer *first, *second;
    meanwhile = open_another;
    CHECK_OK(open_producer("p", &first));
    CHECK(!meanwhile);
    CHECK_EQ(calls, 2);
    CHECK_OK(open_producer("q", &second));
    CHECK_EQ(calls, 2);
    pmipc_producer_close(second);
    pmipc_producer_close(first);
}
