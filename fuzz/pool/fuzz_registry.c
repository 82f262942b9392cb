/* fuzz_registry.c: listing, inspecting, removing and cleaning while the fuzzer writes into the pool file and its
 * folder. */
#include "session.h"

const action target_actions[] = {
    POKING,
    act_list,
    act_inspect,
    act_remove,
    act_clean,
    act_make_entry,
    act_open_producer,
    act_open_other_producer,
    act_abandon_producer,
    act_close_producer,
    act_publish_many,
    act_open_stream,
    act_get_last,
    act_close_stream,
    act_advance_time,
    act_follow,
};
const uint8_t target_action_count = sizeof target_actions / sizeof target_actions[0];
