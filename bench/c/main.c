/* main.c: bench_probe CASE [bytes=N] [core=N] [partner=N] [pools=N]
 *
 * Prints "ready <operation> ..." when the case is set up. Then it answers each line "<operation> <count>" on standard
 * input with one line, the median nanoseconds per operation. Ends at the end of its input. */
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const probe_case *const cases[] = {&case_pin,  &case_publish, &case_fields, &case_readers,
                                          &case_spin, &case_sleep,   &case_list};

static const probe_case *find_case(const char *name)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!strcmp(cases[i]->name, name)) {
            return cases[i];
        }
    }
    return NULL;
}

static void print_cases(void)
{
    fputs("usage: bench_probe CASE [bytes=N] [core=N] [partner=N] [pools=N]\n", stderr);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fprintf(stderr, "  %-10s %s\n", cases[i]->name, cases[i]->purpose);
    }
}

static void parse_argument(probe_arguments *arguments, const char *text)
{
    unsigned long long value = 0;
    if (sscanf(text, "bytes=%llu", &value) == 1) {
        arguments->bytes = (size_t)value;
    } else if (sscanf(text, "core=%llu", &value) == 1) {
        arguments->core = (int)value;
    } else if (sscanf(text, "partner=%llu", &value) == 1) {
        arguments->partner_core = (int)value;
    } else if (sscanf(text, "pools=%llu", &value) == 1) {
        arguments->pools = (uint32_t)value;
    } else {
        die("unknown argument: %s", text);
    }
}

static void answer(const probe_operation *operations, uint32_t operation_count, const char *line)
{
    char name[64];
    unsigned long long count = 0;
    if (sscanf(line, "%63s %llu", name, &count) != 2 || !count) {
        die("invalid request: %s", line);
    }
    for (uint32_t i = 0; i < operation_count; i++) {
        if (!strcmp(operations[i].name, name)) {
            printf("%.3f\n", measure(&operations[i], count));
            fflush(stdout);
            return;
        }
    }
    die("unknown operation: %s", name);
}

int main(int argc, char **argv)
{
    const probe_case *chosen = argc > 1 ? find_case(argv[1]) : NULL;
    if (!chosen) {
        print_cases();
        return 2;
    }
    probe_arguments arguments = {0};
    for (int i = 2; i < argc; i++) {
        parse_argument(&arguments, argv[i]);
    }
    pin_to_core(arguments.core);

    probe_operation operations[PROBE_MAX_OPERATIONS] = {0};
    const uint32_t operation_count = chosen->open(&arguments, operations);
    fputs("ready", stdout);
    for (uint32_t i = 0; i < operation_count; i++) {
        printf(" %s", operations[i].name);
    }
    fputc('\n', stdout);
    fflush(stdout);

    char line[128];
    while (fgets(line, sizeof line, stdin)) {
        answer(operations, operation_count, line);
    }
    chosen->close();
    return 0;
}
