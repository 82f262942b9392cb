/* fuzz_producer.c: a producer that adopts a pool file while the fuzzer writes into it, and streams that hoard its
 * views. */
#include "session.h"

const action target_actions[] = {
    POKING,
    act_open_producer,
    act_open_other_producer,
    act_publish,
    act_publish_many,
    act_loan,
    act_commit,
    act_discard,
    act_query_producer,
    act_sweep,
    act_retire_producer,
    act_close_producer,
    act_abandon_producer,
    act_open_stream,
    act_get_last,
    act_get_window,
    act_get_unseen,
    act_release_view,
    act_close_stream,
    act_advance_time,
    act_follow,
};
const uint8_t target_action_count = sizeof target_actions / sizeof target_actions[0];
