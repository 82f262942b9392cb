#include "sleeper.h"

#include "helper.h"
#include "pools.h"

#include <unistd.h>

/* Whether a thread of this process sleeps in the kernel. */
static bool sleeps(pid_t thread)
{
    char path[64];
    char line[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char *got = fgets(line, sizeof line, file);
    fclose(file);
    const char *state = got ? strrchr(line, ')') : NULL;
    return state && state[2] == 'S';
}

static void *act_when_it_sleeps(void *context)
{
    waker *self = context;
    WAIT_UNTIL(sleeps(self->sleeper));
    self->act(self->what);
    return NULL;
}

void when_i_sleep(waker *self, void (*act)(void *what), void *what)
{
    *self = (waker){.sleeper = gettid(), .act = act, .what = what};
    CHECK_EQ(pthread_create(&self->thread, NULL, act_when_it_sleeps, self), 0);
}

void act_publish(void *producer)
{
    publish_frame(producer);
}

void act_close_producer(void *producer)
{
    pmipc_producer_close(producer);
}

void act_close_stream(void *stream)
{
    pmipc_stream_close(stream);
}

void act_send_word(void *channel)
{
    send_word(*(const int *)channel, 1);
}
