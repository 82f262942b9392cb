/* pools.h: the pools that most tests need, and frames that prove their integrity. */
#ifndef PMIPC_TEST_POOLS_H
#define PMIPC_TEST_POOLS_H

#include "test.h"

/** A plain tensor of `bytes` uint8. */
pmipc_schema bytes_schema(int64_t bytes);

/** Add a field, or end the test with the error. */
void schema_add(pmipc_schema *schema, const char *name, pmipc_dtype dtype, uint32_t ndim, const int64_t *shape,
                uint32_t flags);

/** The bytes of a frame whose slot is one page of this machine: such a pool has no extra slots and grows by one slot.
 */
int64_t page_frame_bytes(void);

/** Open, or end the test with the error. `options` may be NULL. */
pmipc_producer *producer_open(const char *name, const pmipc_schema *schema, const pmipc_producer_options *options);
pmipc_producer *bytes_producer(const char *name, int64_t bytes, uint32_t history_len);
pmipc_stream *stream_open(const char *name, const pmipc_stream_options *options);

/** The pattern of a sequence number (pattern.h): a mixture of two frames is never whole. */
void frame_fill(void *data, size_t bytes, uint64_t seq);
bool frame_is_whole(const void *data, size_t bytes, uint64_t seq);

/** Publish one frame or `count` frames of such bytes, by loan. Returns the last sequence number. */
uint64_t publish_frame(pmipc_producer *producer);
uint64_t publish_frames(pmipc_producer *producer, uint64_t count);

/** Check that every frame of the view is whole and that the sequence numbers are consecutive up to view->seq. */
void check_view(const pmipc_view *view);

/** get_last, or end the test. */
pmipc_view newest_view(pmipc_stream *stream);

/** get_last, check, release. Returns the sequence number. */
uint64_t read_newest(pmipc_stream *stream);

/** publish_frame, then check that read_newest returns that frame. */
uint64_t publish_and_read(pmipc_producer *producer, pmipc_stream *stream);

pmipc_stream_info stream_info(const pmipc_stream *stream);

/** The number of slots that all streams of the pool pin. */
uint32_t pinned_slots(pmipc_producer *producer);

/** Inspect a pool of the test's folder, or end the test. Release the result. */
pmipc_pool_info *inspect(const char *name);
void inspect_release(pmipc_pool_info *info);
uint64_t pool_file_bytes(const char *name);

/** The path of the pool file: the entry of $POLYMORPH_IPC_DIR whose name contains `name`. */
void pool_path(const char *name, char *path, size_t path_bytes);

/** Open the pool file for reading and writing, or end the test. */
int open_pool_file(const char *name);

#endif
