/* Statuses, clocks, version, and pmipc_explain_faults. */
#include "helper.h"
#include "pools.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TEST(every_status_has_unique_name_and_text)
{
#define CHECK_STATUS_ROW(name, value, row_text, exception, builtin) \
    CHECK_EQ(PMIPC_##name, value);                                  \
    CHECK_TEXT(pmipc_status_name(PMIPC_##name), #name);             \
    CHECK_TEXT(pmipc_status_text(PMIPC_##name), row_text);
    PMIPC_STATUS_MAP(CHECK_STATUS_ROW)
#undef CHECK_STATUS_ROW
}

TEST(invalid_status_has_a_name_and_a_text)
{
    const int numbers[] = {-1, 7, 15, 33, 1000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        pmipc_status status = (pmipc_status)numbers[i];
        CHECK(pmipc_status_name(status) && pmipc_status_name(status)[0]);
        CHECK(pmipc_status_text(status) && pmipc_status_text(status)[0]);
    }
}

TEST(version_is_that_of_headers)
{
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", PMIPC_VERSION_MAJOR, PMIPC_VERSION_MINOR, PMIPC_VERSION_PATCH);
    CHECK_TEXT(pmipc_version(), expected);
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

TEST(clocks_are_those_of_the_system)
{
    int64_t before = clock_ns(CLOCK_BOOTTIME);
    int64_t monotonic = pmipc_monotonic_ns();
    CHECK(before <= monotonic && monotonic <= clock_ns(CLOCK_BOOTTIME));
    before = clock_ns(CLOCK_REALTIME);
    int64_t realtime = pmipc_realtime_ns();
    CHECK(before <= realtime && realtime <= clock_ns(CLOCK_REALTIME));
}

TEST(error_has_status_and_terminated_text)
{
    pmipc_error error;
    memset(&error, 0x55, sizeof error);
    CHECK_STATUS(pmipc_name_check("no//good", &error), PMIPC_INVALID_NAME);
    CHECK_EQ(error.status, PMIPC_INVALID_NAME);
    CHECK(memchr(error.text, '\0', sizeof error.text) != NULL);
    CHECK(error.text[0] != '\0');
}

TEST(every_call_accepts_null_error)
{
    pmipc_producer *producer;
    pmipc_stream *stream;
    CHECK_STATUS(pmipc_name_check("no//good", NULL), PMIPC_INVALID_NAME);
    pmipc_schema broken = {0};
    CHECK_STATUS(pmipc_schema_check(&broken, NULL), PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_producer_open(&producer, "p", &broken, NULL, NULL), PMIPC_INVALID_ARGUMENT);
    CHECK_STATUS(pmipc_stream_open(&stream, "", NULL, NULL), PMIPC_INVALID_NAME);
    CHECK_STATUS(pmipc_pool_remove("absent", NULL, NULL, NULL), PMIPC_NOT_FOUND);
}

/* ---- faults ---- */

static void note_and_exit(int signal_number)
{
    static const char text[] = "the previous handler\n";
    ssize_t written = write(2, text, sizeof text - 1);
    _exit(signal_number == SIGSEGV && written > 0 ? 42 : 43);
}

static void write_into_a_view(bool chain)
{
    signal(SIGSEGV, chain ? note_and_exit : SIG_DFL);
    CHECK_OK(pmipc_explain_faults(NULL));
    CHECK_OK(pmipc_explain_faults(NULL)); /* idempotent: the handler must not chain to itself */
    pmipc_stream *stream = stream_open("lab/camera", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    *(volatile char *)(uintptr_t)view.fields[0].data = 1;
}

/* Run write_into_a_view in a child. Its wait status; `text`: what it wrote to stderr. */
static int faulting_child(bool chain, char *text, size_t text_bytes)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        write_into_a_view(chain);
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    ssize_t got;
    while ((got = read(ends[0], text + used, text_bytes - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = '\0';
    close(ends[0]);
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

ROLE(publishes_one_frame)
{
    pmipc_producer *producer = bytes_producer(argument, 64, 2);
    send_word(channel, publish_frame(producer));
    receive_word(channel);
    pmipc_producer_close(producer);
}

TEST(write_into_view_faults_and_message_names_pool)
{
    helper owner = helper_start("publishes_one_frame", "lab/camera");
    receive_word(owner.channel);
    char text[4096];
    int status = faulting_child(false, text, sizeof text);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
    CHECK_HAS(text, "lab/camera");
    send_word(owner.channel, 0);
    helper_finish(&owner);
}

TEST(explain_faults_passes_fault_to_previous_handler)
{
    helper owner = helper_start("publishes_one_frame", "lab/camera");
    receive_word(owner.channel);
    char text[4096];
    int status = faulting_child(true, text, sizeof text);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 42);
    CHECK_HAS(text, "lab/camera");
    CHECK_HAS(text, "the previous handler");
    send_word(owner.channel, 0);
    helper_finish(&owner);
}
