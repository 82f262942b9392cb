/* mutate.c: a mutator for libFuzzer that changes records: an input stays a list of actions, and pokes name words and
 * have values that are almost valid. Only the fuzzers use it; a replay does not. */
#include "pokes.h"
#include "pool/layout.h"
#include "pool/protocol.h"
#include "pool_file.h"
#include "session.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_size, const uint8_t *second, size_t second_size,
                                 uint8_t *out, size_t max_out_size, unsigned seed);

static uint64_t state;

static uint32_t below(uint32_t limit)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % limit);
}

static uint64_t any_word(void)
{
    return (uint64_t)below(UINT32_MAX) << 32 | below(UINT32_MAX);
}

/* Values that are meaningful in a pool: small numbers, limits, entries, cells, dtypes, powers of two and the numbers
 * next to them. */
static uint64_t telling_word(void)
{
    static const uint64_t limits[] = {
        MAX_SLOTS,
        MAX_SLOTS + 1,
        UINT16_MAX,
        UINT32_MAX,
        INT32_MAX,
        UINT64_MAX,
        INT64_MAX,
        SEQ_MAX,
        SEQ_ADOPTED_MAX,
        PMIPC_MAX_FIELDS,
        PMIPC_MAX_FIELDS + 1,
        PMIPC_MAX_NDIM + 1,
        PMIPC_MAX_DESCR_TEXT + 1,
        PMIPC_MAX_METADATA_BYTES + 1,
        PMIPC_MAX_HISTORY_LEN,
        PMIPC_MAX_HISTORY_LEN + 1,
        POOL_MAGIC,
        4096,
        POOL_RING_OFFSET,
        UINT64_C(1) << 63,
    };
    switch (below(8)) {
    case 0:
        return limits[below(sizeof limits / sizeof limits[0])];
    case 1:
        return entry_make(below(30), below(16));
    case 2:
        return entry_make(any_word() >> below(64), below(MAX_SLOTS + 2));
    case 3:
        return cell_make(below(16), below(16), below(16));
    case 4:
        return (UINT64_C(1) << below(64)) + below(3) - 1;
    case 5:
        return PMIPC_DTYPE(below(16), 8u << below(6));
    case 6:
        return any_word();
    default:
        return below(12);
    }
}

static void make_random(struct record *record)
{
    bool pokes = below(2) == 0;
    record->action = (uint8_t)(pokes ? below(POKING_ACTIONS) : below(target_action_count));
    record->field = (uint8_t)(pokes ? below(poke_field_count) : below(6));
    record->index = (uint16_t)(below(4) ? below(16) | below(9) << 10 : any_word());
    record->delay = below(4) ? below(32) : below(UINT32_MAX);
    record->value = telling_word();
}

static void change(struct record *record)
{
    switch (below(6)) {
    case 0:
        record->action = (uint8_t)below(target_action_count);
        break;
    case 1:
        record->field = (uint8_t)below(below(2) ? poke_field_count : 6);
        break;
    case 2:
        record->index = (uint16_t)(record->index + below(5) - 2);
        break;
    case 3:
        record->delay = below(2) ? record->delay + below(5) - 2 : below(1024);
        break;
    case 4:
        record->value = below(2) ? telling_word() : record->value + below(5) - 2;
        break;
    default:
        LLVMFuzzerMutate((uint8_t *)record, sizeof *record, sizeof *record);
        break;
    }
}

static void open_gap(struct record *records, size_t at, size_t count)
{
    memmove(&records[at + 1], &records[at], (count - at) * sizeof records[0]);
}

static size_t mutate_once(struct record *records, size_t count, size_t most)
{
    size_t at = 1 + below((uint32_t)count); /* 1 to count */
    switch (below(8)) {
    case 0:
        records[0].action = (uint8_t)below(KINDS);
        records[0].field = (uint8_t)below(STATES);
        return count;
    case 1:
    case 2:
        if (count == most)
            return count;
        open_gap(records, at, count);
        make_random(&records[at]);
        return count + 1;
    case 3:
        if (count == most || count < 2)
            return count;
        open_gap(records, at, count);
        records[at] = records[1 + below((uint32_t)count - 1)];
        return count + 1;
    case 4:
        if (at == count)
            return count;
        memmove(&records[at], &records[at + 1], (count - at - 1) * sizeof records[0]);
        return count - 1;
    default:
        if (at < count)
            change(&records[at]);
        return count;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct record records[RECORDS_MAX] = {{0}};
    size_t most = max_size / sizeof records[0] < RECORDS_MAX ? max_size / sizeof records[0] : RECORDS_MAX;
    size_t count = size / sizeof records[0] < most ? size / sizeof records[0] : most;
    state = seed;
    if (most < 1)
        return 0;
    memcpy(records, data, count * sizeof records[0]);
    count = count ? count : 1;
    for (uint32_t turns = 1 + below(4); turns > 0; turns--)
        count = mutate_once(records, count, most);
    memcpy(data, records, count * sizeof records[0]);
    return count * sizeof records[0];
}

/* The beginning of one input, and the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_size, const uint8_t *second, size_t second_size,
                                 uint8_t *out, size_t max_out_size, unsigned seed)
{
    size_t most = max_out_size / RECORD_BYTES, head = first_size / RECORD_BYTES, tail = second_size / RECORD_BYTES;
    state = seed;
    head = head ? 1 + below((uint32_t)head) : 0;
    head = head < most ? head : most;
    size_t from = tail ? below((uint32_t)tail) : 0;
    tail = tail - from < most - head ? tail - from : most - head;
    memcpy(out, first, head * RECORD_BYTES);
    memcpy(out + head * RECORD_BYTES, second + from * RECORD_BYTES, tail * RECORD_BYTES);
    return (head + tail) * RECORD_BYTES;
}
