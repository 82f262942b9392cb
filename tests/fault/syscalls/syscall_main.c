/* syscall_main.c: make each call of each operation fail, one at a time, with each error that it may return.
 *
 *     syscall_faults [--every] [--until-first] [PART_OF_A_NAME...]
 *
 * First the operation runs once and its calls are counted. Then it runs again for each call and each error. Each run
 * checks the status and the error (failing_rules.c), that nothing is leaked, that a second try succeeds, and that the
 * bystanders are unaffected. */
#include "failing_operations.h"
#include "failing_rules.h"
#include "failing_state.h"
#include "syscall_faults.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAULTS_MAX 20000
#define SECONDS_EACH 20
#define HEAP_BYTES (8 << 20)

/* Shared between the driver and the processes in which operations run. */
struct board {
    struct call_log log;              /* of the current run */
    struct call_log whole;            /* of the run without a fault */
    struct state empty, before, done; /* of the run without a fault: at the start, before act(), after act() */
    struct fault faults[FAULTS_MAX];
    unsigned fault_count;
    unsigned next; /* the next fault to try */
    bool is_done;
    pmipc_error error;
};

static struct board *board;
static char folder[64];

static void judge(const struct operation *operation, const struct fault *fault, pmipc_status status)
{
    call_kind kind = fault->call ? (call_kind)board->whole.kinds[fault->call - 1] : CALL_OTHER;
    struct state after;
    state_take(&after, folder);
    if (!fault->call) {
        CHECK_STATUS(status, operation->status);
        board->done = after;
        return;
    }
    if (board->log.failed == 0)
        FAIL("the call was not made");
    rules_check_status(operation, kind, fault, status, &board->error);
    bool is_as_before = status != operation->status;
    if ((operation->flags & PARTIAL_RESULT) || (is_as_before && faults_event_happened()) ||
        rules_allow_remains(operation, kind, fault->error))
        return; /* leaks are checked at the end of the run */
    if (!state_is_equal(is_as_before ? &board->before : &board->done, &after,
                        is_as_before ? "after the failure:" : "compared to a run without a fault:", kind == CALL_UNMAP))
        FAIL("the state after the operation is wrong");
}

/* One run of the operation, from an empty folder to an empty folder. */
static void run_once(const struct operation *operation, const struct fault *fault)
{
    struct state end;
    if (!fault->call)
        state_take(&board->empty, folder);
    operation->arrange();
    if (!fault->call)
        state_take(&board->before, folder);
    memset(&board->error, 'x', sizeof board->error);
    faults_begin(fault, &board->log, operation->asleep, operation->flags & FOLLOW_CHILD);
    pmipc_status status = operation->act(&board->error);
    faults_end();
    if (!fault->call)
        board->whole = board->log;
    judge(operation, fault, status);
    if (status != operation->status && !(operation->flags & NO_RETRY)) {
        time_pass(INT64_C(2000000000));
        static const struct fault none;
        faults_begin(&none, &board->log, operation->asleep, operation->flags & FOLLOW_CHILD);
        pmipc_status again = operation->act(&board->error);
        faults_end();
        if (again != operation->status)
            FAIL("the second try returns %s: %.300s", pmipc_status_name(again), board->error.text);
    }
    operation->confirm();
    stage_clear();
    mkdir(folder, 0700);
    state_take(&end, folder);
    bool is_unmap = fault->call && board->whole.kinds[fault->call - 1] == CALL_UNMAP;
    if (!state_is_equal(&board->empty, &end, "after all handles were closed:", is_unmap))
        FAIL("the operation leaks");
}

static _Noreturn void run_in_child(const struct operation *operation)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(SECONDS_EACH);
    if (!(operation->flags & FRESH_PROCESS)) {
        mallopt(M_TOP_PAD, HEAP_BYTES); /* so that no run needs brk */
        mallopt(M_TRIM_THRESHOLD, 2 * HEAP_BYTES);
    }
    faults_install();
    /* The first run initializes libc and the library; later runs are compared with the second. */
    for (int i = operation->flags & FRESH_PROCESS ? 1 : 0;
         i < 2 && (!board->is_done || !(operation->flags & FRESH_PROCESS)); i++)
        run_once(operation, &(struct fault){0});
    board->is_done = true;
    while (board->next < board->fault_count) {
        const struct fault *fault = &board->faults[board->next];
        run_once(operation, fault);
        board->next++;
        alarm(SECONDS_EACH);
        if ((operation->flags & FRESH_PROCESS) || board->whole.kinds[fault->call - 1] == CALL_UNMAP)
            break; /* the mapping that was not unmapped would appear in later runs */
    }
    fflush(NULL);
    _exit(0);
}

/* Whether the child succeeded. */
static bool run_child(const struct operation *operation)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        FAIL("fork: %s", strerror(errno));
    if (pid == 0)
        run_in_child(operation);
    int status;
    if (waitpid(pid, &status, 0) != pid)
        FAIL("waitpid: %s", strerror(errno));
    folder_remove(folder);
    if (mkdir(folder, 0700) != 0)
        FAIL("%s: %s", folder, strerror(errno));
    if (WIFSIGNALED(status))
        fprintf(stderr, "    ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    if (board->log.is_unbounded)
        fprintf(stderr, "    it makes calls without limit\n");
    board->log.is_unbounded = false;
    return status == 0;
}

/* ---- the faults to try ---- */

static bool every_error; /* --every: not only a sample */
static bool until_first; /* --until-first: stop an operation at its first failure */

static void add_fault(unsigned call, int error, bool lasting)
{
    if (board->fault_count == FAULTS_MAX)
        FAIL("too many faults");
    board->faults[board->fault_count++] = (struct fault){call, error, lasting};
}

/* A real system does not fail this way: a futex word that differs at every call, a signal at every call, a race that is
 * lost every time. */
static bool can_last(call_kind kind, int error)
{
    bool is_sleep = kind == CALL_SLEEP_ON_WORD || kind == CALL_SLEEP_ON_MANY || kind == CALL_PAUSE;
    bool is_race = (kind == CALL_LINK && error == EEXIST) || (kind == CALL_OPEN_ENTRY && error == ENOENT);
    return !is_race && (!is_sleep || (error != EAGAIN && error != EINTR));
}

/* For the first call of a kind: each error, once and lasting. For later calls: each error once. A sample has a lasting
 * fault only for the first error, and one error in turn for later calls. */
static void plan_faults(void)
{
    unsigned seen[CALL_KIND_COUNT] = {0}, all[CALL_KIND_COUNT] = {0};
    for (unsigned i = 0; i < board->whole.count; i++)
        all[board->whole.kinds[i]]++;
    for (unsigned i = 0; i < board->whole.count; i++) {
        call_kind kind = board->whole.kinds[i];
        const int *errors = kind_errors(kind);
        unsigned index = seen[kind]++, count = 0;
        while (errors[count])
            count++;
        unsigned edge = every_error ? 12 : 4; /* of many calls of a kind, only that many at the start and at the end */
        if (count == 0 || (index >= edge && index + edge < all[kind]))
            continue;
        if (index > 0 && !every_error) {
            add_fault(i + 1, errors[index % count], false);
            continue;
        }
        for (unsigned e = 0; e < count; e++) {
            add_fault(i + 1, errors[e], false);
            if (index == 0 && (e == 0 || every_error) && can_last(kind, errors[e]))
                add_fault(i + 1, errors[e], true);
        }
    }
}

/* ---- all operations ---- */

static unsigned operations_tried, faults_tried, operations_failed;
static uint64_t kinds_tried;

static void print_fault(const struct operation *operation)
{
    const struct fault *fault = &board->faults[board->next];
    if (!board->is_done)
        fprintf(stderr, "FAILED %s, without a fault\n", operation->name);
    else
        fprintf(stderr, "FAILED %s, call %u of %u: %s returns %s%s\n", operation->name, fault->call, board->whole.count,
                kind_name(board->whole.kinds[fault->call - 1]), strerrorname_np(fault->error),
                fault->lasting ? " in this and later calls" : "");
}

static void try_operation(const struct operation *operation)
{
    unsigned wrong = 0;
    board->is_done = false;
    board->next = board->fault_count = 0;
    bool is_silent = operation->flags & MAKES_NO_CALL;
    if (!run_child(operation) || !board->is_done) {
        print_fault(operation);
        wrong++;
    } else if (is_silent != (board->whole.count == 0)) {
        fprintf(stderr, "FAILED %s: it makes %u calls\n", operation->name, board->whole.count);
        wrong++;
    } else {
        plan_faults();
        while (board->next < board->fault_count) {
            if (run_child(operation))
                continue;
            print_fault(operation);
            wrong++;
            board->next++;
            if (until_first)
                break;
        }
    }
    for (unsigned i = 0; i < board->whole.count; i++)
        kinds_tried |= UINT64_C(1) << board->whole.kinds[i];
    printf("%-36s %6u %7u  %s\n", operation->name, board->whole.count, board->fault_count, wrong ? "FAILED" : "ok");
    fflush(stdout);
    operations_tried++;
    faults_tried += board->fault_count;
    operations_failed += wrong > 0;
}

static bool is_chosen(const char *name, char **parts)
{
    bool any = false;
    for (; *parts; parts++) {
        any = any || (*parts)[0] != '-';
        if ((*parts)[0] != '-' && strstr(name, *parts))
            return true;
    }
    return !any;
}

/* Every kind of call must be tested: some operation must make it. */
static bool every_kind_tried(void)
{
    /* Made only after another call has failed, or when the heap is full. */
    const uint64_t rare = UINT64_C(1) << CALL_PWRITE | UINT64_C(1) << CALL_SHORT_NAME | UINT64_C(1) << CALL_GROW_HEAP;
    bool complete = true;
    for (int kind = 0; kind < CALL_OTHER; kind++) {
        if ((kinds_tried | rare) >> kind & 1)
            continue;
        fprintf(stderr, "FAILED no operation makes a call of the kind %s\n", kind_name((call_kind)kind));
        complete = false;
    }
    return complete;
}

int main(int argc, char **argv)
{
    static const struct operation *const groups[] = {producer_operations, stream_operations, waiting_operations,
                                                     registry_operations};
    for (int i = 1; i < argc; i++) {
        every_error = every_error || strcmp(argv[i], "--every") == 0;
        until_first = until_first || strcmp(argv[i], "--until-first") == 0;
    }
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    strcpy(folder, "/dev/shm/pmipc-faults-XXXXXX");
    if (board == MAP_FAILED || !mkdtemp(folder))
        FAIL("%s: %s", folder, strerror(errno));
    setenv("POLYMORPH_IPC_DIR", folder, 1);
    printf("%-36s %6s %7s\n", "operation", "calls", "faults");
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        for (const struct operation *operation = groups[i]; operation->name; operation++)
            if (is_chosen(operation->name, argv + 1))
                try_operation(operation);
    folder_remove(folder);
    if (argc == 1 && !every_kind_tried())
        operations_failed++;
    printf("%u operations, %u faults, %u operations failed\n", operations_tried, faults_tried, operations_failed);
    return operations_failed == 0 && operations_tried > 0 ? 0 : 1;
}
