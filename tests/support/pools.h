/* pools.h: the few pools nearly every test needs, and frames that tell when they are torn. */
#ifndef PMIPC_TEST_POOLS_H
#define PMIPC_TEST_POOLS_H

#include "test.h"

/** A plain tensor of `bytes` uint8. */
pmipc_schema bytes_schema(int64_t bytes);

/** Bytes of a frame whose slot is one page of this machine: such a pool has as many slots as it needs, and grows by
 * one. */
int64_t page_frame_bytes(void);

/** Open, or end the test with the full message. `options` may be NULL. */
pmipc_producer *producer_open(const char *name, const pmipc_schema *schema, const pmipc_producer_options *options);
pmipc_producer *bytes_producer(const char *name, int64_t bytes, uint32_t history_len);
pmipc_stream *stream_open(const char *name, const pmipc_stream_options *options);

/** Bytes that depend on the sequence number and on their place: a mixture of two frames is never whole. */
void frame_fill(void *data, size_t bytes, uint64_t seq);
bool frame_is_whole(const void *data, size_t bytes, uint64_t seq);

/** Publish one frame of such bytes by loan; `count` of them. Return the last sequence number. */
uint64_t publish_frame(pmipc_producer *producer);
uint64_t publish_frames(pmipc_producer *producer, uint64_t count);

/** Every frame of the view is whole, and their sequence numbers are consecutive up to view->seq. */
void check_view(const pmipc_view *view);

/** get_last, check, release; returns the sequence number. */
uint64_t read_newest(pmipc_stream *stream);

/** publish_frame, then read_newest must give that very frame. */
uint64_t publish_and_read(pmipc_producer *producer, pmipc_stream *stream);

pmipc_stream_info stream_info(const pmipc_stream *stream);

/** Slots that the producer's streams pin, all together. */
uint32_t pinned_slots(pmipc_producer *producer);

/** Inspect a pool of the test's folder, or end the test. Release it. */
pmipc_pool_info *inspect(const char *name);
void inspect_release(pmipc_pool_info *info);
uint64_t pool_file_bytes(const char *name);

/** The path of the pool's file: the entry of $POLYMORPH_IPC_DIR whose name has `name` in it. */
void pool_path(const char *name, char *path, size_t path_bytes);

#endif
