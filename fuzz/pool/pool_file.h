/* pool_file.h: the fuzzed pool file: a valid one of a chosen kind. It is mapped once more, so that the fuzzer can
 * change its bytes while the library uses it. */
#ifndef FUZZ_POOL_FILE_H
#define FUZZ_POOL_FILE_H

#include <polymorph_ipc/polymorph_ipc.h>

#include "fuzz.h"

#define POOL_NAME "p"
#define KINDS 7
#define STATES 4

/* A kind of pool: the arguments of its creation. */
struct kind {
    pmipc_schema schema;
    pmipc_producer_options options; /* including the folder */
};

const struct kind *kind_of(uint8_t number);

/* The registry folder: in this process's own tmpfs, or in one of Linux. */
const char *pool_folder(void);
void pool_folder_choose(bool on_linux);

/* Create the file as a dead producer has left it. `state` chooses how many samples it has published. */
void pool_file_begin(uint8_t kind, uint8_t state);

/* Check that the folder has only this file, and that no descriptor is open that was not open before. */
void pool_file_end(void);

/* From now on change bytes of the file that has the name now, which may be another one. */
void pool_file_follow(void);

/* The current bytes of the file, and their number. */
char *pool_file_bytes(size_t *bytes);

/* Compute the header's checksum again, up to the end of the file. */
void pool_file_update_checksum(void);

#endif
