/* case_pin.c: the cost of taking and releasing the newest sample, without system calls: the pin of the protocol alone,
 * and the public calls, which also check the pool and fill in a view.
 *
 * Limit: one store and one full fence, which any reader needs to announce its slot to a writer. */
#include "api/stream.h"
#include "probe.h"

#include <stdatomic.h>
#include <unistd.h>

static pmipc_producer *producer;
static pmipc_stream *stream;
static _Alignas(64) _Atomic uint64_t line;

static void pin_and_unpin(void *context, uint64_t count)
{
    (void)context;
    const struct protocol_reader *reader = &stream->connection->protocol;
    uint64_t entry;
    for (uint64_t i = 0; i < count; i++) {
        if (protocol_pin_newest(reader, 0, &entry) != PIN_OK) {
            die("no sample to pin");
        }
        clobber_memory();
        protocol_unpin(reader, 0);
    }
}

static void get_and_release(void *context, uint64_t count)
{
    (void)context;
    pmipc_view view;
    for (uint64_t i = 0; i < count; i++) {
        require(pmipc_stream_get_last(stream, &view), "get_last", NULL);
        clobber_memory();
        pmipc_view_release(&view);
    }
}

static void store_and_fence(void *context, uint64_t count)
{
    (void)context;
    for (uint64_t i = 0; i < count; i++) {
        atomic_store_explicit(&line, i, memory_order_release);
        atomic_thread_fence(memory_order_seq_cst);
    }
}

static uint32_t open_pin(const probe_arguments *arguments, probe_operation *operations)
{
    (void)arguments;
    char name[64];
    pmipc_error error;
    const int64_t shape[] = {7};
    const double joints[7] = {0};
    const pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT64, 1, shape);
    pool_name(name, sizeof name, "pin", getpid());
    require(pmipc_producer_open(&producer, name, &schema, NULL, &error), "producer_open", &error);
    require(pmipc_producer_publish(producer, joints, PMIPC_STAMP_NOW, NULL), "publish", NULL);
    require(pmipc_stream_open(&stream, name, NULL, &error), "stream_open", &error);
    operations[0] = (probe_operation){"pin_unpin", 1000, NULL, pin_and_unpin, NULL, NULL};
    operations[1] = (probe_operation){"get_release", 1000, NULL, get_and_release, NULL, NULL};
    operations[2] = (probe_operation){"store_fence", 1000, NULL, store_and_fence, NULL, NULL};
    return 3;
}

static void close_pin(void)
{
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

const probe_case case_pin = {"pin", "take and release the newest sample; store and fence", open_pin, close_pin};
