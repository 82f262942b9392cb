/* Another thread releases a view, and the stream's thread pins the next sample in the same cell. The producer sees the
 * other thread's last read as complete, even if it only finds the next pin in the cell. */
#define HISTORY_LEN 2
#define SLOTS 3
#include "world.h"

static _Atomic uint8_t busy; /* see src/pool/connection.h */
static _Atomic uint64_t taken;

static void *release(void *unused)
{
    use_row(0, 7);
    read_sample(load_relaxed(&taken));
    protocol_unpin(&OWN.reader, 0);
    store_release(&busy, 0); /* [CELL] */
    return unused;
}

static void *stream(void *unused)
{
    uint64_t entry;
    connect(0, 7);
    if (protocol_pin_seq(&OWN.reader, 0, 1, &entry) != PIN_OK)
        return unused;
    store_relaxed(&taken, entry);
    store_relaxed(&busy, 1);
    pthread_t thread = start(release);
    if (load_acquire(&busy) == 0) { /* [CELL] */
        enum pin_result result;
#if defined(BY_SEQ)
        result = protocol_pin_seq(&OWN.reader, 0, 2, &entry);
#elif defined(BY_WINDOW)
        struct protocol_window window;
        result = protocol_pin_window(&OWN.reader, 0, 2, 1, OWN.entries, &window);
        entry = OWN.entries[0];
#else
        result = protocol_pin_newest(&OWN.reader, 0, &entry);
#endif
        if (result == PIN_OK)
            read_sample(entry);
    }
    pthread_join(thread, NULL);
    return unused;
}

int main(void)
{
    struct protocol_producer *producer = make_pool();
    publish(producer);
    publish(producer);
    pthread_t thread = start(stream);
    publish(producer);
    publish(producer);
    pthread_join(thread, NULL);
    return 0;
}
