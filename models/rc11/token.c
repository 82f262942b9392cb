/* Another stream has cleared and claimed a stream's row before that stream checks its token. The stream writes nothing
 * into the row and returns LOST. */
#define HISTORY_LEN 1
#define SLOTS 3
#include "world.h"

int main(void)
{
    struct protocol_window window;
    uint64_t entry;
    struct protocol_producer *producer = make_pool();
    publish(producer);
    connect(0, 7);
    assert(protocol_pin_newest(&OWN.reader, 0, &entry) == PIN_OK);
    protocol_row_clear(&readers, 0);
    assert(load_relaxed(&readers.cells[0][0]) == 0 && load_relaxed(&readers.rows_in_use) == 0);
    for (int claimed = 0; claimed < 2; claimed++) {
        uint64_t others = claimed ? cell_make(1, 1, SLOTS) : 0;
        store_relaxed(&readers.cells[0][0], others);
        protocol_unpin(&OWN.reader, 0);
        assert(protocol_pin_newest(&OWN.reader, 0, &entry) == PIN_LOST);
        assert(protocol_pin_seq(&OWN.reader, 0, 1, &entry) == PIN_LOST);
        assert(protocol_pin_window(&OWN.reader, 0, 1, 1, OWN.entries, &window) == PIN_LOST);
        assert(load_relaxed(&readers.cells[0][0]) == others);
        protocol_row_claim(&readers, 0, 8);
    }
    return 0;
}
