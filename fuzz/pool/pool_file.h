/* pool_file.h: the pool file that is fuzzed: a valid one of a chosen kind, mapped once more so that its bytes can be
 * changed under the library's eyes. */
#ifndef FUZZ_POOL_FILE_H
#define FUZZ_POOL_FILE_H

#include <polymorph_ipc/polymorph_ipc.h>

#include "fuzz.h"

#define POOL_NAME "p"
#define KINDS 7
#define STATES 4

/* What a pool of a kind is made with. */
struct kind {
    pmipc_schema schema;
    pmipc_producer_options options; /* with the folder */
};

const struct kind *kind_of(uint8_t number);

/* The registry folder: of this process's own tmpfs, unless Linux's is asked for. Nothing may be left in it. */
const char *pool_folder(void);
void pool_folder_choose(bool on_linux);

/* The file as a producer that died left it. `state`: how much it had published. */
void pool_file_begin(uint8_t kind, uint8_t state);

/* Check that the folder has only this file, and that no descriptor is open that was not open before. */
void pool_file_end(void);

/* From now on bytes are changed in the file that has the name, should it be another one by now. */
void pool_file_follow(void);

/* The bytes as they are now, and how many. */
char *pool_file_bytes(size_t *bytes);

/* Compute the header's checksum again, as far as the file goes. */
void pool_file_seal(void);

#endif
