/* A window wraps around, and the pool grows at the same time. The window's cell names the same slots for the producer
 * and for the stream. */
#define HISTORY_LEN 2
#define SLOTS 3
#define MAX_SLOT_COUNT 4
#include "world.h"

static void *read_window(void *unused)
{
    struct protocol_window window;
    connect(0, 7);
    enum pin_result result = protocol_pin_window(&OWN.reader, 0, 4, 2, OWN.entries, &window);
    assert(result == PIN_OK || result == PIN_EMPTY);
    if (result == PIN_OK) {
        assert(window.slots == 4 || (window.unbroken && window.first_slot == 2 && window.span == 2));
        read_sample(OWN.entries[0]);
        read_sample(OWN.entries[1]);
        protocol_unpin(&OWN.reader, 0);
    }
    return unused;
}

int main(void)
{
    struct protocol_producer *producer = make_pool();
    for (int i = 0; i < 4; i++)
        publish(producer); /* samples 3 and 4 are in slots 2 and 0 */
    pthread_t thread = start(read_window);
    protocol_grow(producer, 4);
    for (int i = 0; i < 3; i++)
        publish(producer);
    pthread_join(thread, NULL);
    return 0;
}
