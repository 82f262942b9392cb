#include "campaign.h"

#include "helper.h"
#include "observers.h"
#include "trace.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define POINT_TIMEOUT_S 60  /* SIGALRM then ends this process */
#define SAMPLE_TURNS 40     /* turns of a loop that a sample has */
#define THOROUGH_STRIDE 10  /* every tenth kill of a sample has a thorough aftermath */
#define CONTROL_OFFSET 4096 /* this and RING_OFFSET as in layout.h */
#define RING_OFFSET 512     /* from CONTROL_OFFSET */
#define CONTROL_BYTES 4096

/* The address of the instruction after the one that stores the first ring entry of the operation. */
static uint64_t find_ring_store(const struct victim *victim)
{
    char path[512];
    pool_path(POOL, path, sizeof path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *page = mmap(NULL, CONTROL_BYTES, PROT_READ, MAP_SHARED, fd, CONTROL_OFFSET);
    CHECK(fd >= 0 && page != MAP_FAILED);
    close(fd);
    uint64_t before[HISTORY_LEN], address = victim_place(victim).address;
    memcpy(before, page + RING_OFFSET, sizeof before);
    while (memcmp(before, page + RING_OFFSET, sizeof before) == 0) {
        CHECK(address != victim_end_address());
        victim_step(victim, address);
        address = victim_place(victim).address;
    }
    munmap((void *)(uintptr_t)page, CONTROL_BYTES);
    return address;
}

/* Kill the previous producer, whose pool the operation then finds. */
static void kill_predecessor(void)
{
    static uint64_t ring_stored;
    if (current_operation->predecessor_end == NO_PREDECESSOR)
        return;
    struct victim victim = victim_start(current_operation->predecessor_prepare, current_operation->predecessor_run);
    if (current_operation->predecessor_end == KILLED_AT_ITS_END)
        victim_run_to(&victim, victim_end_address(), 0);
    else if (ring_stored)
        CHECK(victim_run_to(&victim, ring_stored, 0));
    else
        ring_stored = find_ring_store(&victim);
    victim_kill(&victim);
}

static void kill_and_check(const struct victim *victim, bool thorough, struct result *result)
{
    victim_kill(victim);
    uint32_t sleep_ends = (uint32_t)ask(AFTERMATH, thorough);
    if (sleep_ends > result->sleep_ends)
        result->sleep_ends = sleep_ends;
    result->kills++;
}

/* Step to the end of the operation. */
static void record(struct trace *trace, const struct victim *victim, struct result *result)
{
    trace_record(trace, victim);
    result->instructions = result->at = trace->length;
    result->address = victim_end_address();
    for (uint32_t k = 0; k < trace->length; k++)
        result->own_instructions += trace->points[k].is_own;
}

static void run_to(const struct point *point, const struct victim *victim, struct result *result)
{
    bool reached = victim_run_to(victim, point->address, point->visits);
    if (!reached || victim_place(victim).stack != point->stack)
        result->diverged++;
}

/* Prepare the pool and kill a victim at `point`, or at the end if it is NULL. All victims are forked from here, with
 * the same stack: the alignment of data on it can decide which instructions libc executes. */
static void kill_once(struct trace *trace, const struct point *point, bool asleep, bool thorough, struct result *result)
{
    alarm(POINT_TIMEOUT_S);
    kill_predecessor();
    struct victim victim = victim_start(current_operation->prepare, current_operation->run);
    if (asleep)
        victim_sleeps_forever(&victim);
    if (point)
        run_to(point, &victim, result);
    else
        record(trace, &victim, result);
    if (asleep)
        victim_run_to_sleep(&victim);
    else
        ask(STALLED, 0);
    kill_and_check(&victim, thorough, result);
}

void campaign_run(const struct operation *operation, uint32_t stride, uint32_t offset, struct result *result)
{
    struct trace trace;
    current_operation = operation;
    helper observers = helper_fork(observers_serve, NULL);
    observers_channel = observers.channel;
    receive_word(observers_channel); /* ready */
    kill_once(&trace, NULL, false, true, result);
    for (uint32_t k = 0, own = offset; k < trace.length; k++) {
        const struct point *point = &trace.points[k];
        bool is_chosen = point->is_new || (point->is_own && own++ % stride == 0);
        if (stride > 1 && point->visits >= SAMPLE_TURNS)
            is_chosen = false;
        bool thorough = stride == 1 ? point->is_new : (result->kills + offset) % THOROUGH_STRIDE == 0;
        result->at = k;
        result->address = point->address;
        if (is_chosen)
            kill_once(&trace, point, false, thorough, result);
        if (point->is_sleep)
            kill_once(&trace, point, true, true, result);
    }
    result->ended = true;
    helper_kill(&observers);
}
