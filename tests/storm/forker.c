/* forker.c: it forks while it holds views, and both sides go on with them. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reading.h"

/* A child's row must be higher than its parent's; with fewer than 24 streams connected one above this is always free.
 */
#define ROW_MAX 40

static void check_held(const struct reading *reading, const char *when)
{
    for (int i = 0; i < HELD_MAX; i++)
        if (reading->held[i].view.owner)
            held_check(&reading->held[i], when);
}

/* The child: what was inherited stays as it is, but for the handle, which is its parent's. */
static void play_child(struct reading *reading)
{
    pmipc_view view;
    begin("get_last of an inherited stream");
    judge(pmipc_stream_get_last(reading->stream, &view), MAY(FORKED), NULL);
    for (uint64_t looks = chance(20); looks > 0; looks--) {
        check_held(reading, "inherited");
        pause_us(500);
    }
    static struct reading own;
    if (one_in(2) && reading_open(&own, reading->name)) {
        for (uint64_t reads = chance(20); reads > 0; reads--) {
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
    uint64_t seed = me.random ^ chance(UINT32_MAX);
    begin("fork");
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
        me.kind = "forked child";
        me.random = seed | 1;
        play_child(reading);
    }
    if (child < 0) {
        found(FOUND_WRONG, "forker: fork failed: %s", strerror(errno));
        return;
    }
    count(&board->forks);
    if (one_in(2)) /* the parent lets go first */
        for (int i = 0; i < HELD_MAX; i++)
            held_release(&reading->held[i]);
    for (uint64_t reads = chance(30); reads > 0; reads--) {
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

void play_forker(void)
{
    while (!is_over()) {
        static struct reading reading;
        if (!reading_open(&reading, pool_names[chance(POOLS)])) {
            pause_us(2000);
            continue;
        }
        for (uint64_t turns = chance(40); turns > 0 && !is_over(); turns--) {
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
        judge(PMIPC_OK, MAY(OK), NULL);
    }
}
