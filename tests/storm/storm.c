/* storm.c: twenty processes on four pool names, killed, stopped and restarted at random, and an audit at the end.
 *
 *     storm --seconds 15 --seed 7     0 torn, 0 stuck, 0 leaked, ... or the reasons why not, and exit code 1
 *     storm --self-test               plants each fault that the audit must find, and fails if it does not
 *
 * driver.c starts and ends the processes; producers.c, readers.c, forker.c and registry_users.c are their kinds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit.h"
#include "driver.h"
#include "selftest.h"
#include "worker.h"

#define SECOND_NS INT64_C(1000000000)
#define CHECK_EVERY_NS (5 * SECOND_NS)
#define OPERATIONS_PER_CHECK 2 /* the current one, and a complete one */

/* The storm, with a progress check every few seconds, then the audit. */
static void run(double seconds, uint64_t seed)
{
    int64_t start = pmipc_monotonic_ns(), end = start + (int64_t)(seconds * 1e9), next_check = start + CHECK_EVERY_NS;
    uint64_t most_bytes = 0, checks = 0;
    driver_begin(seed);
    while (pmipc_monotonic_ns() < end && atomic_load(&board->texts) < FINDING_TEXTS) {
        driver_disturb();
        uint64_t bytes = audit_folder_bytes();
        most_bytes = bytes > most_bytes ? bytes : most_bytes;
        if (pmipc_monotonic_ns() < next_check)
            continue;
        driver_require_progress(OPERATIONS_PER_CHECK, false);
        checks++;
        next_check = pmipc_monotonic_ns() + CHECK_EVERY_NS;
    }
    driver_require_progress(OPERATIONS_PER_CHECK, false);
    driver_end(FIRST_READER, WORKERS, true);
    audit_quiet_pools();
    driver_end(0, FIRST_READER, true);
    driver_check_all_ended();
    audit_folder();
    printf("storm: %.0f s, seed %" PRIu64 ": %" PRIu64 " processes, %" PRIu64 " killed, %" PRIu64 " stopped, %" PRIu64
           " ended in order, %" PRIu64 " progress checks; at most %" PRIu64 " KB\n",
           (double)(pmipc_monotonic_ns() - start) / 1e9, seed, driver_facts.started, driver_facts.killed,
           driver_facts.stopped, driver_facts.ended, checks + 1, most_bytes / 1024);
}

int main(int argc, char **argv)
{
    double seconds = 15;
    uint64_t seed = (uint64_t)time(NULL);
    bool test = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--self-test") == 0)
            test = true;
        else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
            seconds = atof(argv[++i]);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else
            return fprintf(stderr, "usage: storm [--seconds N] [--seed N] | --self-test\n"), 2;
    }
    if (test)
        return self_test(seed) ? 0 : 1;
    printf("storm: seed %" PRIu64 "\n", seed);
    fflush(stdout);
    audit_make_folder();
    board_make();
    run(seconds, seed);
    bool sound = board_report(FINDING_TEXTS);
    audit_remove_folder();
    return sound ? 0 : 1;
}
