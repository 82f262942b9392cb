/* test.h: the test harness. Each test runs in its own process.
 *
 *     TEST(stream_of_empty_pool_has_no_sample) { ... CHECK_OK(pmipc_...); ... }
 *
 * The name of a test says what is done and what must result, in the words of the API and in at most 70 characters.
 *
 * The runner forks one process per test, with its own process group and an empty registry folder. It kills the group
 * when the time limit is reached. It fails the test if its process leaks descriptors, shared mappings or child
 * processes, or if the folder is not empty afterwards. tests/unit/test_harness.c tests all of this. */
#ifndef PMIPC_TEST_H
#define PMIPC_TEST_H

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <polymorph_ipc/polymorph_ipc.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED 1
#else
#define TEST_SANITIZED 0
#endif

/* Rounds of a loop: fewer where a sanitizer makes every round many times slower. */
#define ROUNDS(count) (TEST_SANITIZED ? ((count) + 9) / 10 : (count))

typedef enum test_verdict {
    TEST_PASSED = 0,
    TEST_FAILED,
    TEST_CRASHED,
    TEST_HUNG,
    TEST_LEAKED_DESCRIPTOR,
    TEST_LEAKED_MAPPING,
    TEST_LEAKED_POOL,
    TEST_LEAKED_PROCESS,
    TEST_SKIPPED,
    TEST_LEFT_OUT
} test_verdict;

enum {
    TEST_LEAVES_POOLS = 1u, /* the folder may have pools afterwards */
    TEST_UNLISTED = 2u,     /* not run by main, but by the tests of the harness */
    TEST_QUIET = 4u         /* its messages go to /dev/null */
};

typedef struct test_case {
    const char *name;
    void (*body)(void);
    unsigned flags;
    unsigned timeout_s; /* 0: the default of 60 s */
    const char *native; /* what an emulator lacks for it: left out under an emulator, with a message */
    const char *bare;   /* what a sanitizer prevents: left out with a sanitizer, with a message */
    bool two_users;     /* it acts as two users: left out unless run by root, with a message */
    struct test_case *next;
} test_case;

void test_register(test_case *test);

/** Run one test in its own process and return the verdict. */
test_verdict test_run_isolated(const test_case *test);
const char *test_verdict_text(test_verdict verdict);

#define TEST_WITH(test_name, ...)                                                             \
    static void test_name(void);                                                              \
    static test_case test_name##_case = {.name = #test_name, .body = test_name, __VA_ARGS__}; \
    __attribute__((constructor)) static void test_name##_register(void)                       \
    {                                                                                         \
        test_register(&test_name##_case);                                                     \
    }                                                                                         \
    static void test_name(void)

#define TEST(test_name) TEST_WITH(test_name, .flags = 0)

/** The registry folder of this test. */
const char *test_folder(void);

/* ---- checks: the first failed check ends the process ---- */

_Noreturn void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void test_check_equal(const char *file, int line, const char *text, int64_t got, int64_t expected);
void test_check_status(const char *file, int line, const char *text, pmipc_status got, pmipc_status expected);
void test_check_has(const char *file, int line, const char *text, const char *part);
void test_check_text(const char *file, int line, const char *got, const char *expected);

/** End a test that cannot run here. With REQUIRE_ALL=1 in the environment it fails. */
_Noreturn void test_skip(const char *reason);

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition) ((condition) ? (void)0 : FAIL("not true: %s", #condition))
#define CHECK_EQ(got, expected) test_check_equal(__FILE__, __LINE__, #got, (int64_t)(got), (int64_t)(expected))
#define CHECK_STATUS(call, expected) test_check_status(__FILE__, __LINE__, #call, (call), (expected))
#define CHECK_OK(call) CHECK_STATUS(call, PMIPC_OK)
#define CHECK_HAS(text, part) test_check_has(__FILE__, __LINE__, (text), (part))
#define CHECK_TEXT(got, expected) test_check_text(__FILE__, __LINE__, (got), (expected))

/** Yield the processor until the condition holds. The time limit of the runner is the only bound. */
#define WAIT_UNTIL(condition) \
    do {                      \
        while (!(condition))  \
            test_yield();     \
    } while (0)
void test_yield(void);

/* ---- random numbers: the seed is printed, and is set by PMIPC_TEST_SEED ---- */

typedef struct test_random {
    uint64_t state;
} test_random;

/** Take the seed from $PMIPC_TEST_SEED or from the system, and print it. */
test_random random_start(void);
uint64_t random_next(test_random *random);
uint64_t random_below(test_random *random, uint64_t limit);
/** Execute a random number of instructions, so that a kill after it happens at a random instant. */
void random_spin(test_random *random, uint64_t limit);

/* ---- state of this process ---- */

typedef struct process_state {
    unsigned descriptors;
    unsigned shared_mappings;
} process_state;

process_state process_state_now(void);

/** The leak check before and after a test; TEST_PASSED if nothing leaked. */
void leaks_begin(void);
test_verdict leaks_end(unsigned flags);

/** The number of entries of a folder, without "." and "..". */
unsigned folder_entries(const char *path);
void folder_remove(const char *path);

#endif
