/* case_readers.c: the cost of connected streams that do not sleep for the producer: publish 56 B with 0, 1, 8 and 32.
 *
 * The streams are in another process; each has read one sample and then does nothing. The producer's scan of their rows
 * is measured. */
#include "pair.h"
#include "probe.h"

#include <unistd.h>

static const uint32_t reader_counts[] = {0, 1, 8, 32};
static const char *const operation_names[] = {"publish_0", "publish_1", "publish_8", "publish_32"};
static const char *const topics[] = {"readers_0", "readers_1", "readers_8", "readers_32"};

#define POOLS 4

static pmipc_producer *producers[POOLS];
static pair readers;

static void connect_readers(const char *name, uint32_t count, pmipc_stream **streams)
{
    pmipc_error error;
    pmipc_view view;
    for (uint32_t i = 0; i < count; i++) {
        require(pmipc_stream_open(&streams[i], name, NULL, &error), "stream_open", &error);
        require(pmipc_stream_get_last(streams[i], &view), "get_last", NULL);
        pmipc_view_release(&view);
    }
}

/* The only order means that the pools exist; the end of the pipe means that the streams are to be closed. */
static void hold_readers(int orders, int reports, int parent_pid)
{
    static pmipc_stream *streams[POOLS][PMIPC_MAX_READERS];
    char name[64];
    pair_order order;
    if (!pair_take(orders, &order)) {
        return;
    }
    for (int i = 0; i < POOLS; i++) {
        connect_readers(pool_name(name, sizeof name, topics[i], parent_pid), reader_counts[i], streams[i]);
    }
    pair_report(reports);
    while (pair_take(orders, &order)) {
    }
    for (int i = 0; i < POOLS; i++) {
        for (uint32_t j = 0; j < reader_counts[i]; j++) {
            pmipc_stream_close(streams[i][j]);
        }
    }
}

static void publish(void *context, uint64_t count)
{
    pmipc_producer *producer = *(pmipc_producer **)context;
    const double joints[7] = {0};
    for (uint64_t i = 0; i < count; i++) {
        require(pmipc_producer_publish(producer, joints, PMIPC_STAMP_NOW, NULL), "publish", NULL);
    }
}

static uint32_t open_readers(const probe_arguments *arguments, probe_operation *operations)
{
    char name[64];
    pmipc_error error;
    const int64_t shape[] = {7};
    const pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT64, 1, shape);
    pair_start(&readers, arguments->partner_core, hold_readers);
    for (int i = 0; i < POOLS; i++) {
        pool_name(name, sizeof name, topics[i], getpid());
        require(pmipc_producer_open(&producers[i], name, &schema, NULL, &error), "producer_open", &error);
        publish(&producers[i], 1);
        operations[i] = (probe_operation){operation_names[i], 1000, NULL, publish, &producers[i], NULL};
    }
    pair_send(&readers, 0, 1);
    pair_await(&readers);
    for (int i = 0; i < POOLS; i++) {
        static pmipc_reader_info infos[PMIPC_MAX_READERS];
        const uint32_t connected = pmipc_producer_readers(producers[i], infos, PMIPC_MAX_READERS);
        if (connected != reader_counts[i]) {
            die("%u readers are connected to %s, not %u", connected, topics[i], reader_counts[i]);
        }
    }
    return POOLS;
}

static void close_readers(void)
{
    pair_stop(&readers);
    for (int i = 0; i < POOLS; i++) {
        pmipc_producer_close(producers[i]);
    }
}

const probe_case case_readers = {"readers", "publish 56 B with 0, 1, 8 and 32 connected streams", open_readers,
                                 close_readers};
