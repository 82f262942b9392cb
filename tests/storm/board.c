#include "board.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct board *board;
const char *const pool_names[POOLS] = {"storm/arm", "storm/camera", "storm/cloud", "storm/policy"};

void board_make(void)
{
    if (board)
        munmap(board, sizeof *board);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) {
        fprintf(stderr, "storm: cannot map shared memory: %s\n", strerror(errno));
        exit(2);
    }
}

void found(enum finding kind, const char *format, ...)
{
    count(&board->found[kind]);
    uint32_t place = atomic_fetch_add(&board->texts, 1);
    if (place >= FINDING_TEXTS)
        return;
    char words[FINDING_BYTES - 40];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    snprintf(board->text[place], FINDING_BYTES, "%s (pid %d): %s", finding_name(kind), (int)getpid(), words);
}

const char *finding_name(enum finding kind)
{
    static const char *const names[FINDINGS] = {"torn",   "out of order", "wrong error", "stuck",
                                                "leaked", "stray file",   "crashed"};
    return names[kind];
}

bool board_report(uint32_t texts)
{
    uint64_t total = 0;
    printf("  %" PRIu64 " published, %" PRIu64 " pools created, %" PRIu64 " adopted, %" PRIu64 " busy, %" PRIu64
           " full, %" PRIu64 " removed, %" PRIu64 " listed\n",
           board->published, board->opened, board->adopted, board->busy, board->full, board->removed, board->listed);
    printf("  %" PRIu64 " views checked: %" PRIu64 " windows, %" PRIu64 " copies, %" PRIu64 " hoarded; %" PRIu64
           " samples lost; %" PRIu64 " forks with views\n ",
           board->read, board->windows, board->copies, board->held, board->lost, board->forks);
    for (enum finding kind = 0; kind < FINDINGS; kind++) {
        printf(" %" PRIu64 " %s%s", board->found[kind], finding_name(kind), kind + 1 < FINDINGS ? "," : "\n");
        total += board->found[kind];
    }
    for (uint32_t i = 0; i < board->texts && i < FINDING_TEXTS && i < texts; i++)
        printf("  %s\n", board->text[i]);
    fflush(stdout);
    return total == 0;
}
