#include "selftest.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "audit.h"
#include "driver.h"
#include "worker.h"

#define SECOND_NS INT64_C(1000000000)
#define PATIENCE_NS (60 * SECOND_NS)
#define SHORT_PATIENCE_NS (5 * SECOND_NS) /* enough for two calls that return BUSY after a second each */

/* A process that the driver does not know. It holds a row while it lives. */
static pid_t plant_holder(void)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pmipc_stream *stream;
    pmipc_view view;
    pmipc_stream_options options = {.follow_schema = true};
    if (pmipc_stream_open(&stream, pool_names[0], &options, NULL) != PMIPC_OK)
        _exit(1);
    for (;;) /* it goes over to every next pool of the name */
        if (pmipc_stream_get_new(stream, PMIPC_FOREVER, &view) == PMIPC_OK)
            pmipc_view_release(&view);
}

static void stray_path(char *path, size_t path_bytes)
{
    snprintf(path, path_bytes, "%s/left over", audit_folder_path());
}

static void plant_stray_file(void)
{
    char path[100];
    stray_path(path, sizeof path);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static const struct planted {
    const char *name;
    enum finding expected;
    const char *text; /* a part of the text of the finding */
} plants[PLANTS] = {
    [PLANT_TORN] = {"a wrong byte in a frame", FOUND_TORN, "is wrong"},
    [PLANT_FOREIGN] = {"a frame of another incarnation", FOUND_TORN, "has sample"},
    [PLANT_LATE] = {"a frame that changes under its readers", FOUND_TORN, "is wrong"},
    [PLANT_LENGTH] = {"a length that does not match its frame", FOUND_TORN, "by its payload"},
    [PLANT_ORDER] = {"a sample out of order", FOUND_ORDER, "with the cursor at"},
    [PLANT_WRONG] = {"a call that fails", FOUND_WRONG, "pool_inspect returned INVALID_NAME"},
    [PLANT_CRASH] = {"a worker that aborts", FOUND_CRASH, "ended by itself with signal 6"},
    [PLANT_STUCK] = {"a process that sleeps forever", FOUND_STUCK, PLANTED_SLEEP},
    [PLANT_HOLDER] = {"a stream of an unknown process", FOUND_LEAK, "a row is still in use"},
    [PLANT_MAPPING] = {"a stream that is not closed", FOUND_LEAK, "after all handles were closed"},
    [PLANT_STRAY] = {"a file in the folder", FOUND_STRAY, "left over"},
};

static bool was_found(void *context)
{
    const struct planted *plant = context;
    const char *name = finding_name(plant->expected);
    for (uint32_t i = 0; i < board->texts && i < FINDING_TEXTS; i++)
        if (strncmp(board->text[i], name, strlen(name)) == 0 && strstr(board->text[i], plant->text))
            return true;
    return false;
}

static bool planted_sleep_has_begun(void *unused)
{
    (void)unused;
    for (int number = 0; number < WORKERS; number++) {
        const char *doing = atomic_load(&board->workers[number].doing);
        if (doing && strcmp(doing, PLANTED_SLEEP) == 0)
            return true;
    }
    return false;
}

static bool streams_are_read(void *unused)
{
    (void)unused;
    return atomic_load(&board->read) > 1000;
}

/* Run the storm and its audit until they can find this fault. */
static void run(enum plant plant, uint64_t seed)
{
    struct planted *planted = (struct planted *)&plants[plant];
    pid_t holder = plant == PLANT_HOLDER ? plant_holder() : 0;
    driver_begin(seed);
    if (plant <= PLANT_LAST_OF_STORM)
        driver_wait(was_found, planted);
    if (plant == PLANT_STUCK) {
        driver_wait(planted_sleep_has_begun, NULL);
        driver_patience_ns = SHORT_PATIENCE_NS;
        driver_require_progress(2, false);
        driver_patience_ns = PATIENCE_NS;
    }
    if (plant == PLANT_HOLDER || plant == PLANT_MAPPING) {
        driver_wait(streams_are_read, NULL);
        driver_end(FIRST_READER, WORKERS, false);
    }
    if (plant == PLANT_HOLDER) {
        atomic_store(&board->quiet, 1);
        audit_quiet_pool(pool_names[0]);
        kill(holder, SIGKILL);
    }
    driver_kill();
    driver_check_all_ended();
    if (plant == PLANT_STRAY)
        plant_stray_file();
    audit_folder();
}

bool self_test(uint64_t seed)
{
    int missed = 0;
    for (enum plant plant = PLANT_NONE + 1; plant < PLANTS; plant++) {
        int64_t start = pmipc_monotonic_ns();
        audit_make_folder();
        board_make();
        board->plant = plant;
        run(plant, seed + plant);
        bool seen = was_found((void *)&plants[plant]);
        printf("%s: %s (%.1f s)\n", seen ? "found " : "MISSED", plants[plant].name,
               (double)(pmipc_monotonic_ns() - start) / 1e9);
        if (!seen)
            board_report(3);
        missed += !seen;
        char path[100];
        stray_path(path, sizeof path);
        unlink(path);
        audit_remove_folder();
    }
    printf("storm: the audit found %d of %d planted faults\n", PLANTS - 1 - missed, PLANTS - 1);
    return missed == 0;
}
