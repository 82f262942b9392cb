/* The command of a reader, as other processes see it: the program and its script, without their folders and without the
 * options before the script. */
#include "pools.h"

#include <unistd.h>

static char *begin, *end; /* of the arguments of this process */

/* The C library passes the arguments of main to constructors. */
__attribute__((constructor)) static void keep_arguments(int argc, char **argv)
{
    begin = argv[0];
    end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
}

/* Write `text`, arguments that each end with a NUL, into /proc/self/cmdline. */
static void set_command_line(const char *text, size_t bytes)
{
    CHECK(bytes < (size_t)(end - begin));
    memset(begin, 0, (size_t)(end - begin));
    memcpy(begin, text, bytes);
}

static void check_command(pmipc_producer *producer, const char *text, size_t bytes, const char *expected)
{
    pmipc_reader_info info;
    set_command_line(text, bytes);
    pmipc_stream *stream = stream_open("p", NULL);
    CHECK_EQ(pmipc_producer_readers(producer, &info, 1), 1);
    CHECK_TEXT(info.command, expected);
    pmipc_stream_close(stream);
}

#define CHECK_COMMAND(text, expected) check_command(producer, text, sizeof text, expected)

TEST_WITH(reader_command_is_program_and_script, .native = "a command line that can be written over")
{
    pmipc_producer *producer = bytes_producer("p", 64, 2);
    CHECK_COMMAND("/b/python3.12\0-X\0dev\0-u\0a/v.py\0-f", "python3.12 v.py -f");
    CHECK_COMMAND("/b/python3\0-m\0viewer", "python3 -m viewer");
    CHECK_COMMAND("/b/python3", "python3");
    CHECK_COMMAND("./build/viewer\0--fps\00030", "viewer --fps 30");
    CHECK_COMMAND("/b/a_name_longer_than_the_room_for", "a_name_longer_than_the_room_for");
    pmipc_producer_close(producer);
}
