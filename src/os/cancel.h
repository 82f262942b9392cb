/* cancel.h: deferring pthread_cancel.
 *
 * A cancellation must not act inside the library: a mutex would stay locked, descriptors would stay open and memory
 * would stay allocated. Only a wait lets it act, between two sleeps, when a clean-up handler releases what the wait
 * holds.
 *
 * Every API function that may reach a cancellation point of libc (open, close, read, nanosleep, ...) begins with
 * CANCELLATION_DEFERRED. In a function that is called in loops, only the slow paths begin with it.
 * Uses may be nested. */
#ifndef OS_CANCEL_H
#define OS_CANCEL_H

#include <pthread.h>

static inline int cancel_defer(void)
{
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void cancel_restore(const int *before)
{
    pthread_setcancelstate(*before, NULL);
}

/* Defer cancellation until the end of the block. `before` is the name of a variable for the earlier state. */
#define CANCELLATION_DEFERRED(before) __attribute__((cleanup(cancel_restore), unused)) const int before = cancel_defer()

/* Let a pending cancellation act here, unless the program had disabled cancellation before. */
static inline void cancel_act(int before)
{
    pthread_setcancelstate(before, NULL);
    pthread_testcancel();
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
}

#endif
