/* measure.c: the clock, the median, and helpers of all cases. */
#include "probe.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare_durations(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Run the batches and store the durations of those that count. Returns their number. */
static uint64_t run_batches(const probe_operation *operation, uint64_t batches, uint64_t *durations)
{
    uint64_t counted = 0;
    for (uint64_t i = 0; i < batches; i++) {
        const uint64_t before = clock_ns();
        operation->body(operation->context, operation->batch);
        durations[counted] = clock_ns() - before;
        counted += !operation->counts || operation->counts(operation->context);
    }
    return counted;
}

double measure(const probe_operation *operation, uint64_t count)
{
    const uint64_t batch = operation->batch;
    const uint64_t batches = count < batch ? 1 : count / batch;
    const uint64_t warm_up = batch * (1 + batches / 10);
    uint64_t *durations = malloc(batches * sizeof *durations);
    if (!durations) {
        die("out of memory for %llu durations", (unsigned long long)batches);
    }
    if (operation->begin) {
        operation->begin(operation->context, warm_up + batches * batch);
    }
    operation->body(operation->context, warm_up);
    const uint64_t counted = run_batches(operation, batches, durations);
    double median = NAN;
    if (counted) {
        qsort(durations, counted, sizeof *durations, compare_durations);
        median = (double)(durations[(counted - 1) / 2] + durations[counted / 2]) / 2.0;
    }
    free(durations);
    return median / (double)batch;
}

void pin_to_core(int core)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET((size_t)core, &cores);
    if (sched_setaffinity(0, sizeof cores, &cores)) {
        die("cannot run on core %d: %s", core, strerror(errno));
    }
}

const char *pool_name(char *text, size_t text_bytes, const char *topic, int pid)
{
    snprintf(text, text_bytes, "bench/%s_%d", topic, pid);
    return text;
}

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench_probe: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void die_of_status(pmipc_status status, const char *what, const pmipc_error *error)
{
    die("%s: %s: %s", what, pmipc_status_name(status), error ? error->text : pmipc_status_text(status));
}
