#include "trace.h"

#include "folder_watch.h"
#include "test.h"

#include <sys/mman.h>

#define INSTRUCTIONS_MAX (1u << 22)
#define ADDRESSES_MAX (1u << 18) /* different addresses; a power of two */

extern const char __executable_start[], etext[];

struct visit_count {
    uint64_t address;
    uint32_t visits;
};

/* Memory that victims do not inherit. Not from malloc, whose state must be the same whenever a victim is forked. */
static void *allocate_unforked(size_t bytes)
{
    void *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(room != MAP_FAILED);
    CHECK_EQ(madvise(room, bytes, MADV_DONTFORK), 0);
    return room;
}

static uint32_t count_visit(struct visit_count *counts, uint64_t address)
{
    uint32_t place = (uint32_t)(address * UINT64_C(0x9e3779b97f4a7c15) >> 46);
    while (counts[place].address && counts[place].address != address)
        place = (place + 1) % ADDRESSES_MAX;
    counts[place].address = address;
    return counts[place].visits++;
}

static bool is_own(uint64_t address)
{
    return address >= (uint64_t)__executable_start && address < (uint64_t)etext;
}

void trace_record(struct trace *trace, const struct victim *victim)
{
    struct visit_count *counts = allocate_unforked(ADDRESSES_MAX * sizeof *counts);
    trace->points = allocate_unforked(INSTRUCTIONS_MAX * sizeof *trace->points);
    bool is_new = true;
    folder_watch_files();
    for (trace->length = 0;; trace->length++) {
        CHECK(trace->length < INSTRUCTIONS_MAX);
        struct place place = victim_place(victim);
        trace->points[trace->length] = (struct point){
            .address = place.address,
            .stack = place.stack,
            .visits = count_visit(counts, place.address),
            .is_own = is_own(place.address),
            .is_new = is_new,
            .is_sleep = place.is_sleep,
        };
        if (place.address == victim_end_address())
            break;
        victim_step(victim, place.address);
        is_new = folder_watch_stores() || place.is_call;
        if (place.is_call)
            folder_watch_files();
    }
    folder_watch_end();
    munmap(counts, ADDRESSES_MAX * sizeof *counts);
}
