/* A producer killed while it fills a frame: no stream ever reads a part of the frame. */
#include "helper.h"
#include "pools.h"

#define IMAGE 60000
#define HISTORY 3

static pmipc_schema observation_schema(void)
{
    const int64_t image[] = {IMAGE};
    const int64_t q[] = {7};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "rgb", PMIPC_UINT8, 1, image, 0, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "depth", PMIPC_UINT8, 1, image, 0, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "q", PMIPC_FLOAT64, 1, q, 0, NULL));
    return schema;
}

static pmipc_producer *open_observation_producer(void)
{
    pmipc_schema schema = observation_schema();
    pmipc_producer_options options = {.history_len = HISTORY};
    return producer_open("obs", &schema, &options);
}

/* Every sample in history is whole: each field of each frame has the contents of its sequence number. */
static uint64_t check_history(pmipc_stream *stream)
{
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(stream, 1, HISTORY, &view));
    check_view(&view);
    uint64_t seq = view.seq;
    pmipc_view_release(&view);
    CHECK_EQ(read_newest(stream), seq);
    return seq;
}

/* ---- kills at exact points ---- */

/* `argument`: the number of fields to fill before the kill; 3 and more: all filled, not committed. */
ROLE(stops_between_two_fields)
{
    pmipc_producer *producer = open_observation_producer();
    publish_frames(producer, 2);
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    for (int f = 0; f < atoi(argument) && f < 3; f++)
        frame_fill(loan.fields[f].data, f == 2 ? 56 : IMAGE, loan.seq);
    send_word(channel, loan.seq);
    sleep_until_killed();
}

TEST(producer_killed_between_fields_leaves_previous_sample)
{
    const char *points[] = {"0", "1", "2", "3"};
    for (int i = 0; i < 4; i++) {
        helper owner = helper_start("stops_between_two_fields", points[i]);
        uint64_t unfinished = receive_word(owner.channel);
        CHECK_EQ(unfinished, 3);
        pmipc_stream *stream = stream_open("obs", NULL);
        CHECK_EQ(check_history(stream), 2);
        helper_kill(&owner);
        CHECK_EQ(check_history(stream), 2);
        pmipc_producer *producer = open_observation_producer();
        CHECK(pmipc_producer_adopted(producer));
        CHECK_EQ(check_history(stream), 2);
        CHECK_EQ(publish_frame(producer), 3); /* the number of the unfinished sample is reused */
        CHECK_EQ(check_history(stream), 3);
        pmipc_stream_close(stream);
        pmipc_producer_close(producer);
    }
}

/* ---- kills at random instants ---- */

static void fills_loans_forever(int channel, const char *argument)
{
    (void)argument;
    pmipc_producer *producer = open_observation_producer();
    publish_frame(producer);
    send_word(channel, 0);
    for (;;)
        publish_frame(producer);
}

static void publishes_copies_forever(int channel, const char *argument)
{
    (void)argument;
    static char rgb[IMAGE];
    static char depth[IMAGE];
    char q[56];
    pmipc_producer *producer = open_observation_producer();
    for (bool told = false;; told = true) {
        uint64_t seq = pmipc_producer_seq(producer) + 1;
        frame_fill(rgb, sizeof rgb, seq);
        frame_fill(depth, sizeof depth, seq);
        frame_fill(q, sizeof q, seq);
        const pmipc_source sources[] = {{rgb, 0}, {depth, 0}, {q, 0}};
        uint64_t got;
        CHECK_OK(pmipc_producer_publish_fields(producer, sources, 3, PMIPC_STAMP_NOW, &got));
        CHECK_EQ(got, seq);
        if (!told)
            send_word(channel, seq);
    }
}

static void check_kills(role_body body)
{
    test_random random = random_start();
    pmipc_stream *stream = stream_open("obs", NULL);
    uint64_t newest = 0;
    for (int round = 0; round < ROUNDS(250); round++) {
        helper owner = helper_fork(body, "");
        receive_word(owner.channel);
        random_spin(&random, 300000);
        pmipc_view held;
        CHECK_OK(pmipc_stream_get_last(stream, &held)); /* a pin that its adopter must respect */
        check_view(&held);
        helper_kill(&owner);
        uint64_t now = check_history(stream);
        CHECK(now >= newest);
        newest = now;
        check_view(&held);
        pmipc_view_release(&held);
    }
    pmipc_stream_close(stream);
    CHECK_OK(pmipc_pool_remove("obs", NULL, NULL, NULL));
}

TEST(dict_filled_in_place_is_never_read_half_filled)
{
    check_kills(fills_loans_forever);
}

TEST(dict_published_by_copy_is_never_read_half_filled)
{
    check_kills(publishes_copies_forever);
}
