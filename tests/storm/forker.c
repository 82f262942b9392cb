/* forker.c: a process that forks while it holds views; parent and child use them. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reading.h"

/* The row of a child must be above that of its parent. With fewer than 24 connected streams, a row above this one is
 * always free. */
#define ROW_MAX 40

static void check_held(const struct reading *reading, const char *when)
{
    for (int i = 0; i < HELD_MAX; i++)
        if (reading->held[i].view.owner)
            held_check(&reading->held[i], when);
}

/* The child: inherited views stay unchanged; calls on the inherited stream return FORKED. */
static void run_child(struct reading *reading)
{
    pmipc_view view;
    begin("get_last of an inherited stream");
    check_status(pmipc_stream_get_last(reading->stream, &view), ALLOW(FORKED), NULL);
    for (uint64_t looks = random_below(20); looks > 0; looks--) {
        check_held(reading, "inherited");
        pause_us(500);
    }
    static struct reading own;
    if (one_in(2) && reading_open(&own, reading->name)) {
        for (uint64_t reads = random_below(20); reads > 0; reads--) {
            struct held held;
            if (!reading_read(&own, &held))
                break;
            if (held.view.owner)
                reading_keep(&own, &held);
        }
        if (one_in(2))
            reading_close(&own);
    }
    if (one_in(3))
        raise(SIGKILL);
    if (one_in(2))
        reading_close(reading);
    _exit(0);
}

static void fork_once(struct reading *reading)
{
    pid_t parent = getpid();
    uint64_t seed = me.random ^ random_below(UINT32_MAX);
    begin("fork");
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
        me.kind = "forked child";
        me.random = seed | 1;
        run_child(reading);
    }
    if (child < 0) {
        found(FOUND_WRONG, "forker: fork failed: %s", strerror(errno));
        return;
    }
    count(&board->forks);
    if (one_in(2)) /* the parent releases its views first */
        for (int i = 0; i < HELD_MAX; i++)
            held_release(&reading->held[i]);
    for (uint64_t reads = random_below(30); reads > 0; reads--) {
        struct held held;
        if (!reading_read(reading, &held))
            break;
        if (held.view.owner)
            reading_keep(reading, &held);
    }
    int status;
    begin("wait for the forked child");
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!(WIFEXITED(status) && WEXITSTATUS(status) == 0) && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
        found(FOUND_CRASH, "forker: its child ended with status 0x%x", (unsigned)status);
}

void run_forker(void)
{
    while (!must_end()) {
        static struct reading reading;
        if (!reading_open(&reading, pool_names[random_below(POOLS)])) {
            pause_us(2000);
            continue;
        }
        for (uint64_t turns = random_below(40); turns > 0 && !must_end(); turns--) {
            struct held held;
            if (!reading_read(&reading, &held))
                break;
            if (held.view.owner)
                reading_keep(&reading, &held);
            pmipc_stream_info info;
            pmipc_stream_get_info(reading.stream, &info);
            if (one_in(4) && info.row < ROW_MAX)
                fork_once(&reading);
        }
        begin("stream_close");
        reading_close(&reading);
        check_status(PMIPC_OK, ALLOW(OK), NULL);
    }
}
