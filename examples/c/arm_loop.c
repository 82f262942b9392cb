/* arm_loop.c: a 1 kHz control loop that publishes seven joint positions in place.
 *
 *     arm_loop [POOL [SECONDS]]        default: arm/q, until Ctrl-C
 *
 * Everything that can block happens before the loop: all memory of the pool is touched at creation (`prefault`), and
 * the pool never grows (`no_growth`). In the loop, publishing needs a few stores, and one futex wake when a stream
 * sleeps. Once a second, after the work of a cycle, the loop frees the slots of killed readers: one fcntl call for each
 * connected stream. The seventh joint is the sum of the other six, so that a reader can detect a torn sample. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <polymorph_ipc/polymorph_ipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { JOINTS = 7, PERIOD_NS = 1000000, SECOND_NS = 1000000000, CYCLES_BETWEEN_SWEEPS = 1000 };

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static void stop_on_signals(void)
{
    struct sigaction action = {.sa_handler = ask_to_stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void add_nanoseconds(struct timespec *time, long nanoseconds)
{
    time->tv_nsec += nanoseconds;
    if (time->tv_nsec >= SECOND_NS) {
        time->tv_nsec -= SECOND_NS;
        time->tv_sec += 1;
    }
}

/* Simulates the encoders. */
static void read_joints(double *q, uint64_t cycle)
{
    double t = (double)cycle * ((double)PERIOD_NS / 1e9);
    double sum = 0.0;
    for (int joint = 0; joint < JOINTS - 1; joint++) {
        q[joint] = 0.5 * sin(t * (1.0 + 0.3 * joint) + joint);
        sum += q[joint];
    }
    q[JOINTS - 1] = sum;
}

/* Publish one sample. Returns false when the pool is lost. When the pool is full, only this sample is lost. */
static bool publish_joints(pmipc_producer *arm, uint64_t cycle, uint64_t *refused)
{
    pmipc_loan frame;
    pmipc_status status = pmipc_producer_loan(arm, &frame);
    if (status == PMIPC_OK) {
        double *q = pmipc_loan_float64(arm, &frame, NULL, JOINTS, NULL);
        if (q) /* always true: the schema has seven float64 */
            read_joints(q, cycle);
        status = q ? pmipc_producer_commit(arm, &frame, PMIPC_STAMP_NOW) : PMIPC_SCHEMA_MISMATCH;
    }
    if (status == PMIPC_FULL)
        *refused += 1;
    return status == PMIPC_OK || status == PMIPC_FULL;
}

static bool run(pmipc_producer *arm, uint64_t cycles)
{
    uint64_t refused = 0, swept = 0, cycle = 0;
    int64_t worst_lateness_ns = 0;
    bool well = true;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    while (well && !stop_asked && cycle < cycles) {
        well = publish_joints(arm, cycle, &refused);
        cycle += 1;
        if (cycle % CYCLES_BETWEEN_SWEEPS == 0) /* in the rest of this period */
            swept += pmipc_producer_sweep(arm);
        add_nanoseconds(&next, PERIOD_NS);
        if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR)
            continue;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t lateness_ns = (int64_t)(now.tv_sec - next.tv_sec) * SECOND_NS + (now.tv_nsec - next.tv_nsec);
        if (lateness_ns > worst_lateness_ns)
            worst_lateness_ns = lateness_ns;
    }
    printf("%s: %" PRIu64 " cycles, %" PRIu64 " samples refused, %" PRIu64
           " dead readers swept, latest wake-up %.3f ms late\n",
           pmipc_producer_name(arm), cycle, refused, swept, (double)worst_lateness_ns / 1e6);
    return well;
}

int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == '-') {
        printf("usage: arm_loop [POOL [SECONDS]]        default: arm/q, until Ctrl-C\n");
        return strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    const char *pool = argc > 1 ? argv[1] : "arm/q";
    double seconds = argc > 2 ? atof(argv[2]) : INFINITY;
    uint64_t cycles = isfinite(seconds) ? (uint64_t)(seconds * 1e9 / (double)PERIOD_NS) : UINT64_MAX;

    /* One second of history, for readers that need every sample and may be late. The pool cannot grow, so it has spare
     * slots for two readers that each hold a window of 200 samples. */
    const pmipc_producer_options options = {
        .history_len = 1024,
        .spare = 401,
        .no_growth = true,
        .prefault = true,
        .metadata = "{\"unit\": \"rad\", \"names\": [\"a1\", \"a2\", \"a3\", \"a4\", \"a5\", \"a6\", \"sum\"]}",
    };
    const int64_t shape[] = {JOINTS};
    const pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT64, 1, shape);
    pmipc_producer *arm;
    pmipc_error error;
    if (pmipc_producer_open(&arm, pool, &schema, &options, &error) != PMIPC_OK) {
        fprintf(stderr, "arm_loop: %s\n", error.text);
        return 1;
    }
    stop_on_signals();
    bool well = run(arm, cycles);
    if (!well) {
        pmipc_producer_last_error(arm, &error);
        fprintf(stderr, "arm_loop: %s\n", error.text);
    }
    pmipc_producer_close(arm); /* removes the pool; held views stay valid */
    return well ? 0 : 1;
}
