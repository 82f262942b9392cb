/* A stream dies while it holds a pin. A sweeper clears its row, or the next stream claims it. The producer reuses the
 * slot only after the dead stream's last read, and never a slot that the next stream pins.
 *
 * A row's lock is a mutex. A death releases the mutex, as the kernel does, and leaves the row unchanged. */
#define HISTORY_LEN 1
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef PUBLISHES
#define PUBLISHES 2
#endif
#define ROW 1
#include "world.h"

static pthread_mutex_t row_lock = PTHREAD_MUTEX_INITIALIZER;

static void read_and_die(uint64_t token, bool orderly)
{
    uint64_t entry;
    connect(ROW, token);
    assert(protocol_pin_newest(&OWN.reader, 0, &entry) == PIN_OK);
    read_sample(entry);
    if (orderly)
        protocol_row_clear(&readers, ROW);
}

static void *live_and_die(void *unused)
{
    pthread_mutex_lock(&row_lock);
    read_and_die(7, false);
    pthread_mutex_unlock(&row_lock);
    return unused;
}

/* What rows_sweep does. */
static void *sweep(void *unused)
{
#ifdef WITHOUT_LOCK
    if (load_relaxed(&readers.rows_in_use) & 1 << ROW)
        protocol_row_clear(&readers, ROW);
#else
    if (!(load_relaxed(&readers.rows_in_use) & 1 << ROW) || pthread_mutex_trylock(&row_lock) != 0)
        return unused;
    protocol_row_clear(&readers, ROW);
    pthread_mutex_unlock(&row_lock);
#endif
    return unused;
}

/* What rows_claim does. */
static void *claim(void *unused)
{
    if (pthread_mutex_trylock(&row_lock) != 0)
        return unused;
    read_and_die(8, true);
    pthread_mutex_unlock(&row_lock);
    return unused;
}

int main(void)
{
    struct protocol_producer *producer = make_pool();
#ifndef ALONE
    protocol_row_claim(&readers, 0, 6); /* another stream's lower row: the scan reads the bitmap again after it */
#endif
    publish(producer);
    pthread_t threads[2];
#ifdef DIES
    threads[0] = start(live_and_die);
#endif
#ifdef SWEEPS
    threads[1] = start(sweep);
#endif
#ifdef CLAIMS
    pthread_t claimer = start(claim);
#endif
#ifdef ADOPTS
    producer = make_producer(1);
    assert(protocol_take_over(producer, SLOTS) && protocol_adopt(producer, SLOTS));
#endif
    for (int i = 0; i < PUBLISHES; i++)
        publish(producer);
#ifdef DIES
    pthread_join(threads[0], NULL);
#endif
#ifdef SWEEPS
    pthread_join(threads[1], NULL);
#endif
#ifdef CLAIMS
    pthread_join(claimer, NULL);
#endif
    return 0;
}
