/* case_latency.c: one-way latency between two processes, with a pool and by hand. An operation is one message in one
 * direction, half of a round trip; the partner returns the message that it received.
 *
 * By hand: a word on a separate cache line counts the sent messages; a receiver spins on it or waits with a bare futex.
 * Up to a payload of one cache line, only the word is exchanged, which is the limit of the machine; larger payloads are
 * copied into a ring with the layout of a pool. In both cases the sender writes a number into the first and last eight
 * bytes, and checks them in the returned message. */
#include "pair.h"
#include "probe.h"
#include "ring.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WAIT_NS (5 * INT64_C(1000000000))

enum { SERVICE_CONNECT, SERVICE_POOL, SERVICE_HAND };

/* One direction of the link by hand. Both processes advance their own copy of `ring`. */
typedef struct hand_way {
    _Atomic uint32_t *sent;
    ring ring;
} hand_way;

static struct {
    bool spinning;
    size_t bytes;
    pair partner;
    hand_way there, back;
    uint32_t there_count, back_count;
    unsigned char *source;
    pmipc_producer *producer;
    pmipc_stream *stream;
    uint64_t number;
    long sleeps;
} link_state;

static void number_payload(unsigned char *payload, uint64_t number)
{
    memcpy(payload, &number, sizeof number);
    memcpy(payload + link_state.bytes - sizeof number, &number, sizeof number);
}

static void check_payload(const unsigned char *payload, uint64_t number)
{
    uint64_t first, last;
    memcpy(&first, payload, sizeof first);
    memcpy(&last, payload + link_state.bytes - sizeof last, sizeof last);
    if (first != number || last != number) {
        die("message %llu came back as %llu ... %llu", (unsigned long long)number, (unsigned long long)first,
            (unsigned long long)last);
    }
}

/* ---- by hand ---- */

static bool hand_carries_payload(void)
{
    return link_state.bytes > 64;
}

static void hand_signal(hand_way *way, uint32_t count)
{
    atomic_store_explicit(way->sent, count, memory_order_release);
    if (!link_state.spinning) {
        syscall(SYS_futex, way->sent, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

static void hand_await(hand_way *way, uint32_t count)
{
    uint32_t seen;
    while ((seen = atomic_load_explicit(way->sent, memory_order_acquire)) != count) {
        if (!link_state.spinning) {
            syscall(SYS_futex, way->sent, FUTEX_WAIT, seen, NULL, NULL, 0);
        }
    }
}

static void hand_send(hand_way *way, uint32_t count, const unsigned char *payload)
{
    if (hand_carries_payload()) {
        memcpy(ring_advance(&way->ring), payload, link_state.bytes);
    }
    hand_signal(way, count);
}

static const unsigned char *hand_receive(hand_way *way, uint32_t count)
{
    hand_await(way, count);
    return hand_carries_payload() ? ring_advance(&way->ring) : NULL;
}

static void hand_trips(void *context, uint64_t messages)
{
    (void)context;
    for (uint64_t i = 0; i < messages; i += 2) {
        link_state.number++;
        if (hand_carries_payload()) {
            number_payload(link_state.source, link_state.number);
        }
        hand_send(&link_state.there, ++link_state.there_count, link_state.source);
        const unsigned char *payload = hand_receive(&link_state.back, ++link_state.back_count);
        if (payload) {
            check_payload(payload, link_state.number);
        }
    }
}

static void hand_echo(uint64_t messages)
{
    for (uint64_t i = 0; i < messages; i += 2) {
        const unsigned char *payload = hand_receive(&link_state.there, ++link_state.there_count);
        hand_send(&link_state.back, ++link_state.back_count, payload);
    }
}

/* ---- with pools ---- */

static void pool_receive(pmipc_view *view)
{
    pmipc_status status;
    do {
        status = pmipc_stream_get_new(link_state.stream, link_state.spinning ? 0 : WAIT_NS, view);
    } while (status == PMIPC_INTERRUPTED || (status == PMIPC_TIMEOUT && link_state.spinning));
    require(status, "get_new", NULL);
}

static void pool_trips(void *context, uint64_t messages)
{
    (void)context;
    pmipc_view view;
    for (uint64_t i = 0; i < messages; i += 2) {
        number_payload(link_state.source, ++link_state.number);
        require(pmipc_producer_publish(link_state.producer, link_state.source, PMIPC_STAMP_NOW, NULL), "publish", NULL);
        pool_receive(&view);
        check_payload(view.fields[0].data, link_state.number);
        pmipc_view_release(&view);
    }
}

static void pool_echo(uint64_t messages)
{
    pmipc_view view;
    for (uint64_t i = 0; i < messages; i += 2) {
        pool_receive(&view);
        require(pmipc_producer_publish(link_state.producer, view.fields[0].data, PMIPC_STAMP_NOW, NULL), "publish",
                NULL);
        pmipc_view_release(&view);
    }
}

/* ---- set-up of both sides ---- */

/* On two cores, each process may find the other's answer just before it would sleep, and then no process is woken. Only
 * trips in which this side slept count; after any other trip, a pause lets both sides sleep. This does not happen on
 * one core. */
static bool has_slept(void *context)
{
    (void)context;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const bool slept = usage.ru_nvcsw != link_state.sleeps;
    if (!slept) {
        const struct timespec pause = {0, 200000};
        nanosleep(&pause, NULL);
        getrusage(RUSAGE_SELF, &usage);
    }
    link_state.sleeps = usage.ru_nvcsw;
    return slept;
}

static void open_producer(const char *topic, int pid)
{
    char name[64];
    pmipc_error error;
    const int64_t shape[] = {(int64_t)link_state.bytes};
    const pmipc_schema schema = pmipc_schema_tensor(PMIPC_UINT8, 1, shape);
    pool_name(name, sizeof name, topic, pid);
    require(pmipc_producer_open(&link_state.producer, name, &schema, NULL, &error), "producer_open", &error);
}

static void open_stream(const char *topic, int pid)
{
    char name[64];
    pmipc_error error;
    pool_name(name, sizeof name, topic, pid);
    require(pmipc_stream_open(&link_state.stream, name, NULL, &error), "stream_open", &error);
    if (!pmipc_stream_connected(link_state.stream)) {
        die("%s does not exist", name);
    }
}

static void serve(int orders, int reports, int parent_pid)
{
    pair_order order;
    while (pair_take(orders, &order)) {
        if (order.service == SERVICE_CONNECT) {
            open_producer("back", parent_pid);
            open_stream("there", parent_pid);
            pair_report(reports);
        } else if (order.service == SERVICE_POOL) {
            pool_echo(order.count);
        } else {
            hand_echo(order.count);
        }
    }
    pmipc_stream_close(link_state.stream);
    pmipc_producer_close(link_state.producer);
}

static void begin_pool(void *context, uint64_t messages)
{
    (void)context;
    pair_send(&link_state.partner, SERVICE_POOL, messages);
}

static void begin_hand(void *context, uint64_t messages)
{
    (void)context;
    pair_send(&link_state.partner, SERVICE_HAND, messages);
}

static void open_link(const probe_arguments *arguments, bool spinning)
{
    link_state.spinning = spinning;
    link_state.bytes = arguments->bytes;
    link_state.source = calloc(1, arguments->bytes);
    unsigned char *lines = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (lines == MAP_FAILED || !link_state.source) {
        die("out of memory");
    }
    link_state.there.sent = (_Atomic uint32_t *)(void *)lines;
    link_state.back.sent = (_Atomic uint32_t *)(void *)(lines + 2048);
    ring_open(&link_state.there.ring, arguments->bytes);
    ring_open(&link_state.back.ring, arguments->bytes);
    pair_start(&link_state.partner, arguments->partner_core, serve);
    open_producer("there", getpid());
    pair_send(&link_state.partner, SERVICE_CONNECT, 1);
    pair_await(&link_state.partner);
    open_stream("back", getpid());
}

static void close_link(void)
{
    pair_stop(&link_state.partner);
    pmipc_stream_close(link_state.stream);
    pmipc_producer_close(link_state.producer);
    ring_close(&link_state.there.ring);
    ring_close(&link_state.back.ring);
    free(link_state.source);
}

static uint32_t open_spin(const probe_arguments *arguments, probe_operation *operations)
{
    open_link(arguments, true);
    const uint64_t batch = arguments->bytes <= 4096 ? 200 : 2;
    operations[0] = (probe_operation){"pool", batch, begin_pool, pool_trips, NULL, NULL};
    operations[1] = (probe_operation){"hand", batch, begin_hand, hand_trips, NULL, NULL};
    return 2;
}

static uint32_t open_sleep(const probe_arguments *arguments, probe_operation *operations)
{
    open_link(arguments, false);
    bool (*counts)(void *) = arguments->core == arguments->partner_core ? NULL : has_slept;
    operations[0] = (probe_operation){"pool", 2, begin_pool, pool_trips, NULL, counts};
    operations[1] = (probe_operation){"hand", 2, begin_hand, hand_trips, NULL, counts};
    return 2;
}

const probe_case case_spin = {"spin", "one-way latency of bytes=N, both sides spinning", open_spin, close_link};
const probe_case case_sleep = {"sleep", "one-way latency of bytes=N, both sides sleeping", open_sleep, close_link};
