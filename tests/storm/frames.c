#include "frames.h"

#include "pattern.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_WORDS 4

uint64_t frame_pool(const char *name)
{
    uint64_t hash = 1;
    for (; *name; name++)
        hash = pattern_mix(hash ^ (unsigned char)*name);
    return hash;
}

static void add(pmipc_schema *schema, const char *name, pmipc_dtype dtype, uint32_t ndim, const int64_t *shape,
                uint32_t flags)
{
    if (pmipc_schema_add(schema, name, dtype, ndim, shape, flags, NULL) != PMIPC_OK)
        abort();
}

pmipc_schema frame_schema(unsigned which)
{
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    switch (which % FRAME_SCHEMAS) {
    case 0: /* joint values */
        add(&schema, "", PMIPC_UINT64, 1, (const int64_t[]){7}, 0);
        break;
    case 1: /* a size that is not a multiple of any word */
        add(&schema, "", PMIPC_UINT8, 1, (const int64_t[]){20011}, 0);
        break;
    case 2: /* a dict */
        add(&schema, "head", PMIPC_UINT64, 1, (const int64_t[]){HEAD_WORDS}, 0);
        add(&schema, "rgb", PMIPC_UINT8, 3, (const int64_t[]){24, 32, 3}, 0);
        add(&schema, "q", PMIPC_FLOAT64, 1, (const int64_t[]){7}, 0);
        break;
    case 3: /* point clouds of variable length */
        add(&schema, "head", PMIPC_UINT64, 1, (const int64_t[]){HEAD_WORDS}, 0);
        add(&schema, "points", PMIPC_FLOAT32, 2, (const int64_t[]){500, 3}, PMIPC_FIELD_VARIABLE);
        add(&schema, "labels", PMIPC_UINT16, 1, (const int64_t[]){333}, PMIPC_FIELD_VARIABLE);
        break;
    case 4: /* an image, which many C libraries copy with streaming stores */
        add(&schema, "", PMIPC_UINT8, 3, (const int64_t[]){200, 300, 3}, 0);
        break;
    }
    return schema;
}

int64_t frame_stamp(uint64_t seq, uint64_t nonce)
{
    return (int64_t)(seq * 1000 + nonce % 1000);
}

int64_t frame_length(const pmipc_field *field, uint64_t nonce)
{
    if (field->flags & PMIPC_FIELD_VARIABLE)
        return (int64_t)(pattern_mix(nonce) % (uint64_t)(field->shape[0] + 1));
    return field->ndim ? field->shape[0] : 1;
}

static size_t bytes_of(const pmipc_field *field, int64_t length)
{
    uint64_t bytes = pmipc_field_bytes(field);
    return (size_t)(field->ndim ? bytes / (uint64_t)field->shape[0] * (uint64_t)length : bytes);
}

static uint64_t key_of(const struct frame_origin *origin, uint64_t nonce, uint32_t index)
{
    return pattern_mix(origin->pool ^
                       pattern_mix(origin->incarnation ^ pattern_mix(origin->seq ^ pattern_mix(nonce + index))));
}

void frame_fill(void *data, const pmipc_schema *schema, uint32_t index, int64_t length,
                const struct frame_origin *origin, uint64_t nonce)
{
    pattern_fill(data, bytes_of(&schema->fields[index], length), key_of(origin, nonce, index));
    if (index == 0)
        memcpy(data, (const uint64_t[HEAD_WORDS]){origin->pool, origin->incarnation, origin->seq, nonce},
               HEAD_WORDS * 8);
}

bool frame_is_sound(const pmipc_frame *frame, const pmipc_schema *schema, const struct frame_origin *origin, char *why,
                    size_t why_bytes)
{
    uint64_t head[HEAD_WORDS];
    memcpy(head, frame->fields[0].data, sizeof head);
    uint64_t nonce = head[3];
    if (head[0] != origin->pool || head[1] != origin->incarnation || head[2] != origin->seq ||
        frame->seq != origin->seq) {
        snprintf(why, why_bytes,
                 "sample %" PRIu64 " (header %" PRIu64 ") of pool %016" PRIx64 "/%016" PRIx64 " has sample %" PRIu64
                 " of pool %016" PRIx64 "/%016" PRIx64,
                 origin->seq, frame->seq, origin->pool, origin->incarnation, head[2], head[0], head[1]);
        return false;
    }
    if (frame->stamp_ns != frame_stamp(origin->seq, nonce)) {
        snprintf(why, why_bytes, "sample %" PRIu64 ": the stamp %" PRId64 " does not match the payload", origin->seq,
                 frame->stamp_ns);
        return false;
    }
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const pmipc_field *field = &schema->fields[i];
        int64_t length = frame->fields[i].length;
        size_t bytes = bytes_of(field, length);
        size_t wrong = SIZE_MAX;
        if (length == frame_length(field, nonce))
            wrong = pattern_find_difference(frame->fields[i].data, bytes, key_of(origin, nonce, i),
                                            i == 0 ? HEAD_WORDS : 0);
        if (length != frame_length(field, nonce) || wrong != SIZE_MAX) {
            snprintf(why, why_bytes,
                     "sample %" PRIu64 ", field '%s' of length %" PRId64 " (%" PRId64
                     " by its payload): word %zu of %zu is wrong",
                     origin->seq, field->name, length, frame_length(field, nonce), wrong, bytes / 8);
            return false;
        }
    }
    return true;
}
