/* check.c: messages of failed checks, and repeatable random numbers. */
#include "test.h"

#include <sched.h>
#include <stdarg.h>
#include <sys/random.h>
#include <unistd.h>

_Noreturn void test_fail(const char *file, int line, const char *format, ...)
{
    char message[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    const char *base = strrchr(file, '/');
    fprintf(stderr, "    %s:%d: [pid %d] %s\n", base ? base + 1 : file, line, (int)getpid(), message);
    fflush(stderr);
    _exit(1); /* not exit(): a failed test must not run the library's own exit handlers */
}

void test_check_equal(const char *file, int line, const char *text, int64_t got, int64_t expected)
{
    if (got != expected)
        test_fail(file, line, "%s is %" PRId64 ", expected %" PRId64, text, got, expected);
}

void test_check_status(const char *file, int line, const char *text, pmipc_status got, pmipc_status expected)
{
    if (got != expected)
        test_fail(file, line, "%s returned %s, expected %s", text, pmipc_status_name(got), pmipc_status_name(expected));
}

void test_check_has(const char *file, int line, const char *text, const char *part)
{
    if (!strstr(text, part))
        test_fail(file, line, "'%s' is not in '%s'", part, text);
}

void test_check_text(const char *file, int line, const char *got, const char *expected)
{
    if (strcmp(got, expected) != 0)
        test_fail(file, line, "got '%s', expected '%s'", got, expected);
}

void test_yield(void)
{
    sched_yield();
}

test_random random_start(void)
{
    test_random random;
    const char *text = getenv("PMIPC_TEST_SEED");
    if (text && *text)
        random.state = strtoull(text, NULL, 0);
    else if (getrandom(&random.state, sizeof random.state, 0) != (ssize_t)sizeof random.state)
        FAIL("getrandom");
    fprintf(stderr, "    PMIPC_TEST_SEED=%" PRIu64 "\n", random.state);
    return random;
}

/* splitmix64 */
uint64_t random_next(test_random *random)
{
    uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t random_below(test_random *random, uint64_t limit)
{
    return limit ? random_next(random) % limit : 0;
}

void random_spin(test_random *random, uint64_t limit)
{
    for (uint64_t i = random_below(random, limit); i > 0; i--)
        atomic_signal_fence(memory_order_seq_cst);
}
