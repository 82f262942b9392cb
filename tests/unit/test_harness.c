/* Tests of the harness: it must report each kind of failure with its own verdict. */
#include "helper.h"
#include "pools.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define UNLISTED_TEST(name) TEST_WITH(name, .flags = TEST_UNLISTED | TEST_QUIET, .timeout_s = 2)

UNLISTED_TEST(passes)
{
    CHECK(true);
}

UNLISTED_TEST(fails_a_check)
{
    CHECK_EQ(1, 2);
}

TEST_WITH(needs_native_machine, .flags = TEST_UNLISTED | TEST_QUIET, .native = "a processor")
{
    FAIL("must not run");
}

TEST_WITH(needs_no_sanitizer, .flags = TEST_UNLISTED | TEST_QUIET, .bare = "its own memory only")
{
    FAIL("must not run");
}

TEST_WITH(needs_two_users, .flags = TEST_UNLISTED | TEST_QUIET, .two_users = true)
{
    FAIL("must not run");
}

UNLISTED_TEST(gets_another_status)
{
    CHECK_OK(PMIPC_BUSY);
}

UNLISTED_TEST(leaks_a_descriptor)
{
    CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
}

UNLISTED_TEST(closes_what_it_opens)
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

UNLISTED_TEST(leaks_a_mapping_of_a_file_that_is_gone)
{
    int fd = file_in_folder("pool");
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
    close(fd);
    folder_remove(test_folder());
}

UNLISTED_TEST(leaves_a_file_in_its_folder)
{
    close(file_in_folder("pool"));
}

TEST_WITH(leaves_a_declared_file, .flags = TEST_UNLISTED | TEST_QUIET | TEST_LEAVES_POOLS)
{
    close(file_in_folder("pool"));
}

UNLISTED_TEST(crashes)
{
    raise(SIGSEGV);
}

UNLISTED_TEST(aborts)
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

ROLE(waits_forever)
{
    (void)argument;
    send_word(channel, 1);
    sleep_until_killed();
}

ROLE(echoes_a_word)
{
    send_word(channel, receive_word(channel) + (uint64_t)atoi(argument));
}

ROLE(fails)
{
    (void)channel;
    (void)argument;
    FAIL("fails on purpose");
}

UNLISTED_TEST(leaves_a_helper_running)
{
    helper child = helper_start("waits_forever", "");
    receive_word(child.channel);
    close(child.channel);
}

UNLISTED_TEST(has_a_helper_that_fails)
{
    helper child = helper_start("fails", "");
    helper_finish(&child);
}

UNLISTED_TEST(waits_for_a_helper_that_is_gone)
{
    helper child = helper_start("fails", "");
    receive_word(child.channel);
}

UNLISTED_TEST(uses_helpers_correctly)
{
    helper child = helper_start("echoes_a_word", "30");
    send_word(child.channel, 12);
    CHECK_EQ(receive_word(child.channel), 42);
    helper_finish(&child);
    child = helper_fork(waits_forever, "");
    CHECK_EQ(receive_word(child.channel), 1);
    helper_kill(&child);
}

UNLISTED_TEST(leaks_a_pool)
{
    pmipc_producer *producer = bytes_producer("left", 64, 2);
    pmipc_producer_abandon(producer);
}

UNLISTED_TEST(leaks_a_producer)
{
    bytes_producer("left", 64, 2);
}

UNLISTED_TEST(leaks_a_view)
{
    pmipc_producer *producer = bytes_producer("seen", 64, 2);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("seen", NULL);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_last(stream, &view));
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

UNLISTED_TEST(sees_a_torn_frame)
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

TEST(passing_test_passes)
{
    EXPECT(passes, TEST_PASSED);
    EXPECT(closes_what_it_opens, TEST_PASSED);
    EXPECT(leaves_a_declared_file, TEST_PASSED);
    EXPECT(uses_helpers_correctly, TEST_PASSED);
}

TEST(test_with_failed_check_fails)
{
    EXPECT(fails_a_check, TEST_FAILED);
    EXPECT(gets_another_status, TEST_FAILED);
    EXPECT(sees_a_torn_frame, TEST_FAILED);
}

TEST(test_that_leaks_descriptor_fails)
{
    EXPECT(leaks_a_descriptor, TEST_LEAKED_DESCRIPTOR);
    EXPECT(leaks_a_producer, TEST_LEAKED_DESCRIPTOR);
}

TEST(test_that_leaks_mapping_fails)
{
    EXPECT(leaks_a_mapping_of_a_file_that_is_gone, TEST_LEAKED_MAPPING);
}

TEST(test_that_leaks_view_fails)
{
    test_verdict verdict = test_run_isolated(&leaks_a_view_case);
    CHECK(verdict == TEST_LEAKED_MAPPING || verdict == TEST_LEAKED_DESCRIPTOR);
}

TEST(test_that_leaves_pool_fails)
{
    EXPECT(leaves_a_file_in_its_folder, TEST_LEAKED_POOL);
    EXPECT(leaks_a_pool, TEST_LEAKED_POOL);
}

TEST(test_that_hangs_is_killed_and_fails)
{
    EXPECT(hangs, TEST_HUNG);
    EXPECT(hangs_with_signals_blocked, TEST_HUNG);
}

TEST(test_that_crashes_fails)
{
    EXPECT(aborts, TEST_CRASHED);
    test_verdict verdict = test_run_isolated(&crashes_case); /* sanitizers may turn SIGSEGV into an exit code */
    CHECK(verdict == TEST_CRASHED || (TEST_SANITIZED && verdict == TEST_FAILED));
}

TEST(native_test_is_left_out_only_under_emulator)
{
    unsetenv("PMIPC_TEST_EMULATOR");
    EXPECT(needs_native_machine, TEST_FAILED);
    setenv("PMIPC_TEST_EMULATOR", "an-emulator", 1);
    EXPECT(needs_native_machine, TEST_LEFT_OUT);
    EXPECT(fails_a_check, TEST_FAILED);
}

TEST(bare_test_is_left_out_only_under_sanitizer)
{
    EXPECT(needs_no_sanitizer, TEST_SANITIZED ? TEST_LEFT_OUT : TEST_FAILED);
}

TEST(two_users_test_is_left_out_unless_root)
{
    EXPECT(needs_two_users, geteuid() == 0 ? TEST_FAILED : TEST_LEFT_OUT);
}

TEST(test_with_failing_helper_fails)
{
    EXPECT(leaves_a_helper_running, TEST_LEAKED_PROCESS);
    EXPECT(has_a_helper_that_fails, TEST_FAILED);
    EXPECT(waits_for_a_helper_that_is_gone, TEST_FAILED);
}
