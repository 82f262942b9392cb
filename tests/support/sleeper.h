/* sleeper.h: doing something exactly when another thread sleeps in the kernel. */
#ifndef PMIPC_TEST_SLEEPER_H
#define PMIPC_TEST_SLEEPER_H

#include "test.h"

#include <pthread.h>
#include <sys/types.h>

typedef struct waker {
    pthread_t thread;
    pid_t sleeper;
    void (*act)(void *what);
    void *what;
} waker;

/** Let `act(what)` run in another thread as soon as this thread sleeps. Join waker->thread afterwards. */
void when_i_sleep(waker *self, void (*act)(void *what), void *what);

#endif
