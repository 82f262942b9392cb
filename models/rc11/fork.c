/* A process forks while it holds a view, and then releases the view. The child continues to read. The child's row is a
 * copy of the parent's, and is the higher one. */
#define HISTORY_LEN 1
#define SLOTS 2
#ifdef CHILD_IS_LOWER
#define PARENT 1
#define CHILD 0
#else
#define PARENT 0
#define CHILD 1
#endif
#include "world.h"

static _Atomic uint64_t inherited;

static void *child(void *unused)
{
    uint64_t entry = load_relaxed(&inherited);
    use_row(CHILD, 8);
    read_sample(entry);
    protocol_unpin(&OWN.reader, 0);
    return unused;
}

static void *parent(void *unused)
{
    uint64_t entry;
    connect(PARENT, 7);
    assert(protocol_pin_newest(&OWN.reader, 0, &entry) == PIN_OK);
#ifdef UNPINS_FIRST
    protocol_unpin(&OWN.reader, 0);
#endif
    protocol_row_claim(&readers, CHILD, 8);
    protocol_row_copy(&readers, PARENT, CHILD);
    store_relaxed(&inherited, entry);
    pthread_t thread = start(child);
    protocol_unpin(&OWN.reader, 0);
    pthread_join(thread, NULL);
    return unused;
}

int main(void)
{
    struct protocol_producer *producer = make_pool();
    publish(producer);
    pthread_t thread = start(parent);
    publish(producer);
    publish(producer);
    pthread_join(thread, NULL);
    return 0;
}
