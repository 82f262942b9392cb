/* reads_newest.h: a stream that reads the newest sample READS times. Each sample is whole and not older than the one
 * before. The argument is its row; NULL: row 0. */
static void *read_newest(void *row)
{
    uint64_t last = 0;
    connect((uint32_t)(uintptr_t)row, 7); /* only now: the producer may see the row's bit as late as the pin */
    for (int i = 0; i < READS; i++) {
        uint64_t entry;
        assert(protocol_pin_newest(&OWN.reader, 0, &entry) == PIN_OK);
        read_sample(entry);
        assert(entry_seq(entry) >= last);
        last = entry_seq(entry);
        protocol_unpin(&OWN.reader, 0);
    }
    return NULL;
}
