/* frames.h: frames that prove where they come from.
 *
 * The first four words of a frame say which pool, which incarnation of it and which sample this is, and hold a random
 * number that no other frame has. Every other word follows from these four, and so do the stamp and the lengths of
 * variable fields. A frame that mixes two samples, that belongs to another pool, or that was written twice under one
 * number gives itself away. */
#ifndef STORM_FRAMES_H
#define STORM_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <polymorph_ipc/polymorph_ipc.h>

#define FRAME_SCHEMAS 5
#define FRAME_SCHEMA_OF_LENGTHS 3
#define FRAME_BYTES_MAX 200000 /* of one field of any of them */

/** Which sample a frame is said to be. */
struct frame_origin {
    uint64_t pool; /* frame_pool of its name */
    uint64_t incarnation;
    uint64_t seq;
};

uint64_t frame_pool(const char *name);

/** One of several schemas: plain tensors of tidy and of odd sizes, dicts, variable fields. */
pmipc_schema frame_schema(unsigned which);

/** The stamp and the lengths that the frame with this random number must have. */
int64_t frame_stamp(uint64_t seq, uint64_t nonce);
int64_t frame_length(const pmipc_field *field, uint64_t nonce);

/** Write field `index` of a frame; `length` is its leading length. */
void frame_fill(void *data, const pmipc_schema *schema, uint32_t index, int64_t length,
                const struct frame_origin *origin, uint64_t nonce);

/** Whether every byte is what it must be; if not, `why` says what is not. `seq` of the view's frame is compared, too.
 */
bool frame_is_sound(const pmipc_frame *frame, const pmipc_schema *schema, const struct frame_origin *origin, char *why,
                    size_t why_bytes);

#endif
