/* cancel.h: pthread_cancel never acts inside the library, where it would leave a mutex locked and descriptors and
 * memory behind. Waits let it act between two sleeps, when what they hold has a clean-up handler.
 *
 * Every function of the API that may come to a cancellation point of libc (open, close, read, nanosleep, ...), and
 * every slow path of one that is called in loops, begins with CANCELLATION_DEFERRED. Uses may be nested. */
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

/* Until the end of the block. `before` names a variable: what the state was. */
#define CANCELLATION_DEFERRED(before) __attribute__((cleanup(cancel_restore), unused)) const int before = cancel_defer()

/* A cancellation that was asked for acts here, unless the program had disabled it before. */
static inline void cancel_act(int before)
{
    pthread_setcancelstate(before, NULL);
    pthread_testcancel();
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
}

#endif
