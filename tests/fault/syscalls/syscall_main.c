/* syscall_main.c: each call of each operation made to fail, one at a time, with each error it may give.
 *
 *     syscall_faults [--every] [--until-first] [PART_OF_A_NAME...]
 *
 * First the operation runs once and its calls are counted; then it runs again for each call and each error, and is
 * judged: its status and words (failing_rules.c), what it leaves behind, whether it works when tried again, whether the
 * bystanders go on. */
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

/* Shared by the driver and the processes in which operations run. */
struct board {
    struct call_log log;              /* of the run under way */
    struct call_log whole;            /* of the run without a fault */
    struct state empty, before, done; /* at its beginning, when all was arranged, when it was done */
    struct fault faults[FAULTS_MAX];
    unsigned fault_count;
    unsigned next; /* fault to try */
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
        FAIL("the call did not come");
    rules_check_status(operation, kind, fault, status, &board->error);
    bool is_as_before = status != operation->status;
    if ((operation->flags & GETS_HALFWAY) || (is_as_before && faults_let_happen()) ||
        rules_allow_remains(operation, kind, fault->error))
        return; /* whether anything stays forever is seen at the end */
    if (!state_is_equal(is_as_before ? &board->before : &board->done, &after,
                        is_as_before ? "after it failed" : "unlike without a fault", kind == CALL_UNMAP))
        FAIL("it left the wrong things behind");
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
    if (status != operation->status && !(operation->flags & NO_SECOND_TRY)) {
        time_pass(INT64_C(2000000000));
        static const struct fault none;
        faults_begin(&none, &board->log, operation->asleep, operation->flags & FOLLOW_CHILD);
        pmipc_status again = operation->act(&board->error);
        faults_end();
        if (again != operation->status)
            FAIL("tried again it gives %s: %.300s", pmipc_status_name(again), board->error.text);
    }
    operation->confirm();
    stage_clear();
    mkdir(folder, 0700);
    state_take(&end, folder);
    bool is_unmap = fault->call && board->whole.kinds[fault->call - 1] == CALL_UNMAP;
    if (!state_is_equal(&board->empty, &end, "after all was closed", is_unmap))
        FAIL("something stays behind forever");
}

static _Noreturn void run_in_child(const struct operation *operation)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(SECONDS_EACH);
    if (!(operation->flags & FRESH_PROCESS)) {
        mallopt(M_TOP_PAD, HEAP_BYTES); /* no brk in the one run and none in the other */
        mallopt(M_TRIM_THRESHOLD, 2 * HEAP_BYTES);
    }
    faults_install();
    /* The first run finds libc and the library as they never are again: the second is what later ones are compared
     * with. */
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
            break; /* what could not be unmapped would show in later runs */
    }
    fflush(NULL);
    _exit(0);
}

/* Whether it ended well. */
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
    if (board->log.is_endless)
        fprintf(stderr, "    it makes calls without an end\n");
    board->log.is_endless = false;
    return status == 0;
}

/* ---- which faults ---- */

static bool every_error; /* not a sample */
static bool until_first; /* operation that fails: one is enough to know */

static void add_fault(unsigned call, int error, bool lasting)
{
    if (board->fault_count == FAULTS_MAX)
        FAIL("too many faults");
    board->faults[board->fault_count++] = (struct fault){call, error, lasting};
}

/* A word that differs each time, a signal at each call, a race that is lost forever: that is not how a system fails.
 */
static bool can_last(call_kind kind, int error)
{
    bool is_sleep = kind == CALL_SLEEP_ON_WORD || kind == CALL_SLEEP_ON_MANY || kind == CALL_PAUSE;
    bool is_race = (kind == CALL_LINK && error == EEXIST) || (kind == CALL_OPEN_ENTRY && error == ENOENT);
    return !is_race && (!is_sleep || (error != EAGAIN && error != EINTR));
}

/* Each error for the first call of a kind, once and forever; for later calls each error. A sample has the first error
 * forever, and for later calls one error in turn. */
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
        unsigned alike = every_error ? 12 : 4; /* calls of one kind in a loop: the first and the last so many */
        if (count == 0 || (index >= alike && index + alike < all[kind]))
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

/* ---- all of it ---- */

static unsigned operations_tried, faults_tried, operations_failed;
static uint64_t kinds_tried;

static void tell_fault(const struct operation *operation)
{
    const struct fault *fault = &board->faults[board->next];
    if (!board->is_done)
        fprintf(stderr, "FAILED %s, without any fault\n", operation->name);
    else
        fprintf(stderr, "FAILED %s, call %u of %u: %s gives %s%s\n", operation->name, fault->call, board->whole.count,
                kind_name(board->whole.kinds[fault->call - 1]), strerrorname_np(fault->error),
                fault->lasting ? " from then on" : "");
}

static void try_operation(const struct operation *operation)
{
    unsigned wrong = 0;
    board->is_done = false;
    board->next = board->fault_count = 0;
    bool is_silent = operation->flags & MAKES_NO_CALL;
    if (!run_child(operation) || !board->is_done) {
        tell_fault(operation);
        wrong++;
    } else if (is_silent != (board->whole.count == 0)) {
        fprintf(stderr, "FAILED %s: it makes %u calls\n", operation->name, board->whole.count);
        wrong++;
    } else {
        plan_faults();
        while (board->next < board->fault_count) {
            if (run_child(operation))
                continue;
            tell_fault(operation);
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

/* A kind that no operation makes any more is not tested any more. */
static bool every_kind_tried(void)
{
    /* Made only after another call has failed, or when the heap happens to be full. */
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
