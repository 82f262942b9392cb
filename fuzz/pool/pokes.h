/* pokes.h: changing named words of the pool file, now, or in the middle of a later call of the library. */
#ifndef FUZZ_POKES_H
#define FUZZ_POKES_H

#include <stdint.h>

#include "script.h"

/* Forget what was still to be poked. */
void pokes_begin(void);

/* Change the word that a record names. What belongs to the description is sealed again, unless `raw`. */
void poke_now(const struct record *record, bool raw);

/* The same at the record->delay-th system call, or load from shared memory, from now on. */
void poke_at_call(const struct record *record);
void poke_at_load(const struct record *record);

/* world.c: an alarm went off. */
void pokes_fire(void);

/* How many fields there are to name, for the mutator. */
extern const uint8_t poke_field_count;

#endif
