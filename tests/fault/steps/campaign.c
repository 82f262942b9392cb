#include "campaign.h"

#include "helper.h"
#include "residents.h"
#include "trace.h"

#include <unistd.h>

#define POINT_TIMEOUT_S 60 /* then this process is ended by a signal */
#define SAMPLE_TURNS 40    /* of a loop; the others are like them */
#define THOROUGH_STRIDE 6  /* of a sample's points, every so many one has an aftermath with every row */
#define RING_OFFSET 4608   /* layout.h */

/* The ring of the pool, as anybody can read it in the file. */
static void read_ring(uint64_t *ring)
{
    char path[512];
    pool_path(POOL, path, sizeof path);
    FILE *file = fopen(path, "re");
    CHECK(file && fseek(file, RING_OFFSET, SEEK_SET) == 0);
    CHECK_EQ(fread(ring, sizeof *ring, pool_history_len(), file), pool_history_len());
    fclose(file);
}

/* Whoever was killed before this operation's turn, and left it what it finds. */
static void kill_predecessor(void)
{
    const struct operation *operation = the_operation;
    if (operation->predecessor_end == NO_PREDECESSOR)
        return;
    struct victim victim = victim_start(operation->predecessor_prepare, operation->predecessor_run);
    if (operation->predecessor_end == KILLED_AT_ITS_END) {
        victim_run_to(&victim, victim_end_address(), 0);
    } else {
        uint64_t before[HISTORY_LEN] = {0}, now[HISTORY_LEN] = {0};
        read_ring(before);
        do {
            victim_step(&victim, victim_place(&victim).address);
            read_ring(now);
        } while (memcmp(before, now, sizeof now) == 0);
    }
    victim_kill(&victim);
}

static void kill_and_judge(const struct victim *victim, bool thorough, struct result *result)
{
    victim_kill(victim);
    uint32_t sleep_ends = (uint32_t)ask(AFTERMATH, thorough);
    if (sleep_ends > result->sleep_ends)
        result->sleep_ends = sleep_ends;
    result->kills++;
}

/* To the end of the operation, one instruction at a time. */
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

/* Prepare the world, and kill somebody in it: at `point`, or without one at the end. All are forked from here, with the same stack:
 * where things lie on it can decide which instructions libc executes. */
static void kill_once(struct trace *trace, const struct point *point, bool asleep, bool thorough, struct result *result)
{
    alarm(POINT_TIMEOUT_S);
    kill_predecessor();
    struct victim victim = victim_start(the_operation->prepare, the_operation->run);
    if (asleep)
        victim_sleeps_for_ever(&victim);
    if (point)
        run_to(point, &victim, result);
    else
        record(trace, &victim, result);
    if (asleep)
        victim_run_to_sleep(&victim);
    else
        ask(STALLED, 0);
    kill_and_judge(&victim, thorough, result);
}

void campaign_run(const struct operation *operation, uint32_t stride, uint32_t offset, struct result *result)
{
    struct trace trace;
    the_operation = operation;
    helper residents = helper_fork(residents_serve, NULL);
    residents_channel = residents.channel;
    hear(residents_channel); /* ready */
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
    helper_kill(&residents);
}
