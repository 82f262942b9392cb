/* replay.c: run a fuzz target on every input of its packed corpus, as a test: replay PACK
 *
 * A pack is a sequence of inputs: the length in bytes (32 bits, little endian), then the bytes. fuzz/pack.py makes and
 * reads packs. */
#include "fuzz.h"

/* The length of the next input, or false at the end of the pack. */
static bool read_length(FILE *pack, size_t *length)
{
    uint8_t bytes[4];
    size_t count = fread(bytes, 1, sizeof bytes, pack);
    REQUIRE(count == 0 || count == sizeof bytes);
    *length = (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 24;
    return count != 0;
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 2);
    FILE *pack = fopen(argv[1], "rb");
    REQUIRE(pack != NULL);
    unsigned count = 0;
    size_t length;
    while (read_length(pack, &length)) {
        uint8_t *data = require_memory(length); /* exactly as long as the input: a sanitizer detects a read beyond it */
        REQUIRE(fread(data, 1, length, pack) == length);
        LLVMFuzzerTestOneInput(data, length);
        free(data);
        count++;
    }
    fclose(pack);
    printf("%u inputs replayed\n", count);
    return count == 0;
}
