/* The harness itself: every way a test can go wrong must be reported as just that. */
#include "helper.h"
#include "pools.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define MATERIAL(name) TEST_WITH(name, .flags = TEST_UNLISTED | TEST_QUIET, .timeout_s = 2)

MATERIAL(does_nothing_wrong)
{
    CHECK(true);
}

MATERIAL(fails_a_check)
{
    CHECK_EQ(1, 2);
}

TEST_WITH(needs_the_machine_itself, .flags = TEST_UNLISTED | TEST_QUIET, .native = "a processor")
{
    FAIL("it was run");
}

TEST_WITH(needs_to_be_without_a_sanitizer, .flags = TEST_UNLISTED | TEST_QUIET, .bare = "its own memory only")
{
    FAIL("it was run");
}

TEST_WITH(needs_two_users, .flags = TEST_UNLISTED | TEST_QUIET, .two_users = true)
{
    FAIL("it was run");
}

MATERIAL(gets_another_status)
{
    CHECK_OK(PMIPC_BUSY);
}

MATERIAL(leaks_a_descriptor)
{
    CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
}

MATERIAL(closes_what_it_opens)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    close(fd);
}

static int file_in_folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, 4096), 0);
    return fd;
}

MATERIAL(leaks_a_mapping_of_a_file_that_is_gone)
{
    int fd = file_in_folder("pool");
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
    close(fd);
    folder_remove(test_folder());
}

MATERIAL(leaves_a_file_in_its_folder)
{
    close(file_in_folder("pool"));
}

TEST_WITH(leaves_a_declared_file, .flags = TEST_UNLISTED | TEST_QUIET | TEST_LEAVES_POOLS)
{
    close(file_in_folder("pool"));
}

MATERIAL(crashes)
{
    raise(SIGSEGV);
}

MATERIAL(aborts)
{
    abort();
}

TEST_WITH(hangs, .flags = TEST_UNLISTED | TEST_QUIET, .timeout_s = 1)
{
    sleep_until_killed();
}

TEST_WITH(hangs_with_signals_blocked, .flags = TEST_UNLISTED | TEST_QUIET, .timeout_s = 1)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sleep_until_killed();
}

ROLE(waits_for_ever)
{
    (void)argument;
    tell(channel, 1);
    sleep_until_killed();
}

ROLE(says_what_it_was_told)
{
    tell(channel, hear(channel) + (uint64_t)atoi(argument));
}

ROLE(fails)
{
    (void)channel;
    (void)argument;
    FAIL("as it should");
}

MATERIAL(leaves_a_helper_running)
{
    helper child = helper_start("waits_for_ever", "");
    hear(child.channel);
    close(child.channel);
}

MATERIAL(has_a_helper_that_fails)
{
    helper child = helper_start("fails", "");
    helper_finish(&child);
}

MATERIAL(waits_for_a_helper_that_is_gone)
{
    helper child = helper_start("fails", "");
    hear(child.channel);
}

MATERIAL(uses_helpers_well)
{
    helper child = helper_start("says_what_it_was_told", "30");
    tell(child.channel, 12);
    CHECK_EQ(hear(child.channel), 42);
    helper_finish(&child);
    child = helper_fork(waits_for_ever, "");
    CHECK_EQ(hear(child.channel), 1);
    helper_kill(&child);
}

MATERIAL(leaks_a_pool)
{
    pmipc_producer *producer = bytes_producer("left", 64, 2);
    pmipc_producer_abandon(producer);
}

MATERIAL(leaks_a_producer)
{
    bytes_producer("left", 64, 2);
}

MATERIAL(leaks_a_view)
{
    pmipc_producer *producer = bytes_producer("seen", 64, 2);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("seen", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

MATERIAL(sees_a_torn_frame)
{
    uint64_t frame[8];
    frame_fill(frame, sizeof frame, 7);
    frame_fill(frame, 32, 8);
    CHECK(frame_is_whole(frame, sizeof frame, 7));
}

#define EXPECT(test_name, expected)                                                        \
    do {                                                                                   \
        test_verdict verdict = test_run_isolated(&test_name##_case);                       \
        if (verdict != (expected))                                                         \
            FAIL("%s: judged '%s', expected '%s'", #test_name, test_verdict_text(verdict), \
                 test_verdict_text(expected));                                             \
    } while (0)

TEST(a_test_without_fault_passes)
{
    EXPECT(does_nothing_wrong, TEST_PASSED);
    EXPECT(closes_what_it_opens, TEST_PASSED);
    EXPECT(leaves_a_declared_file, TEST_PASSED);
    EXPECT(uses_helpers_well, TEST_PASSED);
}

TEST(a_test_whose_check_fails_fails)
{
    EXPECT(fails_a_check, TEST_FAILED);
    EXPECT(gets_another_status, TEST_FAILED);
    EXPECT(sees_a_torn_frame, TEST_FAILED);
}

TEST(a_test_that_leaks_a_descriptor_fails)
{
    EXPECT(leaks_a_descriptor, TEST_LEAKED_DESCRIPTOR);
    EXPECT(leaks_a_producer, TEST_LEAKED_DESCRIPTOR);
}

TEST(a_test_that_leaks_a_mapping_fails)
{
    EXPECT(leaks_a_mapping_of_a_file_that_is_gone, TEST_LEAKED_MAPPING);
}

TEST(a_test_that_leaks_a_view_fails)
{
    test_verdict verdict = test_run_isolated(&leaks_a_view_case);
    CHECK(verdict == TEST_LEAKED_MAPPING || verdict == TEST_LEAKED_DESCRIPTOR);
}

TEST(a_test_that_leaves_a_pool_fails)
{
    EXPECT(leaves_a_file_in_its_folder, TEST_LEAKED_POOL);
    EXPECT(leaks_a_pool, TEST_LEAKED_POOL);
}

TEST(a_test_that_hangs_is_killed_and_fails)
{
    EXPECT(hangs, TEST_HUNG);
    EXPECT(hangs_with_signals_blocked, TEST_HUNG);
}

TEST(a_test_that_crashes_fails)
{
    EXPECT(aborts, TEST_CRASHED);
    test_verdict verdict = test_run_isolated(&crashes_case); /* sanitizers may turn SIGSEGV into an exit code */
    CHECK(verdict == TEST_CRASHED || (TEST_SANITIZED && verdict == TEST_FAILED));
}

TEST(a_test_that_needs_the_machine_itself_is_left_out_under_an_emulator_and_only_there)
{
    unsetenv("PMIPC_TEST_EMULATOR");
    EXPECT(needs_the_machine_itself, TEST_FAILED);
    setenv("PMIPC_TEST_EMULATOR", "an-emulator", 1);
    EXPECT(needs_the_machine_itself, TEST_LEFT_OUT);
    EXPECT(fails_a_check, TEST_FAILED);
}

TEST(a_test_that_a_sanitizer_would_change_is_left_out_under_one_and_only_there)
{
    EXPECT(needs_to_be_without_a_sanitizer, TEST_SANITIZED ? TEST_LEFT_OUT : TEST_FAILED);
}

TEST(a_test_that_plays_two_users_is_left_out_for_all_but_root)
{
    EXPECT(needs_two_users, geteuid() == 0 ? TEST_FAILED : TEST_LEFT_OUT);
}

TEST(a_test_whose_helper_goes_wrong_fails)
{
    EXPECT(leaves_a_helper_running, TEST_LEAKED_PROCESS);
    EXPECT(has_a_helper_that_fails, TEST_FAILED);
    EXPECT(waits_for_a_helper_that_is_gone, TEST_FAILED);
}
