#include "report.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_BYTES 4096

void report_begin(void)
{
    printf("%-18s %12s %14s %8s %9s %10s  %s\n", "operation", "instructions", "in the library", "kills", "diverged",
           "sleep ends", "verdict");
    fflush(stdout);
}

/* Print the functions and lines of an address, the innermost first, with addr2line. */
static void print_location(uint64_t address)
{
    char command[256], program[128] = "", text[512];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    snprintf(command, sizeof command, "addr2line -fsi -e '%s' %#" PRIx64 " 2>/dev/null", program, address);
    FILE *pipe = length > 0 ? popen(command, "re") : NULL;
    while (pipe && fgets(text, sizeof text, pipe))
        printf(" %.*s", (int)strcspn(text, "\n"), text);
    if (pipe)
        pclose(pipe);
}

static void print_failure(const struct result *result, int wait_status, int messages)
{
    char text[TEXT_BYTES];
    printf("    killed after instruction %u of %u, at %#" PRIx64, result->at, result->instructions, result->address);
    print_location(result->address);
    ssize_t length = pread(messages, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    printf("\n%s", text);
    if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGALRM)
        printf("    a process waits forever\n");
    else if (WIFSIGNALED(wait_status))
        printf("    the campaign was ended by signal %d\n", WTERMSIG(wait_status));
}

void report_operation(const struct operation *operation, const struct result *result, bool sound, int wait_status,
                      int messages)
{
    printf("%-18s %12u %14u %8u %9u %10u  %s\n", operation->name, result->instructions, result->own_instructions,
           result->kills, result->diverged, result->sleep_ends, sound ? "sound" : "FAILED");
    if (!sound)
        print_failure(result, wait_status, messages);
    fflush(stdout);
}

void report_total(unsigned campaigns, const struct result *total, bool sound)
{
    printf("%u operations: %u instructions, %u of them in the library, %u kills, %u diverged: %s\n", campaigns,
           total->instructions, total->own_instructions, total->kills, total->diverged, sound ? "sound" : "FAILED");
}

void report_mutant(const char *mutant, const struct operation *operation, const struct result *result, bool sound,
                   int wait_status, int messages)
{
    printf("%s %s: %s\n", operation->name, sound ? "does not detect" : "detects", mutant);
    if (!sound)
        print_failure(result, wait_status, messages);
}
