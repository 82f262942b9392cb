/* pokes.h: changing (poking) named words of the pool file, now or during a later call of the library. */
#ifndef FUZZ_POKES_H
#define FUZZ_POKES_H

#include <stdint.h>

#include "script.h"

/* Discard delayed pokes. */
void pokes_begin(void);

/* Change the word that a record names. If it belongs to the description and `raw` is false, update the checksum. */
void poke_now(const struct record *record, bool raw);

/* poke_now at the record->delay-th system call, or load from shared memory, from now on. */
void poke_at_call(const struct record *record);
void poke_at_load(const struct record *record);

/* Called by world.c when an alarm is reached. */
void pokes_fire(void);

/* The number of words that a record can name, for the mutator. */
extern const uint8_t poke_field_count;

#endif
