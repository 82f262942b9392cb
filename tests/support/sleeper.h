/* sleeper.h: do something exactly when another thread sleeps in the kernel. */
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

/** Run `act(what)` in another thread as soon as this thread sleeps. Join waker->thread afterwards. */
void when_i_sleep(waker *self, void (*act)(void *what), void *what);

/* ---- actions ---- */

void act_publish(void *producer);
void act_close_producer(void *producer);
void act_close_stream(void *stream);

/** Send a word over a channel. `channel`: its address. */
void act_send_word(void *channel);

#endif
