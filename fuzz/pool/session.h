/* session.h: the handles that an input has opened, and the actions on them. */
#ifndef FUZZ_SESSION_H
#define FUZZ_SESSION_H

#include "check.h"
#include "pool_file.h"
#include "script.h"

#define STREAMS 3
#define VIEWS 12
#define PRODUCERS 2
#define WAITERS 4

struct session {
    const struct kind *kind;
    pmipc_stream *streams[STREAMS];
    bool manual[STREAMS]; /* the stream was opened with manual_reconnect */
    pmipc_view views[VIEWS];
    pmipc_producer *producers[PRODUCERS];
    pmipc_loan loans[PRODUCERS];
    bool is_loaned[PRODUCERS];
    pmipc_waiter waiters[WAITERS];
    const pmipc_schema *sound_schema; /* of the newest view, already checked: the check takes long */
};

typedef void (*action)(struct session *session, const struct record *record);

/* One list of actions per target. A record's action is an index into it. */
extern const action target_actions[];
extern const uint8_t target_action_count;
/* The first actions poke: now, now without updating the checksum, at a call, at a load. */
#define POKING_ACTIONS 4
void act_poke(struct session *session, const struct record *record);
void act_poke_raw(struct session *session, const struct record *record);
void act_poke_at_call(struct session *session, const struct record *record);
void act_poke_at_load(struct session *session, const struct record *record);
#define POKING act_poke, act_poke_raw, act_poke_at_call, act_poke_at_load

/* All bytes of the view can be read, and are in the pool or in a private copy. */
void check_view(const pmipc_view *view);

/* Actions on streams. */
void act_open_stream(struct session *session, const struct record *record);
void act_close_stream(struct session *session, const struct record *record);
void act_get_last(struct session *session, const struct record *record);
void act_get_new(struct session *session, const struct record *record);
void act_get_next(struct session *session, const struct record *record);
void act_get_window(struct session *session, const struct record *record);
void act_get_unseen(struct session *session, const struct record *record);
void act_get_at(struct session *session, const struct record *record);
void act_release_view(struct session *session, const struct record *record);
void act_read_views(struct session *session, const struct record *record);
void act_query_stream(struct session *session, const struct record *record);
void act_seek(struct session *session, const struct record *record);
void act_reconnect(struct session *session, const struct record *record);
void act_wait_any(struct session *session, const struct record *record);
void act_make_waiter(struct session *session, const struct record *record);
void act_wait(struct session *session, const struct record *record);
void act_advance_time(struct session *session, const struct record *record);

/* Actions on producers. */
void act_open_producer(struct session *session, const struct record *record);
void act_open_other_producer(struct session *session, const struct record *record);
void act_close_producer(struct session *session, const struct record *record);
void act_abandon_producer(struct session *session, const struct record *record);
void act_retire_producer(struct session *session, const struct record *record);
void act_publish(struct session *session, const struct record *record);
void act_publish_many(struct session *session, const struct record *record);
void act_loan(struct session *session, const struct record *record);
void act_commit(struct session *session, const struct record *record);
void act_discard(struct session *session, const struct record *record);
void act_query_producer(struct session *session, const struct record *record);
void act_sweep(struct session *session, const struct record *record);

/* Actions on the registry. */
void act_list(struct session *session, const struct record *record);
void act_inspect(struct session *session, const struct record *record);
void act_remove(struct session *session, const struct record *record);
void act_clean(struct session *session, const struct record *record);
void act_make_entry(struct session *session, const struct record *record);
void act_follow(struct session *session, const struct record *record);

#endif
