/* case_publish.c: publish a sample of bytes=N without readers.
 *
 * Limit: read the clock once and memcpy into the next slot of a ring of the same size. */
#include "probe.h"
#include "ring.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pmipc_producer *producer;
static ring by_hand;
static unsigned char *source;
static size_t source_bytes;
static volatile uint64_t last_stamp;

static void publish(void *context, uint64_t count)
{
    (void)context;
    for (uint64_t i = 0; i < count; i++) {
        require(pmipc_producer_publish(producer, source, PMIPC_STAMP_NOW, NULL), "publish", NULL);
    }
}

static void read_clock_and_copy(void *context, uint64_t count)
{
    (void)context;
    for (uint64_t i = 0; i < count; i++) {
        memcpy(ring_advance(&by_hand), source, source_bytes);
        last_stamp = clock_ns();
        clobber_memory();
    }
}

static uint32_t open_publish(const probe_arguments *arguments, probe_operation *operations)
{
    char name[64];
    pmipc_error error;
    source_bytes = arguments->bytes;
    const int64_t shape[] = {(int64_t)source_bytes};
    const pmipc_schema schema = pmipc_schema_tensor(PMIPC_UINT8, 1, shape);
    source = aligned_alloc(4096, (source_bytes + 4095) / 4096 * 4096);
    if (!source) {
        die("out of memory");
    }
    memset(source, 1, source_bytes);
    pool_name(name, sizeof name, "publish", getpid());
    require(pmipc_producer_open(&producer, name, &schema, NULL, &error), "producer_open", &error);
    ring_open(&by_hand, source_bytes);
    /* One clock reading per thousand small samples, or per pass through the ring with large samples. */
    const uint64_t lap = by_hand.slot_count;
    const uint64_t batch = source_bytes < 65536 ? 1000 : lap;
    operations[0] = (probe_operation){"publish", batch, NULL, publish, NULL, NULL};
    operations[1] = (probe_operation){"clock_memcpy", batch, NULL, read_clock_and_copy, NULL, NULL};
    return 2;
}

static void close_publish(void)
{
    pmipc_producer_close(producer);
    ring_close(&by_hand);
    free(source);
}

const probe_case case_publish = {"publish", "publish bytes=N; read the clock and memcpy", open_publish, close_publish};
