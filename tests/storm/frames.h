/* frames.h: frames that prove their origin.
 *
 * The first four words of a frame are the pool, its incarnation, the sequence number and a random number that no other
 * frame has. All other words (pattern.h), the stamp and the lengths of variable fields are computed from these four. So
 * a frame is detected that mixes two samples, belongs to another pool, or was written twice with one sequence number.
 */
#ifndef STORM_FRAMES_H
#define STORM_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <polymorph_ipc/polymorph_ipc.h>

#define FRAME_SCHEMAS 5
#define FRAME_SCHEMA_OF_LENGTHS 3
#define FRAME_BYTES_MAX 200000 /* of one field of any schema */

/** The sample that a frame must be. */
struct frame_origin {
    uint64_t pool; /* frame_pool() of the name */
    uint64_t incarnation;
    uint64_t seq;
};

uint64_t frame_pool(const char *name);

/** One of several schemas: plain tensors of even and odd sizes, dicts, variable fields. */
pmipc_schema frame_schema(unsigned which);

/** The stamp and the lengths of the frame with this random number. */
int64_t frame_stamp(uint64_t seq, uint64_t nonce);
int64_t frame_length(const pmipc_field *field, uint64_t nonce);

/** Write field `index` of a frame; `length` is its leading length. */
void frame_fill(void *data, const pmipc_schema *schema, uint32_t index, int64_t length,
                const struct frame_origin *origin, uint64_t nonce);

/** Whether every byte, the sequence number, the stamp and the lengths are right; `why`: the first difference. */
bool frame_is_sound(const pmipc_frame *frame, const pmipc_schema *schema, const struct frame_origin *origin, char *why,
                    size_t why_bytes);

#endif
