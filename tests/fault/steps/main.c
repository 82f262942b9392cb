/* main.c: kill a process at the instructions of every operation, and report the result.
 *
 *     fault_steps                      a sample: every point at which the visible state changes, and some others
 *     fault_steps --all                every instruction of the library
 *     fault_steps --mutant NAME        the library is this mutant: an operation must fail
 *     fault_steps ... publish adopt    only these operations
 *     fault_steps --jobs 2 ...         this number of operations at a time
 */
#include "report.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLE_STRIDE 401

/* The campaign of one operation, in its own process and with its own registry folder. */
struct job {
    pid_t pid; /* 0: not running */
    const struct operation *operation;
    struct result *result;
    char folder[32];
    int messages;
};

static uint32_t stride = SAMPLE_STRIDE, offset;
static const char *mutant; /* NULL: no mutant */
static unsigned jobs_at_a_time = 1;
static volatile sig_atomic_t interrupted;

/* Use the same addresses in every run, so that the number of an instruction is the same, too. */
static void fix_addresses(char **argv)
{
    char path[512] = "";
    int now = personality(0xffffffff);
    if (now < 0 || (now & ADDR_NO_RANDOMIZE) || personality((unsigned long)now | ADDR_NO_RANDOMIZE) < 0)
        return;
    if (readlink("/proc/self/exe", path, sizeof path - 1) > 0)
        execv(path, argv);
}

static void note_signal(int signal_number)
{
    interrupted = signal_number;
}

static struct job begin(const struct operation *operation)
{
    struct job job = {.operation = operation, .folder = "/dev/shm/pmipc-fault-XXXXXX"};
    job.messages = memfd_create("messages", MFD_CLOEXEC);
    job.result = mmap(NULL, sizeof *job.result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(job.messages >= 0 && job.result != MAP_FAILED && mkdtemp(job.folder));
    fflush(NULL);
    job.pid = fork();
    CHECK(job.pid >= 0);
    if (job.pid > 0)
        return job;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    dup2(job.messages, STDERR_FILENO);
    setenv("POLYMORPH_IPC_DIR", job.folder, 1);
    campaign_run(operation, stride, offset, job.result);
    _exit(0);
}

/* Whether the campaign succeeded. */
static bool end(struct job *job, int wait_status, struct result *total)
{
    const struct result *result = job->result;
    bool sound = wait_status == 0 && result->ended;
    if (mutant)
        report_mutant(mutant, job->operation, result, sound, wait_status, job->messages);
    else if (!interrupted)
        report_operation(job->operation, result, sound, wait_status, job->messages);
    total->instructions += result->instructions;
    total->own_instructions += result->own_instructions;
    total->kills += result->kills;
    total->diverged += result->diverged;
    folder_remove(job->folder);
    munmap(job->result, sizeof *job->result);
    close(job->messages);
    job->pid = 0;
    return sound;
}

/* Wait for one of the jobs. */
static bool end_one(struct job *jobs, struct result *total)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, 0)) < 0)
        for (unsigned i = 0; i < jobs_at_a_time; i++)
            if (interrupted && jobs[i].pid)
                kill(jobs[i].pid, SIGKILL);
    for (unsigned i = 0; i < jobs_at_a_time; i++)
        if (jobs[i].pid == pid)
            return end(&jobs[i], status, total);
    return true;
}

static bool is_wanted(const struct operation *operation, char **names)
{
    if (!*names)
        return true;
    for (; *names; names++)
        if (strcmp(*names, operation->name) == 0)
            return true;
    return false;
}

static char **read_options(char **argument)
{
    for (; *argument && **argument == '-'; argument++) {
        if (strcmp(*argument, "--all") == 0)
            stride = 1;
        else if (strcmp(*argument, "--mutant") == 0 && argument[1])
            mutant = *++argument;
        else if (strcmp(*argument, "--jobs") == 0 && argument[1])
            jobs_at_a_time = (unsigned)atoi(*++argument);
        else
            FAIL("unknown option %s", *argument);
    }
    CHECK(jobs_at_a_time >= 1 && jobs_at_a_time <= operation_count);
    return argument;
}

int main(int argc, char **argv)
{
    (void)argc;
    fix_addresses(argv);
    char **names = read_options(argv + 1);
    struct sigaction noting = {.sa_handler = note_signal}; /* without SA_RESTART the wait ends */
    sigaction(SIGINT, &noting, NULL);
    sigaction(SIGTERM, &noting, NULL);
    if (stride > 1) {
        test_random random = random_start();
        offset = (uint32_t)random_below(&random, stride);
    }
    struct job *jobs = calloc(jobs_at_a_time, sizeof *jobs);
    CHECK(jobs);
    struct result total = {0};
    unsigned begun = 0, ended = 0, failed = 0;
    if (!mutant)
        report_begin();
    for (unsigned i = 0; i < operation_count && !interrupted; i++) {
        if (!is_wanted(&operations[i], names))
            continue;
        if (begun - ended == jobs_at_a_time) {
            failed += !end_one(jobs, &total);
            ended++;
        }
        unsigned place = 0;
        while (jobs[place].pid)
            place++;
        jobs[place] = begin(&operations[i]);
        begun++;
    }
    for (; ended < begun; ended++)
        failed += !end_one(jobs, &total);
    if (begun == 0 && !interrupted)
        FAIL("unknown operation");
    if (!mutant)
        report_total(begun, &total, failed == 0);
    free(jobs);
    if (interrupted)
        return 1;
    return mutant ? failed == 0 : failed > 0;
}
