/* producers.c: producers that open, adopt and replace the pools of one name, publish with every call, and end in every
 * way. */
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "worker.h"

#define FULL_IN_A_ROW 200 /* after so many FULL results, this producer ends */

/* Most producers of a name have the same options and adopt each other's pools; some have others and replace the pool.
 */
static pmipc_producer_options some_options(unsigned name, unsigned *schema)
{
    bool agrees = !one_in(4);
    *schema = agrees ? name : (unsigned)random_below(FRAME_SCHEMAS);
    if (board->plant == PLANT_LENGTH)
        *schema = FRAME_SCHEMA_OF_LENGTHS;
    return (pmipc_producer_options){
        .history_len = agrees ? 2 * name + 1 : 1 + (uint32_t)random_below(6),
        .spare = agrees ? 1 + name : 1 + (uint32_t)random_below(4),
        .keep = one_in(2),
        .no_growth = one_in(5),
        .prefault = one_in(8),
        .max_bytes = one_in(8) ? 1000000 : 0,
    };
}

struct publishing {
    pmipc_producer *producer;
    pmipc_schema schema;
    struct frame_origin origin;
    uint64_t full_allowed;
};

static bool pool_has_lost_its_name(const struct publishing *p)
{
    static pmipc_pool_info info;
    pmipc_error error = {0};
    begin("inspect");
    pmipc_status status = check_status(pmipc_pool_inspect(pmipc_producer_name(p->producer), NULL, &info, &error),
                                       ALLOW(OK) | ALLOW(NOT_FOUND), error.text);
    bool elsewhere = status == PMIPC_NOT_FOUND || (status == PMIPC_OK && info.incarnation != p->origin.incarnation);
    if (status == PMIPC_OK)
        pmipc_pool_info_release(&info);
    return elsewhere;
}

/* LOST is right only if the pool has lost its name: the remover has deleted its file. */
static pmipc_status check_publish(const struct publishing *p, pmipc_status status, uint64_t allowed)
{
    pmipc_error error = {0};
    if (status)
        pmipc_producer_last_error(p->producer, &error);
    check_status(status, allowed | ALLOW(LOST), error.text);
    if (status == PMIPC_LOST && !pool_has_lost_its_name(p))
        found(FOUND_WRONG, "producer: LOST, but the pool has its name: %s", error.text);
    return status;
}

/* Put in a fault, for some frames. */
static void plant_before_commit(const struct publishing *p, pmipc_loan *loan, uint64_t nonce)
{
    if (board->plant == PLANT_TORN && one_in(20))
        ((volatile uint8_t *)loan->fields[0].data)[33 + random_below(20)] ^= 1;
    if (board->plant == PLANT_FOREIGN && one_in(20)) {
        struct frame_origin other = p->origin;
        other.incarnation ^= 1;
        for (uint32_t i = 0; i < loan->field_count; i++)
            frame_fill(loan->fields[i].data, &p->schema, i, loan->fields[i].length, &other, nonce);
    }
    if (board->plant == PLANT_LENGTH && p->schema.fields[loan->field_count - 1].flags)
        loan->fields[loan->field_count - 1].length /= 2;
}

static pmipc_status publish_loan(struct publishing *p, uint64_t nonce)
{
    pmipc_loan loan;
    begin("loan");
    pmipc_status status = check_publish(p, pmipc_producer_loan(p->producer, &loan), ALLOW(OK) | p->full_allowed);
    if (status)
        return status;
    for (uint32_t i = 0; i < loan.field_count; i++) {
        loan.fields[i].length = frame_length(&p->schema.fields[i], nonce);
        frame_fill(loan.fields[i].data, &p->schema, i, loan.fields[i].length, &p->origin, nonce);
    }
    plant_before_commit(p, &loan, nonce);
    if (one_in(30)) { /* no stream may read this frame */
        memset(loan.fields[0].data, 0xdd, 32);
        pmipc_producer_discard(p->producer, &loan);
        return PMIPC_OK;
    }
    begin("commit");
    status = check_publish(p, pmipc_producer_commit(p->producer, &loan, frame_stamp(p->origin.seq, nonce)), ALLOW(OK));
    if (board->plant == PLANT_LATE && !status)
        ((volatile uint8_t *)loan.fields[0].data)[40] ^= 1;
    count(&board->published);
    return status;
}

static pmipc_status publish_copy(struct publishing *p, uint64_t nonce)
{
    static char *buffers[PMIPC_MAX_FIELDS];
    pmipc_source sources[PMIPC_MAX_FIELDS];
    for (uint32_t i = 0; i < p->schema.field_count; i++) {
        if (!buffers[i])
            buffers[i] = malloc(FRAME_BYTES_MAX);
        sources[i].length = frame_length(&p->schema.fields[i], nonce);
        sources[i].data = buffers[i];
        frame_fill(buffers[i], &p->schema, i, sources[i].length, &p->origin, nonce);
    }
    bool plain = p->schema.field_count == 1 && one_in(2);
    uint64_t seq = 0;
    begin(plain ? "publish" : "publish_fields");
    pmipc_status status =
        plain ? pmipc_producer_publish(p->producer, sources[0].data, frame_stamp(p->origin.seq, nonce), &seq)
              : pmipc_producer_publish_fields(p->producer, sources, p->schema.field_count,
                                              frame_stamp(p->origin.seq, nonce), &seq);
    check_publish(p, status, ALLOW(OK) | p->full_allowed);
    if (status == PMIPC_OK && seq != p->origin.seq)
        found(FOUND_ORDER, "producer: published as %llu instead of %llu", (unsigned long long)seq,
              (unsigned long long)p->origin.seq);
    count(&board->published);
    return status;
}

/* All readers have ended: a row that was already dead at the last check must have been swept since. */
static void check_dead_rows(const pmipc_reader_info *readers, uint32_t count)
{
    static int64_t dead_since_ns[PMIPC_MAX_READERS];
    for (uint32_t i = 0; i < count; i++) {
        int64_t *since_ns = &dead_since_ns[readers[i].row];
        if (!readers[i].alive && *since_ns == readers[i].since_ns)
            found(FOUND_LEAK, "producer: row %u of pid %d '%s' is dead and was not cleared; it pins %u slots",
                  readers[i].row, readers[i].pid, readers[i].command, readers[i].pinned_slots);
        *since_ns = readers[i].alive ? 0 : readers[i].since_ns;
    }
}

static void sweep_and_check_readers(struct publishing *p)
{
    pmipc_reader_info readers[PMIPC_MAX_READERS];
    bool quiet = board->quiet;
    begin("sweep");
    if (one_in(2))
        (void)pmipc_producer_sweep(p->producer);
    begin("readers");
    uint32_t count = pmipc_producer_readers(p->producer, readers, PMIPC_MAX_READERS);
    if (count > PMIPC_MAX_READERS)
        found(FOUND_WRONG, "producer: more readers than rows");
    else if (quiet)
        check_dead_rows(readers, count);
    check_status(PMIPC_OK, ALLOW(OK), NULL);
}

static void publish_for_a_while(struct publishing *p)
{
    uint64_t frames = one_in(3) ? random_below(100) : UINT64_MAX;
    unsigned full = 0;
    for (uint64_t i = 0; !must_end() && full < FULL_IN_A_ROW; i++) {
        bool quiet = board->quiet;
        if (i >= frames && !quiet)
            break;
        p->origin.seq = pmipc_producer_seq(p->producer) + 1;
        uint64_t nonce = random_below(UINT32_MAX) << 32 | random_below(UINT32_MAX);
        pmipc_status status = one_in(2) ? publish_loan(p, nonce) : publish_copy(p, nonce);
        if (status && status != PMIPC_FULL)
            break;
        full = status ? full + 1 : 0;
        if (status) {
            count(&board->full);
            pause_us(500);
        }
        if (quiet ? i % 64 == 0 : one_in(64)) {
            sweep_and_check_readers(p);
            if (pool_has_lost_its_name(p)) /* rm: no stream can find this pool */
                break;
        }
        if (one_in(4))
            pause_us(300);
        if (board->plant == PLANT_CRASH && one_in(100))
            abort();
    }
}

/* End as when the process dies, or in order; then the file must be gone unless `keep`. */
static void end_producer(const struct publishing *p, const char *name, bool keep)
{
    static pmipc_pool_info info;
    bool dies = one_in(3);
    begin("close or abandon");
    if (dies)
        pmipc_producer_abandon(p->producer);
    else
        pmipc_producer_close(p->producer);
    check_status(PMIPC_OK, ALLOW(OK), NULL);
    if (dies || keep || pmipc_pool_inspect(name, NULL, &info, NULL) != PMIPC_OK)
        return;
    if (info.incarnation == p->origin.incarnation)
        found(FOUND_STRAY, "producer: the file of pool %s exists after it was closed", name);
    pmipc_pool_info_release(&info);
}

void run_producer(void)
{
    unsigned name = me.number % POOLS;
    while (!must_end()) {
        unsigned which;
        if (one_in(2)) /* the pool has no live producer for a while */
            pause_us(50000);
        struct publishing p = {0};
        pmipc_error error = {0};
        pmipc_producer_options options = some_options(name, &which);
        p.schema = frame_schema(which);
        set_context(pool_names[name], options.no_growth   ? "without growth"
                                      : options.max_bytes ? "of limited size"
                                                          : "grows");
        begin("producer_open");
        pmipc_status status =
            check_status(pmipc_producer_open(&p.producer, pool_names[name], &p.schema, &options, &error),
                         ALLOW(OK) | ALLOW(BUSY) | (options.max_bytes ? ALLOW(NO_SPACE) : 0), error.text);
        if (status) {
            count(&board->busy);
            pause_us(20000);
            continue;
        }
        count(pmipc_producer_adopted(p.producer) ? &board->adopted : &board->opened);
        p.origin = (struct frame_origin){.pool = frame_pool(pool_names[name]),
                                         .incarnation = pmipc_producer_incarnation(p.producer)};
        p.full_allowed = options.no_growth || options.max_bytes ? ALLOW(FULL) : 0;
        publish_for_a_while(&p);
        end_producer(&p, pool_names[name], options.keep);
    }
}
