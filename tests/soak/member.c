/* member.c: a producer or a stream in C that runs until it is killed, and reports its progress.
 *
 *     soak_member producer NAME SCHEMA [FAULT [PACE_US]]       soak_member stream NAME FILE [FAULT]
 *
 * Lines on stdout: "frames N" every hundred frames, "wrong ..." for a wrong frame or status. FAULT: "memory",
 * "descriptor", "mapping" (of FILE) or "frame": a fault on purpose, for the self-test of the soak. PACE_US: the time
 * that a producer sleeps after each frame. */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "frames.h"

#define FRAMES_BETWEEN_LINES 100
#define SPARE 140 /* more than all streams can pin: the pool grows only if slots leak */
#define HELD 5    /* with the view being read, fewer than the zero-copy views of a stream */

static const char *fault = "";
static long pace_us = 300;
static void *volatile leaked;

static _Noreturn void wrong(const char *what)
{
    printf("wrong %s\n", what);
    exit(1);
}

static void must(pmipc_status status, const char *call)
{
    char text[100];
    if (status == PMIPC_OK)
        return;
    snprintf(text, sizeof text, "%s returned %s", call, pmipc_status_name(status));
    wrong(text);
}

/* Leak once, for each frame. */
static void commit_fault(const char *pool_file)
{
    if (strcmp(fault, "memory") == 0)
        leaked = memset(malloc(20000), 1, 20000);
    if (strcmp(fault, "descriptor") == 0)
        (void)open("/dev/null", O_RDONLY);
    if (strcmp(fault, "mapping") == 0)
        (void)mmap(NULL, 4096, PROT_READ, MAP_SHARED, open(pool_file, O_RDONLY | O_CLOEXEC), 0);
}

static void report_frames(uint64_t frames)
{
    if (frames % FRAMES_BETWEEN_LINES == 0)
        printf("frames %" PRIu64 "\n", frames);
}

static void produce(const char *name, unsigned which)
{
    pmipc_schema schema = frame_schema(which);
    pmipc_producer *producer;
    must(pmipc_producer_open(&producer, name, &schema, &(pmipc_producer_options){.spare = SPARE}, NULL),
         "producer_open");
    struct frame_origin origin = {.pool = frame_pool(name), .incarnation = pmipc_producer_incarnation(producer)};
    for (uint64_t frames = 1;; frames++) {
        pmipc_loan loan;
        must(pmipc_producer_loan(producer, &loan), "loan");
        uint64_t nonce = frames * UINT64_C(0x9e3779b97f4a7c15);
        origin.seq = loan.seq;
        for (uint32_t i = 0; i < loan.field_count; i++) {
            loan.fields[i].length = frame_length(&schema.fields[i], nonce);
            frame_fill(loan.fields[i].data, &schema, i, loan.fields[i].length, &origin, nonce);
        }
        if (strcmp(fault, "frame") == 0 && frames % 50 == 0)
            ((char *)loan.fields[0].data)[50] ^= 1;
        must(pmipc_producer_commit(producer, &loan, frame_stamp(loan.seq, nonce)), "commit");
        commit_fault("");
        report_frames(frames);
        nanosleep(&(struct timespec){.tv_nsec = pace_us * 1000},
                  NULL); /* the pace of the producer, not a synchronization */
    }
}

static void check_view(const pmipc_view *view, struct frame_origin origin)
{
    char why[300];
    for (uint32_t i = 0; i < view->frame_count; i++) {
        pmipc_frame frame;
        must(pmipc_view_frame(view, i, &frame), "view_frame");
        origin.seq = view->seq - (view->frame_count - 1 - i);
        if (!frame_is_sound(&frame, view->schema, &origin, why, sizeof why))
            wrong(why);
    }
}

static pmipc_status read_in_turn(pmipc_stream *stream, uint64_t turn, pmipc_view *view)
{
    switch (turn % 5) {
    case 0:
        return pmipc_stream_get_last(stream, view);
    case 1:
        return pmipc_stream_get_window(stream, 1, 5, view);
    case 2:
        return pmipc_stream_get_unseen(stream, view);
    case 3:
        return pmipc_stream_get_next(stream, PMIPC_FOREVER, view);
    default:
        return pmipc_stream_get_new(stream, PMIPC_FOREVER, view);
    }
}

static void consume(const char *name, const char *pool_file)
{
    pmipc_stream *stream;
    pmipc_view held[HELD] = {{.owner = NULL}}, view;
    must(pmipc_stream_open(&stream, name, NULL, NULL), "stream_open");
    must(pmipc_stream_get_new(stream, PMIPC_FOREVER, &held[0]), "get_new");
    pmipc_stream_info info;
    pmipc_stream_get_info(stream, &info);
    struct frame_origin origin = {.pool = frame_pool(name), .incarnation = info.incarnation};
    for (uint64_t turn = 0, frames = 0;; turn++) {
        pmipc_status status = read_in_turn(stream, turn, &view);
        if (status == PMIPC_NOTHING_NEW)
            continue;
        must(status, "a read");
        check_view(&view, origin);
        check_view(&held[turn % HELD], origin); /* unchanged */
        pmipc_view_release(&held[turn % HELD]);
        held[turn % HELD] = view;
        commit_fault(pool_file);
        report_frames(++frames);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 4)
        fault = argv[4];
    if (argc > 5)
        pace_us = atol(argv[5]);
    if (strcmp(argv[1], "producer") == 0)
        produce(argv[2], (unsigned)atoi(argv[3]));
    consume(argv[2], argv[3]);
}
