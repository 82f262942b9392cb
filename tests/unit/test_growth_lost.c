/* A producer loses its lock while it makes its file larger: another thread of its program closes the descriptors, and
 * another process adopts the pool while the first producer is still in a system call. This program defines fallocate,
 * ftruncate, mmap and pread, which the library calls, so that the other process acts exactly then. */
#include "descriptors.h"
#include "helper.h"
#include "pools.h"

#include "pool/layout.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HISTORY 3

static void (*before_growth)(void);
static void (*after_growth)(void);
static void (*after_slot_count_read)(void);

static void act_once(void (**act)(void))
{
    void (*now)(void) = *act;
    *act = NULL;
    if (now)
        now();
}

static unsigned instants; /* countdown to at_instant: one before and one after each system call */
static void (*at_instant)(void);
static unsigned instants_of_growth; /* start value of the countdown for each publish below */

static void pass_instant(void)
{
    if (instants > 0 && --instants == 0)
        act_once(&at_instant);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
    act_once(&before_growth);
    pass_instant();
    int result = (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
    if (result == 0 && bytes > 1) /* the call for the slots; the call before it extends the file by one byte */
        act_once(&after_growth);
    pass_instant();
    return result;
}

void *mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    pass_instant();
    void *result = (void *)syscall(SYS_mmap, address, bytes, protection, flags, fd, offset);
    pass_instant();
    return result;
}

int ftruncate(int fd, off_t bytes)
{
    act_once(&before_growth);
    return (int)syscall(SYS_ftruncate, fd, bytes);
}

ssize_t pread(int fd, void *buffer, size_t bytes, off_t offset)
{
    ssize_t result = (ssize_t)syscall(SYS_pread64, fd, buffer, bytes, offset);
    if (offset == POOL_CONTROL_OFFSET)
        act_once(&after_slot_count_read);
    return result;
}

/* ---- the other process: adopts the pool on request and uses it ---- */

enum { ADOPT, HOARD, PUBLISH_AND_HOLD, CHECK_HISTORY, SLOT_COUNT };

static helper other;

static uint64_t ask(uint64_t what)
{
    send_word(other.channel, what);
    return receive_word(other.channel);
}

/* A view and a window stay whole while the producer uses every slot several times. */
static void hold_a_view(pmipc_producer *producer, pmipc_stream *stream)
{
    pmipc_view view = newest_view(stream), window;
    CHECK_OK(pmipc_stream_get_window(stream, HISTORY, HISTORY, &window));
    publish_frames(producer, 3 * (uint64_t)pmipc_producer_slot_count(producer));
    check_view(&view);
    check_view(&window);
    pmipc_view_release(&view);
    pmipc_view_release(&window);
}

static int channel_of_helper;

static void let_growing_producer_continue(void)
{
    send_word(channel_of_helper, 0);
    receive_word(channel_of_helper);
}

ROLE(adopts_on_request)
{
    pmipc_producer *producer = NULL;
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[PMIPC_MAX_VIEWS], window;
    channel_of_helper = channel;
    if (strcmp(argument, "pauses after reading the slot count") == 0)
        after_slot_count_read = let_growing_producer_continue;
    for (;;) {
        uint64_t answer = 0;
        switch (receive_word(channel)) {
        case ADOPT:
            producer = bytes_producer("p", page_frame_bytes(), HISTORY);
            CHECK(pmipc_producer_adopted(producer));
            answer = publish_frames(producer, HISTORY);
            break;
        case HOARD:
            for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
                views[i] = newest_view(stream);
                publish_frame(producer);
            }
            for (int i = 0; i < PMIPC_MAX_VIEWS; i++) {
                check_view(&views[i]);
                pmipc_view_release(&views[i]);
            }
            break;
        case PUBLISH_AND_HOLD:
            for (int i = 0; i < 100; i++)
                hold_a_view(producer, stream);
            answer = pmipc_producer_slot_count(producer);
            break;
        case CHECK_HISTORY:
            CHECK_OK(pmipc_stream_get_window(stream, HISTORY, HISTORY, &window));
            check_view(&window);
            answer = window.seq;
            pmipc_view_release(&window);
            break;
        default:
            answer = pmipc_producer_slot_count(producer);
            break;
        }
        send_word(channel, answer);
    }
}

/* ---- this process: a producer that grows ---- */

static uint64_t adopted_seq;

static pmipc_producer *open_growing_producer(const char *argument)
{
    pmipc_producer *first = bytes_producer("p", page_frame_bytes(), HISTORY);
    publish_frames(first, HISTORY);
    pmipc_producer_abandon(first);
    other = helper_start("adopts_on_request", argument);
    descriptors_note();
    pmipc_producer *producer = bytes_producer("p", page_frame_bytes(), HISTORY);
    CHECK(pmipc_producer_adopted(producer));
    return producer;
}

/* Publish until no slot is clean, while a stream holds a view of each sample. The status of the last publish. */
static pmipc_status publish_until_it_grows(pmipc_producer *producer)
{
    static pmipc_view views[PMIPC_MAX_VIEWS];
    const uint32_t slots = pmipc_producer_slot_count(producer);
    char *data = calloc(1, (size_t)page_frame_bytes());
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_status status = PMIPC_OK;
    int held = 0;
    for (; held < PMIPC_MAX_VIEWS && status == PMIPC_OK && pmipc_producer_slot_count(producer) == slots; held++) {
        views[held] = newest_view(stream);
        instants = instants_of_growth;
        status = pmipc_producer_publish(producer, data, 0, NULL);
        instants = 0;
    }
    for (int i = 0; i < held; i++)
        pmipc_view_release(&views[i]);
    pmipc_stream_close(stream);
    free(data);
    return status;
}

static void close_and_remove_pool(pmipc_producer *producer)
{
    helper_kill(&other);
    pmipc_producer_close(producer);
    CHECK_OK(pmipc_pool_remove("p", NULL, NULL, NULL));
}

static void lose_all_descriptors(void)
{
    descriptors_close_new();
    adopted_seq = ask(ADOPT);
}

TEST(slot_count_of_lost_producer_is_not_stored)
{
    pmipc_producer *producer = open_growing_producer("");
    const uint32_t slots = pmipc_producer_slot_count(producer);
    after_growth = lose_all_descriptors;
    CHECK_STATUS(publish_until_it_grows(producer), PMIPC_LOST);
    CHECK(!after_growth);
    pmipc_pool_info *info = inspect("p");
    CHECK_EQ(info->slot_count, slots);
    CHECK_EQ(info->owner_epoch, 3);
    inspect_release(info);
    CHECK_EQ(ask(CHECK_HISTORY), adopted_seq); /* the history of the new producer is complete */
    CHECK(ask(PUBLISH_AND_HOLD) >= slots);
    close_and_remove_pool(producer);
}

static void lose_lock(void)
{
    descriptors_close_new_locks();
    adopted_seq = ask(ADOPT);
}

/* False: the growth has fewer instants than that. */
static bool check_loss_at(unsigned instant, void (*lose)(void))
{
    pmipc_producer *producer = open_growing_producer("");
    const uint32_t slots = pmipc_producer_slot_count(producer);
    instants_of_growth = instant;
    at_instant = lose;
    const pmipc_status status = publish_until_it_grows(producer);
    const bool lost = !at_instant;
    if (lost) {
        CHECK_STATUS(status, PMIPC_LOST);
        CHECK_EQ(ask(SLOT_COUNT), slots);
        CHECK_EQ(ask(CHECK_HISTORY), adopted_seq);
        CHECK(ask(PUBLISH_AND_HOLD) >= slots);
        close_and_remove_pool(producer);
    } else {
        CHECK_OK(status);
        at_instant = NULL;
        helper_kill(&other);
        pmipc_producer_close(producer);
    }
    return lost;
}

TEST(growth_of_lost_producer_never_overwrites_views)
{
    unsigned instant = 1;
    while (check_loss_at(instant, lose_all_descriptors))
        CHECK(check_loss_at(instant++, lose_lock));
    CHECK(instant > 6); /* fallocate, mmap, fallocate */
}

static void lose_lock_and_let_file_grow(void)
{
    descriptors_close_new_locks();
    adopted_seq = ask(ADOPT);
    ask(HOARD);
}

TEST(growth_of_lost_producer_never_shrinks_file)
{
    pmipc_producer *producer = open_growing_producer("");
    before_growth = lose_lock_and_let_file_grow;
    CHECK_STATUS(publish_until_it_grows(producer), PMIPC_LOST);
    CHECK(!before_growth);
    const uint64_t slots = ask(SLOT_COUNT);
    CHECK(slots > pmipc_producer_slot_count(producer) + 1);
    CHECK(pool_file_bytes("p") >= slots * (uint64_t)page_frame_bytes());
    CHECK_EQ(ask(PUBLISH_AND_HOLD), slots);
    close_and_remove_pool(producer);
}

/* The adopter has read the slot count; the producer then stores a new one before the adopter stores its epoch. */
static void lose_lock_after_adopter_read_slot_count(void)
{
    descriptors_close_new_locks();
    send_word(other.channel, ADOPT);
    receive_word(other.channel); /* the adopter has read the slot count */
}

TEST(adopter_sees_slot_count_stored_after_it_was_read)
{
    pmipc_producer *producer = open_growing_producer("pauses after reading the slot count");
    const uint32_t slots = pmipc_producer_slot_count(producer);
    after_growth = lose_lock_after_adopter_read_slot_count;
    CHECK_STATUS(publish_until_it_grows(producer), PMIPC_OK);
    CHECK(!after_growth);
    CHECK_EQ(pmipc_producer_slot_count(producer), slots + 1);
    send_word(other.channel, 0);
    CHECK_EQ(receive_word(other.channel), pmipc_producer_seq(producer) + HISTORY); /* it continues after that sample */
    CHECK_EQ(ask(SLOT_COUNT), slots + 1);
    CHECK(ask(PUBLISH_AND_HOLD) > slots);
    close_and_remove_pool(producer);
}
