/* fuzz_stream.c: a stream of a pool file that the fuzzer writes into, before it is opened and while it is read. */
#include "session.h"

const action target_actions[] = {
    POKING,
    act_open_stream,
    act_get_last,
    act_get_new,
    act_get_next,
    act_get_window,
    act_get_unseen,
    act_get_at,
    act_release_view,
    act_read_views,
    act_close_stream,
    act_query_stream,
    act_seek,
    act_reconnect,
    act_wait_any,
    act_make_waiter,
    act_wait,
    act_advance_time,
    act_open_producer,
    act_publish_many,
    act_abandon_producer,
    act_close_producer,
    act_follow,
};
const uint8_t target_action_count = sizeof target_actions / sizeof target_actions[0];
