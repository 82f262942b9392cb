/* follow_commands.c: a 1 kHz loop that follows joint commands, and holds its position when they stop.
 *
 *     follow_commands [POOL [SECONDS]]        default: arm/cmd, until Ctrl-C
 *
 * With `manual_reconnect` the reads of the loop never open files: they return NOT_CONNECTED or RETIRED, and the loop
 * decides when to look for the pool again. Here it does so ten times a second, in a cycle that only holds the position.
 * `expect` refuses a pool with another dtype or shape; pmipc_view_float64 returns NULL unless the data are seven
 * float64. */
#include <inttypes.h>
#include <math.h>
#include <polymorph_ipc/polymorph_ipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { JOINTS = 7, PERIOD_NS = 1000000, SECOND_NS = 1000000000, CYCLES_BETWEEN_LOOKS = 100 };

static const int64_t STALE_AFTER_NS = 150000000;

typedef struct follower {
    pmipc_stream *commands;
    double position[JOINTS];
    uint64_t fresh_cycles; /* cycles that followed a fresh command */
    uint64_t held_cycles;  /* cycles without one */
    uint64_t last_seq;
} follower;

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static void move_towards(double *position, const double *target)
{
    const double step = 0.002; /* 2 rad/s at 1 kHz */
    for (int joint = 0; joint < JOINTS; joint++) {
        double distance = target[joint] - position[joint];
        position[joint] += fmax(-step, fmin(step, distance));
    }
}

/* One cycle: follow the newest command if it is fresh, otherwise hold. No system call while connected. */
static pmipc_status follow_once(follower *self)
{
    pmipc_view view;
    bool fresh = false;
    pmipc_status status = pmipc_stream_get_last(self->commands, &view);
    if (status == PMIPC_OK) {
        const double *target = pmipc_view_float64(&view, NULL, JOINTS, NULL);
        fresh = target && pmipc_monotonic_ns() - view.published_ns < STALE_AFTER_NS;
        if (fresh) {
            move_towards(self->position, target);
            self->last_seq = view.seq;
        }
        pmipc_view_release(&view);
    }
    self->fresh_cycles += fresh;
    self->held_cycles += !fresh;
    return status;
}

static bool run(follower *self, uint64_t cycles, pmipc_error *error)
{
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (uint64_t cycle = 0; cycle < cycles && !stop_asked; cycle++) {
        pmipc_status status = follow_once(self);
        if (status >= PMIPC_INVALID_ARGUMENT) {
            pmipc_stream_last_error(self->commands, error);
            return false;
        }
        bool absent = status == PMIPC_NOT_CONNECTED || status == PMIPC_RETIRED;
        if (absent && cycle % CYCLES_BETWEEN_LOOKS == 0) {
            status = pmipc_stream_reconnect(self->commands, error);
            if (status != PMIPC_OK && status != PMIPC_NOT_CONNECTED)
                return false;
        }
        next.tv_nsec += PERIOD_NS;
        if (next.tv_nsec >= SECOND_NS) {
            next.tv_nsec -= SECOND_NS;
            next.tv_sec += 1;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == '-') {
        printf("usage: follow_commands [POOL [SECONDS]]        default: arm/cmd, until Ctrl-C\n");
        return strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    const char *pool = argc > 1 ? argv[1] : "arm/cmd";
    double seconds = argc > 2 ? atof(argv[2]) : INFINITY;
    uint64_t cycles = isfinite(seconds) ? (uint64_t)(seconds * 1e9 / (double)PERIOD_NS) : UINT64_MAX;

    struct sigaction action = {.sa_handler = ask_to_stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    const int64_t shape[] = {JOINTS};
    const pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT64, 1, shape);
    const pmipc_stream_options options = {.expect = &schema, .manual_reconnect = true, .prefault = true};
    follower self = {0};
    pmipc_error error;
    if (pmipc_stream_open(&self.commands, pool, &options, &error) != PMIPC_OK) {
        fprintf(stderr, "follow_commands: %s\n", error.text);
        return 1;
    }
    bool well = run(&self, cycles, &error);
    if (!well)
        fprintf(stderr, "follow_commands: %s\n", error.text);
    printf("%s: followed fresh commands for %" PRIu64 " cycles, held for %" PRIu64 ", newest command %" PRIu64 "\n",
           pool, self.fresh_cycles, self.held_cycles, self.last_seq);
    pmipc_stream_close(self.commands);
    return well ? 0 : 1;
}
